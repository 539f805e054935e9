"""Whether a region's places stand where they say, and what is missing, as findings. Positions are WGS-84 degrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dashboard.domain.place import Place, PlaceKind, RegionPack
from geodata import townlists
from geodata.checks import Finding
from geodata.columns import KIND_WORDS, Role
from geodata.crs import BD09, GCJ02, SYSTEMS, WGS84, to_wgs84
from geodata.listing import Listing
from geodata.placelists import Lists
from geodata.region import NEAR_METRES, Region

_BETTER = 0.05
_ENOUGH = 8


def check_positions(region: Region, listings: Sequence[Listing]) -> list[Finding]:
    """Places outside the region, outside every town, or in another town than their own row says."""
    approximate = region.pack.approximate
    findings: list[Finding] = []
    located = [place for place in region.pack.places if place.lon is not None and place.lat is not None]
    lons, lats = [place.lon or 0.0 for place in located], [place.lat or 0.0 for place in located]
    towns = region.towns_of(lons, lats) if located else []
    near = region.near_all(lons, lats, NEAR_METRES).tolist() if located else []
    names = {town.code: town.name for town in region.pack.towns}
    elsewhere: list[tuple[Place, str]] = []
    for place, town, close in zip(located, towns, near, strict=True):
        words = f"{KIND_WORDS[place.kind]}“{place.name}”"
        at = (place.lon, place.lat)
        if not close:
            findings.append(
                Finding(
                    "error",
                    "far",
                    f"{words}的坐标（{place.lon:.5f}, {place.lat:.5f}）离本区域 20 公里以上，请改正坐标或坐标系",
                    f"{place.code} “{place.name}” lies more than 20 km outside the region: correct its coordinate.",
                    place.code,
                    *at,
                )
            )
        elif town is None:
            findings.append(
                Finding(
                    "warning",
                    "outside",
                    f"{words}不在任何镇内（按{names[place.town]}计），请核对",
                    f"{place.code} “{place.name}” lies outside every town; counted as {place.town}.",
                    place.code,
                    *at,
                )
            )
        elif town != place.town:
            elsewhere.append((place, town))
    if approximate and len(elsewhere) > 3:
        shown = "、".join(place.name for place, _ in elsewhere[:4])
        findings.append(
            Finding(
                "warning",
                "elsewhere",
                f"{len(elsewhere)} 处地点落在近似边界的邻镇（{shown} 等），按名单写的镇计",
                f"{len(elsewhere)} places lie in a neighbouring town of the approximate borders; their own counts.",
            )
        )
    else:
        findings += [
            Finding(
                "warning",
                "elsewhere",
                f"{KIND_WORDS[place.kind]}“{place.name}”写的是{names[place.town]}，坐标在{names[town]}，按写的镇计，请核对",
                f"{place.code} “{place.name}” is listed in {place.town} and lies in {town}; its own town counts.",
                place.code,
                place.lon,
                place.lat,
            )
            for place, town in elsewhere
        ]
    if not approximate:
        for listing in listings:
            findings += _another_system(listing, region)
    return findings


def _another_system(listing: Listing, region: Region) -> list[Finding]:
    """Whether a list whose system nobody stated fits its own towns better in another one.

    The shift is some 500 m: of places near borders enough fall into the wrong town to be seen.
    """
    if listing.role != Role.PLACES or listing.raw is None or listing.sure:
        return []
    stated: list[str] = []
    points: list[tuple[float, float]] = []
    for row, raw in zip(listing.rows, listing.raw, strict=True):
        town = region.pack.town_by_code.get(townlists.plain_name(row.get("town")) or "?")
        if town is not None and raw is not None and not raw.is_empty and raw.geom_type == "Point":
            stated.append(town.code)
            points.append((raw.x, raw.y))
    if len(points) < _ENOUGH:
        return []
    array = np.array(points)
    shares = {}
    for system in SYSTEMS:
        lon, lat = to_wgs84(array[:, 0], array[:, 1], system)
        found = region.towns_of(lon, lat)
        shares[system] = sum(1 for one, own in zip(found, stated, strict=True) if one == own) / len(points)
    best = max((GCJ02, BD09), key=lambda system: shares[system])
    if shares[best] < shares[WGS84] + _BETTER:
        return []
    told = f"{shares[best] * 100:.0f}%", f"{shares[WGS84] * 100:.0f}%"
    option = best.lower().replace("-", "")
    return [
        Finding(
            "warning",
            "crs",
            f"{listing.file} 的坐标像是 {best}：按它有 {told[0]} 的点落在所写的镇，按 WGS-84 只有 {told[1]}；"
            f"是的话请加 --crs {listing.file}={option}",
            f"{listing.file} seems to be in {best}: {told[0]} of its points lie in their own town, {told[1]} as "
            f"WGS-84; add --crs {listing.file}={option} if so.",
            listing.file,
        )
    ]


def check_completeness(pack: RegionPack, lists: Lists) -> Iterator[Finding]:
    """What is missing: towns without places, places without a coordinate, beats without places."""
    used = {place.town for place in pack.places}
    bare = [town.name for town in pack.towns if town.code not in used]
    if bare and len(bare) < len(pack.towns):
        shown = "、".join(bare[:10]) + ("等" if len(bare) > 10 else "")
        yield Finding(
            "warning", "no_place", f"{len(bare)} 个镇没有任何地点：{shown}", f"{len(bare)} towns have no place.", shown
        )
    if not pack.places:
        yield Finding("warning", "no_place", "还没有地点：再导入卡点、必巡点、企业名单即可",
                      "There is no place yet: import lists of checkpoints, patrol points and enterprises.")  # fmt: skip
    unlocated: dict[PlaceKind, int] = {}
    for place in pack.places:
        if place.lon is None:
            unlocated[place.kind] = unlocated.get(place.kind, 0) + 1
    for kind, count in unlocated.items():
        tail = "，只能签到，不能按轨迹算到访" if kind in (PlaceKind.PATROL_POINT, PlaceKind.CHECKPOINT) else ""
        yield Finding(
            "warning" if tail else "note",
            "unlocated",
            f"{KIND_WORDS[kind]}有 {count} 处没有坐标，记在所属镇（位置近似）{tail}",
            f"{count} places of kind {kind.value} have no coordinate; they stand at their town (approximate).",
        )
    owing = {rule.place for rule in pack.visit_rules}
    points = [place for place in pack.places if place.kind == PlaceKind.PATROL_POINT]
    if points and not owing:
        yield Finding("warning", "no_visit", "没有一处必巡点有巡查要求", "No patrol point owes a visit.")
    empty = [beat.name for beat in pack.beats if not any(place.beat == beat.code for place in pack.places)]
    if empty:
        yield Finding("warning", "empty_beat", f"{len(empty)} 个巡段没有点位：{'、'.join(empty[:6])}",
                      f"{len(empty)} beats have no place.")  # fmt: skip
    names = [town for town in pack.towns if town.name_en == town.name]
    if names:
        yield Finding("note", "no_english", f"{len(names)} 个镇没有英文名，英文页面显示中文名",
                      f"{len(names)} towns have no English name; English pages show the Chinese one.")  # fmt: skip
    if lists.skipped:
        yield Finding("note", "skipped", f"有 {lists.skipped} 行没有采用", f"{lists.skipped} rows were not taken.")
