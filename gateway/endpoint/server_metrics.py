"""What the supervisor's rows say, as Prometheus families: made anew each time that somebody reads. No I/O of its own.

A row lacks what its kind of server does not have (a remote one has no memory): then there is no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Row = Mapping[str, Any]
Rows = Callable[[], Sequence[Row]]

STATES = ("stopped", "starting", "ready", "stopping", "backoff", "failed")
HEALTHS = ("healthy", "degraded", "unhealthy")
GAUGES = {
    "mcp_gateway_queue_depth": ("queued", "Calls that wait for their turn."),
    "mcp_gateway_server_inflight_calls": ("in_flight", "Calls that a server works on."),
    "mcp_gateway_child_rss_bytes": ("rss_bytes", "Resident memory of a server's process."),
    "mcp_gateway_child_open_fds": ("open_fds", "Files that a server's process holds open."),
    "mcp_gateway_child_tasks": ("tasks", "Processes and threads of a server."),
}
COUNTERS = {
    "mcp_gateway_stderr_bytes": ("stderr_bytes", "Bytes that a server wrote to its stderr."),
    "mcp_gateway_child_cpu_seconds": ("cpu_seconds", "Processor time of a server's process."),
    "mcp_gateway_late_answers": ("late_answers", "Answers to calls that nobody waited for any more."),
}


class ServerFigures(Collector):
    """Spells the rows of the last `look`, wherever it is asked to: rows are made on the event loop alone."""

    def __init__(self, rows: Rows) -> None:
        self._ask = rows
        self._rows: Sequence[Row] = ()

    def look(self) -> None:
        """Ask for the rows of this moment."""
        self._rows = self._ask()

    def describe(self) -> Iterable[Metric]:
        """Name nothing in advance, so that registering asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Spell the rows."""
        rows = self._rows
        for name, (key, about) in GAUGES.items():
            yield _figures(GaugeMetricFamily(name, about, labels=["server"]), rows, key)
        for name, (key, about) in COUNTERS.items():
            yield _figures(CounterMetricFamily(name, about, labels=["server"]), rows, key)
        yield _one_of("mcp_gateway_server_state", "1 for the state a server is in.", rows, "state", STATES)
        yield _up(rows)
        yield _one_of("mcp_gateway_server_health", "1 for a server's health.", rows, "health", HEALTHS)
        yield _protocol_errors(rows)


def _figures(family: GaugeMetricFamily | CounterMetricFamily, rows: Sequence[Row], key: str) -> Metric:
    for row in rows:
        value = row.get(key)
        if isinstance(value, int | float):
            family.add_metric([str(row["name"])], value)
    return family


def _one_of(name: str, about: str, rows: Sequence[Row], key: str, values: Sequence[str]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=["server", key])
    for row in rows:
        for each in values:
            family.add_metric([str(row["name"]), each], float(row.get(key) == each))
    return family


def _up(rows: Sequence[Row]) -> Metric:
    family = GaugeMetricFamily("mcp_gateway_server_up", "1 while a server is ready.", labels=["server"])
    for row in rows:
        family.add_metric([str(row["name"])], float(row.get("state") == "ready"))
    return family


def _protocol_errors(rows: Sequence[Row]) -> Metric:
    about = "Messages of a server that made no sense."
    family = CounterMetricFamily("mcp_gateway_protocol_errors", about, labels=["server", "kind"])
    for row in rows:
        kinds = row.get("protocol_errors")
        told = kinds if isinstance(kinds, Mapping) else {"noise": row.get("noise")}
        for kind, count in told.items():
            if isinstance(count, int | float):
                family.add_metric([str(row["name"]), str(kind)], count)
    return family
