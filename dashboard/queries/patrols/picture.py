"""What patrols owed and did, as rows under a page's filters; figures are declared KPIs over summaries narrowed to them.

A row is one obligation as judged. Nothing is defined here anew. Instants are ms since 1970 UTC, hours local.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dashboard.domain.day import minute_of
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure
from dashboard.domain.place import Place
from dashboard.domain.summary import Judged, ObligationState, TrackSummary
from dashboard.feeds.patrol import TARGETS
from dashboard.queries import desk
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, shift_choices, town_choices
from dashboard.queries.figures import ALL
from dashboard.queries.rows import STATES, beat_name, unit_name

if TYPE_CHECKING:
    from dashboard.queries.board import Board

FEED = "patrol"
MET, OPEN = ObligationState.MET, ObligationState.OPEN
LAPSED, UNSEEN = ObligationState.LAPSED, ObligationState.UNOBSERVABLE
NO_BEAT = "-"


@dataclass(frozen=True, slots=True)
class Owed:
    """One obligation with what it is filtered by."""

    town: str
    judged: Judged
    beat: str
    units: tuple[str, ...]
    shift: str
    hour: int
    """Local hour in which its window closes."""
    day: int

    @property
    def place(self) -> str:
        """The place that is owed the visit."""
        return self.judged.place

    @property
    def state(self) -> ObligationState:
        """How it was judged."""
        return self.judged.state

    @property
    def target(self) -> str:
        """What kind of place owes it."""
        return self.judged.target


def _beats(board: Board, lang: str) -> list[Choice]:
    towns = board.pack.town_by_code
    found = [
        Choice(beat.code, beat_name(board, beat.code, lang), towns[beat.town].name if beat.town in towns else "")
        for beat in board.pack.beats
        if beat.town in board.towns
    ]
    return [*found, Choice(NO_BEAT, "未编入巡段" if lang != "en" else "No beat")]


def _units(board: Board, lang: str) -> list[Choice]:
    towns = board.pack.town_by_code
    return [
        Choice(unit.code, unit_name(board, unit.code, lang), towns[unit.town].name if unit.town in towns else "")
        for unit in board.pack.units
        if unit.town in board.towns
    ]


def _targets(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in TARGETS.items()]


def _states(board: Board, lang: str) -> list[Choice]:
    return [Choice(str(state), STATES[state].of(lang)) for state in (LAPSED, UNSEEN, OPEN, MET)]


def _hours(board: Board, lang: str) -> list[Choice]:
    return [Choice(str(hour), f"{hour} 时" if lang != "en" else f"{hour}:00") for hour in range(24)]


FILTERS = (
    Filter("shift", Words("班次", "Shift"), shift_choices, lambda row: row.shift),
    Filter("hour", Words("时段", "Hour"), _hours, lambda row: str(row.hour), quiet=True),
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter("beat", Words("巡段", "Beat"), _beats, lambda row: row.beat),
    Filter("unit", Words("巡逻组", "Unit"), _units, lambda row: row.units),
    Filter(
        "target",
        Words("对象", "Object"),
        _targets,
        lambda row: row.target,
        form="segment",
        default=("patrol_point",),
        apart=True,
    ),
    Filter("state", Words("状态", "State"), _states, lambda row: str(row.state)),
)


def rows_of(board: Board, tracks: Mapping[str, TrackSummary]) -> list[Owed]:
    found = []
    units_of = {beat.code: beat.units for beat in board.pack.beats}
    shifts: dict[int, str] = {}
    for town, track in tracks.items():
        for judged in track.obligations:
            place = board.place(judged.place)
            beat = place.beat if place is not None and place.beat else NO_BEAT
            minute = minute_of(judged.end - 1, board.zone)
            if minute not in shifts:
                shift = board.pack.shift_at(minute)
                shifts[minute] = shift.code if shift else ""
            found.append(Owed(town, judged, beat, units_of.get(beat, ()), shifts[minute], minute // 60, track.day))
    return found


def _day(board: Board, tracks: Mapping[str, TrackSummary]) -> int:
    return tracks[next(iter(tracks))].day if tracks else board.day


def tracks_of(board: Board) -> dict[str, TrackSummary]:
    return {town: track for town in board.towns if (track := board.track(town)) is not None}


class Picture:
    """A page's rows and figures under its filters, at one moment (or over the days of a span)."""

    def __init__(self, asked: Asked, days: Sequence[tuple[Board, Mapping[str, TrackSummary]]] | None = None) -> None:
        self.asked = asked
        self.days = (
            days if days is not None else [(board, tracks_of(board)) for board in asked.boards or (asked.board,)]
        )
        self.rows = [row for board, tracks in self.days for row in rows_of(board, tracks)]
        self.narrowed = Narrowed(self.rows, asked, self._text)
        self.counted = self.narrowed.but("state")
        """The rows that figures are made of: a share by state would say nothing of the share of states."""
        self.town = asked.one("town") or ALL
        self.only = None if self.town != ALL or "town" not in asked.chosen else asked.chosen["town"]
        self._summaries = [self._narrow(board, tracks) for board, tracks in self.days]

    def _text(self, row: Owed) -> str:
        board, lang = self.asked.board, self.asked.lang
        names = [place_text(board, row.town, row.place), row.place, beat_text(board, row.beat, lang)]
        names += [unit_name(board, unit, lang) for unit in row.units]
        names.append(board.pack.town_by_code[row.town].name)
        return " ".join(names)

    @property
    def dims(self) -> dict[str, str]:
        """What the figures are narrowed to beside towns."""
        chosen = self.asked.chosen
        found = {key: ",".join(chosen[key]) for key in ("target", "shift", "hour", "beat", "unit") if key in chosen}
        return {**found, "q": self.asked.q} if self.asked.q else found

    def _narrow(self, board: Board, tracks: Mapping[str, TrackSummary]) -> dict[str, TrackSummary]:
        day = _day(board, tracks)
        kept: dict[str, list[Judged]] = defaultdict(list)
        for row in self.counted:
            if row.day == day:
                kept[row.town].append(row.judged)
        units = self._units_meant()
        found = {}
        for town, track in tracks.items():
            own = kept.get(town, [])
            places = {judged.place for judged in own}
            found[town] = replace(
                track,
                obligations=tuple(own),
                units=tuple(unit for unit in track.units if units is None or unit.unit in units),
                gaps=tuple(gap for gap in track.gaps if gap.place in places),
            )
        return found

    def _units_meant(self) -> set[str] | None:
        chosen, pack = self.asked.chosen, self.asked.board.pack
        if "unit" in chosen:
            return set(chosen["unit"])
        if "beat" in chosen:
            return {unit for beat in pack.beats if beat.code in chosen["beat"] for unit in beat.units}
        return None

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI under the page's filters; of one town, or of all that are chosen."""
        now = self.asked.board.now
        if town is not None:
            return desk.figure_over(kpi, self._summaries, town, now)
        return desk.figure_over(kpi, self._summaries, self.town, now, self.only)

    @property
    def tracks(self) -> dict[str, TrackSummary]:
        """The narrowed summaries of the (last) day, of the towns that are meant."""
        return {town: track for town, track in self._summaries[-1].items() if self.means(town)}

    def is_counted(self, row: Owed) -> bool:
        """Whether the coverage counts an obligation, in its numerator or denominator (EXACTNESS 13, 19)."""
        track = next(tracks for board, tracks in self.days if _day(board, tracks) == row.day)[row.town]
        closed = row.state == LAPSED or (row.state == MET and row.judged.end <= track.now)
        return closed and track.reported and self.means(row.town)

    def means(self, town: str) -> bool:
        """Whether a town passes the filter of towns."""
        return town in self.asked.chosen.get("town", (town,))

    def before(self) -> Picture | None:
        """The same filters at the same time of the day before; ``None`` when that is not known (yet)."""
        if len(self.days) > 1:
            return None
        board = self.asked.board
        found = {town: one for town, one in board.before(FEED).items() if isinstance(one, TrackSummary)}
        return Picture(self.asked, [(board, found)]) if found else None


def place_of(board: Board, town: str, code: str) -> tuple[str, float | None, float | None]:
    """Name and position of a place; of an enterprise that no list names, what its records say."""
    place: Place | None = board.place(code)
    if place is not None and not place.provisional:
        return place.name, place.lon, place.lat
    summary = board.case(town, "enterprise")
    case = summary.find(code) if summary else None
    if case is not None:
        return str(case.value("name") or code), case.lon, case.lat
    return (place.name, place.lon, place.lat) if place is not None else (code, None, None)


def place_text(board: Board, town: str, code: str) -> str:
    """A place's name."""
    return place_of(board, town, code)[0]


def beat_text(board: Board, beat: str, lang: str) -> str:
    return beat_name(board, beat if beat != NO_BEAT else None, lang)
