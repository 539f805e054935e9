"""From a county's own files to a region pack: what is in them is put together, checked as a whole, written or refused.

Nothing is written while an error is left. What the files say nothing of is taken from the version in force, where there
is one: a new list of enterprises replaces the enterprises and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import shapely
from shapely.geometry.base import BaseGeometry

from dashboard.domain.day import DEFAULT_ZONE
from dashboard.domain.place import RegionPack, Town
from dashboard.errors import PackError
from geodata import columns, sheets, townlists
from geodata.carrying import carried
from geodata.checks import Finding, check_borders, numbered
from geodata.columns import Role
from geodata.listing import Asked, Listing, understand
from geodata.pack import load_pack
from geodata.placechecks import check_completeness, check_positions
from geodata.placelists import DEFAULT_SHIFTS, Lists, Reader
from geodata.reading import read
from geodata.region import Region
from geodata.townlists import Draft
from geodata.writing import write_pack


class Request(msgspec.Struct, frozen=True):
    """What a person asks to import. The texts are those of the command's options."""

    files: tuple[Path, ...]
    name: str = ""
    name_en: str = ""
    code: str = ""
    crs: tuple[str, ...] = ()
    towns: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    visits: int = 1
    valid_from: int = 20200101
    timezone: str = DEFAULT_ZONE
    repair: bool = False
    skip_bad_rows: bool = False
    base: Region | None = None


class Imported(msgspec.Struct, frozen=True):
    """The outcome: the pack and its borders (also when there are errors, for the picture), and what was found."""

    pack: RegionPack
    boundaries: dict[str, BaseGeometry]
    findings: tuple[Finding, ...]
    told: tuple[str, ...]
    sources: tuple[dict[str, str], ...] = ()

    def of(self, level: str) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level == level]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return not self.of("error")


def assemble(request: Request) -> Imported:
    """Read, understand and check the files of a request.

    Raises:
        PackError: a file cannot be read, or something must be said by an option first.
    """
    asked = _asked(request)
    listings = [understand(source, asked) for path in request.files for source in read(path)]
    findings = [finding for listing in listings for finding in listing.findings]
    told = [listing.told for listing in listings]

    drafts, boundaries, approximate, code, more = _borders(listings, request)
    findings += more
    towns = townlists.finished(drafts, code) if drafts else _kept_towns(request)
    names = {town.code: town.name for town in towns}
    boundaries, more = check_borders(boundaries, names, request.repair)
    findings += more
    if not drafts and request.base is not None:
        told.append(f"沿用现行版本的 {len(towns)} 个镇和边界")
        approximate = request.base.pack.approximate

    shell = RegionPack(code, request.name, request.name_en or request.name, request.valid_from, request.timezone, towns,
                       (), (), (), (), (), approximate=approximate)  # fmt: skip
    lists = _lists(listings, Region(shell, boundaries), request)
    findings += lists.findings
    pack, kept = carried(_pack(shell, lists, request), lists, request.base)
    told += kept
    findings += check_positions(Region(pack, boundaries), listings)
    if request.skip_bad_rows:
        findings = [_left_out(finding) for finding in findings]
    findings += check_completeness(pack, lists)
    result = Imported(
        pack, boundaries, tuple(numbered(findings)), tuple(told), _sources(listings, request, approximate)
    )
    if result.sound:
        fault = _unsound(result)
        if fault:
            result = msgspec.structs.replace(result, findings=tuple(numbered([*findings, fault])))
    return result


# -- what was asked --------------------------------------------------------------------------------------------------


def _asked(request: Request) -> Asked:
    named: dict[str, dict[str, str]] = {}
    for text in request.columns:
        where, _, header = text.partition("=")
        file, colon, field = where.rpartition(":")
        known = {field for fields in columns.FIELDS.values() for field in fields}
        if not header or field not in known:
            raise PackError(
                f"--column 应写成 字段=列名 或 文件:字段=列名，得到“{text[:60]}”；字段有 {'、'.join(sorted(known))}"
                f" · --column is FIELD=HEADER or FILE:FIELD=HEADER, got “{text[:60]}”; fields: "
                f"{', '.join(sorted(known))}."
            )
        named.setdefault(Path(file).name if colon else "", {})[field] = header
    systems: dict[str, str] = {}
    for text in request.crs:
        file, equals, system = text.rpartition("=")
        systems[Path(file).name if equals else ""] = system
    roles: dict[str, str] = {}
    for text in request.roles:
        file, equals, role = text.rpartition("=")
        if not equals:
            raise PackError(f"--as 应写成 文件=类型，得到“{text[:60]}” · --as is FILE=ROLE, got “{text[:60]}”.")
        roles[Path(file).name] = role
    given = [path.name for path in request.files]
    for option, files in (("--column", named), ("--crs", systems), ("--as", roles)):
        for file in files:
            if file and not any(file == name or file.startswith(name) for name in given):
                raise PackError(
                    f"{option} 说的文件“{file}”不在这次导入的文件里（{'、'.join(given)}）"
                    f" · {option} speaks of “{file}”, which is not among the files ({', '.join(given)})."
                )
    return Asked(roles, named, systems)


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        left, equals, right = text.partition("=")
        if not equals or not left or not right:
            raise PackError(f"{option} 应写成 甲=乙，得到“{text[:60]}” · {option} is LEFT=RIGHT, got “{text[:60]}”.")
        found[left.strip()] = right.strip()
    return found


def _wanted(request: Request) -> tuple[list[str], dict[str, str]]:
    """The towns of the jurisdiction as they were listed, and the codes that mean the same town."""
    wanted: list[str] = []
    aliases = _pairs(request.aliases, "--alias")
    for text in request.towns:
        if text.lower().endswith((".csv", ".xlsx", ".xls", ".txt")) or Path(text).is_file():
            for source in read(text):
                if not isinstance(source, sheets.Table):
                    raise PackError(
                        f"--towns {text} 应是一列镇街代码或名称的表 · --towns {text}: allowed is a table of towns."
                    )
                listing = _jurisdiction(source)
                for code, others in listing.items():
                    wanted.append(code)
                    aliases |= dict.fromkeys(others, code)
        else:
            wanted += [part.strip() for part in re.split(r"[,，、]", text) if part.strip()]
    return list(dict.fromkeys(wanted)), aliases


def _jurisdiction(table: sheets.Table) -> dict[str, list[str]]:
    """Code or name of each town of a jurisdiction file -> other codes and names of it."""
    found = columns.header_of(table.rows)
    if found is None:
        return {cells[0]: [] for _, cells in table.rows if cells[0]}
    place, header, line = found
    fields = columns.meaning(table.file, Role.TOWNS, None, header, line, {}).fields if len(header) > 1 else {"name": 0}
    listed: dict[str, list[str]] = {}
    for _, cells in table.rows[place + 1 :]:
        said = {field: cells[column] for field, column in fields.items() if column < len(cells)}
        key = townlists.plain_code(said.get("code", "")) or said.get("name", "")
        if key:
            listed[key] = [part.strip() for part in re.split(r"[|、，,;；]", said.get("aliases", "")) if part.strip()]
    return listed


# -- towns -----------------------------------------------------------------------------------------------------------


def _borders(
    listings: Sequence[Listing], request: Request
) -> tuple[list[Draft], dict[str, BaseGeometry], bool, str, list[Finding]]:
    """The towns chosen, their polygons, whether these are approximate, the region's code, and what was found."""
    of_towns = [listing for listing in listings if listing.role == Role.TOWNS]
    wanted, aliases = _wanted(request)
    base = request.base
    if not of_towns:
        if base is None:
            raise PackError(
                "没有镇的边界：第一次导入请一并给出镇边界（GeoJSON、Shapefile、GeoPackage），或区县边界加镇名录"
                " · There are no borders of towns: give them with the first import (GeoJSON, Shapefile, GeoPackage), "
                "or the county's outline with a list of towns."
            )
        return [], dict(base.boundaries), base.pack.approximate, base.pack.region, []
    # Lists without a border say more about the towns that are there.
    same = base is not None and not any(listing.polygons for listing in of_towns)
    towns = townlists.collect(of_towns, townlists.known(base.pack, base.boundaries) if base and same else ())
    findings = towns.findings
    for code, text in _pairs(request.seats, "--seat").items():
        _seat(towns.drafts, code, text)
    chosen = townlists.choose(towns, request.code, wanted, aliases)
    if not chosen:
        raise PackError(
            "文件里没有镇：请给出镇边界，或镇名录（代码、名称、驻地经纬度）"
            " · The files hold no town: give borders of towns, or a list of them (code, name, position of the seat)."
        )
    code = request.code or (base.pack.region if base else "") or _code(chosen, request, bool(wanted))
    shapes, approximate, more = townlists.shapes_of(_nameless(chosen), towns, request.code)
    findings = [*findings, *more, *townlists.coded(chosen, code)]
    approximate = base.pack.approximate if base and same else approximate
    keyed = (
        {draft.code: draft.shape for draft in chosen if draft.shape is not None} if not approximate or same else shapes
    )
    for draft in chosen:
        if draft.seat is None and draft.code in keyed:
            at = keyed[draft.code].representative_point()
            draft.seat = (round(float(at.x), 6), round(float(at.y), 6))
    kept = [draft for draft in chosen if draft.code in keyed]
    return kept, keyed, approximate, code, findings


def _nameless(chosen: Sequence[Draft]) -> list[Draft]:
    for number, draft in enumerate(chosen, start=1):
        if not draft.name:
            raise PackError(
                f"{draft.where or f'第 {number} 个图形'}没有镇名，请加 --column name=属性名"
                f" · Shape {number} has no name of a town: say which property with --column name=KEY."
            )
    return list(chosen)


def _seat(drafts: Sequence[Draft], code: str, text: str) -> None:
    try:
        lon, lat = (float(part) for part in re.split(r"[,，]", text))
    except ValueError:
        raise PackError(
            f"--seat {code}={text} 应写成 镇代码=经度,纬度 · --seat is CODE=LON,LAT, got “{code}={text}”."
        ) from None
    for draft in drafts:
        if code in (draft.code, draft.name):
            draft.seat = (lon, lat)
            return
    raise PackError(f"--seat 的“{code}”不在名录里 · --seat: no list has a town “{code}”.")


def _code(chosen: Sequence[Draft], request: Request, listed: bool) -> str:
    """The county's code where the towns are all of its; else one made of the English or the Chinese name."""
    counties = {draft.code[:6] if re.fullmatch(r"\d{9}", draft.code) else "" for draft in chosen}
    if len(counties) == 1 and "" not in counties and not listed:
        return counties.pop()
    slug = re.sub(r"[^a-z0-9]+", "-", request.name_en.lower()).strip("-")[:40]
    return slug or f"area-{hashlib.sha256(request.name.encode()).hexdigest()[:6]}"


def _kept_towns(request: Request) -> tuple[Town, ...]:
    return request.base.pack.towns if request.base is not None else ()


# -- places ----------------------------------------------------------------------------------------------------------


def _lists(listings: Sequence[Listing], region: Region, request: Request) -> Lists:
    base = request.base.pack if request.base is not None else None
    known = {(place.town, str(place.kind), place.name): place.code for place in base.places} if base else {}
    reader = Reader(
        region.pack.towns,
        region.town_of,
        known,
        request.visits,
        {rule.place for rule in base.visit_rules} if base else (),
    )
    by_role: dict[Role, list[Listing]] = {}
    for listing in listings:
        by_role.setdefault(listing.role, []).append(listing)
    for listing in by_role.get(Role.PLACES, []):
        reader.places(listing)
    for listing in by_role.get(Role.UNITS, []):
        reader.unit_list(listing)
    places = list(reader.found.places)
    if base is not None:
        places += [place for place in base.places if place.kind not in reader.found.kinds]
    withbeats = reader.beats(by_role.get(Role.BEATS, []), places)
    reader.found.places = [place for place in withbeats if place.kind in reader.found.kinds] if base else withbeats
    if base is not None:
        reader.found.places += [place for place in withbeats if place.kind not in reader.found.kinds]
    for listing in by_role.get(Role.DUTY, []):
        reader.duty(listing, places)
    for listing in by_role.get(Role.VISITS, []):
        reader.visit_rules(listing, places)
    for listing in by_role.get(Role.SHIFTS, []):
        reader.shift_list(listing)
    return reader.conclude()


def _pack(shell: RegionPack, lists: Lists, request: Request) -> RegionPack:
    return msgspec.structs.replace(
        shell,
        places=tuple(lists.places),
        beats=tuple(lists.beats),
        visit_rules=tuple(lists.visit_rules),
        duty_hours=tuple(lists.duty_hours),
        units=tuple(lists.units),
        devices=dict(lists.devices),
        shifts=tuple(lists.shifts) or DEFAULT_SHIFTS,
        titles={"wall_zh": f"{request.name}疫情防控与复工复产", "wall_en": f"{request.name_en or request.name}: "
                "epidemic control and resumption of work"},
    )  # fmt: skip


def _left_out(finding: Finding) -> Finding:
    """An error of a row as a warning, once a person has said that such rows may be left out."""
    rows = (
        "name",
        "kind",
        "town",
        "outside",
        "duplicate",
        "coordinate",
        "hours",
        "visits",
        "unknown_place",
        "personal",
    )
    if finding.level != "error" or finding.kind not in rows or not re.search(r"第 \d+ (行|个图形)", finding.where):
        return finding
    return msgspec.structs.replace(
        finding, level="warning", zh=f"{finding.zh}（未采用）", en=f"{finding.en} (left out)"
    )


def _sources(listings: Sequence[Listing], request: Request, approximate: bool) -> tuple[dict[str, str], ...]:
    files = list(dict.fromkeys(listing.file for listing in listings))
    made = {
        "what": "、".join(columns.ROLE_WORDS[role] for role in dict.fromkeys(listing.role for listing in listings)),
        "source": "、".join(files),
        "licence": "使用单位自有资料，未随程序发布",
    }
    if approximate:
        made["changes"] = "区县边界按镇驻地划分（近似）"
    return (made,)


def _unsound(result: Imported) -> Finding | None:
    """What the pack's own loader has against it, which the checks above should have found."""
    try:
        with written(result) as directory:
            load_pack(directory)
    except PackError as error:
        zh, _, en = error.sentence.partition(" · ")
        return Finding("error", "pack", zh, en or zh)
    return None


@contextmanager
def written(result: Imported) -> Iterator[Path]:
    """The pack in a directory of its own for the time of a block."""
    with tempfile.TemporaryDirectory(prefix="townwatch-pack-") as room:
        directory = Path(room) / "pack"
        directory.mkdir()
        write_pack(directory, result.pack, result.boundaries, result.sources)
        yield directory


def same_content(one: Region, other: Region) -> bool:
    """Whether two versions say the same, whatever their day and wherever they came from."""

    def plain(pack: RegionPack) -> RegionPack:
        return msgspec.structs.replace(pack, valid_from=0, version="", since=0, owed_since={})

    return plain(one.pack) == plain(other.pack) and all(
        shapely.equals_exact(shape, other.boundaries.get(code, shapely.Point()), 1e-7)
        for code, shape in one.boundaries.items()
    )
