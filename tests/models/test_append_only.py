"""The audit tables in the database itself: raw SQL, past every rule of the application, changes and deletes nothing."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from tests.builders import an_event

pytestmark = pytest.mark.django_db

TABLE = "containers_app_auditevent"
CHANGES = [
    "UPDATE {table} SET sentence = 'nothing happened'",
    "UPDATE {table} SET {key} = {key} + 100",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE {key} IN (SELECT MAX({key}) FROM {table})",
]


def key_of(table):
    return next(model for model in apps.get_models() if model._meta.db_table == table)._meta.pk.column


def refused(statement, table=TABLE):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, key=key_of(table)))


def rows(table=TABLE):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return cursor.fetchall()


@pytest.mark.parametrize("statement", CHANGES)
def test_an_event_is_not_changed_and_not_deleted_by_sql_either(statement):
    an_event()
    before = rows()
    refused(statement)
    assert rows() == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="REPLACE is SQLite's own statement")
def test_sqlites_replace_does_not_slip_past():
    an_event()
    refused("REPLACE INTO {table} SELECT * FROM {table}")
    refused("UPDATE OR REPLACE {table} SET {key} = {key}")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_postgresqls_truncate_and_upsert_do_not_slip_past():
    an_event()
    connection.check_constraints()  # settles the deferred foreign keys, which would refuse TRUNCATE by themselves
    refused("TRUNCATE {table}")
    refused("TRUNCATE {table} CASCADE")
    refused("INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET sentence = ''")
