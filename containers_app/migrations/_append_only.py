"""Triggers that make a table append-only: the database itself refuses UPDATE, DELETE, REPLACE and TRUNCATE.

One exception, where `sealed` is given: rows up to the last one that this table says was sealed may be deleted.

For migrations alone. SQLite loses a table's triggers whenever Django builds the table anew: a migration that alters such
a table calls `release` first and `seal` last; tests/models/test_append_only.py fails where one forgets it.
"""

SQLITE = (
    "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END",
    "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {unless_sealed} BEGIN SELECT RAISE(ABORT, '{words}'); END",
    # REPLACE deletes without asking the DELETE trigger.
    "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS "
    "(SELECT 1 FROM {table} WHERE {key} = NEW.{key}) BEGIN SELECT RAISE(ABORT, '{words}'); END",
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN {unless_sealed} RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION {table}_append_only()",
    "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()",
)
SEALED = "OLD.{key} <= (SELECT COALESCE(MAX(sequence), 0) FROM {sealed})"
UNLESS_SEALED = {
    "sqlite": f"WHEN NOT {SEALED}",
    "postgresql": f"IF TG_OP = 'DELETE' THEN IF {SEALED} THEN RETURN OLD; END IF; END IF;",
}
NAMES = {"sqlite": ("no_update", "no_delete", "no_replace"), "postgresql": ("no_change", "no_truncate")}


def seal(schema_editor, table, *, key, sealed=""):
    """Refuse every change of a row of `table` from now on; `key` is its primary key's column."""
    vendor = schema_editor.connection.vendor
    unless_sealed = UNLESS_SEALED[vendor].format(key=key, sealed=sealed) if sealed else ""
    for statement in SQLITE if vendor == "sqlite" else POSTGRESQL:
        words = f"{table} is append-only: its rows are never changed and never deleted"
        # Without parameters: PostgreSQL's DDL takes none, and these are our own words.
        schema_editor.execute(
            statement.format(table=table, key=key, words=words, unless_sealed=unless_sealed), params=None
        )


def release(schema_editor, table):
    """Undo `seal`, for the rest of a migration that seals again at its end."""
    vendor = schema_editor.connection.vendor
    for name in NAMES[vendor]:
        schema_editor.execute(f"DROP TRIGGER {table}_{name}{f' ON {table}' if vendor == 'postgresql' else ''}")
