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
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import CaseNow, Summary


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
    person: bool = False
    """The code of one of the public: a text that looks like nothing but a name is refused."""


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


class ClockSpec(msgspec.Struct, frozen=True):
    """A clock that runs while a case stands in one stage, and checks that are owed on every day of it.

    The clock begins with the first record of the stage (again after the case has left it) and with every record that
    says so; it ends ``days`` times 24 hours later, or when a record since its beginning states the end, plus the days
    by which records since then have extended it. A check is owed in every window of the local day that begins after the
    clock has begun and ends before the case has left the stage.
    """

    stage: str
    days: int
    """``<feed>.clock_days`` in a pack goes before."""
    restart: tuple[str, str]
    """(field, value) of a record that begins the clock again."""
    extend_field: str
    """Days by which a record extends the clock."""
    check_field: str
    """A record that has it is a check."""
    windows: tuple[tuple[int, int], ...]
    """(start, end) in minutes of the local day: one check is owed in each."""


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
    clock: ClockSpec | None = None
    counted: tuple[str, ...] = ()
    """Stages each record of which is an attempt, also where it leaves the stage as it is."""
    tracked: tuple[str, ...] = ()
    """Fields whose earlier values are kept too: who hesitated at first and came after all."""

    def stage(self, code: str) -> Stage | None:
        """The declared stage of that code."""
        return next((stage for stage in self.stages if stage.code == code), None)


Judge = Callable[[Mapping[str, Any], RegionPack], Mapping[str, str]]
"""(latest stated fields, rules in force) -> values of fields."""


class TallySpec(msgspec.Struct, frozen=True):
    """Parameters of a tally feed: things done or issued, counted by day, hour and the fields of ``by``."""

    amount_field: str | None = None
    """A ``quantity`` field that says how many a record stands for; ``None``: every record is one."""
    by: tuple[str, ...] = ()
    until: str | None = None
    """Of ``by``: a field with the instant up to which what was issued is valid; time alone makes it expire."""
    judge: Judge | None = None
    """What a rule says of a record under the rules in force: values for fields of ``by``. With it each subject counts
    once, as its latest records state it, on the day of its first; every change of the rules judges it anew."""


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
    people: bool = False
    """The cells of ``breakdown`` count people of the public by what they are, where they come from or where they are:
    small ones are not told (EXACTNESS 20)."""
    by_rule: bool = False
    """Known from the rules alone: given for a town even when it has not reported."""
    standing: bool = False
    """A standing figure counts towns that ever reported; a figure of the day those that reported today."""
    period: Callable[[Sequence[Any], int, int], Parts] | None = None
    """The KPI over a span of instants (from, to) of the summaries at its end, where adding up days would be wrong."""
    apart: tuple[str, ...] = ()
    """KPIs of the same feed whose people overlap with these, neither part of the other: never divided."""
    of: tuple[str, str] | None = None
    """Of a ratio of two declared figures: the keys of its numerator and denominator."""


class OnFigure(msgspec.Struct, frozen=True):
    """A figure of a town passes its limit: ``above`` or ``below`` it, or has lost as much (``fall``) since it stood
    highest today or at the end of yesterday. Ratios are compared in per cent. A figure that is not known, or whose feed
    is old, neither raises nor clears."""

    kpi: str
    way: Literal["above", "below", "fall"] = "above"
    least: int = 1
    """A ratio of fewer things than this says nothing."""


class OnReading(msgspec.Struct, frozen=True):
    """Of a reading feed: a ``fever`` that awaits its recheck, people ``refused`` or with a red code today (counted), a
    checkpoint on duty that is ``silent``, a device that ``drift``s, somebody wrongly ``blocked`` (counted)."""

    what: Literal["fever", "refused", "silent", "drift", "blocked"]


class OnTrack(msgspec.Struct, frozen=True):
    """Of a track feed: a visit that soon lapses or has lapsed (``gap``), a unit on duty whose device is ``silent``."""

    what: Literal["gap", "silent"]


class OnCase(msgspec.Struct, frozen=True):
    """Of a case feed: cases that are ``overdue`` or ``stuck``, that ``opened`` lately, or for which ``since`` says so.

    ``since`` gets a case and the moment (ms) and returns since when there is something about it, else ``None``. With
    ``within`` only cases at an enterprise whose case in that feed stands in ``within_stage`` count.
    """

    what: Literal["overdue", "stuck", "opened", "since"]
    since: Callable[[CaseNow, int], int | None] | None = None
    within: str = ""
    within_stage: str = ""


class OnFeed(msgspec.Struct, frozen=True):
    """No record of a feed has come for longer than its declared limit, from anywhere."""


class OnCorrection(msgspec.Struct, frozen=True):
    """A figure of yesterday is another one than it was two hours after midnight, by late or corrected records."""

    kpis: tuple[str, ...]


Condition = OnFigure | OnReading | OnTrack | OnCase | OnFeed | OnCorrection


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody is to be told, declared by a feed. Every number is a rule that a region may change from a day on.

    ``<feed>.alert.<name>`` is the limit in a pack; ``.clear``, ``.urgent``, ``.for``, ``.repeat``, ``.chief``,
    ``.leader``, ``.from``, ``.to``, ``.quiet_from``, ``.quiet_to`` and ``.off`` are the others. Minutes are of the
    world's clock, hours of the local day.
    """

    name: str
    words: Words
    condition: Condition
    severity: Literal["alert", "watch"] = "watch"
    limit: float | None = None
    """What the measured value must reach; ``None`` where the condition needs none."""
    unit: str = ""
    low: float = 0
    high: float = 10_000
    clear: float | None = None
    """At what value it is over again (hysteresis); ``None``: as soon as the limit is not reached."""
    urgent: float | None = None
    """The value from which a ``watch`` is an ``alert``."""
    for_min: float = 0
    """How long the condition must hold before it is raised."""
    hold_min: float = 2
    """How long it must be gone before the alert is over."""
    repeat_min: float = 60
    """Told again while nobody has taken it."""
    chief_min: float = 15
    """Nobody has taken it after this long: the chief is told."""
    leader_min: float = 60
    """And the leader after this long."""
    owner: str = ""
    """Whose it is from the start: ``unit`` (the patrol of the beat), or a field of the case."""
    hours: tuple[float, float] | None = None
    """Local hours in which the condition is looked at; ``None``: always."""
    quiet: tuple[float, float] | None = None
    """Local hours in which a ``watch`` is shown and not told; ``None``: never."""
    help: Words = Words("", "")
    """What it means and what to do."""

    def key(self, feed: str) -> str:
        """Its name among the alerts of all feeds."""
        return f"{feed}.{self.name}"

    def parameters(self, feed: str) -> tuple[Parameter, ...]:
        """The rules that a region may set."""
        zh, en, base = self.words.zh, self.words.en, f"{feed}.alert.{self.name}"

        def one(
            suffix: str, chinese: str, english: str, unit: str, default: float | None, low: float, high: float
        ) -> Parameter:
            return Parameter(
                base + suffix, Words(f"告警“{zh}”{chinese}", f"Alert “{en}”: {english}"), unit, default, low, high
            )

        found = []
        if self.limit is not None:
            found.append(one("", "的界限", "limit", self.unit, self.limit, self.low, self.high))
            said = _said(self.clear)
            found.append(
                one(
                    ".clear",
                    f"解除界限（默认{said.zh}）",
                    f"cleared at ({said.en})",
                    self.unit,
                    None,
                    self.low,
                    self.high,
                )
            )
            said = _said(self.urgent)
            found.append(
                one(
                    ".urgent",
                    f"升为告警的值（默认{said.zh}）",
                    f"urgent from ({said.en})",
                    self.unit,
                    None,
                    self.low,
                    self.high,
                )
            )
        for suffix, chinese, english, default, high in (
            (".for", "持续多久才发", "must hold for", self.for_min, 1440),
            (".repeat", "无人签收时重发间隔", "told again every", self.repeat_min, 1440),
            (".chief", "无人签收多久报所长", "to the chief after", self.chief_min, 1440),
            (".leader", "无人签收多久报领导", "to the leader after", self.leader_min, 2880),
        ):
            low = 1 if suffix == ".repeat" else 0
            text = f"{default:g}"
            found.append(
                one(suffix, f"{chinese}（默认 {text}）", f"{english} (default {text})", "min", None, low, high)
            )
        for suffix, chinese, english in (
            (".from", "从几时起看", "looked at from"),
            (".to", "看到几时", "looked at until"),
            (".quiet_from", "静默从几时起", "quiet from"),
            (".quiet_to", "静默到几时", "quiet until"),
        ):
            found.append(one(suffix, chinese, english, "clock", None, 0, 24))
        found.append(one(".off", "停用（1 为停用）", "switched off (1)", "", None, 0, 1))
        return tuple(found)


def _said(value: float | None) -> Words:
    return Words("不另设", "not set") if value is None else Words(f" {value:g}", f"default {value:g}")


class Owes(msgspec.Struct, frozen=True):
    """One thing that a case owes today. ``nth`` tells several of a day apart and is part of the obligation's name."""

    since: int
    due: int
    words: Words
    nth: str = ""


class DutyRule(msgspec.Struct, frozen=True):
    """What the records of a feed leave to be done today, a row each on the town page, the phone and the handover sheet.

    It is done when the feed's own records say so; what staff do about it (``action``) never changes a figure.
    """

    on: Literal["visit", "round", "fever", "silence", "due", "limit", "unassigned", "owed"]
    """``visit``: each visit that a place of kind ``target`` owes; ``round``: what all of ``target`` owe, in one row;
    ``fever``, ``silence``: of a reading feed; of a case feed ``due``: it must end today; ``limit``: it must leave its
    stage today; ``unassigned``: nobody has it for ``hours``; ``owed``: what the function of that name says."""
    target: str = "patrol_point"
    hours: float = 24.0
    stages: tuple[str, ...] = ()
    """Only cases that stand there; ``()``: any open one."""
    owed: Callable[[CaseNow, int, int], Sequence[Owes]] | None = None
    """(case, now, start of the local day) -> what it owes today and has not got; ms since 1970 UTC."""
    owner_field: str = ""
    """Field with who sees to it; ``""``: the one that the archetype names."""
    words: Words | None = None
    """What a row is called; ``None``: the feed's short name."""
    verbs: tuple[str, ...] = ("acknowledge", "assign", "done", "handover", "postpone")
    """What may be done about it."""


VISIT_VERBS = ("acknowledge", "assign", "done", "handover")
"""A visit's window is a rule: it can be given away and reported on, not moved."""


class Link(msgspec.Struct, frozen=True):
    """Records of another feed that stand beside one of this feed's: those whose ``theirs`` is what its ``mine`` is."""

    feed: str
    words: Words
    mine: str
    """A field of this feed; its subject reads the case's own number."""
    theirs: str
    """A field of the other feed, or its subject."""
    only: str = ""
    """A stage of the other feed: only cases that stand in it."""


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
    contacts: bool = False
    """Whether its work needs somebody to be called: contacts of its cases may be kept in the vault (DOMAIN.md §9)."""
    core: bool = False
    """Shown everywhere from the first day; any other feed appears once a record of it has come."""
    natural_key: tuple[str, ...] = ()
    """Fields that tell a record of a file apart from all others of its source where it carries no id of its own."""
    duties: tuple[DutyRule, ...] | None = None
    """What is to be done today and is not done yet. ``None``: of a case feed, what must end or leave its stage."""
    alerts: tuple[AlertRule, ...] = ()
    """When somebody is to be told (DOMAIN.md §8)."""
    derived: Mapping[str, Mapping[str, Words]] = {}
    """Words of what no record states but a rule says, e.g. the ground of a decision: name -> value -> words."""
    links: tuple[Link, ...] = ()
    """Other feeds' records that belong to one of this feed's."""
    headline: tuple[str, ...] = ()
    """KPIs shown where there is room for a few (wall, brief); ``()``: the first three."""

    def __post_init__(self) -> None:
        for kpi in self.kpis:
            for other in kpi.apart:
                found = self.kpi(other)
                if found is None or kpi.key not in found.apart:
                    raise ValueError(f"{self.name}: {kpi.key} and {other} must both be declared apart from one another")
            if kpi.of is not None and apart(self, *kpi.of):
                raise ValueError(f"{self.name}: {kpi.key} divides {kpi.of[0]} by {kpi.of[1]}, which overlap")
        for key in self.headline:
            if self.kpi(key) is None:
                raise ValueError(f"{self.name}: headline {key} is no KPI of it")

    @property
    def headlines(self) -> tuple[str, ...]:
        """Keys of the figures to be shown where there is room for a few."""
        return self.headline or tuple(kpi.key for kpi in self.kpis[:3])

    @property
    def owes(self) -> tuple[DutyRule, ...]:
        """The rules by which something of this feed is to be done today."""
        if self.duties is not None:
            return self.duties
        if not isinstance(self.archetype, CaseSpec):
            return ()
        return (DutyRule("due" if self.archetype.due_field else "limit"),)

    @property
    def rules(self) -> tuple[Parameter, ...]:
        """Every rule that a region may set: the declared ones and, of a case feed, how long a case may stand where."""
        found = {one.key: one for one in self.parameters}
        for stage in self.archetype.stages if isinstance(self.archetype, CaseSpec) else ():
            if not stage.ends:
                words = Words(f"{stage.words.zh}环节最多停留", f"Longest stay: {stage.words.en.lower()}")
                key = f"{self.name}.sla.{stage.code}"
                found.setdefault(key, Parameter(key, words, "h", stage.sla_hours, 1, 8760, (f"{self.name}_stuck",)))
        for alert in self.alerts:
            found |= {one.key: one for one in alert.parameters(self.name)}
        return tuple(found.values())

    def field(self, name: str) -> Field | None:
        """The declared field of that name."""
        return next((field for field in self.fields if field.name == name), None)

    def kpi(self, key: str) -> Kpi | None:
        """The declared KPI of that key."""
        return next((kpi for kpi in self.kpis if kpi.key == key), None)


def apart(feed: Feed, one: str, other: str) -> bool:
    """Whether two figures are declared never to be divided by one another."""
    kpi = feed.kpi(one)
    return kpi is not None and other in kpi.apart


SummaryParts = Callable[[Sequence[Summary]], Parts]
__all__ = [
    "HOUR",
    "MINUTE",
    "ActionSpec",
    "AlertRule",
    "Archetype",
    "CaseSpec",
    "Condition",
    "DutyRule",
    "Feed",
    "Field",
    "Kpi",
    "OnCase",
    "OnCorrection",
    "OnFeed",
    "OnFigure",
    "OnReading",
    "OnTrack",
    "Owes",
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
