"""An index of the words of a table: SQLite's FTS5, or PostgreSQL's text search.

For migrations alone; `containers_app/words.py` searches it. Words are runs of letters and digits, in either database.
"""

SQLITE = (
    "CREATE VIRTUAL TABLE {table}_words USING fts5({columns}, content='{table}', content_rowid='{key}', detail=full)",
    "INSERT INTO {table}_words({table}_words) VALUES ('rebuild')",
    "CREATE TRIGGER {table}_words_insert AFTER INSERT ON {table} BEGIN "
    "INSERT INTO {table}_words(rowid, {columns}) VALUES (NEW.{key}, {new}); END",
    "CREATE TRIGGER {table}_words_delete AFTER DELETE ON {table} BEGIN "
    "INSERT INTO {table}_words({table}_words, rowid, {columns}) VALUES ('delete', OLD.{key}, {old}); END",
)
SQLITE_CHANGES = (
    "CREATE TRIGGER {table}_words_update AFTER UPDATE ON {table} BEGIN "
    "INSERT INTO {table}_words({table}_words, rowid, {columns}) VALUES ('delete', OLD.{key}, {old}); "
    "INSERT INTO {table}_words(rowid, {columns}) VALUES (NEW.{key}, {new}); END",
)
SQLITE_CHANGES_BACK = ("DROP TRIGGER {table}_words_update",)
SQLITE_BACK = (
    "DROP TRIGGER {table}_words_insert",
    "DROP TRIGGER {table}_words_delete",
    "DROP TABLE {table}_words",
)
POSTGRESQL = (
    "ALTER TABLE {table} ADD COLUMN words tsvector GENERATED ALWAYS AS "
    "(to_tsvector('simple', regexp_replace({text}, '[^[:alnum:]]+', ' ', 'g'))) STORED",
    "CREATE INDEX {table}_words ON {table} USING gin (words)",
)
POSTGRESQL_BACK = ("ALTER TABLE {table} DROP COLUMN words",)


def index(schema_editor, table, *, key, columns, changes=False):
    """Keep the words of `columns` of `table` from now on, and those of the rows that are there.

    `changes` says that its rows are changed too, not only added and deleted.
    """
    values = {
        "new": ", ".join(f"NEW.{column}" for column in columns),
        "old": ", ".join(f"OLD.{column}" for column in columns),
        "text": " || ' ' || ".join(f"{column}::text" for column in columns),
        "columns": ", ".join(columns),
    }
    sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in (*SQLITE, *(SQLITE_CHANGES if changes else ())) if sqlite else POSTGRESQL:
        schema_editor.execute(statement.format(table=table, key=key, **values), params=None)


def forget(schema_editor, table, *, changes=False):
    """Undo `index`."""
    sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in (*(SQLITE_CHANGES_BACK if changes else ()), *SQLITE_BACK) if sqlite else POSTGRESQL_BACK:
        schema_editor.execute(statement.format(table=table), params=None)
