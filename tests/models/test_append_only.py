"""The audit tables in the database itself: raw SQL, past every rule of the application, changes and deletes nothing."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from containers_app.models import AuditHead, AuditSeal
from tests.builders import an_event

pytestmark = pytest.mark.django_db

TABLES = ["containers_app_auditevent", "containers_app_audithead", "containers_app_auditseal"]
CHANGES = [
    "UPDATE {table} SET digest = 'another'",
    "UPDATE {table} SET {key} = {key} + 100",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE {key} IN (SELECT MAX({key}) FROM {table})",
]


@pytest.fixture(params=TABLES)
def table(request):
    """Each of the tables, with a row in it."""
    event = an_event()
    AuditHead.objects.create(
        sequence=event.sequence, digest=event.digest, at=event.at, key_id="ab" * 8, signature="cd" * 64
    )
    AuditSeal.objects.create(
        sequence=0, digest=event.digest, events_sha256="ef" * 32, at=event.at, key_id="ab" * 8, signature="cd" * 64
    )
    return request.param


def model_of(table):
    return next(model for model in apps.get_models() if model._meta.db_table == table)


def key_of(table):
    return model_of(table)._meta.pk.column


def refused(statement, table):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, key=key_of(table)))


def rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return cursor.fetchall()


@pytest.mark.parametrize("statement", CHANGES)
def test_a_row_is_not_changed_and_not_deleted_by_sql_either(table, statement):
    before = rows(table)
    refused(statement, table)
    assert rows(table) == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="REPLACE is SQLite's own statement")
def test_sqlites_replace_does_not_slip_past(table):
    refused("REPLACE INTO {table} SELECT * FROM {table}", table)
    refused("UPDATE OR REPLACE {table} SET {key} = {key}", table)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_postgresqls_truncate_and_upsert_do_not_slip_past(table):
    connection.check_constraints()  # settles the deferred foreign keys, which would refuse TRUNCATE by themselves
    refused("TRUNCATE {table}", table)
    refused("TRUNCATE {table} CASCADE", table)
    columns = ", ".join(field.column for field in model_of(table)._meta.concrete_fields)
    again = f"INSERT INTO {{table}} ({columns}) SELECT {columns} FROM {{table}}"
    refused(f"{again} ON CONFLICT ({{key}}) DO UPDATE SET digest = ''", table)
