"""``./townwatch geodata``: region packs built, imported, checked and installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, JsonFile, migrated, settings_of

if TYPE_CHECKING:
    from geodata.region import Region

geodata = typer.Typer(help="区域数据包 · region packs.", no_args_is_help=True)


@geodata.command("build")
def geodata_build(
    inputs: Annotated[Path, typer.Option("--inputs", metavar="DIR", help="公开数据目录 · folder of the open data.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪里，已有则替换 · where to; replaced.")],
    _data: Data = None,
) -> None:
    """从公开数据生成嘉善区域包 · builds the Jiashan pack from open data."""
    from geodata import build

    _tell_pack(build.build(inputs, out))


@geodata.command("load")
def geodata_load(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="区域包目录 · folder of the pack.")],
    valid_from: Annotated[
        int | None, typer.Option("--valid-from", metavar="YYYYMMDD", help="自哪天起生效 · first day in force.")
    ] = None,
    data: Data = None,
) -> None:
    """载入区域包，昨天仍用昨天的 · installs a pack; earlier days keep theirs."""
    from geodata.library import PackLibrary

    settings = settings_of(data)
    _tell_pack(PackLibrary(settings.data_dir / "packs").install(folder, valid_from))


@geodata.command("import")
def geodata_import(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="镇边界、名录和名单 · borders and lists: GeoJSON, Shapefile, GeoPackage, CSV, XLSX, ZIP.",
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="区域名称，如 云溪县 · name of the region.")] = "",
    name_en: Annotated[str, typer.Option("--name-en", help="英文名 · English name.")] = "",
    code: Annotated[
        str, typer.Option("--code", help="区县代码，如 330110；自定区域不写 · division code of the county.")
    ] = "",
    crs: Annotated[
        list[str] | None,
        typer.Option("--crs", metavar="[FILE=]SYSTEM", help="坐标系 · wgs84, gcj02, bd09 or EPSG:n; may repeat."),
    ] = None,
    towns: Annotated[
        list[str] | None,
        typer.Option("--towns", metavar="LIST", help="只要这些镇：代码、名称或一份 CSV · codes, names or a CSV."),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", metavar="OTHER=CODE", help="同一个镇的另一个代码 · another code of the same town."),
    ] = None,
    seat: Annotated[
        list[str] | None,
        typer.Option("--seat", metavar="CODE=LON,LAT", help="镇驻地坐标，WGS-84 · position of a town's seat."),
    ] = None,
    as_: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="FILE=ROLE", help="文件是什么：checkpoint、enterprise、towns…… · what a file is."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="[FILE:]FIELD=HEADER", help="哪一列是什么，如 name=单位名称 · which column."),
    ] = None,
    visits: Annotated[
        int, typer.Option("--visits", min=1, max=24, help="没写次数的必巡点每天几次 · visits a day where none is said.")
    ] = 1,
    repair: Annotated[
        bool, typer.Option("--repair", help="较大的重叠和空隙也自动划归 · settle larger overlaps and gaps, too.")
    ] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="有错的行不采用，其余照入 · leave out rows with errors.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="只检查，不载入 · only check.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="写成区域包目录而不载入 · write a pack folder instead.")
    ] = None,
    valid_from: Annotated[
        int | None,
        typer.Option("--valid-from", metavar="YYYYMMDD", help="自哪天起生效，默认今天 · first day in force: today."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="核对图，SVG · where to draw the result.")
    ] = None,
    json: JsonFile = None,
    data: Data = None,
) -> None:
    """导入本区县的边界和名单，检查、画图、载入 · a county's own borders and lists: checked, drawn, loaded."""
    from dashboard import regions
    from geodata.importing import Request

    request = Request(
        files=tuple(files),
        name=name,
        name_en=name_en,
        code=code,
        crs=tuple(crs or ()),
        towns=tuple(towns or ()),
        aliases=tuple(alias or ()),
        seats=tuple(seat or ()),
        roles=tuple(as_ or ()),
        columns=tuple(column or ()),
        visits=visits,
        repair=repair,
        skip_bad_rows=skip_bad_rows,
    )
    asked = regions.Ask(request, valid_from=valid_from, check=check, out=out, picture=picture, json=json)
    raise typer.Exit(regions.import_region(settings_of(data), asked, None if out or check else migrated))


@geodata.command("check")
def geodata_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="区域包目录 · folder of the pack.")],
    _data: Data = None,
) -> None:
    """检查区域包 · checks a pack and says what is wrong with it."""
    from geodata.pack import load_pack

    _tell_pack(load_pack(folder))


def _tell_pack(region: Region) -> None:
    pack = region.pack
    typer.echo(
        f"{pack.name} {pack.region}，版本 {pack.version}，自 {pack.valid_from} 起：{len(pack.towns)} 个镇（街道）、"
        f"{len(pack.places)} 个地点、{len(pack.beats)} 个巡段、{len(pack.visit_rules)} 条到访要求"
    )
    for warning in region.warnings:
        typer.echo(f"注意 · note: {warning}")
