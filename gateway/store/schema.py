"""The store's tables and migrations, as SQLAlchemy Core values, so that SQLite and PostgreSQL share them. No I/O.

A fresh store is made whole from `METADATA`; an older one gets the steps of the migrations that it lacks. Times are
RFC 3339 UTC text where people and other rooms read them, seconds since the epoch (`REAL`) where only we do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

METADATA = MetaData()
_DIALECT = sqlite.dialect()


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null)


def _integer(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=null)


def _real(name: str, *, null: bool = False) -> Column[float]:
    return Column(name, Double, nullable=null)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


MIGRATIONS_TABLE = Table("migrations", METADATA, _text("name", key=True), _text("at"))

CALLS = Table(
    "calls", METADATA,
    _text("call_id", key=True), _text("at"), _text("principal"), _text("agent"), _text("run"), _integer("round"),
    _text("session"), _text("profile"), _text("server"), _text("tool"), _text("exposed"), _text("via"),
    _text("decision_id", null=True), _text("outcome"), _text("error_code", null=True), _real("latency_s"),
    _integer("bytes_in"), _integer("bytes_out"), _text("args_hmac"), _real("cost", null=True),
    Index("calls_at", "at"), Index("calls_run", "run", "at"),
)  # fmt: skip

DECISIONS = Table(
    "decisions", METADATA,
    _text("decision_id", key=True), _text("at"), _text("kind"), _text("key"), _text("agent"), _text("run"),
    _integer("round"), _text("query_id", null=True), _text("toolset_version"), _text("shown"), _text("propensities"),
    _integer("seed"), _text("policy_version"), _integer("bucket"), _text("mode"),
    Index("decisions_at", "at"),
)  # fmt: skip

REWARDS = Table(
    "rewards", METADATA,
    _text("id", key=True), _text("call_id", null=True), _text("decision_id", null=True), _text("at"), _text("source"),
    _real("value"), _real("weight"), _text("provenance"), _text("tool", null=True),
    Index("rewards_call", "call_id"), Index("rewards_decision", "decision_id"),
)  # fmt: skip

# One growing number over calls and rewards: a reward that comes late gets a number after the calls it came after.
# AUTOINCREMENT: a number is never given twice, even when rows are purged, so a reader's cursor stays right.
EXPERIENCE = Table(
    "experience", METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True), _text("kind"), _text("ref"),
    UniqueConstraint("kind", "ref"),
    sqlite_autoincrement=True,
)  # fmt: skip

QUERIES = Table(
    "queries", METADATA, _text("query_id", key=True), _text("text", null=True), _text("kept_until", null=True)
)

INSTALLED = Table(
    "installed", METADATA, _text("name", key=True), _text("origin"), _real("installed_at"), _bytes("body")
)

DEFINITIONS = Table(
    "definitions", METADATA,
    _text("server", key=True), _text("tool", key=True), _text("hash", null=True), _text("canonical", null=True),
    _text("pending_hash", null=True), _text("pending_canonical", null=True),
)  # fmt: skip

KNOWN_TOOLS = Table("known_tools", METADATA, _text("server", key=True), _bytes("body"))

LISTINGS = Table(
    "listings", METADATA,
    _text("source", key=True), _text("name", key=True), _text("words"), _integer("use_count"), _real("fetched_at"),
    _bytes("body"),
)  # fmt: skip

ANSWERS = Table("answers", METADATA, _text("key", key=True), _bytes("body"), _real("at"), _text("etag", null=True))

TOMBSTONES = Table("tombstones", METADATA, _text("sid", key=True), _real("until"), Index("tombstones_until", "until"))

POLICY_VERSIONS = Table(
    "policy_versions", METADATA, _text("version", key=True), _text("at"), _text("state"), _text("metrics")
)

VECTORS = Table("vectors", METADATA, _text("sha256", key=True), _text("model", key=True), _bytes("blob"))


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of an existing store; `name` is `<room>_<date>_<slug>`, `sql` its statements in order."""

    name: str
    sql: tuple[str, ...] = ()


MIGRATIONS: tuple[Migration, ...] = (Migration("store_20261125_first"),)


def create_statements() -> list[str]:
    """SQL that makes a fresh store, tables before their indexes."""
    statements: list[str] = []
    for table in METADATA.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=_DIALECT)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=_DIALECT)) for index in indexes]
    return statements


def insert_sql(table: Table, *, columns: Sequence[str] = (), conflict: str = "") -> str:
    """Compile an insert of `columns` (default: all, in order) with positional parameters.

    `conflict` is what stands after `ON CONFLICT`, e.g. "DO NOTHING".
    """
    names = list(columns) or [column.name for column in table.columns]
    text = str(table.insert().compile(dialect=_DIALECT, column_keys=names))
    return f"{text} ON CONFLICT {conflict}" if conflict else text


def column_names(table: Table) -> tuple[str, ...]:
    """The columns in their order."""
    return tuple(column.name for column in table.columns)


def select_sql(table: Table, rest: str) -> str:
    """A query of all columns in their order; `rest` is what follows the table's name and holds no values."""
    return f"SELECT {', '.join(column_names(table))} FROM {table.name} {rest}"  # noqa: S608 - our own names only
