"""From a record as a source sends it to an :class:`Event`, or to one clear sentence about what is wrong with it.

Undeclared fields are dropped unread. A record is taken whole or not at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from dashboard.domain.day import MINUTE, day_end, iso
from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed, Field, Words
from dashboard.domain.form import plain
from dashboard.domain.names import bare
from dashboard.domain.privacy import NAME_MASK, PERSONAL_WORDS, mask, names_somebody, personal, personal_again
from geodata.crs import to_wgs84
from geodata.region import Region

FUTURE_MS = 10 * MINUTE
SKEW_MS = 5 * MINUTE
EARLIEST = 946_684_800_000
"""2000-01-01 UTC: devices without a clock send 1901, 1970 or 1980."""
LATEST = 4_102_444_800_000
"""2100-01-01 UTC."""
MAX_ID = 160
_REASON = Field("reason", "text", Words("理由", "Reason"), max_length=200)
_POINT = {"lon", "lat", "crs"}
_PHONE_ID = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")
"""A phone number on its own. Narrower than in texts: an identifier may well hold such digits among others."""
_CRS = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}


class Door(msgspec.Struct, frozen=True):
    """What a way in knows about who is sending."""

    source: str
    region: Region
    towns: frozenset[str] | None = None
    """Towns that the token may write for; ``None`` is all."""
    zone: str | None = None
    """Time zone of times without an offset; ``None``: such times are refused."""
    by: str = ""
    """Who acts where that is not the source itself: an administrator who withdraws a record is kept with it."""


class Unreadable(msgspec.Struct, frozen=True):
    """A part of a batch that is not JSON; it keeps its place, and nothing of it but its size and digest is kept."""

    size: int
    digest: str

    @staticmethod
    def of(data: bytes) -> Unreadable:
        """What may be told of bytes that could not be read."""
        return Unreadable(len(data), blake2b(data, digest_size=4).hexdigest())

    def __str__(self) -> str:
        return f"{self.size} 字节，不是 JSON（摘要 {self.digest}）"


def _said(got: Any) -> str:
    """A value as text; a structure only by its kind, since it may hold anything."""
    return type(got).__name__ if isinstance(got, dict | list) else str(got)


class _Wrong(Exception):
    def __init__(self, field: str, got: Any, allowed: str, message: str | None = None, code: str = "invalid") -> None:
        super().__init__(field)
        self.field, self.allowed, self.code = field, allowed, code
        self.got = "（空）" if got is None or got == "" else mask(_said(got))[:120]
        self.message = message or f"字段 {field} 是“{self.got}”，应为{allowed}"


def decode_records(
    feed: Feed, records: Sequence[Any], door: Door, received_at: int
) -> tuple[list[Event], list[Rejected]]:
    """Decode a batch: every record is in one of the two lists, in order; ``Rejected.index`` counts from 0."""
    events: list[Event] = []
    rejected: list[Rejected] = []
    for index, record in enumerate(records):
        try:
            events.append(_decode(feed, record, door, received_at))
        except _Wrong as wrong:
            rejected.append(
                Rejected(index, _shown_id(record), wrong.field, wrong.got, wrong.allowed, wrong.message, wrong.code)
            )
    return events, rejected


def faults(feed: Feed, record: Any, door: Door, received_at: int) -> list[Rejected]:
    """Everything that is wrong with one record, at most one sentence a field: what a form shows beside its fields.

    Empty exactly when :func:`decode_records` would take the record at the same moment.
    """
    found: dict[str, _Wrong] = {}

    def hear(read: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return read()
        except _Wrong as wrong:
            found.setdefault(wrong.field, wrong)
            return otherwise

    if isinstance(record, dict) and not hear(lambda: _flag(record, "void"), True):
        hear(lambda: _identity(record))
        hear(lambda: _time(record.get("at"), door.zone, received_at))
        lon, lat = hear(lambda: _position(record), (None, None))
        fields: dict[str, Any] = {}
        if not hear(lambda: _flag(record, "nothing"), True):
            for field, read in _readers(feed.name, feed.fields):
                given = record.get(field.name)
                if given is None or given == "":
                    if field.required:
                        found[field.name] = _missing(field)
                    continue
                take = partial(read, given) if field.kind != "time" else partial(_instant, field, given, door)
                value = hear(take)
                if value is not None:
                    fields[field.name] = value
            # A field that is there but wrong is not missing as well.
            misplaced = _POINT & found.keys()
            for wrong in _lacking(feed, fields, lon):
                if wrong.field not in found and (wrong.field not in _POINT or not misplaced):
                    found[wrong.field] = wrong
        if not _POINT & found.keys():
            hear(lambda: _town(record, door, feed, fields, lon, lat))
    # Whatever is left is found as the decoder itself finds it.
    hear(lambda: _decode(feed, record, door, received_at))
    shown = _shown_id(record)
    return [Rejected(0, shown, one.field, one.got, one.allowed, one.message, one.code) for one in found.values()]


def _shown_id(record: Any) -> str | None:
    given = record.get("id") if isinstance(record, dict) else None
    return mask(str(given))[:MAX_ID] if isinstance(given, str | int | float) and given != "" else None


def declared(feed: Feed, record: Any) -> dict[str, Any]:
    """A record as a dead letter keeps it: declared fields only, phone and ID numbers masked."""
    if not isinstance(record, dict):
        return {}
    names = _ENVELOPE | {field.name for field in feed.fields}
    people = {field.name for field in feed.fields if field.person}
    return {
        name: NAME_MASK if name in people and bare(str(value).strip()) else _kept(value)
        for name, value in record.items()
        if name in names and isinstance(value, str | int | float | bool | None)
    }


def _kept(value: Any) -> Any:
    """A value that a dead letter may hold: a phone or ID number is masked as a number too."""
    if value is None or isinstance(value, bool):
        return value
    shown = mask(str(value))
    if isinstance(value, str):
        return shown[:500]
    harmless = shown == str(value) and (isinstance(value, float) or abs(value) < 2**63)
    return value if harmless else shown[:500]


_ENVELOPE = {"id", "source", "feed", "town", "at", "lon", "lat", "crs", "rev", "void", "reason", "nothing"}


def _decode(feed: Feed, record: Any, door: Door, received_at: int) -> Event:
    if not isinstance(record, dict):
        raise _Wrong("(record)", record, "一个 JSON 对象", code="malformed")
    identity = _identity(record)
    source = record.get("source")
    if source not in (None, "") and source != door.source:
        raise _Wrong("source", source, f"{door.source}，或省略", code="forbidden_source")
    if record.get("feed") not in (None, "", feed.name):
        raise _Wrong("feed", record.get("feed"), f"{feed.name}，或省略")
    rev = _revision(record.get("rev"))
    if _flag(record, "void"):
        said = _withdrawal(record, door)
        return Event(feed.name, door.source, identity, "", identity, 0, received_at, rev, None, None, said, void=True)
    at = _time(record.get("at"), door.zone, received_at)
    lon, lat = _position(record)
    nothing = _flag(record, "nothing")
    fields = {} if nothing else _fields(feed, record, lon, door)
    town, town_by = _town(record, door, feed, fields, lon, lat)
    subject = f"0:{town}" if nothing else str(fields[feed.subject])
    return Event(
        feed=feed.name,
        source=door.source,
        id=identity,
        town=town,
        subject=subject,
        at=at,
        received_at=received_at,
        rev=rev,
        lon=lon,
        lat=lat,
        fields=fields,
        nothing=nothing,
        town_by=town_by,
        skewed=abs(at - received_at) > SKEW_MS and at > received_at,
    )


def _identity(record: dict[str, Any]) -> str:
    given = record.get("id")
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise _Wrong("id", given, "这个来源里唯一的编号（文字或整数）")
    identity = str(given).strip()
    if not identity or len(identity) > MAX_ID or not identity.isprintable():
        raise _Wrong("id", identity, f"1 到 {MAX_ID} 个可见字符")
    if _PHONE_ID.search(identity) or names_somebody(identity):
        raise _Wrong("id", identity, "不含姓名、手机号和身份证号的编号", code="personal")
    return identity


def _revision(given: Any) -> int:
    if given is None or given == "":
        return 0
    try:
        rev = int(given)
    except (TypeError, ValueError, OverflowError):
        rev = -1
    if isinstance(given, bool | float) or not 0 <= rev < 2**62:
        raise _Wrong("rev", given, "不小于 0 的整数")
    return rev


def _withdrawal(record: dict[str, Any], door: Door) -> dict[str, Any]:
    """What is kept of a withdrawal beside the record it names: why, and who did it where that is not the source."""
    reason = record.get("reason")
    said = {} if reason in (None, "") else {"reason": _reader(_REASON)(reason)}
    return said | ({"by": door.by} if door.by else {})


def _flag(record: dict[str, Any], name: str) -> bool:
    given = record.get(name)
    if given in (None, "", False):
        return False
    if given is True or (isinstance(given, str) and given.lower() in ("true", "1", "是")) or given == 1:
        return True
    if isinstance(given, str) and given.lower() in ("false", "0", "否"):
        return False
    raise _Wrong(name, given, "true 或 false")


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _time(given: Any, zone: str | None, received_at: int) -> int:
    allowed = "带时区的 ISO-8601 时间，如 2020-02-18T08:12:30+08:00"
    if not isinstance(given, str) or not given.strip():
        raise _Wrong("at", given, allowed)
    try:
        moment = datetime.fromisoformat(given.strip().replace("/", "-"))
    except ValueError:
        raise _Wrong("at", given, allowed) from None
    if moment.tzinfo is None:
        if zone is None:
            raise _Wrong("at", given, allowed)
        moment = moment.replace(tzinfo=_zone(zone))
    try:
        at = math.floor(moment.timestamp() * 1000 + 0.5)
    except (OverflowError, ValueError):
        raise _Wrong("at", given, allowed) from None
    if at > received_at + FUTURE_MS:
        raise _Wrong("at", given, f"不晚于现在 10 分钟（{iso(received_at + FUTURE_MS)}）")
    if at < EARLIEST:
        raise _Wrong("at", given, "2000 年以后的时间")
    return at


def _instant(field: Field, given: Any, door: Door) -> int:
    """An instant that a field names, ms since 1970 UTC; it may lie ahead. A date alone ends with its day."""
    allowed = _allowed(field)
    if not isinstance(given, str) or not given.strip():
        raise _Wrong(field.name, given, allowed)
    text = given.strip().replace("/", "-")
    try:
        moment = datetime.fromisoformat(text)
        dated = len(text) <= len("2020-02-26")
        if dated:
            return day_end(moment.year * 10000 + moment.month * 100 + moment.day, door.region.pack.timezone)
        if moment.tzinfo is None:
            if door.zone is None:
                raise _Wrong(field.name, given, allowed)
            moment = moment.replace(tzinfo=_zone(door.zone))
        at = math.floor(moment.timestamp() * 1000 + 0.5)
    except (ValueError, OverflowError):
        raise _Wrong(field.name, given, allowed) from None
    if not EARLIEST <= at < LATEST:
        raise _Wrong(field.name, given, "2000 年到 2100 年的时间")
    return at


_STATED = re.compile(
    r"(?P<nearly>近|将近|接近)?(?P<about>约|大约)?(?P<number>\d[\d,]*)(?P<more>余|多|\+|以上)?[人名件次户本份张家处]*"
)


def _quantity(field: Field, given: Any) -> int | list[Any]:
    """A whole number, or [number, qualifier] where it was stated as 余, 多 (at least), 近 (nearly) or 约 (about)."""
    allowed = _allowed(field)
    if isinstance(given, int) and not isinstance(given, bool):
        number, qualifier = given, "exact"
    elif isinstance(given, float) and given.is_integer():
        number, qualifier = int(given), "exact"
    else:
        found = _STATED.fullmatch("".join(given.split())) if isinstance(given, str) else None
        if found is None:
            raise _Wrong(field.name, given, allowed)
        number = int(found["number"].replace(",", ""))
        qualifier = (
            "at_least" if found["more"] else "nearly" if found["nearly"] else "about" if found["about"] else "exact"
        )
    if not 0 <= number < 10**12:
        raise _Wrong(field.name, given, allowed)
    return number if qualifier == "exact" else [number, qualifier]


def _number(name: str, given: Any, allowed: str) -> float:
    if isinstance(given, str):
        try:
            given = float(given.strip())
        except ValueError:
            raise _Wrong(name, given, allowed) from None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _Wrong(name, given, allowed)
    try:
        number = float(given)
    except OverflowError:
        raise _Wrong(name, given, allowed) from None
    if not math.isfinite(number):
        raise _Wrong(name, given, allowed)
    return number


def _position(record: dict[str, Any]) -> tuple[float | None, float | None]:
    lon, lat = record.get("lon"), record.get("lat")
    if lon in (None, "") and lat in (None, ""):
        return None, None
    east = _number("lon", lon, "−180 到 180 的经度")
    north = _number("lat", lat, "−90 到 90 的纬度")
    if not -180 <= east <= 180:
        raise _Wrong("lon", lon, "−180 到 180 的经度")
    if not -90 <= north <= 90:
        raise _Wrong("lat", lat, "−90 到 90 的纬度")
    crs = record.get("crs")
    if crs in (None, ""):
        return east, north
    known = _CRS.get(str(crs).lower().replace("-", "").replace("_", ""))
    if known is None:
        raise _Wrong("crs", crs, "WGS-84、GCJ-02、BD-09 之一，或省略")
    if known == "WGS-84":
        return east, north
    moved = to_wgs84(east, north, known)
    return round(float(moved[0]), 7), round(float(moved[1]), 7)


def _town(
    record: dict[str, Any], door: Door, feed: Feed, fields: dict[str, Any], lon: float | None, lat: float | None
) -> tuple[str, str]:
    pack = door.region.pack
    given = record.get("town")
    if given not in (None, ""):
        town = pack.town_by_code.get(str(given).strip())
        if town is None:
            raise _Wrong("town", given, f"{len(pack.towns)} 个镇（街道）的代码、名称或别名之一")
        code, how = town.code, "code"
    else:
        place = pack.place_by_code.get(str(fields.get(feed.place_field))) if feed.place_field else None
        found = door.region.town_of(lon, lat) if lon is not None and lat is not None else None
        if found is not None:
            code, how = found, "point"
        elif place is not None:
            code, how = place.town, "place"
        elif lon is not None:
            raise _Wrong("lon", f"{lon}, {lat}", f"{pack.name}范围内的坐标，或写明 town")
        else:
            raise _Wrong("town", given, "镇（街道）代码，或者给出坐标")
    if door.towns is not None and code not in door.towns:
        raise _Wrong("town", given or code, "这个令牌获准的镇（街道）", code="forbidden_town")
    return code, how


def _fields(feed: Feed, record: dict[str, Any], lon: float | None, door: Door) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field, read in _readers(feed.name, feed.fields):
        given = record.get(field.name)
        if given is None or given == "":
            if field.required:
                raise _missing(field)
            continue
        fields[field.name] = read(given) if field.kind != "time" else _instant(field, given, door)
    for wrong in _lacking(feed, fields, lon):
        raise wrong
    return fields


def _missing(field: Field) -> _Wrong:
    sentence = f"缺少必填字段 {field.name}（{field.words.zh}），应为{_allowed(field)}"
    return _Wrong(field.name, None, _allowed(field), sentence)


def _lacking(feed: Feed, fields: dict[str, Any], lon: float | None) -> Iterable[_Wrong]:
    """Fields that another field's value makes required and that are not there."""
    for rule in feed.required:
        if fields.get(rule.when) == rule.equals:
            for name in rule.fields:
                present = lon is not None if name in ("lon", "lat") else name in fields
                if not present:
                    sentence = f"{rule.when} 为 {rule.equals} 时缺少必填字段 {name}"
                    yield _Wrong(name, None, f"{rule.when} 为 {rule.equals} 时必填", sentence)


@lru_cache(maxsize=128)
def _readers_of(fields: Any) -> tuple[tuple[Field, Callable[[Any], Any]], ...]:
    return tuple((field, _reader(field)) for field in fields.items)


class _ById:
    """Field tuples hold dicts and cannot be hashed; a feed's tuple lives as long as the program."""

    def __init__(self, items: tuple[Field, ...]) -> None:
        self.items = items

    def __hash__(self) -> int:
        return id(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.items is self.items


def _readers(_: str, fields: tuple[Field, ...]) -> Iterable[tuple[Field, Callable[[Any], Any]]]:
    return _readers_of(_ById(fields))


def _allowed(field: Field) -> str:
    if field.kind == "choice":
        return "、".join(field.choices) + " 之一"
    if field.kind == "text":
        return f"1 到 {field.max_length} 个字"
    if field.kind == "quantity":
        return "不小于 0 的整数，可带 余、多、近、约，如 3000、3000余、近1000"
    if field.kind == "time":
        return "日期，或带时区的 ISO-8601 时间，如 2020-02-26、2020-02-26T18:00:00+08:00"
    what = "整数" if field.kind == "integer" else "数"
    unit = f"（{field.unit}）" if field.unit else ""
    if field.low is not None and field.high is not None:
        return f"{plain(field.low)} 到 {plain(field.high)} 之间的{what}{unit}"
    return what + unit


def _reader(field: Field) -> Callable[[Any], Any]:
    allowed = _allowed(field)
    if field.kind == "choice":
        spellings = {code: code for code in field.choices}
        spellings |= {words.zh: code for code, words in field.choices.items()}
        spellings |= {words.en.lower(): code for code, words in field.choices.items()}
        spellings |= dict(field.choice_aliases)

        def read_choice(given: Any) -> str:
            if isinstance(given, str):
                found = spellings.get(given) or spellings.get(given.strip()) or spellings.get(given.strip().lower())
                if found is not None:
                    return found
            raise _Wrong(field.name, given, allowed)

        return read_choice
    if field.kind == "text":
        # The codes of people are as many as the people.
        look = personal if field.person else personal_again

        def read_text(given: Any) -> str:
            if isinstance(given, bool) or not isinstance(given, str | int):
                raise _Wrong(field.name, given, allowed)
            value = " ".join(str(given).split())
            if not value or len(value) > field.max_length or not value.isprintable():
                raise _Wrong(field.name, value, allowed)
            kind = look(value) or ("name" if field.person and (bare(value) or NAME_MASK in value) else None)
            if kind is not None:
                # A name that stands alone is masked whole: nothing in it says that it is one.
                got = value if mask(value) != value else NAME_MASK
                raise _Wrong(field.name, got, f"不含{PERSONAL_WORDS[kind][0]}的{field.words.zh}", code="personal")
            return value

        return read_text
    if field.kind == "quantity":
        return partial(_quantity, field)
    whole = field.kind == "integer"
    low = -math.inf if field.low is None else field.low
    high = math.inf if field.high is None else field.high

    def read_number(given: Any) -> float | int:
        value = _number(field.name, given, allowed)
        if not low <= value <= high or (whole and value != int(value)):
            raise _Wrong(field.name, given, allowed)
        return int(value) if whole else value

    return read_number
