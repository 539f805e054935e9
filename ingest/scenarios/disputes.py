"""Disputes as people bring them and mediators settle them: feed ``dispute``.

Invented throughout: kinds, parties, mediators, times. Parties are a number, never names; a dispute about isolation has
no position. Towns whose platform has nothing new say so with a 零报告 every forty minutes of the working day. Instants
are ms since 1970 UTC.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import h3

from dashboard.domain.day import DEFAULT_ZONE, HOUR, MINUTE, as_date, day_of, day_start, days_between, shift_day
from dashboard.domain.place import PlaceKind, RegionPack
from ingest.scenarios.base import CLOCK, Draft, Record, Stream, day_prefix, generator, repeated, seed
from ingest.scenarios.staff import staff

KINDS: Mapping[str, tuple[float, int]] = {
    "wages": (0.21, 72),
    "labour": (0.15, 72),
    "housing": (0.17, 72),
    "isolation": (0.11, 24),
    "consumer": (0.10, 96),
    "neighbour": (0.11, 72),
    "business": (0.07, 168),
    "medical": (0.03, 120),
    "other": (0.05, 96),
}
"""Kind -> (its share, hours within which it is to be settled)."""
AT_WORK = ("wages", "labour", "business")
"""Kinds that happen at an enterprise."""
HOURS = (
    0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 0.8, 2.0, 5.5, 8.5, 8.0, 6.0,
    3.0, 4.5, 7.5, 7.0, 6.0, 4.5, 3.0, 2.5, 2.0, 1.5, 0.8, 0.4,
)  # fmt: skip
"""When people come forward, by local hour."""
USUAL_HOURS, SPREAD = 43.0, 0.6
"""Median time to a settlement and the standard deviation of its logarithm."""
ROUNDS = tuple(range(7 * 60 + 30, 20 * 60 + 30, 40))
"""Minutes of the day at which platforms without news report so."""
QUIET = 15 * MINUTE


class Word(NamedTuple):
    """One record of a dispute: when, how long it took to arrive, its number within the case, and what it says."""

    at: int
    delay: int
    nth: int
    said: dict[str, Any]


class Quarrel(NamedTuple):
    """One dispute with everything that becomes of it."""

    code: str
    town: str
    words: tuple[Word, ...]


class Disputes(Stream):
    """All disputes of a region.

    ``a_week`` is about how many come up in seven days; ``outages`` are days on which the platform of all towns cannot
    be reached from one minute of the day to another: what happened meanwhile arrives at the end, in one go.
    """

    name = "dispute"
    feed = "dispute"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        *,
        first_day: int,
        last_day: int,
        a_week: int,
        outages: Mapping[int, tuple[int, int]],
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone = pack, scenario, source, zone
        self.first_day, self.last_day, self.a_week, self.outages = first_day, last_day, a_week, outages

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        return len(self._by_day[day]) + len(self.pack.towns) * len(ROUNDS) - len(self._by_day[day]) // 3

    def day(self, day: int) -> list[Draft]:
        """All records of one local day."""
        drafts = [
            Draft(self._arrival(word.at, word.delay), self._record(quarrel, word))
            for quarrel, word in self._by_day[day]
        ]
        drafts.extend(self._nothing_new(day))
        drafts.extend(repeated(drafts, generator(self.scenario, self.name, day), 0.004))
        drafts.extend(self._wrong(drafts, day))
        return drafts

    @cached_property
    def quarrels(self) -> tuple[Quarrel, ...]:
        """Every dispute from the first day to the last, by town and time."""
        found: list[Quarrel] = []
        for nth, town in enumerate(self.pack.towns, start=1):
            firms = [place.code for place in self.pack.places_of(town.code, PlaceKind.ENTERPRISE)]
            share = 0.4 / len(self.pack.towns) + 0.6 * self._weight(town.code)
            handlers = staff(self.scenario, "mediator", "M", town.code, nth, 4)
            number = 0
            for day in days_between(self.first_day, self.last_day):
                draw = random.Random(seed(self.scenario, self.name, town.code, day))
                usual = self.a_week / 7 * share * (0.75 if as_date(day).weekday() >= 5 else 1.1)
                for _ in range(_poisson(draw, usual)):
                    number += 1
                    found.append(self._quarrel(f"{town.code}-D{number:04d}", town.code, day, draw, firms, handlers))
        return tuple(found)

    def _weight(self, town: str) -> float:
        """A town's share of the places: where more is, more happens."""
        return sum(1 for place in self.pack.places if place.town == town) / max(1, len(self.pack.places))

    @cached_property
    def _by_day(self) -> defaultdict[int, list[tuple[Quarrel, Word]]]:
        found: defaultdict[int, list[tuple[Quarrel, Word]]] = defaultdict(list)
        for quarrel in self.quarrels:
            for word in quarrel.words:
                # A correction is made later than what it corrects happened.
                found[day_of(word.at + (word.delay if "rev" in word.said else 0), self.zone)].append((quarrel, word))
        return found

    def _arrival(self, at: int, delay: int) -> int:
        arrival = at + delay
        day = day_of(arrival, self.zone)
        if day in self.outages:
            start = day_start(day, self.zone)
            begins, ends = (start + minute * MINUTE for minute in self.outages[day])
            if begins <= arrival < ends:
                return ends + (arrival - begins) // 500
        return arrival

    def _record(self, quarrel: Quarrel, word: Word) -> Record:
        return {
            "id": f"dispute-{quarrel.code}-{word.nth:02d}",
            "source": self.source,
            "town": quarrel.town,
            "at": self._written(word.at),
            "case": quarrel.code,
            **word.said,
        }

    def _written(self, at: int) -> str:
        day = day_of(at, self.zone)
        return f"{day_prefix(day)}{CLOCK[(at - day_start(day, self.zone)) // 1000]}+08:00"

    def _nothing_new(self, day: int) -> list[Draft]:
        """A 零报告 of every town that has told nothing for a while; while the platform is away there is none."""
        told: dict[str, list[int]] = defaultdict(list)
        for quarrel, word in self._by_day[day]:
            told[quarrel.town].append(self._arrival(word.at, word.delay))
        start = day_start(day, self.zone)
        drafts = []
        for number, town in enumerate(self.pack.towns):
            for minute in ROUNDS:
                at = start + minute * MINUTE + number * 2 * MINUTE + seed(town.code, day, minute) % 90 * 1000
                if any(at - QUIET <= heard <= at for heard in told[town.code]) or self._arrival(at, 0) != at:
                    continue
                record = {
                    "id": f"dispute-{day}-{town.code}-nothing-{minute:04d}",
                    "source": self.source,
                    "town": town.code,
                    "at": self._written(at),
                    "nothing": True,
                }
                drafts.append(Draft(at + 700, record))
        return drafts

    def _wrong(self, drafts: list[Draft], day: int) -> list[Draft]:
        """Now and then a row that the door must refuse: a stage that is none, no parties, an unknown town."""
        draw = random.Random(seed(self.scenario, self.name, "wrong", day))
        real = [draft for draft in drafts if "case" in draft.record]
        if not real or draw.random() > 0.3:
            return []
        draft = draw.choice(real)
        record = {**draft.record, "id": f"{draft.record['id']}-x"}
        record.pop("rev", None)
        record.pop("void", None)
        record |= ({"stage": "处理完毕？"}, {"parties": 0}, {"town": f"{self.pack.region}999"})[draw.randrange(3)]
        return [Draft(draft.arrival + 5, record, wrong=True)]

    # -- planning

    def _quarrel(
        self, code: str, town: str, day: int, draw: random.Random, firms: list[str], handlers: tuple[str, ...]
    ) -> Quarrel:
        kind = draw.choices(list(KINDS), [share for share, _ in KINDS.values()])[0]
        hour = draw.choices(range(24), HOURS)[0]
        opened = day_start(day, self.zone) + hour * HOUR + draw.randrange(3600) * 1000
        first: dict[str, Any] = {"stage": "reported", "kind": kind, "parties": 2 + min(3, int(draw.expovariate(0.9)))}
        first |= self._where(town, kind, draw, firms)
        words = [Word(opened, self._delay(draw), 0, first)]
        accepted = self._duty(opened + draw.uniform(8, 200) * MINUTE)
        handler = draw.choice(handlers)
        due = self._due(opened, KINDS[kind][1])
        taken: dict[str, Any] = {"stage": "accepted", "handler": handler, "due": self._written(due)}
        words.append(Word(accepted, self._delay(draw), 1, taken))
        ends = opened + USUAL_HOURS * HOUR * math.exp(draw.gauss(0, SPREAD)) * (0.6 if kind == "isolation" else 1.0)
        ends = self._duty(max(ends, accepted + 3 * HOUR))
        mediating = self._duty(accepted + draw.uniform(0.08, 0.5) * (ends - accepted))
        words.append(Word(max(mediating, accepted + 5 * MINUTE), self._delay(draw), 2, {"stage": "mediating"}))
        words += self._talks(words[-1].at, ends, draw)
        how = draw.choices(("resolved", "escalated", "withdrawn"), (0.87, 0.08, 0.05))[0]
        words.append(Word(ends, self._delay(draw), 90, {"stage": how}))
        chance = draw.random()
        if chance < 0.02:
            other = draw.choice([one for one in KINDS if one != kind])
            words[0] = words[0]._replace(said={**first, "kind": other})
            words.append(Word(opened, draw.randrange(2 * HOUR, 30 * HOUR), 0, {**first, "rev": 1}))
        elif chance < 0.03:
            # Registered twice by mistake: withdrawn before anybody took it up.
            words = [words[0], Word(opened, draw.randrange(5, 40) * MINUTE, 0, {**first, "rev": 1, "void": True})]
        return Quarrel(code, town, tuple(words))

    def _talks(self, begin: int, end: int, draw: random.Random) -> list[Word]:
        """Further sessions of a mediation: the stage stays."""
        found: list[Word] = []
        at, nth = begin, 3
        while True:
            at = self._duty(at + draw.uniform(4, 15) * HOUR)
            if at >= end - HOUR or nth > 40:
                return found
            found.append(Word(at, self._delay(draw), nth, {"stage": "mediating"}))
            nth += 1

    def _where(self, town: str, kind: str, draw: random.Random, firms: list[str]) -> dict[str, Any]:
        """An enterprise for what happens at work, no place for people who are isolated, else a block of the town."""
        cells = self.pack.cells.get(town, ())
        if kind in AT_WORK and firms and draw.random() < 0.8:
            return {"place": draw.choice(firms)}
        if kind == "isolation" or not cells:
            return {}
        lat, lon = h3.cell_to_latlng(draw.choice(cells))
        return {"lon": round(lon + draw.uniform(-0.001, 0.001), 4), "lat": round(lat + draw.uniform(-0.001, 0.001), 4)}

    @staticmethod
    def _delay(draw: random.Random) -> int:
        return draw.randrange(15 * MINUTE, 120 * MINUTE) if draw.random() < 0.04 else draw.randrange(500, 25_000)

    def _due(self, opened: int, hours: int) -> int:
        """The limit: the end of the office day that many hours later."""
        day = day_of(opened + hours * HOUR, self.zone)
        return day_start(day, self.zone) + 18 * HOUR

    def _duty(self, at: float) -> int:
        """The moment itself when mediators work, else early on the next day they do."""
        whole = int(at) // 1000 * 1000
        day = day_of(whole, self.zone)
        start = day_start(day, self.zone)
        hour = (whole - start) / HOUR
        if 8 <= hour < 20.5:
            return whole
        base = start if hour < 8 else day_start(shift_day(day, 1), self.zone)
        return base + 8 * HOUR + (seed(whole) % 100) * MINUTE


def _poisson(draw: random.Random, usual: float) -> int:
    """A number of events where ``usual`` are usual (Knuth's method)."""
    limit, count, product = math.exp(-usual), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count
