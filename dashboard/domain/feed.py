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
    kind: Literal["text", "integer", "number", "choice", "time", "quantity"]
    """``time`` is an instant: ISO-8601 in a record, ms since 1970 UTC in an event; a date alone ends with its day.
    ``quantity`` is a whole number that may be qualified: 3000余 in a record, (3000, "at_least") in an event."""
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
    edge: bool = False
    """Stated by devices; a form keeps it folded away."""


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
    visits_for: tuple[str, ...] = ()
    """Case feeds whose cases owe visits (``CaseSpec.owes_visits``)."""


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


class Stage(msgspec.Struct, frozen=True):
    """One stage of a case. ``ends``: how a case that stands here has ended, ``""`` while it is still open."""

    code: str
    words: Words
    ends: Literal["", "done", "passed_on", "withdrawn", "halted"] = ""
    sla_hours: float | None = None
    """How long a case may stand here; ``None``: as long as it takes. ``<feed>.sla.<stage>`` in a pack goes before."""


class CaseSpec(msgspec.Struct, frozen=True):
    """Parameters of a case feed: the stages in their usual order, and the fields that steer it."""

    stages: tuple[Stage, ...]
    stage_field: str = "stage"
    due_field: str | None = None
    """A field with the instant by which the case must have ended."""
    owner_field: str | None = None
    review_field: str | None = None
    """Verdicts ``reviewer:passed`` or ``reviewer:returned``; they count from the last entry into ``review_from``."""
    review_from: str = ""
    reviewers: Mapping[str, Words] = {}
    pledge_field: str | None = None
    """Who has pledged; counted like verdicts, from the last entry into ``review_from``."""
    owes_visits: str | None = None
    """The stage from whose next local day the case's place owes one patrol visit a day (EXACTNESS 16)."""
    age_hours: tuple[int, ...] = (24, 72, 168)
    """Edges of the age buckets of open cases."""

    def stage(self, code: str) -> Stage | None:
        """The declared stage of that code."""
        return next((stage for stage in self.stages if stage.code == code), None)


class TallySpec(msgspec.Struct, frozen=True):
    """Parameters of a tally feed: things done or issued, counted by day, hour and the fields of ``by``."""

    amount_field: str | None = None
    """A ``quantity`` field that says how many a record stands for; ``None``: every record is one."""
    by: tuple[str, ...] = ()


class RosterSpec(msgspec.Struct, frozen=True):
    """Parameters of a roster feed: items (a village, a squad, a list of duties) with a target and progress against it.

    Of each item the latest stated value of every field counts. ``daily`` fields are added up over days instead: the
    largest one stated on a day, each day once.
    """

    quantity_fields: tuple[str, ...]
    by: tuple[str, ...] = ()
    daily: tuple[str, ...] = ()


class ActionSpec(msgspec.Struct, frozen=True):
    """Parameters of the feed of what people do about items (obligations, alerts): how long an item stays in sight."""

    undo_ms: int = 15_000
    """An undo counts this long after what it takes back: the page offers ten seconds, the rest is for the road."""
    done_days: int = 7
    """A finished item is published until so many local days have passed since anything was done about it."""
    kept_days: int = 90
    """Any other item likewise."""


class Parameter(msgspec.Struct, frozen=True):
    """A rule of a feed that a region may set for itself, from a day on (EXACTNESS 11). ``key`` is the pack's."""

    key: str
    words: Words
    unit: str
    default: float | None
    """``None``: not set, and another rule or nothing stands in its place."""
    low: float
    high: float
    kpis: tuple[str, ...] = ()
    """Figures that depend on it."""


Archetype = TrackSpec | ReadingSpec | CaseSpec | TallySpec | RosterSpec | ActionSpec


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
    period: Callable[[Sequence[Any], int, int], Parts] | None = None
    """The KPI over a span of instants (from, to) of the summaries at its end, where adding up days would be wrong."""


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
    parameters: tuple[Parameter, ...] = ()
    """Rules that may be changed from a day on, for the page of rules."""
    internal: bool = False
    """Made by the program's own door: no page, form, import, wall or writer's token knows of it."""
    core: bool = False
    """Shown everywhere from the first day; any other feed appears once a record of it has come."""
    natural_key: tuple[str, ...] = ()
    """Fields that tell a record of a file apart from all others of its source where it carries no id of its own."""

    @property
    def rules(self) -> tuple[Parameter, ...]:
        """Every rule that a region may set: the declared ones and, of a case feed, how long a case may stand where."""
        found = {one.key: one for one in self.parameters}
        for stage in self.archetype.stages if isinstance(self.archetype, CaseSpec) else ():
            if not stage.ends:
                words = Words(f"{stage.words.zh}环节最多停留", f"Longest stay: {stage.words.en.lower()}")
                key = f"{self.name}.sla.{stage.code}"
                found.setdefault(key, Parameter(key, words, "h", stage.sla_hours, 1, 8760, (f"{self.name}_stuck",)))
        return tuple(found.values())

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
    "ActionSpec",
    "Archetype",
    "CaseSpec",
    "Feed",
    "Field",
    "Kpi",
    "Parameter",
    "ReadingSpec",
    "Required",
    "RosterSpec",
    "Stage",
    "SummaryParts",
    "TallySpec",
    "TrackSpec",
    "Words",
]
