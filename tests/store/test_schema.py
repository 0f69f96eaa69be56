"""The tables and their migrations."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.store import schema

PROMISED = {
    "calls": "call_id at principal agent run round session profile server tool exposed via decision_id outcome"
    " error_code latency_s bytes_in bytes_out args_hmac cost",
    "decisions": "decision_id at kind key agent run round query_id toolset_version shown propensities seed"
    " policy_version bucket",
    "rewards": "id call_id decision_id at source value weight provenance",
    "queries": "query_id text kept_until",
    "vectors": "sha256 model blob",
}


def test_the_columns_that_other_rooms_lean_on_are_there() -> None:
    for table, columns in PROMISED.items():
        assert set(columns.split()) <= set(schema.column_names(schema.METADATA.tables[table])), table


def test_all_promised_tables_are_there() -> None:
    assert {"installed", "definitions", "listings", "tombstones", "policy_versions", "migrations"} <= set(
        schema.METADATA.tables
    )


def test_migrations_are_named_by_room_date_and_slug() -> None:
    names = [migration.name for migration in schema.MIGRATIONS]
    assert names
    assert all(re.fullmatch(r"[a-z]+_20\d{6}_[a-z0-9_]+", name) for name in names)
    assert len(set(names)) == len(names)


def test_the_create_statements_make_every_table() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in schema.create_statements():
        connection.execute(statement)
    made = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert set(schema.METADATA.tables) <= made


def test_the_same_tables_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in schema.METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)


def test_an_insert_takes_its_values_by_position() -> None:
    sql = schema.insert_sql(schema.TOMBSTONES, conflict="DO NOTHING")
    assert sql == "INSERT INTO tombstones (sid, until) VALUES (?, ?) ON CONFLICT DO NOTHING"
