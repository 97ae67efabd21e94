"""Full-text search behind one function: SQLite's FTS5, or PostgreSQL's text search (migrations/_words.py).

A word is a run of letters and digits, and is found by its beginning. Knows how an index is asked, not what is in it.
"""

import re

from django.db import connection
from django.db.models import BooleanField, F
from django.db.models.expressions import RawSQL


def having(rows, q):
    """Those of `rows` that have all words of `q` in their own table's index; none when `q` has no word.

    They have an alias `place`, the key as the index knows it: whoever goes by it, in order or from a place on, has
    SQLite read the index in that order and no further than the page goes. A word that a million rows have costs little
    more than one that few have; a set of their keys (`IN`) would be made whole first.
    """
    if not _words(q):
        return rows.none().alias(place=F("pk"))
    if connection.vendor == "postgresql":
        has = RawSQL("words @@ to_tsquery('simple', %s)", [_query(q)], output_field=BooleanField())
        return rows.filter(has).alias(place=F("pk"))
    table, key = rows.model._meta.db_table, rows.model._meta.pk
    where = [f"{table}_words MATCH %s", f"{table}_words.rowid = {table}.{key.column}"]
    joined = rows.extra(tables=[f"{table}_words"], where=where, params=[_query(q)])  # noqa: S610 - with parameters
    return joined.alias(place=RawSQL(f"{table}_words.rowid", [], output_field=key))  # noqa: S611 - no value in it


def keys(q, model):
    """(SQL, parameters) of the primary keys of `model`'s rows that have all words of `q`."""
    table, key = model._meta.db_table, model._meta.pk.column
    if not _words(q):
        return f"SELECT {key} FROM {table} WHERE 1 = 0", []  # noqa: S608
    if connection.vendor == "postgresql":
        return f"SELECT {key} FROM {table} WHERE words @@ to_tsquery('simple', %s)", [_query(q)]  # noqa: S608
    return f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH %s", [_query(q)]  # noqa: S608


def _words(q):
    return re.findall(r"[^\W_]+", q)


def _query(q):
    if connection.vendor == "postgresql":
        return " & ".join(f"{word}:*" for word in _words(q))
    return " ".join(f'"{word}"*' for word in _words(q))
