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
    _text("rejected_hash", null=True), _text("approved_at", null=True),
)  # fmt: skip

KNOWN_TOOLS = Table("known_tools", METADATA, _text("server", key=True), _bytes("body"))

# `plain` and `last` are the name in one spelling, `w_…` the words that a listing is found by: gateway/store/listings/.
LISTINGS = Table(
    "listings", METADATA,
    Column("id", Integer, primary_key=True), _text("source"), _text("name"), _text("plain"), _text("last"),
    _text("repository", null=True), _integer("is_alive"), _integer("verified"), _integer("remote", null=True),
    _integer("use_count"), _real("fame"), _real("fetched_at"), _text("w_name"), _text("w_title"), _text("w_about"),
    _text("w_tools"), _text("w_owner"), _bytes("body"),
    UniqueConstraint("source", "name"), Index("listings_plain", "plain"), Index("listings_last", "last"),
    Index("listings_repository", "repository"), Index("listings_fame", "fame"),
)  # fmt: skip

# A narrow copy of what a search sorts and filters by: the rows of thousands of matches lie on few pages here.
LISTING_FACTS = Table(
    "listing_facts", METADATA,
    Column("id", Integer, primary_key=True), _integer("is_alive"), _text("source"), _text("plain"),
    _integer("verified"), _integer("remote", null=True), _real("fame"),
)  # fmt: skip

ANSWERS = Table("answers", METADATA, _text("key", key=True), _bytes("body"), _real("at"), _text("etag", null=True))

# How far a registry was read into `listings`: what to send as `updated_since` next time.
SYNC_MARKS = Table("sync_marks", METADATA, _text("source", key=True), _text("mark"))

# How often what was installed from a reference started here, or failed to.
STARTS = Table("starts", METADATA, _text("ref", key=True), _integer("ok"), _integer("failed"))

REQUESTS = Table(
    "requests", METADATA,
    _text("id", key=True), _real("at"), _text("agent"), _text("run"), _text("name"), _text("state"),
    _real("decided_at", null=True), _text("message"), _text("principal"), _text("key"),
    Index("requests_at", "at"),
)  # fmt: skip

TOMBSTONES = Table("tombstones", METADATA, _text("sid", key=True), _real("until"), Index("tombstones_until", "until"))

POLICY_VERSIONS = Table(
    "policy_versions", METADATA, _text("version", key=True), _text("at"), _text("state"), _text("metrics")
)

# How children ended although they were wanted; AUTOINCREMENT: the order of the rows is that of the deaths.
DEATHS = Table(
    "deaths", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True), _text("server"), _text("at"), _text("cause"),
    _integer("code", null=True), _text("signal", null=True), _text("reason"), _integer("was_wanted"),
    _real("uptime_s", null=True), _integer("pid", null=True), _text("stderr_tail"), _text("version", null=True),
    Index("deaths_server", "server", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip

VECTORS = Table("vectors", METADATA, _text("sha256", key=True), _text("model", key=True), _bytes("blob"))


def column_names(table: Table) -> tuple[str, ...]:
    """The columns in their order."""
    return tuple(column.name for column in table.columns)


def _facts() -> tuple[str, ...]:
    """SQL that keeps `listing_facts` in step."""
    names = column_names(LISTING_FACTS)
    put = f"({', '.join(names)}) VALUES ({', '.join(f'new.{name}' for name in names)});"
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in names)
    return (
        f"CREATE TRIGGER facts_added AFTER INSERT ON listings BEGIN INSERT INTO listing_facts {put} END",
        "CREATE TRIGGER facts_dropped AFTER DELETE ON listings BEGIN DELETE FROM listing_facts WHERE id = old.id; END",
        f"CREATE TRIGGER facts_changed AFTER UPDATE ON listings WHEN {changed}"  # noqa: S608 - our own names only
        f" BEGIN DELETE FROM listing_facts WHERE id = old.id; INSERT INTO listing_facts {put} END",
    )


def _full_text(index: str, columns: Sequence[str], options: str) -> tuple[str, ...]:
    """SQL of an FTS5 index over columns of `listings`, kept in step by triggers: in the same transaction, always."""
    new, old = (", ".join(f"{row}.{name}" for name in ("id", *columns)) for row in ("new", "old"))
    names = ", ".join(columns)
    add = f"INSERT INTO {index} (rowid, {names}) VALUES ({new});"  # noqa: S608 - our own names only
    drop = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', {old});"  # noqa: S608
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in columns)
    return (
        f"CREATE VIRTUAL TABLE {index} USING fts5({names}, content = 'listings', content_rowid = 'id', {options})",
        f"CREATE TRIGGER {index}_added AFTER INSERT ON listings BEGIN {add} END",
        f"CREATE TRIGGER {index}_dropped AFTER DELETE ON listings BEGIN {drop} END",
        f"CREATE TRIGGER {index}_changed AFTER UPDATE ON listings WHEN {changed} BEGIN {drop} {add} END",
    )


WORD_COLUMNS = ("w_name", "w_title", "w_about", "w_tools", "w_owner")
# Words by their stems, in any script; and names by pieces of three letters, for the misspelt.
FULL_TEXT: tuple[str, ...] = (
    *_facts(),
    *_full_text(
        "listing_words",
        WORD_COLUMNS,
        "tokenize = \"porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'\", prefix = '3'",
    ),
    *_full_text("listing_names", ("plain",), "tokenize = 'trigram'"),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of an existing store; `name` is `<room>_<date>_<slug>`, `sql` its statements in order."""

    name: str
    sql: tuple[str, ...] = ()


def _made(table: Table) -> tuple[str, ...]:
    """SQL that makes one table with its indexes."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    made: list[CreateTable | CreateIndex] = [CreateTable(table), *(CreateIndex(index) for index in indexes)]
    return tuple(str(step.compile(dialect=_DIALECT)) for step in made)


SEARCH = "store_20261125_search"
"""Its words are made by code: gateway/store/opening.py fills the new table from `OLD_LISTINGS`."""
OLD_LISTINGS = "listings_before_search"
MIGRATIONS: tuple[Migration, ...] = (
    Migration("store_20261125_first"),
    Migration("store_20261125_requests", _made(REQUESTS)),
    Migration(
        "store_20261125_definition_decisions",
        (
            "ALTER TABLE definitions ADD COLUMN rejected_hash TEXT",
            "ALTER TABLE definitions ADD COLUMN approved_at TEXT",
        ),
    ),
    Migration("store_20261125_sync_marks", (str(CreateTable(SYNC_MARKS).compile(dialect=_DIALECT)),)),
    Migration("store_20261125_starts", _made(STARTS)),
    Migration(
        SEARCH,
        (
            f"CREATE TABLE {OLD_LISTINGS} AS SELECT body FROM listings",  # noqa: S608 - our own name
            "DROP TABLE listings",
            *_made(LISTINGS),
            *_made(LISTING_FACTS),
            *FULL_TEXT,
        ),
    ),
    Migration("store_20261125_deaths", _made(DEATHS)),
)


def create_statements() -> list[str]:
    """SQL that makes a fresh store, tables before their indexes."""
    statements: list[str] = []
    for table in METADATA.sorted_tables:
        statements += _made(table)
    return [*statements, *FULL_TEXT]


def insert_sql(table: Table, *, columns: Sequence[str] = (), conflict: str = "") -> str:
    """Compile an insert of `columns` (default: all, in order) with positional parameters.

    `conflict` is what stands after `ON CONFLICT`, e.g. "DO NOTHING".
    """
    names = list(columns) or [column.name for column in table.columns]
    text = str(table.insert().compile(dialect=_DIALECT, column_keys=names))
    return f"{text} ON CONFLICT {conflict}" if conflict else text


def select_sql(table: Table, rest: str) -> str:
    """A query of all columns in their order; `rest` is what follows the table's name and holds no values."""
    return f"SELECT {', '.join(column_names(table))} FROM {table.name} {rest}"  # noqa: S608 - our own names only
