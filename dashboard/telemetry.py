"""What the program says about itself: structured log lines and Prometheus metrics, each metric named in one table.

No personal data: phone and identity card numbers are masked in every line, and no label may hold a person, a unit or a
record. Knows nothing of what it measures.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one data directory put their numbers, so that ``/metrics`` of the web tells all of them."""


class MetricDef(NamedTuple):
    """One metric: its name without the prefix ``townwatch_``, kind, help sentence and labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


METRICS = (
    MetricDef("events_accepted_total", "counter", "Records a way in has accepted.", ("feed", "gateway")),
    MetricDef("events_rejected_total", "counter", "Records a way in has refused.", ("feed", "gateway", "code")),
    MetricDef("requests_refused_total", "counter", "Whole requests refused, by HTTP status.", ("gateway", "status")),
    MetricDef("gateway_seconds", "histogram", "From a request's first byte to its answer.", ("gateway",)),
    MetricDef("road_pending", "gauge", "Events on the road that no transaction has taken yet."),
    MetricDef("worker_events_total", "counter", "Events taken off the road, by what they were.", ("feed", "outcome")),
    MetricDef("worker_batch_events", "histogram", "Events in one transaction.", (), (1, 10, 100, 1000, 2000, 4000)),
    MetricDef("worker_batch_seconds", "histogram", "One batch, from reading the road to acknowledging.", ("step",)),
    MetricDef("worker_lag_seconds", "histogram", "From received to committed."),
    MetricDef("ticker_due_total", "counter", "Figures recomputed because time alone changed them.", ("feed",)),
    MetricDef("leases_lost_total", "counter", "Transactions rolled back because another worker had the partition."),
    MetricDef("takeovers_total", "counter", "Entries of a dead worker that another took over."),
    MetricDef("dead_letters_total", "counter", "Records put into the dead-letter store.", ("feed", "code")),
    MetricDef("published_total", "counter", "Publications of one town's figures of one feed.", ("feed",)),
    MetricDef("live_sockets", "gauge", "Open sockets of pages."),
    MetricDef("live_views_total", "counter", "Views computed by the hub.", ("view",)),
    MetricDef("live_sent_total", "counter", "Messages handed to sockets.", ("view",)),
    MetricDef("live_dropped_total", "counter", "Messages that a slow page never saw, as a newer one replaced them."),
    MetricDef("live_view_seconds", "histogram", "Computing one view once.", ("view",)),
    MetricDef("alerts_open", "gauge", "Alerts that are raised and not over.", ("severity",)),
    MetricDef("alert_steps_total", "counter", "Steps in the lives of alerts.", ("what",)),
    MetricDef("alert_look_seconds", "histogram", "One look of the alert engine at the published figures."),
    MetricDef("deliveries_total", "counter", "Attempts to tell the world outside.", ("channel", "outcome")),
    MetricDef("query_seconds", "histogram", "One question of a page or the API to the stores.", ("query",)),
)
"""Every metric there is."""

KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}

# A mainland mobile number, and an 18-digit identity number with its last digit perhaps X.
_PRIVATE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")
# A token: phones cannot set headers and carry theirs in the address.
_TOKEN = re.compile(r"tw[rw]_[\w-]{8,}")


def masked(text: str) -> str:
    """The text with phone numbers, identity card numbers and tokens taken out."""
    return _TOKEN.sub("tw***", _PRIVATE.sub("***", text))


def configure(level: str = "info", json: bool = True, file: Path | None = None) -> None:
    """Sets up logging of this process: to ``file``, else to standard error; the supervisor puts that into a file."""
    stream = open(file, "a", encoding="utf-8", buffering=1) if file else sys.stderr  # noqa: SIM115 - kept for life
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
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


def log(name: str) -> Any:
    """A logger whose lines carry ``name``; words are events in snake case, facts are keywords."""
    return structlog.get_logger().bind(logger=name)


def metric(name: str) -> Any:
    """The metric of that name in :data:`METRICS`, as a ``prometheus_client`` object."""
    return _metrics()[name]


def exposition() -> bytes:
    """All metrics as Prometheus reads them; with :data:`MULTIPROCESS` set, those of every process."""
    if os.environ.get(MULTIPROCESS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    _metrics()
    return generate_latest(_registry())


@cache
def _registry() -> CollectorRegistry:
    return CollectorRegistry()


@cache
def _metrics() -> Mapping[str, Counter | Gauge | Histogram]:
    made: dict[str, Counter | Gauge | Histogram] = {}
    for each in METRICS:
        more: dict[str, Any] = {}
        if each.kind == "histogram":
            more["buckets"] = each.buckets
        elif each.kind == "gauge":
            more["multiprocess_mode"] = "livesum" if each.name == "live_sockets" else "mostrecent"
        made[each.name] = KINDS[each.kind](
            f"townwatch_{each.name}", each.help, each.labels, registry=_registry(), **more
        )
    return made


def _mask(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = masked(value)
    return line
