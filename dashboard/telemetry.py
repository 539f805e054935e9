"""What the program says about itself: structured log lines and Prometheus metrics, each metric named in one table.

No personal data: phone and identity card numbers are masked in every line, and no label may hold a person, a unit or a
record. Knows nothing of what it measures.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO, cast

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one data directory put their numbers, so that ``/metrics`` of the web tells all of them."""


class MetricDef(NamedTuple):
    """One metric: its name without the prefix ``townwatch_``, kind, help sentence and labels.

    ``asked``: looked up at each scrape (``dashboard.measured``), not counted where it happens."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    asked: bool = False


METRICS = (
    MetricDef("requests_total", "counter", "Requests answered, by door and HTTP status.", ("door", "status")),
    MetricDef("request_seconds", "histogram", "From a request's head to the end of its answer.", ("door",)),
    MetricDef("records_accepted_total", "counter", "Records that a way in has taken and put on disk.", ("feed",)),
    MetricDef("records_rejected_total", "counter", "Records that a way in has refused.", ("feed", "code")),
    MetricDef("worker_events_total", "counter", "Events taken off the road, by what they were.", ("outcome",)),
    MetricDef("worker_batch_events", "histogram", "Events in one transaction.", (), (1, 10, 100, 1000, 5000, 20000)),
    MetricDef("worker_seconds", "histogram", "A batch's steps: commit, publish, finish.", ("step",)),
    MetricDef(
        "worker_lag_seconds",
        "histogram",
        "From received to committed, of a batch's oldest event.",
        (),
        (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
    ),
    MetricDef(
        "worker_waits_total", "counter", "Rounds that ended without work: a store was away, a lease was lost.", ("why",)
    ),
    MetricDef("takeovers_total", "counter", "Partitions in which entries of another worker were taken over."),
    MetricDef("dead_letters_total", "counter", "Records put into the dead-letter store.", ("why",)),
    MetricDef("published_total", "counter", "Publications of a feed's figures.", ("feed",)),
    MetricDef(
        "road_events", "gauge", "Events on the road that no transaction has taken yet.", ("partition",), asked=True
    ),
    MetricDef(
        "road_unacknowledged", "gauge", "Entries a worker has read and not finished.", ("partition",), asked=True
    ),
    MetricDef("partition_owned", "gauge", "1 while a worker holds the partition's lease.", ("partition",), asked=True),
    MetricDef("store_up", "gauge", "1 while the store answers: redis, database.", ("store",), asked=True),
    MetricDef("redis_used_bytes", "gauge", "Memory of Redis, of all masters together.", asked=True),
    MetricDef("database_bytes", "gauge", "Size of the database.", asked=True),
    MetricDef("known_seq", "gauge", "Versions committed since the beginning.", asked=True),
    MetricDef("dead_letters_open", "gauge", "Refused records that wait to be corrected.", asked=True),
    MetricDef("disk_free_bytes", "gauge", "Free space where the data directory is.", asked=True),
    MetricDef("disk_full_days", "gauge", "Days until it is used up at the last week's growth.", asked=True),
    MetricDef("feed_age_seconds", "gauge", "Since a feed's last record was received.", ("feed",), asked=True),
    MetricDef(
        "source_delay_seconds",
        "gauge",
        "Median of received less happened; negative: the clock runs ahead.",
        ("source",),
        asked=True,
    ),
    MetricDef("live_subscribers", "gauge", "Open sockets of pages.", asked=True),
    MetricDef("live_topics", "gauge", "Views that somebody watches.", asked=True),
    MetricDef("live_subscriptions", "gauge", "Subscriptions of all sockets.", asked=True),
    MetricDef("live_computed_total", "counter", "Views computed.", asked=True),
    MetricDef("live_sent_total", "counter", "Texts handed to sockets.", asked=True),
    MetricDef("live_dropped_total", "counter", "Texts that a slow page never saw: a newer one came.", asked=True),
    MetricDef("live_troubles_total", "counter", "Views that failed.", asked=True),
    MetricDef("alerts_open", "gauge", "Alerts that are raised and not over.", ("severity",)),
    MetricDef("alert_steps_total", "counter", "Steps in the lives of alerts.", ("what",)),
    MetricDef("alert_look_seconds", "histogram", "One look of the alert engine at the published figures."),
    MetricDef("deliveries_total", "counter", "Attempts to tell the world outside.", ("channel", "outcome")),
)
"""Every metric there is."""

PREFIX = "townwatch_"
KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}

# A mainland mobile number however it is divided, and an 18-digit identity number with its last digit perhaps X.
_PRIVATE = re.compile(r"(?<!\d)(?:1[3-9]\d(?:[- ]?\d{4}){2}|\d{17}[\dXx]|\d{6}([- ])\d{8}\1\d{3}[\dXx])(?!\d)")
# A token: phones cannot set headers and carry theirs in the address.
_TOKEN = re.compile(r"tw[rw]_[\w-]{8,}")


def masked(text: str) -> str:
    """The text with phone numbers, identity card numbers and tokens taken out."""
    return _TOKEN.sub("tw***", _PRIVATE.sub("***", text))


def configure(level: str = "info", json: bool = True, file: Path | None = None) -> TextIO:
    """Sets up logging of this process: to ``file``, else to standard error; the supervisor puts that into a file.

    Returns what is written to, for who sets logging up only for a while.
    """
    opened = open(file, "a", encoding="utf-8", buffering=1) if file else sys.stderr  # noqa: SIM115 - kept for life
    stream = cast(TextIO, _Unfailing(opened))
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _mask,
    ]
    last: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # A server that set up its own lines would write them past the mask.
        own = logging.getLogger(name)
        own.handlers.clear()
        own.propagate = True
    return opened


class _Unfailing:
    """A stream whose lines are lost rather than that whoever writes them fails: neither a full disk nor a stream that
    was closed must end a worker."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def log(name: str) -> Any:
    """A logger whose lines carry ``name``; words are events in snake case, facts are keywords."""
    return structlog.get_logger().bind(logger=name)


REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being answered; it travels with its records, and is in every line logged meanwhile."""


def _request(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    name = REQUEST.get()
    if name:
        line.setdefault("request", name)
    return line


def metric(name: str) -> Any:
    """The metric of that name in :data:`METRICS`, as a ``prometheus_client`` object."""
    return _metrics()[name]


@cache
def counted(name: str, *labels: str) -> Any:
    """:func:`metric` of these labels, for what happens thousands of times a second: looking it up costs more than
    counting."""
    return metric(name).labels(*labels)


def exposition(asked: Collector | None = None) -> bytes:
    """All metrics as Prometheus reads them; with :data:`MULTIPROCESS` set, those of every process of this supervisor.

    ``asked`` looks up the others; the Python process' own follow.
    """
    _metrics()
    if os.environ.get(MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
    else:
        text = generate_latest(_registry())
    if asked is not None:
        more = CollectorRegistry(auto_describe=False)
        more.register(asked)
        text += generate_latest(more)
    return text + generate_latest(REGISTRY)


def serve(host: str, port: int) -> None:
    """Tell this process's metrics on a port of its own, in a thread: for a worker that has no web process beside it."""
    _metrics()
    registry = _registry()
    if os.environ.get(MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(port, host, registry)


def family(name: str) -> GaugeMetricFamily | CounterMetricFamily:
    """An empty family of a metric that is looked up."""
    found = next(each for each in METRICS if each.name == name and each.asked)
    made = CounterMetricFamily if found.kind == "counter" else GaugeMetricFamily
    return made(f"{PREFIX}{name.removesuffix('_total')}", found.help, labels=found.labels)


@cache
def _registry() -> CollectorRegistry:
    return CollectorRegistry()


@cache
def _metrics() -> Mapping[str, Counter | Gauge | Histogram]:
    made: dict[str, Counter | Gauge | Histogram] = {}
    for each in METRICS:
        if each.asked:
            continue
        more: dict[str, Any] = {}
        if each.kind == "histogram":
            more["buckets"] = each.buckets
        elif each.kind == "gauge":
            more["multiprocess_mode"] = "mostrecent"
        made[each.name] = KINDS[each.kind](f"{PREFIX}{each.name}", each.help, each.labels, registry=_registry(), **more)
    return made


def _mask(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in line.items():
        if not key.startswith("_"):
            line[key] = _masked(value)
    return line


def _masked(value: Any) -> Any:
    """A fact of a line, whatever it is made of; what is no number, text or collection is said as a text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one) for one in value]
    return masked(value if isinstance(value, str) else str(value))
