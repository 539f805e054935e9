"""What report 001 tells of 姚庄 beside the four core streams: contacts, permits, services, rentals.

The totals are the report's; the days, places and people are invented and say so.
"""

from __future__ import annotations

import numpy as np

from dashboard.domain.day import HOUR, day_start, days_between, iso, shift_day
from ingest.scenarios.base import Draft, Record, Stream
from ingest.scenarios.counted import Cases, Counted, Stage
from ingest.scenarios.parts import services

TOWN = "330421111"
CONTACTS, PERMITS, RENTALS, SQUADS = 29, 8_940, 6_120, 21
SPRINT_FROM_HOUR, SPRINT_HOURS = 19.0, 8.0
"""From 19:00 to 03:00 the whole list was found and notified; next morning all were moved."""


def _contact(number: int, random: np.random.Generator) -> Record:
    return {"town": TOWN, "case": f"{TOWN}-M{number + 1:03d}", "index": "c-01", "origin": "local", "owner": "P-0417"}


def _traced(number: int, random: np.random.Generator) -> list[Stage]:
    return [Stage("found"), Stage("notified", (0.2, 7.0)), Stage("transferred", (8.0, 9.0))]


class Sprint(Cases):
    """29 contacts found and notified in one night: the first at its beginning, the last at its end."""

    def __init__(self, source: str, day: int) -> None:
        begin = SPRINT_FROM_HOUR
        super().__init__(
            "contact",
            "contact",
            source,
            [day],
            CONTACTS,
            _contact,
            _traced,
            until=shift_day(day, 1),
            hours=(begin, begin + 0.02),
        )

    def laid_out(self) -> list[Draft]:
        """The records, with the night's first and last moment as the report tells them."""
        drafts = super().laid_out()
        begin = day_start(self.days[0]) + round(SPRINT_FROM_HOUR * HOUR)
        edges = {
            min(n for n, one in enumerate(drafts) if one.record["stage"] == "found"): begin,
            max((one.record["at"], n) for n, one in enumerate(drafts) if one.record["stage"] == "notified")[1]: begin
            + round(SPRINT_HOURS * HOUR),
        }
        for number, at in edges.items():
            drafts[number] = Draft(at + 1_000, drafts[number].record | {"at": iso(at)})
        # The call that the household is confirmed came at the beginning of the night.
        return [
            Draft(one.arrival, one.record | {"confirmed": iso(begin)}) if one.record["stage"] == "found" else one
            for one in drafts
        ]


def more(source: str, first: int, last: int) -> tuple[Stream, ...]:
    """The further streams over the scenario's days."""
    days = days_between(first, last)

    def permit(number: int, random: np.random.Generator) -> Record:
        until = ("2020-02-24", "2020-03-31", "2020-05-31")[min(2, number % 12)]
        item = f"{TOWN}-S{number % 4 + 1}"
        return {"town": TOWN, "item": item, "action": "issued", "kind": "county", "valid_until": until}

    def shown(number: int, random: np.random.Generator) -> Record:
        gate = f"{TOWN}-K{number % 3 + 1:02d}"
        until = "2020-02-24" if number % 40 == 0 else "2020-05-31"
        item = f"{TOWN}-S{number % 4 + 1}"
        return {
            "town": TOWN,
            "item": item,
            "action": "redeemed",
            "kind": "county",
            "checkpoint": gate,
            "valid_until": until,
        }

    def house(number: int, random: np.random.Generator) -> Record:
        squad = f"Q-{number % SQUADS + 1:02d}"
        return {"town": TOWN, "house": f"{TOWN}-R{number + 1:04d}", "kind": "rental", "squad": squad}

    def check(number: int, random: np.random.Generator) -> list[Stage]:
        return [Stage("listed"), Stage("checked", (0.2, 30))]

    def lodging(number: int, random: np.random.Generator) -> Record:
        return {
            "town": TOWN,
            "item": f"{TOWN}-S1",
            "kind": "lodging",
            "channel": "video",
            "measure": "items",
            "minutes": int(random.integers(4, 10)),
        }

    return (
        Sprint(source, first),
        Counted("permit", "permit", source, days, 420, permit, total=PERMITS),
        Counted("permit", "redeemed", source, days[3:], 360, shown, total=5_200),
        services(source, "window", TOWN, days, 240, 2_800, ("vehicle", "household", "exit_entry"), "window"),
        services(source, "online", TOWN, days, 60, 207, ("household", "exit_entry"), "online"),
        services(source, "on-site", TOWN, days, 13, 13, ("household",), "on_site"),
        Counted("service", "lodging", source, days, 12, lodging, total=12),
        Cases("housing", "housing", source, days[:-2], RENTALS, house, check, until=last),
    )


__all__ = ["more"]
