"""Temperature figures by plain loops over the records in force (DOMAIN.md §5 and EXACTNESS's formulas)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboard.domain.event import Event
from dashboard.domain.place import PlaceKind, RegionPack
from tests.oracle.records import MINUTE, day_of, days_before, in_hours, minute_of, order

DEFAULT_FEVER = 37.3


def milli(celsius: float) -> int:
    """Degrees as integer thousandths, in which all comparing is done."""
    return round(celsius * 1000)


def is_fever(reading: Event, pack: RegionPack) -> bool:
    """Fever by the device's verdict, else by its own threshold, or by ours for the method and site."""
    fields = reading.fields
    verdict = fields.get("device_verdict")
    if verdict == "fever":
        return True
    own = fields.get("device_threshold")
    if verdict is None and own is not None and milli(fields["celsius"]) >= milli(own):
        return True
    method, site = fields.get("method") or "", fields.get("site") or ""
    threshold = pack.thresholds.get("fever.default", DEFAULT_FEVER)
    for key in (f"fever.{method}/{site}", f"fever./{site}", f"fever.{method}/"):
        if key in pack.thresholds:
            threshold = pack.thresholds[key]
            break
    return milli(fields["celsius"]) >= milli(threshold)


def doubled_median(numbers: Sequence[int]) -> int:
    """Twice the median, an integer."""
    ranked = sorted(numbers)
    middle = len(ranked) // 2
    if len(ranked) % 2:
        return 2 * ranked[middle]
    return ranked[middle - 1] + ranked[middle]


class Temperature:
    """The temperature figures of one moment. ``records`` are those in force, ordered by (at, source, id).

    ``pack_of`` gives the pack of a local day: a reading is judged by the rules of its own day.
    """

    def __init__(
        self,
        records: Sequence[Event],
        pack: RegionPack,
        now: int,
        pack_of: Callable[[int], RegionPack] | None = None,
    ) -> None:
        self.pack = pack
        self.pack_of = pack_of or (lambda day: pack)
        self.recheck = round(pack.thresholds.get("temperature.recheck_minutes", 30) * MINUTE)
        self.online = round(pack.thresholds.get("temperature.online_minutes", 10) * MINUTE)
        self.now = now
        self.zone = pack.timezone
        self.day = day_of(now, self.zone)
        self.readings = [record for record in records if not record.nothing]
        self.today = [reading for reading in self.readings if day_of(reading.at, self.zone) == self.day]
        self.confirmed_towns = self._confirmed()
        self.drifts = self._drifts()

    def screened(self, towns: Sequence[str]) -> int:
        """Readings of today."""
        return sum(1 for reading in self.today if reading.town in towns)

    def fevers(self, towns: Sequence[str]) -> int:
        """Readings of today that are fever by rule."""
        return sum(1 for reading in self.today if reading.town in towns and self._fever(reading))

    def _fever(self, reading: Event) -> bool:
        return is_fever(reading, self.pack_of(day_of(reading.at, self.zone)))

    def confirmed(self, towns: Sequence[str]) -> int:
        """Persons whose fever of today was followed by another, or by a transfer, within 30 minutes."""
        return sum(1 for town in self.confirmed_towns.values() if town in towns)

    def _confirmed(self) -> dict[tuple[str | None, str | None], str]:
        """Person, or checkpoint where nobody is named -> town of the first fever that was confirmed.

        What follows may come from another town, or after midnight. A person counts once a day.
        """
        found: dict[tuple[str | None, str | None], str] = {}
        for first in sorted(self.today, key=order):
            who = self._who(first)
            if who in found or not self._fever(first):
                continue
            for other in self.readings:
                if self._who(other) != who:
                    continue
                after = other.at - first.at
                if 0 < after <= self.recheck and self._fever(other):
                    found[who] = first.town
                if 0 <= after <= self.recheck and other.fields.get("outcome") == "transferred":
                    found[who] = first.town
        return found

    def _who(self, reading: Event) -> tuple[str | None, str | None]:
        person = reading.fields.get("person_ref")
        if person:
            return (None, person)
        return (reading.fields.get("checkpoint"), None)

    def checkpoints_online(self, towns: Sequence[str]) -> tuple[int, int]:
        """Checkpoints on duty now with a reading within ten minutes of now ÷ checkpoints on duty now."""
        on_duty: set[str] = set()
        hours = {entry.checkpoint: entry for entry in self.pack.duty_hours}
        minute = minute_of(self.now, self.zone)
        for place in self.pack.places:
            if place.kind != PlaceKind.CHECKPOINT or place.town not in towns:
                continue
            entry = hours.get(place.code)
            if entry is None or in_hours(minute, entry.start, entry.end):
                on_duty.add(place.code)
        known = {place.code for place in self.pack.places}
        for reading in self.readings:
            code = reading.fields.get("checkpoint")
            # A provisional checkpoint has no hours that we know of, so it is on duty round the clock.
            if code and code not in known and reading.town in towns:
                on_duty.add(code)
        heard = set()
        for reading in self.readings:
            # A device ahead of us is heard at once, but what it dates tomorrow is tomorrow's.
            ahead = reading.at <= self.now + 10 * MINUTE and day_of(reading.at, self.zone) <= self.day
            if self.now - self.online < reading.at and ahead:
                heard.add(reading.fields.get("checkpoint"))
        return len(on_duty & heard), len(on_duty)

    def of_coded(self, towns: Sequence[str], code: str) -> tuple[int, int]:
        """Readings of today with that health code ÷ readings with any health code."""
        codes = [reading.fields.get("health_code") for reading in self.today if reading.town in towns]
        return codes.count(code), sum(1 for code in codes if code is not None)

    def blocked(self, towns: Sequence[str]) -> list[str]:
        """Where somebody was refused today in spite of a green code and no fever: a checkpoint each time."""
        return [
            str(reading.fields.get("checkpoint"))
            for reading in self.today
            if reading.town in towns
            and reading.fields.get("health_code") == "green"
            and reading.fields.get("outcome") == "refused"
            and not self._fever(reading)
        ]

    def drift_milli(self, towns: Sequence[str]) -> int | None:
        """The largest drift of a device of these towns, thousandths of a degree; ``None`` where none can be told."""
        return max((drift for town, drift in self.drifts if town in towns), default=None)

    def _drifts(self) -> list[tuple[str, int]]:
        """(town of the device's latest reading, drift) of each device, method and site with 20 readings and peers."""
        days = (self.day, days_before(self.day, 1))
        windows: dict[tuple[str, str, str], list[int]] = {}
        latest_town: dict[str, str] = {}
        for reading in sorted(self.readings, key=order):
            device = reading.fields.get("device")
            if not device or reading.at > self.now + 10 * MINUTE or day_of(reading.at, self.zone) not in days:
                continue
            latest_town[device] = reading.town
            key = (device, reading.fields.get("method") or "", reading.fields.get("site") or "")
            windows.setdefault(key, []).append(milli(reading.fields["celsius"]))
        windows = {key: values[-50:] for key, values in windows.items() if len(values) >= 20}
        drifts = []
        for (device, method, site), values in windows.items():
            pooled: list[int] = []
            for (other, *same), theirs in windows.items():
                if other != device and same == [method, site]:
                    pooled += theirs
            if pooled:
                apart = abs(doubled_median(values) - doubled_median(pooled))
                drifts.append((latest_town[device], round(apart / 2)))
        return drifts
