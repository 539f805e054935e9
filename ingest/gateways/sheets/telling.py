"""A wrong cell in the words of a table: which column, what stands there, what may stand there, how it can be mended.

The door's own sentences speak of field names and ISO-8601; a clerk knows headers, Chinese choices and dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from dashboard.domain.day import iso
from dashboard.domain.event import Rejected
from dashboard.domain.feed import Feed, Field, Words
from dashboard.domain.imports import Fix
from dashboard.domain.place import RegionPack
from ingest.decode import EARLIEST, FUTURE_MS, Door
from ingest.gateways.sheets.cells import is_time, local_time
from ingest.gateways.sheets.columns import field_words

LISTED_CHOICES = 5
"""Allowed values that are written out; of longer lists the template has a sheet."""
_DAY = Words("实有的日期，如 2020-02-29", "a date that exists, e.g. 2020-02-29")
_LATER = Words("时间，如 2020-02-18 08:12", "a time, e.g. 2020-02-18 08:12")
_SHAPED = re.compile(r"\d{4}[-/.年]?\d{1,2}[-/.月]?\d{1,2}")


def allowed_words(feed: Feed, name: str, pack: RegionPack) -> Words:
    """What may stand in a field's column."""
    field = feed.field(name)
    if field is not None:
        return _allowed(field)
    towns = len(pack.towns)
    return {
        "id": Words("本文件里不重复的编号", "an id that no other row of the file has"),
        "town": Words(f"{towns} 个镇（街道）的名称、别名或代码", f"the name, alias or code of one of {towns} towns"),
        "at": _LATER,
        "lon": Words("−180 到 180 的经度", "a longitude from −180 to 180"),
        "lat": Words("−90 到 90 的纬度", "a latitude from −90 to 90"),
        "lonlat": Words("经度和纬度，如 120.957,30.912", "longitude and latitude, e.g. 120.957,30.912"),
        "crs": Words("WGS-84、GCJ-02、BD-09，或不填", "WGS-84, GCJ-02, BD-09 or nothing"),
        "rev": Words("不小于 0 的整数", "a whole number of 0 or more"),
        "void": Words("是、否，或不填", "是, 否 or nothing"),
        "nothing": Words("是、否，或不填", "是, 否 or nothing"),
    }.get(name, Words(name, name))


def _allowed(field: Field) -> Words:
    if field.kind == "choice":
        listed = list(field.choices.values())
        zh = "、".join(one.zh for one in listed[:LISTED_CHOICES])
        en = ", ".join(f"{one.zh} ({one.en})" for one in listed[:LISTED_CHOICES])
        if len(listed) > LISTED_CHOICES:
            return Words(f"{zh}等 {len(listed)} 种", f"{en}: {len(listed)} in all")
        return Words(zh, en)
    if field.kind == "text":
        return Words(f"1 到 {field.max_length} 个字", f"1 to {field.max_length} characters")
    if field.kind == "quantity":
        return Words("整数，可带余、多、近、约，如 3000余", "a whole number, e.g. 3000 or 3000余")
    if field.kind not in ("integer", "number"):
        return Words("日期或时间，如 2020-02-26 18:00", "a date or time, e.g. 2020-02-26 18:00")
    what = Words("整数", "a whole number") if field.kind == "integer" else Words("数", "a number")
    unit = f"（{field.unit}）" if field.unit else ""
    if field.low is not None and field.high is not None:
        low, high = _whole(field.low), _whole(field.high)
        return Words(f"{low} 到 {high} 之间的{what.zh}{unit}", f"{what.en} from {low} to {high}")
    return Words(what.zh + unit, what.en)


def _whole(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def told(feed: Feed, why: Rejected, door: Door, now: int) -> tuple[Words, str]:
    """(what is allowed, one sentence in both languages) about a cell that the door refused."""
    allowed = allowed_words(feed, why.field, door.region.pack)
    if why.code == "forbidden_town" and door.towns is not None:
        towns = door.region.pack.town_by_code
        names = "、".join(towns[code].name for code in sorted(door.towns) if code in towns)
        allowed = Words(f"获准的镇（街道）：{names}", f"a town you may write for: {names}")
    elif why.code == "personal":
        zh, en = field_words(feed, why.field)
        allowed = Words(f"不含姓名、手机号、身份证号的{zh}", f"{en} without names, phone or ID numbers")
    return allowed, sentence(feed, why.field, why.got, allowed)


def moment_allowed(got: str, now: int) -> Words:
    """What is allowed where a time (ISO-8601) is one, but lies ahead or too far back."""
    moment = datetime.fromisoformat(got)
    if moment.year < 2000 or moment.replace(tzinfo=None) < datetime(2000, 1, 2):  # noqa: DTZ001 - a local time
        since = iso(EARLIEST)[:4]
        return Words(f"{since} 年以后的时间", f"a time after {since}")
    latest = iso(now + FUTURE_MS)[:16].replace("T", " ")
    return Words(f"不晚于现在 10 分钟（{latest}）", f"no later than 10 minutes from now ({latest})")


def bad_time(got: str) -> Words:
    """What is allowed where a cell is no time: a date that does not exist is told as such."""
    return _DAY if _SHAPED.match(got) else _LATER


def sentence(feed: Feed, name: str, got: str, allowed: Words) -> str:
    """One sentence about a cell."""
    zh, en = field_words(feed, name)
    space = " " if allowed.zh[:1].isascii() else ""
    return f"{zh}是“{got}”，应为{space}{allowed.zh} · {en}: got “{got}”, allowed is {allowed.en}"


def fix_of(feed: Feed, name: str, got: str, door: Door, now: int) -> Fix | None:
    """The only allowed value that a cell can have meant, where there is exactly one."""
    field = feed.field(name)
    if name == "town":
        return _town_fix(got, door)
    if field is not None and field.kind == "choice":
        spellings = {words.zh: (code, words) for code, words in field.choices.items()}
        spellings |= {said: (code, field.choices[code]) for said, code in field.choice_aliases.items()}
        found = {spellings[said] for said in _near(got, spellings)}
        if len(found) == 1:
            _, words = found.pop()
            return Fix(words.zh, Words(f"改成「{words.zh}」？", f"Make it {words.zh} ({words.en})?"))
        return None
    if name == "at":
        return _year_fix(got, now)
    return None


def _town_fix(got: str, door: Door) -> Fix | None:
    pack = door.region.pack
    towns = [town for town in pack.towns if door.towns is None or town.code in door.towns]
    spellings = {said: town for town in towns for said in (town.name, *town.aliases) if not said.isdigit()}
    codes = {spellings[said].code for said in _near(got, spellings)}
    if len(codes) != 1:
        return None
    town = pack.town_by_code[codes.pop()]
    return Fix(town.name, Words(f"改成「{town.name}」？", f"Make it {town.name}?"))


_SUFFIX = re.compile("(?:镇|街道|乡|街道办|街道办事处|镇政府)$")


def _near(got: str, spellings: Iterable[str]) -> list[str]:
    """Spellings that hold a cell or are held by it; where there are none, those that differ by one character."""
    cell = "".join(got.split())
    if len(cell) < 2:
        return []
    bare = _SUFFIX.sub("", cell)
    cores = [(said, _SUFFIX.sub("", said)) for said in spellings]
    holding = [said for said, core in cores if len(core) >= 2 and (core in cell or (len(bare) >= 2 and bare in said))]
    # Of two characters one is too little to go by, unless a word such as 镇 stands behind them.
    return holding or [
        said
        for said, core in cores
        if len(core) == len(bare) >= 2 and _differ(core, bare) == 1 and (len(core) > 2 or said != core)
    ]


def _differ(one: str, other: str) -> int:
    return sum(1 for a, b in zip(one, other, strict=True) if a != b)


def _year_fix(got: str, now: int) -> Fix | None:
    """A year that lies ahead by one digit: in January the old year's last digit is still in the fingers."""
    written = local_time(got)
    if not is_time(written):
        return None
    moment = datetime.fromisoformat(written)
    this = datetime.fromisoformat(iso(now))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=this.tzinfo)
    if moment <= this:
        return None
    years = []
    for year in (this.year, this.year - 1):
        if len(str(year)) == len(str(moment.year)) and _differ(str(year), str(moment.year)) == 1:
            try:
                if moment.replace(year=year) <= this:
                    years.append(year)
            except ValueError:
                continue
    if not years:
        return None
    year = years[0]
    value = got.replace(str(moment.year), str(year), 1)
    return Fix(value, Words(f"年份改成 {year}？", f"Make the year {year}?")) if value != got else None
