"""One invented afternoon of one town, exact to the minute: what the unit tests of duties and views count on.

Monday 24 February 2020, 14:32, day shift 08:00-20:00. Beats: B1 with units U1 and U2, B2 with U3; one place without a
beat. The second town has reported nothing.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.domain.day import HOUR, MINUTE, day_start
from dashboard.domain.place import Beat, DutyHours, Place, PlaceKind, RegionPack, Shift, Town, Unit, VisitRule
from dashboard.domain.summary import (
    CaseNow,
    CaseSummary,
    CheckpointNow,
    DriftNow,
    FeverNow,
    FeverState,
    Judged,
    ObligationState,
    PlaceGap,
    ReadingSummary,
    Step,
    TrackSummary,
    UnitDay,
    UnitNow,
)
from dashboard.queries.board import Board

TOWN, SILENT_TOWN = "330421111", "330421102"
DAY = 20200224
START = day_start(DAY)
NOW = START + 14 * HOUR + 32 * MINUTE


def at(hour: int, minute: int = 0) -> int:
    """An instant of the day."""
    return START + hour * HOUR + minute * MINUTE


def _point(number: int, name: str, lon: float, lat: float, beat: str | None) -> Place:
    return Place(f"{TOWN}-P{number:02d}", PlaceKind.PATROL_POINT, TOWN, name, "", lon, lat, beat)


POINTS = (
    _point(1, "园区北 7 号点", 120.955, 30.915, "B1"),
    _point(2, "园区北 9 号点", 120.963, 30.905, "B1"),
    _point(3, "银水庙 2 号点", 120.931, 30.923, "B1"),
    _point(4, "俞汇工业点 3 号", 120.944, 30.931, "B2"),
    _point(5, "丁栅老街", 120.952, 30.948, "B2"),
    _point(6, "清凉村部", 120.938, 30.902, None),
)
GATES = (
    Place(f"{TOWN}-K01", PlaceKind.CHECKPOINT, TOWN, "高速姚庄出口", "", 120.971, 30.911),
    Place(f"{TOWN}-K02", PlaceKind.CHECKPOINT, TOWN, "丁栅大桥", "", 120.949, 30.957),
    Place(f"{TOWN}-K03", PlaceKind.CHECKPOINT, TOWN, "沉香村口", "", 120.921, 30.909),
)
PACK = RegionPack(
    region="330421",
    name="嘉善县",
    name_en="Jiashan",
    valid_from=20200210,
    timezone="Asia/Shanghai",
    towns=(
        Town(TOWN, "姚庄镇", "Yaozhuang", "330421", (), (120.945, 30.917)),
        Town(SILENT_TOWN, "西塘镇", "Xitang", "330421", (), (120.889, 30.945)),
    ),
    places=POINTS + GATES,
    beats=(
        Beat("B1", TOWN, "园区北", "Park North", ("U1", "U2")),
        Beat("B2", TOWN, "俞汇、丁栅", "Yuhui", ("U3",)),
    ),
    visit_rules=tuple(VisitRule(point.code, 1, 8 * 60, 12 * 60) for point in POINTS),
    shifts=(Shift("day", "白班", "Day shift", 480, 1200), Shift("night", "夜班", "Night shift", 1200, 480)),
    duty_hours=(
        DutyHours(GATES[0].code, 0, 0),
        DutyHours(GATES[1].code, 7 * 60, 19 * 60),
        DutyHours(GATES[2].code, 14 * 60 + 25, 20 * 60),
    ),
    units=(
        Unit("U1", TOWN, "一组", "Unit 1", "何涛"),
        Unit("U2", TOWN, "二组", "Unit 2", "许斌"),
        Unit("U3", TOWN, "四组", "Unit 4", "朱琳"),
    ),
    version="0123456789ab",
)

OPEN, MET, LAPSED, UNSEEN = (
    ObligationState.OPEN,
    ObligationState.MET,
    ObligationState.LAPSED,
    ObligationState.UNOBSERVABLE,
)


def _owed(number: int, first: int, last: int, state: ObligationState, met: int | None = None, nth: int = 1) -> Judged:
    return Judged(POINTS[number - 1].code, first, last, nth, state, met)


TRACK = TrackSummary(
    town=TOWN,
    day=DAY,
    now=NOW,
    reported=True,
    last_received=NOW - 8_000,
    obligations=(
        _owed(1, at(8), at(12), MET, at(9, 31)),
        _owed(1, at(13), at(15), OPEN),
        _owed(2, at(8), at(12), MET, at(10, 5)),
        _owed(2, at(13), at(16, 32), OPEN),
        _owed(3, at(8), at(12), LAPSED),
        _owed(3, at(13), at(18), OPEN),
        _owed(3, at(13), at(18), OPEN, nth=2),
        _owed(4, at(12), at(14), LAPSED),
        _owed(5, at(8), at(12), MET, at(8, 42)),
        _owed(5, at(12), at(14), UNSEEN),
        _owed(6, at(8), at(20), OPEN),
    ),
    cells_seen=31,
    cells_listed=42,
    units=(
        UnitNow("U1", TOWN, NOW - 8_000, 120.951, 30.912, 60.0, 18.0, "vehicle", True, True),
        UnitNow("U2", TOWN, at(13, 50), 120.936, 30.918, None, None, "foot", True, False),
        UnitNow("U3", TOWN, NOW - 20_000, 120.946, 30.936, 200.0, 4.0, "foot", True, True),
    ),
    unit_days=(
        UnitDay(
            "U1",
            ((at(8), at(10, 12)), (at(10, 13), NOW - 8_000)),
            ((at(9, 29), at(9, 33)),),
            ((POINTS[0].code, at(9, 29), at(9, 33)),),
        ),
        UnitDay("U2", ((at(8, 5), at(13, 50)),), (), ()),
        UnitDay("U3", ((at(8, 12), at(10, 48)), (at(12, 6), NOW - 20_000)), ((at(8, 40), at(8, 42)),), ()),
    ),
    person_times=8,
    distance_mm=41_240_000,
    gaps=(
        PlaceGap(POINTS[3].code, at(0), False),
        PlaceGap(POINTS[2].code, at(0) - 4 * HOUR, True),
        PlaceGap(POINTS[4].code, at(8, 42), True),
    ),
)

READING = ReadingSummary(
    town=TOWN,
    day=DAY,
    now=NOW,
    reported=True,
    last_received=NOW - 41_000,
    screened=2_431,
    hourly=(22, 15, 9, 11, 30, 88, 176, 402, 388, 296, 241, 214, 190, 227, 122, *([0] * 9)),
    fever_count=4,
    fever_confirmed=1,
    fevers=(
        FeverNow(GATES[0].code, NOW - 3 * MINUTE, 37_900, "threshold:infrared/forehead", FeverState.PENDING, "A-17"),
        FeverNow(GATES[0].code, at(13, 10), 37_600, "device_verdict", FeverState.UNRESOLVED, "A-16"),
        FeverNow(GATES[1].code, at(10, 20), 38_100, "device_threshold", FeverState.TRANSFERRED, "A-09"),
        FeverNow(GATES[1].code, at(8, 15), 37_400, "threshold:infrared/wrist", FeverState.CLEARED, "A-04"),
    ),
    codes={"green": 2_380, "yellow": 31, "red": 0, "none": 12},
    refused=3,
    checkpoints=(
        CheckpointNow(GATES[0].code, True, True, NOW - 41_000, 1_602, 2),
        CheckpointNow(GATES[1].code, True, False, at(14, 2), 829, 2),
        CheckpointNow(GATES[2].code, True, False, None, 0, 0),
    ),
    drifts=(
        DriftNow("D-0012", GATES[0].code, "infrared", "forehead", -620, 50),
        DriftNow("D-0015", GATES[1].code, "infrared", "forehead", 110, 50),
    ),
)


def _case(code: str, steps: tuple[tuple[int, str], ...], **said: Any) -> CaseNow:
    made = tuple(Step(moment, stage) for moment, stage in steps)
    return CaseNow(
        case=f"{TOWN}-{code}",
        stage=made[-1].stage,
        since=made[-1].at,
        opened=made[0].at,
        ends=said.pop("ends", ""),
        steps=made,
        fields=said.pop("fields", {}),
        last_at=made[-1].at,
        **said,
    )


_HANDLED = {"kind": "wages", "parties": 4, "handler": "M-8001 陆敏"}
DISPUTES = CaseSummary(
    town=TOWN,
    day=DAY,
    now=NOW,
    reported=True,
    ever=True,
    last_received=NOW - 6 * MINUTE,
    day_from=START,
    cases=(
        # Over by a day and two hours; due within two hours; due tonight; due tomorrow; resolved this morning.
        _case(
            "D0001",
            ((at(-60), "reported"), (at(-40), "mediating")),
            due=NOW - 26 * HOUR,
            overdue=True,
            fields={**_HANDLED, "place": POINTS[0].code},
        ),
        _case(
            "D0002",
            ((at(-20), "reported"), (at(9), "accepted")),
            due=NOW + HOUR,
            fields={**_HANDLED, "kind": "housing"},
        ),
        _case("D0003", ((at(8), "reported"),), due=at(20), fields={"kind": "neighbour", "parties": 2}),
        _case("D0004", ((at(10), "reported"),), due=at(30), fields={"kind": "other"}),
        _case("D0005", ((at(-9), "reported"), (at(11), "resolved")), due=at(20), ends="done", fields=_HANDLED),
    ),
)
"""A town's disputes of that afternoon."""


def _named(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "scale": "below", "liaison": "P-8013 徐静", "staff_total": 40, **more}


ENTERPRISES = CaseSummary(
    town=TOWN,
    day=DAY,
    now=NOW,
    reported=True,
    ever=True,
    last_received=NOW - 12 * MINUTE,
    day_from=START,
    cases=(
        # Stuck with the reviewers; one hour left; moved on this morning; resumed yesterday; registered, without a limit.
        _case(
            "E0001",
            ((at(-200), "registered"), (at(-90), "applied"), (NOW - 74 * HOUR, "reviewing")),
            limit=NOW - 26 * HOUR,
            stuck=True,
            fields=_named("万柏包装"),
            lon=120.95,
            lat=30.92,
        ),
        _case(
            "E0002",
            ((at(-200), "registered"), (NOW - 47 * HOUR, "approved")),
            limit=NOW + HOUR,
            fields=_named("禾序食品"),
        ),
        _case(
            "E0003",
            ((at(-200), "registered"), (at(-30), "applied"), (at(10), "reviewing")),
            limit=at(58),
            fields=_named("澜石电子"),
        ),
        _case(
            "E0004",
            ((at(-200), "registered"), (at(-20), "resumed")),
            ends="done",
            fields=_named("岚川针织", staff_returned=31),
        ),
        _case("E0005", ((at(-200), "registered"),), fields={"name": "骏帆木业"}),
    ),
)
"""A town's enterprises of that afternoon."""


def town_board(
    track: TrackSummary | None = TRACK,
    reading: ReadingSummary | None = READING,
    now: int = NOW,
    dispute: CaseSummary | None = None,
    enterprise: CaseSummary | None = None,
    **health: Any,
) -> Board:
    """The board of that moment, without cases unless they are given. Other arguments become ``board.health``."""
    given = {"patrol": track, "temperature": reading, "dispute": dispute, "enterprise": enterprise}
    summaries: dict[str, dict[str, Any]] = {feed: {TOWN: one} if one else {} for feed, one in given.items()}
    region = cast(Any, SimpleNamespace(pack=PACK))
    return Board(cast(Any, summaries), now, 48_213, region, LOCAL_VIEWER, health=(lambda: health) if health else None)
