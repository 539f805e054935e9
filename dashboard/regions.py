"""The command ``geodata import``: reads a county's files against the version in force, reports, draws, and loads it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from dashboard.clock import read_clock
from dashboard.domain.day import DEFAULT_ZONE, as_date, day_of
from dashboard.errors import ConfigurationError
from dashboard.settings import FILE, PREFIX, Settings
from dashboard.stores.history import History, open_engine
from dashboard.stores.rules import book_of
from geodata import importing, importreport, picture
from geodata.library import PackLibrary
from geodata.pack import Words, check_valid_from
from geodata.region import Region


class Ask(msgspec.Struct, frozen=True):
    """The command's options: what to import, and what is to become of it. ``valid_from`` is yyyymmdd, ``None`` the
    region's today; what the request leaves out, the version in force tells."""

    request: importing.Request
    valid_from: int | None = None
    check: bool = False
    out: Path | None = None
    picture: Path | None = None
    json: Path | None = None


def import_region(settings: Settings, ask: Ask, migrate: Callable[[Settings], None] | None) -> int:
    """Do what the command asks; its exit code: 0 loaded or sound, 1 when there are errors and nothing was written.

    Raises:
        PackError: a file cannot be read, or something must be said by an option first.
        ConfigurationError: the region has no name.
    """
    console = Console(soft_wrap=False)
    if ask.valid_from is not None:
        check_valid_from(ask.valid_from, Words("--valid-from", "--valid-from"))
    today = day_of(read_clock(settings.data_dir).now(), DEFAULT_ZONE)
    day = ask.valid_from or today
    base = None if ask.out is not None else _base(settings, ask.request, day, migrate)
    name = ask.request.name or (base.pack.name if base else "")
    if not name:
        raise ConfigurationError(
            "请用 --name 写明区域名称，如 --name 云溪县 · Give the region's name with --name, such as --name 云溪县."
        )
    request = msgspec.structs.replace(
        ask.request,
        name=name,
        name_en=ask.request.name_en or (base.pack.name_en if base else ""),
        valid_from=day,
        timezone=base.pack.timezone if base else DEFAULT_ZONE,
        base=base,
    )
    with console.status("读取与检查 · reading and checking") if console.is_terminal else _Quiet():
        found = importing.assemble(request)
    importreport.show(found, console)
    drawn = _draw(found, ask, settings)
    _line(console, f"核对图 · picture: {drawn}")
    installed = None
    if found.sound and not ask.check:
        installed = _write_out(found, ask.out, console) if ask.out else _install(found, settings, base, day, console)
    elif not found.sound:
        _line(console, "有错误，什么也没有载入：改好后重来；只是个别行有错，可加 --skip-bad-rows 先载入其余的"
              " · nothing was loaded: correct the errors, or leave out wrong rows with --skip-bad-rows")  # fmt: skip
    if ask.json is not None:
        text = json.dumps(importreport.document(found, installed), ensure_ascii=False, indent=1)
        ask.json.write_text(text + "\n", encoding="utf-8")
    return 0 if found.sound else 1


class _Quiet:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _base(
    settings: Settings, meant: importing.Request, day: int, migrate: Callable[[Settings], None] | None
) -> Region | None:
    """The version in force on the day, of the region that is meant; ``None``: it is a new one."""
    library = PackLibrary(settings.data_dir / "packs")
    regions = library.regions()
    if migrate is not None:
        migrate(settings)
    if meant.code:
        code = meant.code if meant.code in regions else ""
    elif meant.name:
        code = next((one for one in regions if library.at(one, day).pack.name == meant.name), "")
    else:
        code = settings.region if settings.region in regions else regions[0] if len(regions) == 1 else ""
    if not code:
        return None
    if migrate is None:
        return library.at(code, day)
    engine = open_engine(settings.database_url)
    try:
        return book_of(History(engine), library, code)(day)
    finally:
        engine.dispose()


def _draw(found: importing.Imported, ask: Ask, settings: Settings) -> Path:
    if ask.picture is not None:
        target = ask.picture
    elif ask.out is not None or ask.check:
        target = Path(f"{found.pack.region}-check.svg")
    else:
        target = settings.data_dir / f"{found.pack.region}-check.svg"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(picture.draw(found), encoding="utf-8")
    return target


def _write_out(found: importing.Imported, out: Path, console: Console) -> dict[str, Any]:
    if out.exists() and not (out / "pack.toml").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(
            f"{out} 已有别的内容，请换一个目录 · {out} holds something else: choose another directory."
        )
    with importing.written(found) as made:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists():
            shutil.rmtree(out)
        shutil.copytree(made, out)
    _line(console, f"已写成区域包 · written: {out}（./townwatch geodata load {out} 载入）")
    return {"out": str(out)}


def _install(
    found: importing.Imported, settings: Settings, base: Region | None, day: int, console: Console
) -> dict[str, Any]:
    library = PackLibrary(settings.data_dir / "packs")
    with importing.written(found) as made:
        from geodata.pack import load_pack

        if base is not None and importing.same_content(load_pack(made), base):
            _line(
                console,
                f"与现行版本 {base.pack.version} 相同，没有改动 · the same as the version in force; nothing changed",
            )
            return {"version": base.pack.version, "valid_from": base.pack.valid_from, "changed": False}
        region = library.install(made, day)
    pack = region.pack
    _line(
        console,
        f"已载入 {settings.data_dir}：版本 {pack.version}，自 {as_date(day)} 起 · loaded, in force from {as_date(day)}",
    )
    if base is not None:
        _line(
            console,
            f"{as_date(day)} 以前仍用版本 {base.pack.version}（自 {as_date(base.pack.valid_from)} 起）"
            f" · days before keep version {base.pack.version}",
        )
    later = [one for one in library.versions(pack.region) if one.valid_from > day]
    if later:
        _line(console, f"注意：自 {as_date(later[0].valid_from)} 起已排有别的版本，到那天以它为准"
              f" · note: another version is scheduled for {as_date(later[0].valid_from)}")  # fmt: skip
    _choose(settings, pack.region, console)
    return {"version": pack.version, "valid_from": day, "changed": True, "data": str(settings.data_dir)}


def _choose(settings: Settings, region: str, console: Console) -> None:
    """Make the region the one that ``up`` shows, where nobody has chosen another one and no record is stored."""
    if settings.region == region:
        return
    line = f'region = "{region}"'
    file = settings.data_dir / FILE
    if os.environ.get(f"{PREFIX}REGION"):
        _line(console, f"环境变量 {PREFIX}REGION 是 {settings.region}，要看这个区域请改为 {region}"
              f" · {PREFIX}REGION is {settings.region}: set it to {region} to see this region")  # fmt: skip
        return
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if re.search(r"^\s*region\s*=", text, re.MULTILINE) or _records(settings):
        _line(console, f"这个数据目录现在看的是 {settings.region}；要看这个区域，请把 {file} 里的 region 写成 {line}，"
              f"再重新启动 · to see this region set {line} in {file} and start again")  # fmt: skip
        return
    file.write_text(f"{line}\n{text}", encoding="utf-8")
    _line(console, f"已把 {line} 写入 {file}，./townwatch up --data {settings.data_dir} 就看这个区域"
          f" · {line} was written to {file}; `up` shows this region")  # fmt: skip


def _records(settings: Settings) -> bool:
    engine = open_engine(settings.database_url)
    try:
        history = History(engine)
        with history.reading() as connection:
            return history.seq(connection) > 0
    finally:
        engine.dispose()
