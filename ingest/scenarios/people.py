"""People passing checkpoints: how many when, what the devices read, and what becomes of a fever.

A stream of the feed ``temperature`` over any region pack with checkpoints. People are pseudonyms made of random digits:
nothing here could name anybody. Temperatures are degrees Celsius, times within a day seconds after local midnight.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dashboard.domain.day import DEFAULT_ZONE, as_date, day_start
from dashboard.domain.place import Place, PlaceKind, RegionPack
from ingest.scenarios.base import CLOCK, Draft, Record, Stream, day_prefix, delays, generator, repeated, seed

RHYTHM = (
    0.20, 0.15, 0.10, 0.10, 0.20, 0.60, 1.70, 4.20, 4.60, 3.00, 2.00, 1.60,
    1.40, 1.60, 1.50, 1.60, 3.20, 3.90, 2.60, 1.20, 0.80, 0.60, 0.40, 0.30,
)  # fmt: skip
"""Traffic by local hour, relative: peaks at 7-9 and 16-18."""

STEADY = 7.4
"""Readings per hour that every open checkpoint has even when it is quiet: a gap stays below ten minutes."""

LEVEL, SPREAD = 36.4, 0.25
FEVER = 37.3
WRONGLY = 0.9997


class Device(msgspec.Struct, frozen=True):
    """A thermometer at a checkpoint. ``bias`` is its own constant error, a few hundredths of a degree."""

    code: str
    method: str
    site: str
    bias: float
    ceiling: float
    """The highest reading that is no fever."""
    drifts: bool = False

    @property
    def camera(self) -> bool:
        """Whether it judges by itself."""
        return self.method == "thermal_camera"


class Post(msgspec.Struct, frozen=True):
    """A checkpoint with its devices, hours and weight in the county's traffic."""

    code: str
    town: str
    opens: int
    closes: int
    """Seconds of the local day; 0 and 86400 round the clock."""
    weight: float
    devices: tuple[Device, ...]
    contact: Device
    gap: tuple[int, int] | None = None
    """A stretch of every day in which it sends nothing."""


class Fever(msgspec.Struct, frozen=True):
    """A fever to be found on a day: at which post, when, and whether the second reading confirms it."""

    post: int
    second: int
    confirmed: bool
    forgotten: bool = False


class Passages(Stream):
    """Everybody who is measured at the checkpoints of a pack.

    ``silent`` names the checkpoint that loses its network from 14:14 for 40 minutes each day; one device of the first
    big checkpoint of ``drifting`` reads 0.6 °C too high from ``drift_from`` on; ``growth`` is how traffic rises.
    """

    name = "temperature"
    feed = "temperature"

    def __init__(
        self,
        pack: RegionPack,
        scenario: str,
        source: str,
        *,
        first_day: int,
        silent: str,
        drifting: str,
        drift_from: int,
        a_day: tuple[int, int] = (6_300, 7_600),
        zone: str = DEFAULT_ZONE,
    ) -> None:
        self.pack, self.scenario, self.source, self.zone = pack, scenario, source, zone
        self.first_day, self.drift_from, self.a_day = first_day, drift_from, a_day
        places = [place for place in pack.places if place.kind == PlaceKind.CHECKPOINT]
        big = {place.code for place in places if self._open(place.code) == (0, 86_400)} or {
            place.code for place in places[::3]
        }
        drift_town = pack.town_by_code.get(drifting)
        drift_at = next(
            (place.code for place in places if drift_town and place.town == drift_town.code and place.code in big),
            next((place.code for place in places if place.code in big), ""),
        )
        cameras = [place.code for place in places if place.code in big and place.code != drift_at][:2]
        silent_place = next((place.code for place in places if silent in place.name), "")
        self.posts = tuple(
            self._post(
                place, place.code in big, place.code in cameras, place.code == drift_at, place.code == silent_place
            )
            for place in places
        )

    def expected(self, day: int) -> int:
        """About how many records a day has."""
        return self._volume(day)

    def day(self, day: int) -> list[Draft]:
        """All records of one local day."""
        random = generator(self.scenario, self.name, day)
        fevers = self._fevers(random)
        extras = self._extras(day)
        drafts: list[Draft] = []
        for number, post in enumerate(self.posts):
            own = generator(self.scenario, self.name, day, post.code)
            drafts.extend(
                self._post_day(post, day, own, extras[number], [fever for fever in fevers if fever.post == number])
            )
        drafts.extend(repeated(drafts, random, 0.003))
        drafts.extend(self._wrong(drafts, random))
        return drafts

    def _open(self, checkpoint: str) -> tuple[int, int]:
        hours = self.pack.duty_by_checkpoint.get(checkpoint)
        if hours is None or hours.start == hours.end:
            return 0, 86_400
        return hours.start * 60, (hours.end if hours.end > hours.start else 1440) * 60

    def _ceiling(self, method: str, site: str) -> float:
        rules = self.pack.thresholds
        keys = (f"fever.{method}/{site}", f"fever./{site}", f"fever.{method}/", "fever.default")
        return round(next((rules[key] for key in keys if key in rules), FEVER) - 0.1, 1)

    def _device(self, code: str, method: str, site: str, drifts: bool = False) -> Device:
        bias = float(np.clip(generator(self.scenario, "device", code).normal(0, 0.03), -0.06, 0.06))
        return Device(code, method, site, bias, self._ceiling(method, site), drifts)

    def _post(self, place: Place, big: bool, camera: bool, drifts: bool, silent: bool) -> Post:
        opens, closes = self._open(place.code)
        short = place.code
        devices = [self._device(f"{short}-D1", "infrared", "forehead")]
        if camera:
            devices.append(self._device(f"{short}-T1", "thermal_camera", "face"))
        elif big:
            devices.append(self._device(f"{short}-D2", "infrared", "forehead", drifts))
        weight = (2.6 if big else 1.0) * (0.7 + 0.6 * (seed(self.scenario, place.code) % 1000) / 1000)
        gap = (14 * 3600 + 14 * 60, 14 * 3600 + 54 * 60) if silent else None
        return Post(
            place.code,
            place.town,
            opens,
            closes,
            weight,
            tuple(devices),
            self._device(f"{short}-M1", "contact", "axillary"),
            gap,
        )

    def _volume(self, day: int) -> int:
        """Readings of the county on a day: growing as enterprises resume, fewer at weekends."""
        date = as_date(day)
        passed = min(12, max(0, (date - as_date(self.first_day)).days))
        low, high = self.a_day
        volume = low + (high - low) * passed / 12
        return round(
            volume * (0.97 if date.weekday() >= 5 else 1.0) * (0.985 + 0.03 * (seed(self.scenario, day) % 1000) / 1000)
        )

    def _extras(self, day: int) -> list[int]:
        """Passages beyond the steady ones, by post."""
        steady = sum(STEADY * (post.closes - post.opens) / 3600 for post in self.posts)
        spare = max(0.0, self._volume(day) - steady)
        shares = np.asarray([post.weight * _open_traffic(post) for post in self.posts])
        found: list[int] = np.rint(spare * shares / shares.sum()).astype(int).tolist()
        return found

    def _moments(self, post: Post, random: np.random.Generator, extra: int) -> NDArray[np.int64]:
        span = post.closes - post.opens
        count = int(STEADY * span / 3600)
        steady = post.opens + (np.arange(count) + random.uniform(0.44, 0.56, count)) * span / count
        hours = np.asarray([_overlap(post, hour) * RHYTHM[hour] for hour in range(24)])
        ends = np.concatenate(([0.0], np.cumsum(hours)))
        busy = np.interp(random.random(extra) * ends[-1], ends, np.arange(25) * 3600.0)
        moments = [steady, busy]
        if post.opens:
            # The shift measures itself before it opens, so a post is heard of from its first minute on.
            moments.append(post.opens - random.uniform((60, 200), (170, 420)))
        seconds = np.sort(np.concatenate(moments).astype(np.int64))
        if post.gap:
            seconds = seconds[(seconds < post.gap[0]) | (seconds >= post.gap[1])]
        return np.clip(seconds, 0, 86_399)

    def _fevers(self, random: np.random.Generator) -> list[Fever]:
        """People found with a fever: 5-9 fever readings a day, of which a confirmed person gives two."""
        readings = int(random.integers(5, 10))
        confirmed = int(random.integers(1, 3))
        found = []
        hours = np.asarray(RHYTHM) * (np.arange(24) >= 6) * (np.arange(24) < 21)
        picks = random.choice(24, readings - confirmed, p=hours / hours.sum()).tolist()
        seconds = [hour * 3600 + int(random.integers(0, 3600)) for hour in picks]
        seconds[-1] = 8 * 3600 + int(random.integers(12 * 60, 50 * 60))
        weights = np.asarray([post.weight for post in self.posts])
        posts = random.choice(len(self.posts), len(seconds), p=weights / weights.sum()).tolist()
        forgotten = int(random.integers(0, 40))
        for n, (second, number) in enumerate(zip(seconds, posts, strict=True)):
            post = self.posts[number]
            second = min(max(second, post.opens + 300), post.closes - 1800)
            if post.gap and post.gap[0] - 1800 <= second < post.gap[1]:
                second = post.gap[1] + 600
            found.append(Fever(number, second, n < confirmed, n == forgotten and n >= confirmed))
        return found

    def _post_day(
        self, post: Post, day: int, random: np.random.Generator, extra: int, fevers: list[Fever]
    ) -> list[Draft]:
        seconds = self._moments(post, random, extra)
        count = len(seconds)
        chosen = (random.random(count) < 0.5).astype(int) if len(post.devices) > 1 else np.zeros(count, int)
        celsius = self._celsius(post, day, random, chosen)
        persons = random.integers(0, 1 << 32, count).tolist()
        inward = (random.random(count) < 0.62).tolist()
        codes = self._codes(day, random, count)
        decided = random.random(count).tolist()
        prefix, town, source, code = day_prefix(day), post.town, self.source, post.code
        rows: list[tuple[int, Record]] = []
        for second, which, value, person, enters, health, luck in zip(
            seconds.tolist(), chosen.tolist(), celsius.tolist(), persons, inward, codes, decided, strict=True
        ):
            device = post.devices[which]
            record: Record = {
                "id": "",
                "source": source,
                "town": town,
                "at": f"{prefix}{CLOCK[second]}+08:00",
                "checkpoint": code,
                "device": device.code,
                "celsius": value,
                "method": device.method,
                "site": device.site,
                "direction": "in" if enters else "out",
                "person_ref": f"p-{person:08x}",
                "health_code": health,
                "outcome": _outcome(health, enters, luck),
            }
            if device.camera:
                record["device_threshold"] = FEVER
                record["device_verdict"] = "normal"
            elif luck < 0.012:
                rows.append(self._contact(post, day, second + 120, value, record))
                record["outcome"] = "recheck"
            rows.append((second, record))
        for fever in fevers:
            rows.extend(self._fever(post, day, fever, random))
        return self._sent(post, day, rows, random)

    def _celsius(
        self, post: Post, day: int, random: np.random.Generator, chosen: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        values = random.normal(LEVEL, SPREAD, len(chosen))
        for which, device in enumerate(post.devices):
            mine = chosen == which
            if device.drifts and day >= self.drift_from:
                # The drifting device stays just below a fever, so that it shows as a drift and not as an outbreak.
                values[mine] = LEVEL + 0.6 + (values[mine] - LEVEL) * 0.4
            values[mine] = np.clip(values[mine] + device.bias, 35.4, device.ceiling)
        return np.round(values, 1)

    def _codes(self, day: int, random: np.random.Generator, count: int) -> list[str]:
        """Health codes: mostly green; the share without one shrinks in the first week of the codes."""
        passed = (as_date(day) - as_date(self.first_day)).days
        none = max(0.018, 0.13 - 0.016 * passed)
        draw = random.random(count)
        codes: list[str] = np.select(
            [draw < none, draw < none + 0.009, draw < none + 0.0095], ["none", "yellow", "red"], "green"
        ).tolist()
        return codes

    def _contact(self, post: Post, day: int, second: int, value: float, first: Record) -> tuple[int, Record]:
        """A second reading under the arm, of somebody who looked unwell."""
        record = dict(first, device=post.contact.code, method="contact", site="axillary", outcome="pass")
        record["celsius"] = round(min(value + 0.1, post.contact.ceiling), 1)
        second = min(second, 86_399)
        record["at"] = f"{day_prefix(day)}{CLOCK[second]}+08:00"
        return second, record

    def _fever(self, post: Post, day: int, fever: Fever, random: np.random.Generator) -> list[tuple[int, Record]]:
        device = post.devices[-1] if post.devices[-1].camera and random.random() < 0.5 else post.devices[0]
        high = round(device.ceiling + 0.1 + float(min(1.6, random.exponential(0.35))) + 0.3 * fever.confirmed, 1)
        first: dict[str, Any] = {
            "id": "",
            "source": self.source,
            "town": post.town,
            "at": f"{day_prefix(day)}{CLOCK[fever.second]}+08:00",
            "checkpoint": post.code,
            "device": device.code,
            "celsius": high,
            "method": device.method,
            "site": device.site,
            "direction": "in",
            "person_ref": f"p-{int(random.integers(0, 1 << 32)):08x}",
            "health_code": "green",
            "outcome": "recheck",
        }
        if device.camera:
            first["device_threshold"] = FEVER
            first["device_verdict"] = "fever"
        if fever.forgotten:
            return [(fever.second, first)]
        again = min(fever.second + int(random.integers(6 * 60, 24 * 60)), 86_399)
        second = dict(first, device=post.contact.code, method="contact", site="axillary")
        second.pop("device_threshold", None)
        second.pop("device_verdict", None)
        second["at"] = f"{day_prefix(day)}{CLOCK[again]}+08:00"
        second["celsius"] = (
            round(post.contact.ceiling + float(random.uniform(0.3, 1.2)), 1)
            if fever.confirmed
            else round(float(random.uniform(36.3, 37.0)), 1)
        )
        second["outcome"] = "transferred" if fever.confirmed else "pass"
        return [(fever.second, first), (again, second)]

    def _sent(self, post: Post, day: int, rows: list[tuple[int, Record]], random: np.random.Generator) -> list[Draft]:
        rows = [row for row in rows if not post.gap or not post.gap[0] <= row[0] < post.gap[1]]
        rows.sort(key=lambda row: row[0])
        midnight = day_start(day, self.zone)
        drafts = []
        for k, ((second, record), delay) in enumerate(zip(rows, delays(random, len(rows)), strict=True)):
            record["id"] = f"temperature-{day}-{post.code}-{k:04d}"
            drafts.append(Draft(midnight + second * 1000 + delay, record))
        return drafts

    def _wrong(self, drafts: list[Draft], random: np.random.Generator) -> list[Draft]:
        """Fewer than one row in a thousand that the door must refuse: an impossible value or an unknown town."""
        wrong = []
        for n, k in enumerate(random.integers(0, len(drafts), len(drafts) // 2000).tolist()):
            record = dict(drafts[k].record, id=f"{drafts[k].record['id']}-x{n}")
            if n % 3 == 2:
                record["town"] = f"{self.pack.region}999"
            else:
                record["celsius"] = 63.4 if n % 3 else 3.65
            wrong.append(Draft(drafts[k].arrival + 5, record, wrong=True))
        return wrong


def _overlap(post: Post, hour: int) -> float:
    """The share of an hour in which a post is open."""
    return max(0, min(post.closes, (hour + 1) * 3600) - max(post.opens, hour * 3600)) / 3600


def _open_traffic(post: Post) -> float:
    return sum(_overlap(post, hour) * RHYTHM[hour] for hour in range(24))


def _outcome(health: str, enters: bool, luck: float) -> str:
    """Nearly everybody passes; now and then somebody is turned back who should not have been."""
    if not enters:
        return "pass"
    if health == "green":
        return "refused" if luck > WRONGLY else "pass"
    return _turned(health, luck)


def _turned(health: str, luck: float) -> str:
    """What happens to somebody who wants in without a green code."""
    if health == "red" or (health == "yellow" and luck < 0.4):
        return "refused"
    return "pass"
