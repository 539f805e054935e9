"""The towns of a region and their borders, put together from whatever lists and shapes there are.

A town is known by its division code, else by its name. Polygons make the region; where there are none, the county's
outline is divided around the towns' seats and the result is marked approximate. A jurisdiction may be a list of towns.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import shapely
from shapely.geometry.base import BaseGeometry

from dashboard.domain.place import RegionPack, Town
from dashboard.errors import PackError
from geodata.checks import Finding, mend
from geodata.dividing import share_out
from geodata.listing import Listing, Row

_OFFICE = re.compile(r"(人民政府|政府|办事处|街道办)$")
_SUFFIX = re.compile(r"(街道|镇|民族乡|乡|苏木|农场|林场|开发区|管委会)$")
_COUNTY = re.compile(r"(县|区|市|旗|自治县)$")


class Draft(msgspec.Struct):
    """A town while it is being put together."""

    code: str
    name: str
    county: str = ""
    name_en: str = ""
    names: set[str] = set()
    seat: tuple[float, float] | None = None
    shape: BaseGeometry | None = None
    where: str = ""
    made: bool = False
    """Whether the code was made up here."""


class Towns(msgspec.Struct):
    """What the lists say: towns in their order, outlines of counties by code, what is wrong."""

    drafts: list[Draft]
    outlines: dict[str, BaseGeometry]
    names: dict[str, str]
    findings: list[Finding]


def plain_name(name: str) -> str:
    """A town's name without the word for its office: 紫金街道办事处 is 紫金街道."""
    short = "".join(name.split())
    found = _OFFICE.sub("", short)
    return f"{found}街道" if short.endswith("街道办") else found


def short_name(name: str) -> str:
    """A town's name without what kind of town it is."""
    found = _SUFFIX.sub("", name)
    return found if len(found) >= 2 else name


def plain_code(code: str) -> str:
    """A division code in nine digits: statistics write towns with twelve."""
    digits = code.strip()
    return digits[:9] if re.fullmatch(r"\d{9}0{3}", digits) else digits


def known(pack: RegionPack, boundaries: Mapping[str, BaseGeometry]) -> list[Draft]:
    """The towns of a version in force, for lists that only say more about them."""
    return [
        Draft(
            code=town.code,
            name=town.name,
            county=town.code[:6] if re.fullmatch(r"\d{9}", town.code) else "",
            name_en="" if town.name_en == town.name else town.name_en,
            names=set(town.aliases),
            seat=town.seat,
            shape=boundaries[town.code],
        )
        for town in pack.towns
    ]


def collect(listings: Sequence[Listing], before: Sequence[Draft] = ()) -> Towns:
    """The towns and outlines of all lists of towns; coded rows first, the others are matched to them by name.

    ``before`` are towns that are known already.
    """
    found = Towns(list(before), {}, {}, [])
    by_code: dict[str, Draft] = {draft.code: draft for draft in before}
    later: list[tuple[Listing, Row]] = []
    for listing in listings:
        counties = _county_column(listing)
        for row in listing.rows:
            code = "" if counties else plain_code(row.get("code"))
            name = plain_name(row.get("name").split("|")[0])
            if re.fullmatch(r"\d{12}", code):
                # A village: its first nine digits are a town's, but it is none.
                continue
            if _is_outline(code, name, row, listing):
                _outline(found, code, name, row)
            elif code:
                draft = by_code.get(code)
                if draft is None:
                    draft = by_code[code] = Draft(code, name, where=row.where, names=set())
                    found.drafts.append(draft)
                _merge(found, draft, row, listing)
            elif name or row.shape is not None:
                later.append((listing, row))
    _match(found, later, coded=bool(by_code))
    return found


def _county_column(listing: Listing) -> bool:
    """Whether what looks like codes are those of counties, each on many rows."""
    codes = [row.get("code") for row in listing.rows if row.get("code")]
    return len(codes) > 1 and all(re.fullmatch(r"\d{6}", code) for code in codes) and len(set(codes)) < len(codes)


def _is_outline(code: str, name: str, row: Row, listing: Listing) -> bool:
    if re.fullmatch(r"\d{6}", code):
        return True
    areas = row.shape is not None and row.shape.geom_type in ("Polygon", "MultiPolygon")
    return areas and not code and len(listing.rows) == 1 and (not name or bool(_COUNTY.search(name)))


def _outline(found: Towns, code: str, name: str, row: Row) -> None:
    if name:
        found.names[code] = name
    if row.shape is None or row.shape.geom_type not in ("Polygon", "MultiPolygon"):
        return
    shape, faults = mend(f"{name or code or '外边界'}", row.where, row.shape)
    found.findings += faults
    if shape is not None:
        before = found.outlines.get(code)
        found.outlines[code] = shape if before is None else shapely.union(before, shape)


def _merge(found: Towns, draft: Draft, row: Row, listing: Listing) -> None:
    names = [part.strip() for part in row.get("name").split("|") if part.strip()]
    draft.names |= {*names, *(plain_name(name) for name in names)}
    draft.names |= {part.strip() for part in re.split(r"[|、，,;；/]", row.get("aliases")) if part.strip()}
    draft.name = draft.name or (plain_name(names[0]) if names else "")
    draft.name_en = draft.name_en or row.get("name_en")
    county = row.get("county")
    draft.county = draft.county or (county if re.fullmatch(r"\d{6}", county) else "") or draft.code[:6]
    if row.get("code") and row.get("code") != draft.code:
        draft.names.add(row.get("code"))
    if row.shape is None:
        return
    if row.shape.geom_type not in ("Polygon", "MultiPolygon"):
        draft.seat = draft.seat or row.point
        return
    shape, faults = mend(draft.name or draft.code, row.where, row.shape)
    found.findings += faults
    if shape is not None:
        other = names and plain_name(names[0]) != draft.name
        if draft.shape is not None and other:
            found.findings.append(
                Finding(
                    "error",
                    "duplicate",
                    f"代码 {draft.code} 有两个镇：{draft.name}和{names[0]}（{row.where}），请改正代码",
                    f"Code {draft.code} stands for two towns, {draft.name} and {names[0]}: correct one.",
                    row.where,
                )
            )
            return
        draft.where = row.where
        if draft.shape is not None:
            found.findings.append(
                Finding(
                    "warning",
                    "duplicate",
                    f"{draft.name} {draft.code} 有两个图形，已合为一个（{row.where}）",
                    f"{draft.name} {draft.code} has two shapes; they were joined.",
                    row.where,
                )
            )
        draft.shape = shape if draft.shape is None else shapely.union(draft.shape, shape)


def _match(found: Towns, later: Sequence[tuple[Listing, Row]], coded: bool) -> None:
    """Rows without a code: more about towns that are known, or towns without codes when there are no others."""
    known: dict[str, list[Draft]] = {}
    for draft in found.drafts:
        for name in {draft.name, *draft.names}:
            for spelling in {name, short_name(name)}:
                if draft not in known.setdefault(spelling, []):
                    known[spelling].append(draft)
    missed: dict[str, list[str]] = {}
    for listing, row in later:
        names = [part.strip() for part in row.get("name").split("|") if part.strip()] or [""]
        aliases = [part.strip() for part in row.get("aliases").split("|") if part.strip()]
        county = row.get("county") or (row.get("code") if re.fullmatch(r"\d{6}", row.get("code")) else "")
        candidates: list[Draft] = []
        for name in [*names, *aliases]:
            plain = plain_name(name)
            candidates = candidates or [
                draft
                for draft in known.get(plain, []) or known.get(short_name(plain), [])
                if county in ("", draft.county, draft.code[:6])
            ]
        if len(candidates) == 1:
            _merge(found, candidates[0], row, listing)
        elif coded or not (names[0] or row.shape is not None):
            missed.setdefault(listing.file, []).append(names[0])
        else:
            draft = Draft("", plain_name(names[0]), where=row.where, names=set(), made=True)
            found.drafts.append(draft)
            _merge(found, draft, row, listing)
            draft.county = ""
            known.setdefault(draft.name, []).append(draft)
    for file, names in missed.items():
        shown = "、".join([name for name in names if name][:6]) + ("等" if len(names) > 6 else "")
        found.findings.append(
            Finding(
                "note",
                "unmatched_town",
                f"{file} 有 {len(names)} 行没有代码，也对不上名录里的镇，未采用：{shown}",
                f"{file}: {len(names)} rows have no code and match no town; left out: {shown}.",
                file,
            )
        )


def choose(towns: Towns, code: str, wanted: Sequence[str], aliases: Mapping[str, str]) -> list[Draft]:
    """The towns of the jurisdiction: those named, else those of the county ``code``, else all.

    Towns whose codes are said to be one are joined: ``aliases`` maps the other code to the one that stays.

    Raises:
        PackError: a town that was named is not in any list, or several counties are there and none was chosen.
    """
    drafts = _joined(towns.drafts, aliases)
    if wanted:
        return _named(drafts, wanted, code)
    if code:
        chosen = [draft for draft in drafts if (draft.county or draft.code[:6]) == code or draft.made]
        return chosen or [draft for draft in drafts if not re.fullmatch(r"\d{9}", draft.code)]
    with_shape = [draft for draft in drafts if draft.shape is not None]
    chosen = with_shape or drafts
    counties = list(dict.fromkeys(draft.county or draft.code[:6] for draft in chosen if not draft.made))
    if len(counties) > 1 or (not chosen and len(towns.outlines) > 1):
        listed = counties or list(towns.outlines)
        shown = "、".join(f"{one} {towns.names.get(one, '')}".strip() for one in listed[:20])
        raise PackError(
            f"文件里有 {len(listed)} 个区县的镇（{shown}），请用 --code 指定一个，或用 --towns 列出镇"
            f" · The files hold towns of {len(listed)} counties: choose one with --code, or list towns with --towns."
        )
    return chosen


def _joined(drafts: Sequence[Draft], aliases: Mapping[str, str]) -> list[Draft]:
    by_code = {draft.code: draft for draft in drafts if draft.code}
    gone = set()
    for other, stays in aliases.items():
        if stays not in by_code and other not in by_code:
            raise PackError(
                f"--alias {other}={stays} 里的镇都不在名录里 · --alias {other}={stays}: no list has such a town."
            )
        if stays not in by_code:
            by_code[stays] = by_code.pop(other)
            by_code[stays].code = stays
            by_code[stays].names.add(other)
            continue
        by_code[stays].names.add(other)
        if other in by_code:
            second, first = by_code[other], by_code[stays]
            first.names |= second.names
            first.seat = first.seat or second.seat
            if first.shape is None or second.shape is None:
                first.shape = first.shape if second.shape is None else second.shape
            else:
                first.shape = shapely.union(first.shape, second.shape)
            gone.add(other)
    return [draft for draft in drafts if draft.code not in gone]


def _named(drafts: Sequence[Draft], wanted: Sequence[str], code: str) -> list[Draft]:
    chosen: list[Draft] = []
    for asked in wanted:
        plain = plain_code(asked)
        found = [draft for draft in drafts if plain == draft.code]
        found = found or [d for d in drafts if plain_name(asked) in {d.name, *d.names} or asked in d.names]
        if len(found) > 1 and code:
            found = [draft for draft in found if draft.county == code] or found
        if len(found) > 1:
            shown = "、".join(f"{draft.code} {draft.name}" for draft in found)
            raise PackError(
                f"--towns 里的“{asked}”有 {len(found)} 个（{shown}），请写代码"
                f" · --towns: “{asked}” means {len(found)} towns ({shown}): give the code."
            )
        if not found:
            near = difflib.get_close_matches(asked, [draft.name for draft in drafts], n=1)
            hint = f"，是不是“{near[0]}”？" if near else "，请核对代码或名称"
            raise PackError(
                f"--towns 里的“{asked}”不在任何名录或边界里{hint}"
                f" · --towns: no list or shape has a town “{asked}”{f'; did you mean “{near[0]}”?' if near else '.'}"
            )
        if found[0] not in chosen:
            chosen.append(found[0])
    return chosen


def shapes_of(chosen: Sequence[Draft], towns: Towns, code: str) -> tuple[dict[str, BaseGeometry], bool, list[Finding]]:
    """Code -> polygon of every town chosen, whether they are approximate, and what was found.

    Raises:
        PackError: a town has neither a polygon nor, within an outline, a seat.
    """
    bare = [draft for draft in chosen if draft.shape is None]
    if not bare:
        return {draft.code: draft.shape for draft in chosen if draft.shape is not None}, False, []
    if len(bare) < len(chosen):
        shown = "、".join(f"{draft.name} {draft.code}" for draft in bare[:8])
        return (
            {draft.code: draft.shape for draft in chosen if draft.shape is not None},
            False,
            [
                Finding(
                    "error",
                    "no_border",
                    f"{shown} 在名录里而没有边界：请补上边界，或用 --towns 只列有边界的镇",
                    f"{shown}: listed without a border: add it, or list the others with --towns.",
                    shown,
                )
            ],
        )
    if not towns.outlines:
        raise PackError(
            "没有镇的边界，也没有区县外边界：请给出镇边界（GeoJSON、Shapefile、GeoPackage），或区县边界加镇驻地坐标"
            " · There are neither borders of towns nor an outline: give the towns' polygons, or the county's outline "
            "and the towns' seats."
        )
    return _divided(chosen, towns, code)


def _divided(chosen: Sequence[Draft], towns: Towns, code: str) -> tuple[dict[str, BaseGeometry], bool, list[Finding]]:
    """The outlines of the counties divided around the seats of all their towns; those chosen are kept."""
    findings: list[Finding] = []
    shapes: dict[str, BaseGeometry] = {}
    groups: dict[str, list[Draft]] = {}
    for draft in chosen:
        groups.setdefault(_county_of(draft, towns, code), []).append(draft)
    for county, drafts in groups.items():
        outline = towns.outlines[county]
        seats = {draft.code: draft.seat for draft in drafts}
        bare = [draft for draft in drafts if draft.seat is None]
        if bare:
            shown = "、".join(f"{draft.name} {draft.code}" for draft in bare[:8])
            raise PackError(
                f"{shown} 既没有边界也没有驻地坐标，请用 --seat {bare[0].code}=经度,纬度 补上（WGS-84）"
                f" · {shown}: neither border nor seat: give one with --seat {bare[0].code}=LON,LAT (WGS-84)."
            )
        inside = {key: seat for key, seat in seats.items() if seat is not None}
        for draft in drafts:
            if draft.seat is not None and not shapely.intersects_xy(outline, *draft.seat):
                raise PackError(
                    f"{draft.name} {draft.code} 的驻地（{draft.seat[0]:.5f}, {draft.seat[1]:.5f}）不在区县外边界里，"
                    f"请核对坐标和坐标系，或用 --seat {draft.code}=经度,纬度 改正"
                    f" · The seat of {draft.name} {draft.code} lies outside the outline: check it and its system, or "
                    f"correct it with --seat {draft.code}=LON,LAT."
                )
        # Neighbours that were not chosen still take their ground.
        for other in towns.drafts:
            same = other.code not in inside and (other.county or other.code[:6]) == county and county != ""
            if same and other.seat is not None and shapely.intersects_xy(outline, *other.seat):
                inside[other.code] = other.seat
        divided = share_out(outline, inside)
        shapes |= {draft.code: divided[draft.code] for draft in drafts}
    findings.append(
        Finding(
            "warning",
            "approximate",
            "没有镇的边界，按各镇驻地划分区县边界（近似，地图上会注明）：记录自己写的镇优先于坐标",
            "No borders of towns: the outline was divided around their seats (approximate, and marked so): a record's "
            "own town decides before its coordinate.",
        )
    )
    return shapes, True, findings


def _county_of(draft: Draft, towns: Towns, code: str) -> str:
    for county in (draft.county, draft.code[:6], code, ""):
        if county in towns.outlines:
            return county
    if len(towns.outlines) == 1:
        return next(iter(towns.outlines))
    raise PackError(
        f"没有 {draft.name} {draft.code} 所在区县的外边界，请补上"
        f" · There is no outline of the county of {draft.name} {draft.code}: add it."
    )


def coded(chosen: Sequence[Draft], region: str) -> list[Finding]:
    """Gives towns without a code one, and says so."""
    bare = [draft for draft in chosen if not draft.code]
    if not bare:
        return []
    taken = {draft.code for draft in chosen}
    number = 0
    for draft in bare:
        while not draft.code or draft.code in taken - {draft.code}:
            number += 1
            candidate = f"{region}-T{number:02d}"
            if candidate not in taken:
                draft.code = candidate
        taken.add(draft.code)
    shown = "、".join(f"{draft.name} {draft.code}" for draft in bare[:4]) + ("等" if len(bare) > 4 else "")
    return [
        Finding(
            "warning",
            "no_code",
            f"{len(bare)} 个镇没有代码，已编为 {shown}；有区划代码时请加一份带“代码”的名录",
            f"{len(bare)} towns had no code and got one ({shown}); add a list with codes if you have it.",
        )
    ]


def finished(chosen: Iterable[Draft], region: str) -> tuple[Town, ...]:
    """Towns with every spelling that belongs to one of them alone."""
    drafts = list(chosen)
    spellings: dict[str, set[str]] = {}
    for draft in drafts:
        wide = f"{draft.code}000" if re.fullmatch(r"\d{9}", draft.code) else ""
        english = {draft.name_en, draft.name_en.lower()}
        for name in {short_name(draft.name), wide, *draft.names, *english} - {"", draft.name, draft.code}:
            spellings.setdefault(name, set()).add(draft.code)
    taken = {draft.name for draft in drafts} | {draft.code for draft in drafts}
    return tuple(
        Town(
            draft.code,
            draft.name,
            draft.name_en or draft.name,
            region,
            tuple(sorted(name for name, codes in spellings.items() if codes == {draft.code} and name not in taken)),
            draft.seat,
        )
        for draft in drafts
    )
