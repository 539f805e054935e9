"""What a person changes about one place, beat or unit, as edits of the pack: checked, with everything that hangs on it.

Only what was said is changed: a field that is missing stays as it is on the day from which the change is valid, so that
somebody else's change of another field is not taken back. Texts are those of the pack's files; degrees are WGS-84.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from dashboard.domain.place import PlaceKind
from dashboard.domain.privacy import personal
from dashboard.errors import PackError
from geodata.columns import KIND_WORDS
from geodata.placelists import LETTERS
from geodata.region import NEAR_METRES, Region
from geodata.revise import Content, Edit, Row, edit_of

LONGEST_NAME = 80
_CODE = re.compile(r"[^\s|,，、;；/\\]{1,60}")
_SEVERAL = re.compile(r"[|、，,;；\s]+")

Given = Mapping[str, str]


class Written(msgspec.Struct, frozen=True):
    """Edits to save at once, the code that they are about, and sentences about what is odd but allowed."""

    key: str
    edits: tuple[Edit, ...]
    notes: tuple[str, ...] = ()


def _refuse(zh: str, en: str) -> NoReturn:
    raise PackError(f"{zh} · {en}.")


def _name(given: Given, row: Row, what: str) -> str:
    name = " ".join(given.get("name", row.get("name", "")).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        _refuse(
            f"{what}的名称有 {len(name)} 个字，应为 1 到 {LONGEST_NAME} 个字",
            f"name: got {len(name)} characters, allowed are 1 to {LONGEST_NAME}",
        )
    if personal(name):
        _refuse(f"{what}的名称里有电话或证件号，请去掉", "name: a phone or identity number may not stand in a name")
    return name


def _town(given: Given, row: Row, region: Region) -> str:
    said = given.get("town", row.get("town", ""))
    town = region.pack.town_by_code.get(said)
    if town is None:
        names = "、".join(one.name for one in region.pack.towns)
        _refuse(
            f"镇是“{said[:20] or '空的'}”，应为 {names} 之一",
            f"town: got “{said[:20]}”, allowed is a town of the region",
        )
    return town.code


def _point(given: Given, row: Row, region: Region) -> tuple[str, str]:
    lon, lat = given.get("lon", row.get("lon", "")).strip(), given.get("lat", row.get("lat", "")).strip()
    if not lon and not lat:
        return "", ""
    found: list[float] = []
    for text, field, zh in ((lon, "lon", "经度"), (lat, "lat", "纬度")):
        try:
            found.append(float(text))
        except ValueError:
            found.append(math.nan)
        if not math.isfinite(found[-1]):
            _refuse(
                f"{zh}是“{text[:20] or '空的'}”，应为度数，如 120.911894",
                f"{field}: got “{text[:20]}”, allowed are degrees",
            )
    if not region.near(found[0], found[1], NEAR_METRES):
        _refuse(
            f"位置（{found[0]:.5f}, {found[1]:.5f}）离本区域 20 公里以上，请核对经纬度和坐标系（应为 WGS-84）",
            f"the position ({found[0]:.5f}, {found[1]:.5f}) is more than 20 km outside the region: check it (WGS-84)",
        )
    return f"{found[0]:.6f}", f"{found[1]:.6f}"


def place(content: Content, region: Region, key: str, given: Given) -> Written:
    """The edits that add a place (``key`` empty) or change one: name, kind, town, position, beat, hours, visits.

    ``hours`` and ``visits`` are as in :func:`geodata.revise.edit_of`.

    Raises:
        PackError: something is not allowed; one sentence.
    """
    rows = content.rows("places", key) if key else ()
    if key and not rows:
        _refuse(f"没有编号为 {key[:40]} 的地点，可能刚被关闭", f"there is no place {key[:40]}; it may have been closed")
    row: Row = rows[0] if rows else {}
    kind_text = given.get("kind", row.get("kind", ""))
    if kind_text not in {kind.value for kind in PlaceKind}:
        words = "、".join(KIND_WORDS.values())
        _refuse(f"类型是“{kind_text[:20] or '空的'}”，应为 {words} 之一", "kind: allowed is one of the kinds of place")
    kind = PlaceKind(kind_text)
    name, town = _name(given, row, KIND_WORDS[kind]), _town(given, row, region)
    lon, lat = _point(given, row, region)
    beat = given.get("beat", row.get("beat", ""))
    if beat and not content.rows("beats", beat):
        _refuse(f"没有巡段 {beat[:40]}，可能刚被撤销", f"there is no beat {beat[:40]}")
    if beat and content.rows("beats", beat)[0].get("town") != town:
        if given.get("beat"):
            _refuse(f"巡段 {beat} 不在这个镇，请另选一个", f"beat {beat} belongs to another town: choose another")
        # The place has moved to another town: its beat stays behind.
        beat = ""
    code = key or _new_code(content, town, LETTERS[kind], 4 if kind == PlaceKind.ENTERPRISE else 2)
    made = {
        "kind": kind.value, "town": town, "name": name, "name_en": given.get("name_en", row.get("name_en", "")).strip(),
        "lon": lon, "lat": lat, "beat": beat,
    }  # fmt: skip
    edits = [Edit("places", code, (made,))] if made != dict(row) else []
    edits += _kept_rules(content, code, kind, given)
    return Written(code, tuple(edits), tuple(_odd(region, kind, town, lon, lat)))


def _kept_rules(content: Content, code: str, kind: PlaceKind, given: Given) -> list[Edit]:
    """Duty hours belong to checkpoints; a place of another kind keeps none."""
    edits = []
    if kind != PlaceKind.CHECKPOINT:
        if content.rows("duty_hours", code):
            edits.append(Edit("duty_hours", code))
    elif "hours" in given:
        edits.append(edit_of("duty_hours", code, given["hours"], content))
    if "visits" in given:
        edits.append(edit_of("visit_rules", code, given["visits"], content))
    return [edit for edit in edits if edit.rows != content.rows(edit.table, edit.key)]


def _odd(region: Region, kind: PlaceKind, town: str, lon: str, lat: str) -> list[str]:
    if not lon:
        return (
            ["没有坐标：只能签到，不能按轨迹算到访 · No position: only a check-in can count as a visit"]
            if kind == PlaceKind.PATROL_POINT
            else []
        )
    lies = region.town_of(float(lon), float(lat))
    if lies == town:
        return []
    names = region.pack.town_by_code
    where = names[lies].name if lies else "镇界以外"
    near = "（镇界是近似的）" if region.pack.approximate else ""
    where_en = names[lies].name_en if lies else "outside every town"
    return [f"位置在{where}{near}，按所填的{names[town].name}计 · It lies in {where_en}; its own town counts"]


def _new_code(content: Content, town: str, letter: str, width: int) -> str:
    number = 1
    taken = content.table("places").keys() | content.table("beats").keys() | content.table("units").keys()
    while f"{town}-{letter}{number:0{width}d}" in taken:
        number += 1
    return f"{town}-{letter}{number:0{width}d}"


def close_place(content: Content, key: str) -> Written:
    """The edits that close a place: it is gone from that day on, with its hours and its visits; earlier days keep it.

    Raises:
        PackError: there is no such place.
    """
    if not content.rows("places", key):
        _refuse(f"没有编号为 {key[:40]} 的地点，可能已经关闭", f"there is no place {key[:40]}; it may have been closed")
    tables = ("places", "duty_hours", "visit_rules")
    return Written(key, tuple(Edit(table, key) for table in tables if content.rows(table, key)))


def beat(content: Content, region: Region, key: str, given: Given) -> Written:
    """The edits that add or change a beat: name, town, units (codes), places (codes; those left out leave the beat).

    Raises:
        PackError: something is not allowed; one sentence.
    """
    rows = content.rows("beats", key) if key else ()
    if key and not rows:
        _refuse(f"没有编号为 {key[:40]} 的巡段，可能刚被撤销", f"there is no beat {key[:40]}; it may have been removed")
    row: Row = rows[0] if rows else {}
    name, town = _name(given, row, "巡段"), _town(given, row, region)
    units = [one for one in _SEVERAL.split(given.get("units", row.get("units", ""))) if one]
    for unit in units:
        found = content.rows("units", unit)
        if not found:
            _refuse(f"没有巡逻组 {unit[:40]}，请先新增", f"there is no unit {unit[:40]}: add it first")
    code = key or _beat_code(content, town)
    made = {
        "town": town,
        "name": name,
        "name_en": given.get("name_en", row.get("name_en", "")),
        "units": "|".join(units),
    }
    edits = [Edit("beats", code, (made,))] if made != dict(row) else []
    notes = []
    if "places" in given:
        wanted = {one for one in _SEVERAL.split(given["places"]) if one}
        for place_code in sorted(wanted):
            if not content.rows("places", place_code):
                _refuse(f"没有编号为 {place_code[:40]} 的地点", f"there is no place {place_code[:40]}")
        foreign = [one for one in wanted if content.rows("places", one)[0].get("town") != town]
        if foreign:
            _refuse(
                f"{foreign[0]} 不在这个镇，不能编进这个巡段",
                f"{foreign[0]} lies in another town and cannot join this beat",
            )
        for place_code, found in content.table("places").items():
            held = found[0].get("beat") == code
            if held != (place_code in wanted):
                edits.append(Edit("places", place_code, ({**found[0], "beat": code if place_code in wanted else ""},)))
        if not wanted:
            notes.append("这个巡段还没有点位 · This beat has no place yet")
    if not units:
        notes.append("这个巡段还没有巡逻组，由全镇在岗的组负责 · No unit yet: all units on duty in the town are meant")
    return Written(code, tuple(edits), tuple(notes))


def _beat_code(content: Content, town: str) -> str:
    number = 1
    while content.rows("beats", f"{town}-B{number}"):
        number += 1
    return f"{town}-B{number}"


def close_beat(content: Content, key: str) -> Written:
    """The edits that remove a beat: its places stay, without a beat.

    Raises:
        PackError: there is no such beat.
    """
    if not content.rows("beats", key):
        _refuse(f"没有编号为 {key[:40]} 的巡段，可能已经撤销", f"there is no beat {key[:40]}; it may have been removed")
    freed = [
        Edit("places", code, ({**rows[0], "beat": ""},))
        for code, rows in content.table("places").items()
        if rows[0].get("beat") == key
    ]
    return Written(key, (Edit("beats", key), *freed))


def unit(content: Content, region: Region, key: str, given: Given) -> Written:
    """The edits that add or change a patrol unit: code (when added), name, town, leader, devices.

    Raises:
        PackError: something is not allowed; one sentence.
    """
    rows = content.rows("units", key) if key else ()
    if key and not rows:
        _refuse(
            f"没有编号为 {key[:40]} 的巡逻组，可能刚被撤销", f"there is no unit {key[:40]}; it may have been removed"
        )
    row: Row = rows[0] if rows else {}
    name, town = _name(given, row, "巡逻组"), _town(given, row, region)
    code = key or given.get("code", "").strip() or _unit_code(content, town)
    if not key and content.rows("units", code):
        _refuse(f"编号 {code[:40]} 已有巡逻组在用，请另取一个", f"code {code[:40]} is taken: choose another")
    if not _CODE.fullmatch(code) or personal(code):
        _refuse(f"编号是“{code[:40]}”，应为不含空格、逗号的短代码", f"code: got “{code[:40]}”, allowed is a short code")
    leader = given.get("leader", row.get("leader", "")).strip()[:20]
    if personal(leader):
        _refuse("组长里有电话或证件号，请只写姓名", "leader: write the name alone, no number")
    made = {"town": town, "name": name, "name_en": given.get("name_en", row.get("name_en", "")), "leader": leader}
    edits = [Edit("units", code, (made,))] if made != dict(row) else []
    if "devices" in given:
        wanted = {one for one in _SEVERAL.split(given["devices"]) if one}
        for device in sorted(wanted):
            held = content.rows("devices", device)
            if personal(device):
                _refuse(
                    "设备名是电话号码，请在手机上另起一个名字",
                    "a device is named by a phone number: give it another name",
                )
            if held and held[0].get("unit") != code:
                _refuse(
                    f"设备 {device[:40]} 已归 {held[0].get('unit')}，请先从那一组去掉",
                    f"device {device[:40]} belongs to {held[0].get('unit')}: remove it there first",
                )
            if not held:
                edits.append(Edit("devices", device, ({"unit": code},)))
        for device, held in content.table("devices").items():
            if held[0].get("unit") == code and device not in wanted:
                edits.append(Edit("devices", device))
    return Written(code, tuple(edits))


def _unit_code(content: Content, town: str) -> str:
    number = 1
    while content.rows("units", f"{town}-U{number}"):
        number += 1
    return f"{town}-U{number}"


def close_unit(content: Content, key: str) -> Written:
    """The edits that remove a patrol unit, from its beats too, and its devices.

    Raises:
        PackError: there is no such unit.
    """
    if not content.rows("units", key):
        _refuse(
            f"没有编号为 {key[:40]} 的巡逻组，可能已经撤销", f"there is no unit {key[:40]}; it may have been removed"
        )
    edits = [Edit("units", key)]
    for code, rows in content.table("beats").items():
        units = [one for one in rows[0].get("units", "").split("|") if one]
        if key in units:
            rest = "|".join(one for one in units if one != key)
            edits.append(Edit("beats", code, ({**rows[0], "units": rest},)))
    edits += [Edit("devices", name) for name, rows in content.table("devices").items() if rows[0].get("unit") == key]
    return Written(key, tuple(edits))


SAVE = {"place": place, "beat": beat, "unit": unit}
CLOSE = {"place": close_place, "beat": close_beat, "unit": close_unit}
"""What is changed -> how."""
