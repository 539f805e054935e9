"""What patrols owe on a day: which unit visits which place when, which visits lapse, and whose device falls silent.

Only planned here, walked in ``walk``. Times are seconds of the local day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

import msgspec
import numpy as np

from dashboard.domain.place import Place, RegionPack, Shift, Unit
from ingest.scenarios.base import seed

SILENT = (0.15, 0.77)
"""The part of a window in which a silent beat sends nothing: more than half makes it unobservable."""


class Owed(msgspec.Struct, frozen=True):
    """One visit that a place owes on this day, with the part of the window in which it is planned."""

    place: str
    beat: str
    town: str
    begin: int
    end: int
    """The window."""
    slot: tuple[float, float]
    """This visit's share of the window: the n-th of ``times`` equal parts."""


class Task(msgspec.Struct, frozen=True):
    """A visit as given to a unit."""

    planned: float
    place: str
    end: int
    stay: float
    scans: bool


class Silence(msgspec.Struct, frozen=True):
    """Units whose devices send nothing between two moments of a day."""

    units: tuple[str, ...]
    beat: str
    begin: float
    end: float
    window: tuple[int, int] = (0, 0)

    def holds(self, second: float) -> bool:
        """Whether a moment is silent."""
        return self.begin <= second < self.end


class Duties:
    """Shares out a pack's visits among its units. ``spans`` tells when a unit is on duty: (begin, end, shift).

    ``night`` units work outside the shift ``by_day``, all others within it. ``weak`` towns hold most of what lapses.
    """

    def __init__(
        self,
        pack: RegionPack,
        owing: set[str],
        units: tuple[Unit, ...],
        spans: Callable[[str], list[tuple[int, int, Shift]]],
        by_day: Shift,
        night: frozenset[str],
        weak: set[str],
    ) -> None:
        self.pack, self.owing, self.units, self._spans, self.by_day, self.weak = pack, owing, units, spans, by_day, weak
        self.night = night
        self.town_of = {unit.code: unit.town for unit in units}

    def _owed(self) -> list[Owed]:
        found: list[Owed] = []
        for rule in self.pack.visit_rules:
            if rule.place not in self.owing:
                continue
            place = self.pack.place_by_code[rule.place]
            begin, end = rule.start * 60, min(rule.end, 1440) * 60
            part = (end - begin) / rule.times
            found.extend(
                Owed(place.code, self._beat(place), place.town, begin, end, (begin + n * part, begin + (n + 1) * part))
                for n in range(rule.times)
            )
        return found

    def _beat(self, place: Place) -> str:
        if place.beat in self.pack.beat_by_code:
            return place.beat or ""
        return ""

    def _crew(self, owed: Owed) -> list[str]:
        """The units that could pay a visit: the beat's on duty in its slot, else the town's."""
        beat = self.pack.beat_by_code.get(owed.beat)
        of_town = [unit.code for unit in self.units if unit.town == owed.town]
        for units in (beat.units if beat else (), of_town):
            crew = [unit for unit in units if unit in self.town_of and self._best_span(unit, owed)]
            if crew:
                return crew
        return []

    def _best_span(self, unit: str, owed: Owed) -> tuple[float, float] | None:
        """The longest time of a visit's slot that a unit is on duty, less the way; ``None`` if too short."""
        spans = [
            (max(begin + 420, owed.slot[0] + 60), min(end - 1500, owed.slot[1] - 900))
            for begin, end, _ in self._spans(unit)
        ]
        best = max(spans, key=lambda span: span[1] - span[0])
        return best if best[1] - best[0] >= 300 else None

    def silences(self, random: np.random.Generator) -> list[Silence]:
        """A beat silent for most of a window, a single unit for two hours, and a night unit for most of a window."""
        windows: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for owed in self._owed():
            if owed.beat and self._within_day(owed):
                windows[owed.beat].add((owed.begin, owed.end))
        # A short window and few units: a silence of hours that a flat battery explains.
        choices = sorted(
            ((end - begin) * max(1, len(self._day_units(beat))), beat, begin, end)
            for beat, found in windows.items()
            for begin, end in found
            if end - begin >= 7200 and self.pack.beat_by_code[beat].town not in self.weak
        )
        silences = []
        if choices:
            _, beat, begin, end = choices[int(random.integers(0, max(1, len(choices) // 2)))]
            silences.append(_through(self._day_units(beat), beat, begin, end))
        by_day = [unit.code for unit in self.units if unit.code not in self.night]
        single = by_day[int(random.integers(0, len(by_day)))]
        at = float(random.uniform(9, 16)) * 3600
        silences.append(Silence((single,), "", at, at + 7200))
        return [*silences, *self._silent_night(random)]

    def _silent_night(self, random: np.random.Generator) -> list[Silence]:
        """One night unit, silent for most of a window in which its beat owes one visit alone."""
        windows: dict[tuple[str, int, int], list[str]] = defaultdict(list)
        for owed in self._owed():
            if owed.beat and not self._within_day(owed) and owed.town not in self.weak:
                windows[(owed.beat, owed.begin, owed.end)] = self._crew(owed)
        counts = Counter((owed.beat, owed.begin, owed.end) for owed in self._owed())
        choices = sorted(window for window, crew in windows.items() if crew and counts[window] == 1)
        if not choices:
            return []
        beat, begin, end = choices[int(random.integers(0, len(choices)))]
        return [_through(tuple(windows[(beat, begin, end)]), beat, begin, end)]

    def _day_units(self, beat: str) -> tuple[str, ...]:
        return tuple(unit for unit in self.pack.beat_by_code[beat].units if unit not in self.night)

    def _within_day(self, owed: Owed) -> bool:
        return self.by_day.start * 60 <= owed.begin and owed.end <= self.by_day.end * 60

    def tasks(self, day: int, random: np.random.Generator, silences: list[Silence]) -> dict[str, list[Task]]:
        """Every unit's visits of a day, in order of time."""
        owed = self._owed()
        lost = self._lost(owed, random, silences)
        tasks: dict[str, list[Task]] = defaultdict(list)
        draws = random.random((len(owed), 4)).tolist()
        for number, (visit, draw) in enumerate(zip(owed, draws, strict=True)):
            crew = self._crew(visit)
            if number in lost or not crew:
                continue
            unit = crew[seed(visit.place, day) % len(crew)]
            span = self._best_span(unit, visit)
            assert span is not None  # noqa: S101 - the crew was chosen by it
            planned = span[0] + draw[0] * (span[1] - span[0])
            for silence in silences:
                if unit in silence.units:
                    planned = _around(planned, span, silence, visit)
            scans = draw[1] < 0.12
            stay = 35 + 20 * draw[2] if scans and draw[3] < 0.5 else 80 + 120 * draw[2]
            tasks[unit].append(Task(planned, visit.place, visit.end, stay, scans))
        for found in tasks.values():
            found.sort(key=lambda task: task.planned)
        return tasks

    def _lost(self, owed: list[Owed], random: np.random.Generator, silences: list[Silence]) -> set[int]:
        """The visits nobody sets out for: some 5 of 100, two thirds of them in the weak towns.

        Delays and silent devices lose another one in a hundred.
        """
        silent = {(silence.beat, silence.window) for silence in silences if silence.beat}
        judged = [n for n, visit in enumerate(owed) if (visit.beat, (visit.begin, visit.end)) not in silent]
        by_day = [n for n in judged if self._within_day(owed[n])]
        weak = [n for n in by_day if owed[n].town in self.weak]
        others = [n for n in by_day if owed[n].town not in self.weak]
        wanted = round(len(by_day) * float(random.uniform(0.044, 0.054)))
        of_weak = min(round(wanted * 0.68), round(len(weak) * 0.4))
        picked = random.permutation(weak)[:of_weak].tolist() if weak else []
        picked += random.permutation(others)[: wanted - of_weak].tolist()
        by_night = [n for n in judged if not self._within_day(owed[n])]
        return {int(n) for n in [*picked, *self._lost_at_night(owed, by_night, random)]}

    def _lost_at_night(self, owed: list[Owed], judged: list[int], random: np.random.Generator) -> list[int]:
        """Some 6 of 100, at most one of a town and the weak towns' first: few visits are owed, so chance alone would
        leave whole towns without."""
        order: list[int] = random.permutation(judged).tolist() if judged else []
        of_town: dict[str, int] = {}
        for n in order:
            of_town.setdefault(owed[n].town, n)
        wanted = round(len(judged) * float(random.uniform(0.045, 0.075)))
        return sorted(of_town.values(), key=lambda n: owed[n].town not in self.weak)[:wanted]


def _through(units: tuple[str, ...], beat: str, begin: int, end: int) -> Silence:
    """The silence of a beat's units through most of a window."""
    length = end - begin
    return Silence(units, beat, begin + SILENT[0] * length, begin + SILENT[1] * length, (begin, end))


def _around(planned: float, span: tuple[float, float], silence: Silence, visit: Owed) -> float:
    """When to go, given that the device is silent for a while: within it when the window is to be unobservable."""
    if silence.beat == visit.beat and silence.window == (visit.begin, visit.end):
        # Leave and arrive unseen; the way takes up to a quarter of an hour.
        begin, end = silence.begin + 600, silence.end - 1800
        return begin + (planned - span[0]) / (span[1] - span[0]) * (end - begin)
    if silence.begin - 600 <= planned < silence.end + 300:
        before, after = silence.begin - 1500, silence.end + 600
        if after < span[1]:
            return after
        if before > span[0]:
            return before
    return planned
