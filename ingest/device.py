"""What the protocols of phones and trackers have in common: what a message may say, and how a fix becomes a record.

A protocol is decoded by its own file under ``ingest.gateways``; nothing here knows one. What cannot be read is handed
on as it came, so that the door says what is wrong with it. Times are ISO-8601 texts, speeds km/h, coordinates WGS-84.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from dashboard.domain.day import iso
from dashboard.domain.event import Rejected
from dashboard.domain.privacy import mask
from geodata.region import Region
from ingest.decode import Door

KMH_PER_KNOT = 1.852
KMH_PER_MS = 3.6
METRES_PER_HDOP = 5.0
"""A usual user-equivalent range error: what a receiver of a phone is off by at a dilution of 1."""

_SECONDS_BELOW = 100_000_000_000
"""Below this a number of time is seconds (until the year 5138), above it milliseconds (since 1973)."""
_NUMBER = re.compile(r"-?\d{1,16}(?:\.\d{1,9})?", re.ASCII)


class Fix(msgspec.Struct, frozen=True):
    """One position as a device told it; ``None`` is what it did not tell.

    ``who`` names the device by every name that the message gives it, the first one first.
    """

    who: tuple[str, ...]
    at: Any = None
    lon: Any = None
    lat: Any = None
    speed: Any = None
    heading: Any = None
    accuracy: Any = None
    mode: Any = None
    officers: Any = None


class Refusal(msgspec.Struct, frozen=True):
    """A message that cannot be taken: kept as a dead letter, and answered so that the device goes on."""

    who: tuple[str, ...]
    field: str
    got: str
    allowed: str
    message: str
    fix: Fix | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """A message that is well formed and carries no position: nothing of it is kept."""

    what: str


Heard = Fix | Refusal | LeftOut


def names(*given: Any) -> tuple[str, ...]:
    """The names that a message gives a device, without blanks and repeats."""
    texts = (str(one) for one in given if isinstance(one, str | int) and not isinstance(one, bool))
    return tuple(dict.fromkeys(text for text in (" ".join(text.split()) for text in texts) if text))


def moment(given: Any) -> Any:
    """A time as devices write it, as ISO-8601 text: seconds or milliseconds since 1970 as a number or as text.

    Other texts stay as they are (ISO-8601 and ``2014-06-04 09:10:11`` are read by the door); a ``+`` of an offset that
    was not escaped and arrived as a blank is put back.
    """
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return given
    text = str(given).strip()
    if not _NUMBER.fullmatch(text):
        return text.replace(" ", "+") if "T" in text and text.count(" ") == 1 else text
    value = float(text)
    ms = round(value * 1000) if abs(value) < _SECONDS_BELOW else round(value)
    try:
        return iso(ms)
    except (ValueError, OverflowError, OSError):
        return text


def scaled(given: Any, factor: float = 1.0) -> Any:
    """A measure in our unit. Devices write −1 for unknown: nothing negative is a speed, a heading or an accuracy."""
    value = _float(given)
    if value is None:
        return given
    return None if value < 0 else round(value * factor, 2) if math.isfinite(value * factor) else given


def accuracy_of(hdop: Any) -> float | None:
    """Metres from a dilution of precision, of which 0 means that it is not known."""
    value = _float(hdop)
    return round(value * METRES_PER_HDOP, 1) if value is not None and 0 < value <= 100 else None


def said(flag: Any) -> bool | None:
    """A flag as it stands in an address or in JSON; ``None`` when it is neither true nor false."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(flag).lower())


def placed(fix: Fix, mock: bool = False, valid: bool = True) -> Fix | Refusal:
    """A fix, or why its own device says that it is none."""
    if _float(fix.lon) == 0 == _float(fix.lat):
        sentence = "经纬度都是 0：手机还没有定位 · longitude and latitude are both 0: the phone has no fix"
        return Refusal(fix.who, "lon", "0, 0", "手机定位之后的坐标", sentence, fix)
    if mock:
        sentence = "手机说明这是模拟定位，不作数 · the phone says that this position is a mock"
        return Refusal(fix.who, "mock", "true", "真实定位", sentence, fix)
    if not valid:
        sentence = "设备说明这次定位无效 · the device says that this fix is not valid"
        return Refusal(fix.who, "valid", "false", "有效的定位", sentence, fix)
    return fix


def unreadable(got: str, allowed: str, sentence: str, who: tuple[str, ...] = ()) -> Refusal:
    """A message of which nothing can be used; ``got`` may be told, since it says no more than size and digest."""
    return Refusal(who, "(record)", got, allowed, sentence)


def unit_of(who: tuple[str, ...], region: Region, source: str) -> str | None:
    """The unit that carries a device: by the pack's ``devices.csv``, else a unit of the pack that is so called, else
    the device's own name, which makes a provisional unit. The name of the source is a password's companion only."""
    pack = region.pack
    for name in who:
        if name in pack.devices:
            return pack.devices[name]
    for name in who:
        if name in pack.unit_by_code:
            return name
    return next((name for name in who if name != source), who[0] if who else None)


def record_of(fix: Fix, protocol: str, door: Door, received_at: int) -> dict[str, Any]:
    """A patrol record of a fix. Its id is made of device and fix time, so that a resend is the same record.

    The coordinate decides the town. A unit of the pack stays with its own town where the coordinate lies in none, or
    in one that the token is not for: most boundaries are approximate.
    """
    unit = unit_of(fix.who, door.region, door.source)
    at = iso(received_at) if fix.at is None or fix.at == "" else fix.at
    record = {
        "id": f"{protocol}-{_digest('/'.join(fix.who))}-{_stamp(at, door.zone)}",
        "at": at,
        "unit": unit,
        "town": town_for(unit, fix.lon, fix.lat, door),
        "kind": "position",
        "lon": fix.lon,
        "lat": fix.lat,
        "speed": fix.speed,
        "heading": fix.heading,
        "accuracy": fix.accuracy,
        "mode": fix.mode,
        "officers": fix.officers,
    }
    return {name: value for name, value in record.items() if value is not None and value != ""}


def letter_of(refusal: Refusal, protocol: str, door: Door, received_at: int) -> tuple[dict[str, Any], Rejected]:
    """What is kept of a refused message, and why it was refused."""
    if refusal.fix is not None:
        record = record_of(refusal.fix, protocol, door, received_at)
    else:
        unit = unit_of(refusal.who, door.region, door.source)
        record = {} if unit is None else {"unit": unit}
    shown = record.get("id")
    got = mask(refusal.got)[:120]
    return record, Rejected(0, shown, refusal.field, got, refusal.allowed, refusal.message, "malformed")


def town_for(unit: str | None, lon: Any, lat: Any, door: Door) -> str | None:
    """The town to write into a record because its coordinate cannot decide; ``None``: the coordinate does."""
    declared = door.region.pack.unit_by_code.get(unit or "")
    east, north = _float(lon), _float(lat)
    if declared is None or east is None or north is None:
        return None
    found = door.region.town_of(east, north)
    own = found is None or (door.towns is not None and found not in door.towns)
    return declared.town if own else None


def _float(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _stamp(at: Any, zone: str | None) -> str:
    """A fix time as part of an id: to the millisecond where it can be read, else a digest of what was written."""
    try:
        found = datetime.fromisoformat(str(at).replace("/", "-"))
        if found.tzinfo is None and zone is not None:
            found = found.replace(tzinfo=ZoneInfo(zone))
        return found.astimezone(UTC).strftime("%Y%m%dT%H%M%S.") + f"{found.microsecond // 1000:03d}"
    except (ValueError, OverflowError):
        return _digest(str(at))
