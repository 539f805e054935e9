"""How a feed is declared: name, archetype and parameters, schema, KPIs, limits and words, all in one place.

A feed file builds one :class:`Feed`. Adding a feed must not touch the worker, the stores, the pages or the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.figure import Parts
from dashboard.domain.freshness import FreshnessLimits
from dashboard.domain.summary import Summary


class Words(msgspec.Struct, frozen=True):
    """A text in Chinese and English."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        """The text in ``zh`` or ``en``; anything else reads Chinese."""
        return self.en if lang == "en" else self.zh


class Field(msgspec.Struct, frozen=True):
    """One declared field of a feed's records."""

    name: str
    kind: Literal["text", "integer", "number", "choice"]
    words: Words
    required: bool = False
    choices: Mapping[str, Words] = {}
    low: float | None = None
    high: float | None = None
    max_length: int = 80
    unit: str = ""
    headers: tuple[str, ...] = ()
    """Further column headers that mean this field in a file."""
    choice_aliases: Mapping[str, str] = {}
    """Spellings accepted for a choice, e.g. ``{"绿码": "green"}``."""
    example: str = ""


class TrackSpec(msgspec.Struct, frozen=True):
    """Parameters of a track feed (DOMAIN.md §5, EXACTNESS 14, 15 and units_on_duty)."""

    radius_m: float = 50.0
    max_radius_m: float = 100.0
    dwell_ms: int = MINUTE
    max_gap_ms: int = 2 * MINUTE
    max_accuracy_m: float = 100.0
    max_speed_kmh: float = 150.0
    max_foot_speed_kmh: float = 25.0
    signal_ms: int = 15 * MINUTE
    near_region_m: float = 20_000.0


class ReadingSpec(msgspec.Struct, frozen=True):
    """Parameters of a reading feed."""

    value_field: str
    subject_field: str
    online_ms: int = 10 * MINUTE
    recheck_ms: int = 30 * MINUTE
    window: int = 50
    window_min: int = 20
    drift_alert_milli: int = 500
    default_threshold: float = 37.3
    thresholds: Mapping[str, float] = {}
    """``"method/site"``, ``"/site"`` or ``"method/"`` -> degrees Celsius at or above which a reading is a fever."""


Archetype = TrackSpec | ReadingSpec


class Required(msgspec.Struct, frozen=True):
    """Fields that are required only when another field has a certain value."""

    when: str
    equals: str
    fields: tuple[str, ...]


class Kpi(msgspec.Struct, frozen=True):
    """A figure declared once. ``parts`` receives the summaries of the towns that reported: one, or many for “all”."""

    key: str
    words: Words
    unit: Literal["ratio", "count", "hours", "km", "celsius"]
    parts: Callable[[Sequence[Any]], Parts]
    definition: Words
    numerator: Words | None = None
    denominator: Words | None = None
    left_out: Words | None = None
    rule: Words | None = None
    measure: Words = Words("", "")
    """The word behind the number: 人次, 个, 组 / readings, units."""
    decimals: int = 0
    target: float | None = None
    watch_below: float | None = None
    alert_below: float | None = None
    watch_above: float | None = None
    alert_above: float | None = None
    breakdown: Callable[[Sequence[Any]], list[tuple[dict[str, str], Parts]]] | None = None
    """Further figures of the same KPI by ``dims``, e.g. by health code."""
    by_rule: bool = False
    """Known from the rules alone: given for a town even when it has not reported."""
    standing: bool = False
    """A standing figure counts towns that ever reported; a figure of the day those that reported today."""


class Feed(msgspec.Struct, frozen=True):
    """One feed of records, declared in one file under ``dashboard/feeds``."""

    name: str
    words: Words
    short: Words
    icon: str
    colour: str
    """Suffix of the CSS token ``--tw-feed-…``."""
    archetype: Archetype
    subject: str
    """The field whose value is the record's subject (its order is kept; streams are partitioned by it)."""
    fields: tuple[Field, ...]
    kpis: tuple[Kpi, ...]
    limits: FreshnessLimits
    required: tuple[Required, ...] = ()
    place_field: str | None = None
    """A field that names a place; an unknown code creates a provisional place of ``place_kind``."""
    place_kind: str | None = None
    sample: Mapping[str, Any] = {}

    def field(self, name: str) -> Field | None:
        """The declared field of that name."""
        return next((field for field in self.fields if field.name == name), None)

    def kpi(self, key: str) -> Kpi | None:
        """The declared KPI of that key."""
        return next((kpi for kpi in self.kpis if kpi.key == key), None)


SummaryParts = Callable[[Sequence[Summary]], Parts]
__all__ = [
    "HOUR",
    "MINUTE",
    "Archetype",
    "Feed",
    "Field",
    "Kpi",
    "ReadingSpec",
    "Required",
    "SummaryParts",
    "TrackSpec",
    "Words",
]
