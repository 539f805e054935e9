"""Enterprises on their way back to work, from the register to the day they resume and after: feed ``enterprise``.

Every enterprise of the pack gets one life, planned once from a seed of its own; a day's records are those that fall on
it. Who, how many and when is invented; only the number of enterprises may come from a report. Instants are ms since
1970 UTC; working hours are local.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from dashboard.domain.day import DEFAULT_ZONE, HOUR, MINUTE, day_end, day_of, day_start, shift_day
from dashboard.domain.place import Place, PlaceKind, RegionPack
from geodata.plan_jiashan import TRADES
from ingest.scenarios.base import CLOCK, Draft, Record, Stream, day_prefix, generator, repeated, seed
from ingest.scenarios.staff import staff

CURVE = (
    0.004, 0.012, 0.024, 0.042, 0.066, 0.082, 0.095, 0.155, 0.240, 0.370,
    0.520, 0.640, 0.720, 0.770, 0.820, 0.850, 0.878, 0.900, 0.920, 0.935,
    0.945, 0.955, 0.965, 0.972, 0.980, 0.990, 1.000,
)  # fmt: skip
"""Share of a usual town's enterprises that have resumed by the end of each day, from the first day on: slow at first,
fast from the ninth day on, slower at weekends."""
NEEDED = ("食品", "物流仓储")
"""Industries that everybody needs go first; so do enterprises above scale."""
ABOVE = 0.11
ORPHANS = 0.08
"""Enterprises registered without an officer; two thirds get one when they apply."""
WEIGHTS = (("applied", 0.17), ("reviewing", 0.34), ("committed", 0.16), ("approved", 0.14), ("posted", 0.19))
"""The stages on the way and their share of it."""
LONG, LONG_LATE = 0.07, 0.3
"""Enterprises that stay in one stage beyond its limit of two days; more among the last third, whose papers are late
for a reason."""
REVIEWERS = ("development", "safety", "epidemic")
PLEDGES = ("enterprise", "community", "individual")
REPORTING_DAYS = (1, 3, 6, 10)
"""Days after resuming on which an enterprise reports its staff anew."""


class Entry(NamedTuple):
    """One record of a life: when it happened, how long it took to arrive, and what it says beside the enterprise."""

    at: int
    delay: int
    said: dict[str, Any]


class Correction(NamedTuple):
    """A record sent again with another body, at a later time."""

    at: int
    entry: int
    said: dict[str, Any]


class Firm(msgspec.Struct):
    """One enterprise and its life."""

    place: Place
    entries: list[Entry]
    working: list[tuple[int, int | None]]
    """(from, to) of the times at which it was resumed; ``None``: to the end."""
    corrections: list[Correction]

    def resumed_at(self, at: int) -> bool:
        """Whether its stage at an instant is ``resumed``."""
        return any(first <= at and (last is None or at < last) for first, last in self.working)


class Enterprises(Stream):
    """All enterprises of a pack.

    ``pace`` says by town name how far ahead of a usual town one is (1.0: as ``CURVE``); in the towns of ``complete``
    every enterprise has resumed by the end of ``last_day``.
    """

    name = "enterprise"
    feed = "enterprise"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        *,
        first_day: int,
        last_day: int,
        pace: Mapping[str, float],
        complete: tuple[str, ...],
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone = pack, scenario, source, zone
        self.first_day, self.last_day = first_day, last_day
        self.pace = {pack.town_by_code[name].code: value for name, value in pace.items() if name in pack.town_by_code}
        self.complete = {pack.town_by_code[name].code for name in complete if name in pack.town_by_code}
        self.start = day_start(first_day, zone)

    def expected(self, day: int) -> int:
        """How many records a day has, but for those sent twice."""
        return len(self._by_day[day])

    def day(self, day: int) -> list[Draft]:
        """All records of one local day, and the corrections made on it."""
        random_ = generator(self.scenario, self.name, day)
        drafts = []
        for number, nth in self._by_day[day]:
            firm = self.firms[number]
            if nth >= 0:
                entry = firm.entries[nth]
                drafts.append(Draft(entry.at + entry.delay, self._record(firm, nth, entry.said)))
            else:
                change = firm.corrections[-nth - 1]
                drafts.append(Draft(change.at, self._record(firm, change.entry, change.said, rev=1)))
        drafts.extend(repeated(drafts, random_, 0.003))
        drafts.extend(self._wrong(drafts, day))
        return drafts

    @cached_property
    def firms(self) -> tuple[Firm, ...]:
        """Every enterprise of the pack, in its order."""
        return tuple(firm for nth, town in enumerate(self.pack.towns, start=1) for firm in self._town(town.code, nth))

    def resumed(self, at: int) -> list[Place]:
        """The enterprises whose stage at an instant is ``resumed``."""
        return [firm.place for firm in self.firms if firm.resumed_at(at)]

    @cached_property
    def _by_day(self) -> defaultdict[int, list[tuple[int, int]]]:
        """Day -> (number of the firm, number of its entry, or −1 − number of its correction)."""
        found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, firm in enumerate(self.firms):
            for nth, entry in enumerate(firm.entries):
                found[day_of(entry.at, self.zone)].append((number, nth))
            for nth, change in enumerate(firm.corrections):
                found[day_of(change.at, self.zone)].append((number, -nth - 1))
        return found

    def _record(self, firm: Firm, nth: int, said: dict[str, Any], **more: Any) -> Record:
        code, at = firm.place.code, firm.entries[nth].at
        return {
            "id": f"enterprise-{code}-{nth:02d}",
            "source": self.source,
            "town": firm.place.town,
            "at": self._written(at),
            "enterprise": code,
            **said,
            **more,
        }

    def _written(self, at: int) -> str:
        day = day_of(at, self.zone)
        return f"{day_prefix(day)}{CLOCK[(at - day_start(day, self.zone)) // 1000]}+08:00"

    def _wrong(self, drafts: Sequence[Draft], day: int) -> list[Draft]:
        """Few rows that the door must refuse: a stage that is none, fewer than no staff, an unknown town."""
        draw = random.Random(seed(self.scenario, self.name, "wrong", day))
        wrong = []
        for n in range(len(drafts) // 2500 + (1 if drafts and draw.random() < 0.4 else 0)):
            draft = drafts[draw.randrange(len(drafts))]
            record = {**draft.record, "id": f"{draft.record['id']}-x{n}"}
            record.pop("rev", None)
            record |= ({"stage": "复工中"}, {"staff_total": -5}, {"town": f"{self.pack.region}999"})[draw.randrange(3)]
            wrong.append(Draft(draft.arrival + 5, record, wrong=True))
        return wrong

    # -- planning

    def _town(self, town: str, nth: int) -> list[Firm]:
        places = self.pack.places_of(town, PlaceKind.ENTERPRISE)
        officers = staff(self.scenario, "liaison", "P", town, nth, max(4, len(places) // 35))
        stewards = staff(self.scenario, "steward", "S", town, nth, max(3, len(places) // 25))
        draws = [random.Random(seed(self.scenario, "firm", place.code)) for place in places]
        above = [draw.random() < ABOVE for draw in draws]
        industries = [self._industry(place, draw) for place, draw in zip(places, draws, strict=True)]
        scores = [
            draw.random() - 0.3 * big - 0.25 * (industry in NEEDED)
            for draw, big, industry in zip(draws, above, industries, strict=True)
        ]
        order = sorted(range(len(places)), key=lambda k: (scores[k], k))
        rank = {k: (at + 0.5) / len(places) for at, k in enumerate(order)}
        opening = self.start + 9 * HOUR + random.Random(seed(self.scenario, "opening", town)).randrange(100) * MINUTE
        return [
            self._firm(place, draws[k], above[k], industries[k], rank[k], opening, officers, stewards)
            for k, place in enumerate(places)
        ]

    @staticmethod
    def _industry(place: Place, draw: random.Random) -> str:
        trade = next((trade for trade in TRADES if place.name.endswith(trade)), None)
        return TRADES[trade] if trade else draw.choice(sorted(set(TRADES.values())))

    def _firm(
        self,
        place: Place,
        draw: random.Random,
        above: bool,
        industry: str,
        rank: float,
        opening: int,
        officers: tuple[str, ...],
        stewards: tuple[str, ...],
    ) -> Firm:
        total = (
            round(min(1800, max(60, 180 * 2.718 ** draw.gauss(0, 0.6))))
            if above
            else (round(min(110, max(4, 15 * 2.718 ** draw.gauss(0, 0.75)))))
        )
        officer = draw.choice(officers)
        orphan = draw.random() < ORPHANS
        said: dict[str, Any] = {
            "stage": "registered",
            "name": place.name,
            "uscc": _credit_code(self.pack.region, draw),
            "scale": "above" if above else "below",
            "industry": industry,
            "staff_total": total,
        }
        if not orphan:
            said["liaison"] = officer
        if draw.random() < 0.6:
            said["steward"] = draw.choice(stewards)
        resumes, idle = self._resumes(place.town, rank, draw)
        registered = self._registered(opening, resumes, draw)
        firm = Firm(place, [Entry(registered, draw.randrange(2_000, 50_000), said)], [], [])
        if not idle or draw.random() < 0.35:
            self._apply(
                firm, draw, rank, registered, resumes, {"liaison": officer} if orphan and draw.random() < 0.66 else {}
            )
            if idle:
                # Went no further than the reviewers.
                del firm.entries[draw.randrange(3, 5) :]
            else:
                self._work(firm, draw, resumes, total)
        self._correct(firm, draw)
        return firm

    def _resumes(self, town: str, rank: float, draw: random.Random) -> tuple[int, bool]:
        """When an enterprise resumes, and whether it never does. Its rank in its town (0…1) decides the day."""
        pace = self.pace.get(town, 1.0)
        day = next((n for n, share in enumerate(CURVE) if share * pace > rank), len(CURVE))
        hour = draw.triangular(7.8, 16.8, 9.2)
        idle = rank > 0.975 and town not in self.complete
        return self._at(day, hour), idle

    def _at(self, day: int, hour: float) -> int:
        return day_start(shift_day(self.first_day, day), self.zone) + int(hour * 3600) * 1000

    def _registered(self, opening: int, resumes: int, draw: random.Random) -> int:
        """Mostly from the town's register on the first morning; some come forward in the days after."""
        late = opening + draw.randrange(1, 5) * 24 * HOUR + draw.randrange(7 * HOUR)
        if draw.random() < 0.2 and late < resumes - 30 * HOUR:
            return late // 1000 * 1000
        return min(opening, resumes - HOUR) // 1000 * 1000

    def _apply(
        self, firm: Firm, draw: random.Random, rank: float, registered: int, resumes: int, more: dict[str, Any]
    ) -> None:
        """From the application to the notice at the gate, so that it can resume at ``resumes``."""
        stays = {stage: weight * draw.uniform(0.55, 1.5) for stage, weight in WEIGHTS}
        length = min(draw.gauss(96, 22), 150.0) * HOUR
        stays = {stage: share * max(length, 40 * HOUR) / sum(stays.values()) for stage, share in stays.items()}
        if draw.random() < (LONG_LATE if rank > 0.67 else LONG):
            stays[draw.choice([stage for stage, _ in WEIGHTS])] = draw.uniform(54, 100) * HOUR
        room = resumes - registered - 10 * MINUTE
        squeeze = min(1.0, room / sum(stays.values()))
        at = resumes - sum(stays.values()) * squeeze
        begins = {}
        for stage, stay in stays.items():
            begins[stage] = at
            at += stay * squeeze
        returned = draw.random() < 0.16 and squeeze > 0.6
        begins["resumed"] = float(resumes)
        steps = [(begins["applied"], {"stage": "applied", **more})]
        reviews = (begins["reviewing"], begins["committed"])
        if returned:
            middle = reviews[0] + (reviews[1] - reviews[0]) * draw.uniform(0.5, 0.65)
            again = middle + (reviews[1] - middle) * draw.uniform(0.2, 0.4)
            steps += self._review(draw, reviews[0], middle, draw.choice(REVIEWERS))
            steps.append((middle, {"stage": "applied"}))
            steps += self._review(draw, again, reviews[1])
        else:
            steps += self._review(draw, *reviews)
        steps.append((begins["committed"], {"stage": "committed", "pledge": PLEDGES[0]}))
        pledged = sorted(draw.uniform(0.15, 0.85) for _ in PLEDGES[1:])
        stay = begins["approved"] - begins["committed"]
        steps += [
            (begins["committed"] + stay * share, {"stage": "committed", "pledge": who})
            for share, who in zip(pledged, PLEDGES[1:], strict=True)
        ]
        steps += [(begins[stage], {"stage": stage}) for stage in ("approved", "posted")]
        self._note(firm, draw, steps, registered, resumes)

    @staticmethod
    def _review(
        draw: random.Random, begin: float, end: float, returns: str | None = None
    ) -> list[tuple[float, dict[str, Any]]]:
        """The three reviewers' verdicts. One who returns the papers speaks last; then the enterprise mends them."""
        who = [one for one in draw.sample(REVIEWERS, 3) if one != returns]
        spoken = 0.45 if returns else 0.95
        shares = sorted(draw.uniform(0.2, spoken) for _ in who)
        found = [(begin, {"stage": "reviewing"})]
        found += [
            (begin + (end - begin) * share, {"stage": "reviewing", "review": f"{one}:passed"})
            for one, share in zip(who, shares, strict=True)
        ]
        if returns:
            said = {"stage": "reviewing", "review": f"{returns}:returned"}
            found.append((begin + (end - begin) * draw.uniform(0.46, 0.6), said))
        return found

    def _note(
        self,
        firm: Firm,
        draw: random.Random,
        steps: Sequence[tuple[float, dict[str, Any]]],
        registered: int,
        resumes: int,
    ) -> None:
        """Steps as records in office hours, in their order, after the registration and before it resumes."""
        moments = [self._office(at, draw) for at, _ in steps]
        # Office hours may have put one on top of the other: spread what does not stand in order any more.
        low = registered
        for k, at in enumerate(moments):
            moments[k] = low = max(at, low + 90_000)
        high = resumes
        for k in range(len(moments) - 1, -1, -1):
            moments[k] = high = min(moments[k], high - 90_000)
        if moments[0] <= registered or any(a >= b for a, b in pairwise(moments)):
            # No room for office hours at all: a night's work.
            span = resumes - registered
            moments = [registered + span * (k + 1) // (len(moments) + 1) for k in range(len(moments))]
        for at, (_, said) in zip(moments, steps, strict=True):
            late = draw.random() < 0.03
            delay = draw.randrange(20 * MINUTE, 150 * MINUTE) if late else draw.randrange(1_000, 90_000)
            firm.entries.append(Entry(at // 1000 * 1000, delay, said))

    def _office(self, at: float, draw: random.Random) -> int:
        """The moment itself in office hours, else the nearest that is."""
        day = day_of(int(at), self.zone)
        hour = (int(at) - day_start(day, self.zone)) / HOUR
        if hour < 8:
            hour = 8 + draw.random() * 1.6
        elif hour >= 18:
            hour = 15.5 + draw.random() * 2.5
        else:
            return int(at)
        return day_start(day, self.zone) + int(hour * 3600) * 1000

    def _work(self, firm: Firm, draw: random.Random, resumes: int, total: int) -> None:
        """It resumes, staff come back day by day; a few are told to stop, of which most start again."""
        share = draw.uniform(0.42, 0.66)
        begin = {"stage": "resumed", "staff_total": total, "staff_returned": max(1, round(total * share))}
        firm.entries.append(Entry(resumes, draw.randrange(1_000, 120_000), begin))
        stops, back = self._stop(firm.place.town, draw, resumes)
        firm.working.append((resumes, stops))
        if stops is not None:
            firm.entries.append(Entry(stops, draw.randrange(1_000, 120_000), {"stage": "suspended"}))
        if back is not None:
            firm.entries.append(Entry(back, draw.randrange(1_000, 120_000), {"stage": "resumed"}))
            firm.working.append((back, None))
        day = day_of(resumes, self.zone)
        for after in REPORTING_DAYS:
            share += (1 - share) * draw.uniform(0.2, 0.5)
            # Attendance is told at the start of the shift.
            at = day_start(shift_day(day, after), self.zone) + draw.randrange(6 * 3600 + 2400, 8 * 3600 + 1500) * 1000
            if firm.resumed_at(at) and draw.random() < 0.9:
                said = {"stage": "resumed", "staff_returned": min(total, max(1, round(total * share)))}
                firm.entries.append(Entry(at, draw.randrange(1_000, 60_000), said))

    def _stop(self, town: str, draw: random.Random, resumes: int) -> tuple[int | None, int | None]:
        """When it is suspended and when it may go on, if at all."""
        lucky, later, again, after = draw.random(), draw.uniform(20, 80), draw.random(), draw.uniform(18, 60)
        if lucky >= 0.02:
            return None, None
        stops = self._office(resumes + later * HOUR, draw) // 1000 * 1000
        if town not in self.complete:
            return stops, (self._office(stops + after * HOUR, draw) // 1000 * 1000 if again < 0.6 else None)
        back = self._office(stops + after * HOUR, draw) // 1000 * 1000
        return (stops, back) if back < day_end(self.last_day, self.zone) - 12 * HOUR else (None, None)

    def _correct(self, firm: Firm, draw: random.Random) -> None:
        """Some registrations said “above scale” of a small enterprise, or a digit too many of its staff."""
        chance, days, hour = draw.random(), draw.randrange(2, 15), draw.uniform(8.5, 17.5)
        first = firm.entries[0]
        if chance < 0.02 and first.said["scale"] == "below":
            at = day_start(shift_day(day_of(first.at, self.zone), days), self.zone) + int(hour * 3600) * 1000
            wrong = {**first.said, "scale": "above"}
        elif 0.02 <= chance < 0.03 and first.said["staff_total"] < 90:
            at = first.at + draw.randrange(20, 160) * MINUTE
            wrong = {**first.said, "staff_total": first.said["staff_total"] * 10}
        else:
            return
        firm.corrections.append(Correction(at, 0, first.said))
        firm.entries[0] = Entry(first.at, first.delay, wrong)


def _credit_code(region: str, draw: random.Random) -> str:
    """Looks like a unified social credit code and can be none: its check digit is wrong."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"91{region}MA2{''.join(draw.choice('ABCDEFGH') for _ in range(2))}{draw.randrange(10_000):04d}"
    total = sum(signs.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    right = (31 - total % 31) % 31
    return body + signs[(right + 7) % 31]
