"""The command line: every command, its options and its words. The work is done elsewhere and imported when asked for.

Errors are one sentence on standard error: exit 1 for what a person can put right, 70 for a defect (with a log file),
130 for Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboard.commands import keeping
from dashboard.commands.alerts import alerts
from dashboard.commands.audit import audit
from dashboard.commands.common import Data, migrated, note, ready
from dashboard.commands.common import now as now_of
from dashboard.commands.feed import feed as feeds
from dashboard.commands.rebuild import rebuild
from dashboard.commands.snapshots import export, snapshot
from dashboard.commands.user import user
from dashboard.commands.vault import vault
from dashboard.errors import ConfigurationError, TownwatchError
from dashboard.settings import Settings

if TYPE_CHECKING:
    from dashboard.access.tokens import TokenStore
    from dashboard.access.viewer import Viewer
    from dashboard.queries.rules import RuleBook
    from geodata.region import Region
    from ingest.revision import Revisions

EXIT_DEFECT = 70
EXIT_TRY_AGAIN = 75
"""A store does not answer: the supervisor starts the part again, where it would give up on a refusal."""
EXIT_INTERRUPTED = 130
FIRST_SCENARIO = "yaozhuang"

app = typer.Typer(
    name="townwatch",
    help="镇哨 Townwatch：镇街防疫与复工实时看板 · live dashboards of a town's records.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token = typer.Typer(help="令牌：谁可以写入或读取 · tokens of writers and readers.", no_args_is_help=True)
geodata = typer.Typer(help="区域数据包 · region packs.", no_args_is_help=True)
rules = typer.Typer(help="规则：阈值、时限、值守时段 · rules and who changed them.", no_args_is_help=True)
dead_letters = typer.Typer(help="死信：未被接受的记录 · records that were not accepted.", no_args_is_help=True)
app.add_typer(token, name="token")
app.add_typer(audit, name="audit")
app.add_typer(alerts, name="alerts")
app.add_typer(feeds, name="feed")
app.add_typer(user, name="user")
app.add_typer(vault, name="vault")
app.add_typer(geodata, name="geodata")
app.add_typer(rules, name="rules")
app.add_typer(dead_letters, name="dead-letters")
keeping.register(app)
app.command()(rebuild)
app.add_typer(snapshot, name="snapshot")
app.command()(export)

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

Port = Annotated[int | None, typer.Option("--port", metavar="P", help="端口 · port of the pages (0: any free one).")]
Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="监听地址 · address to listen on.")]
Speed = Annotated[float, typer.Option("--speed", min=1, max=3600, metavar="N", help="倍速 · times real speed.")]
Scenario = Annotated[str, typer.Option("--scenario", metavar="NAME", help="场景 · scenario.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="不打开浏览器 · do not open a browser.")]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="允许 Redis 丢数据（仅试用） · let Redis lose records; for trials only.")
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="数据库地址 · postgresql://… or sqlite:///… (default: TOWNWATCH_DATABASE_URL, else a file in --data).",
    ),
]
Redis = Annotated[
    str | None,
    typer.Option("--redis", metavar="URL", help="Redis 地址 · redis://… (default: TOWNWATCH_REDIS_URL, else our own)."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="结果写入文件 · write the results here.")]


class UpRole(StrEnum):
    """Which part of the system `up` runs."""

    ALL = "all"
    PAGES = "pages"
    GATEWAY = "gateway"
    WORKER = "worker"


@app.command()
def demo(
    scenario: Scenario = FIRST_SCENARIO,
    speed: Speed = 30.0,
    port: Port = None,
    data: Data = None,
    no_browser: NoBrowser = False,
) -> None:
    """演示：一条命令看到会动的看板 · everything at once, with a scenario replayed, in a world of its own."""
    from dashboard import processes

    _region_of(scenario)
    settings = _settings(data or Path("data") / f"demo-{scenario}", port=port, own_data=data is not None)
    processes.refuse_open_address(settings)
    settings = settings.with_values(port=processes.free_port(settings.host, settings.port))
    processes.claim_world(settings.data_dir, f"replay {scenario}")

    def warm(ready: Settings) -> None:
        from ingest.scenarios import player

        migrated(ready)
        with _Bar("载入历史 · loading history") as bar:
            player.warm(ready, scenario, speed, bar)

    supervisor = processes.Supervisor(
        settings,
        parts=[
            processes.Part("worker", ("worker",)),
            processes.Part("web", ("web",)),
            processes.Part("player", ("player", "--scenario", scenario, "--speed", str(speed)), may_end=True),
        ],
        checks=[settings.address("/readyz"), settings.address("/wall")],
        browser=not no_browser and processes.screen_present(),
        before=warm,
    )
    raise typer.Exit(supervisor.run())


@app.command()
def up(
    role: Annotated[UpRole, typer.Option("--role", help="运行哪一部分 · which part to run.")] = UpRole.ALL,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="同一数据目录里多个进程各取一名 · a name of its own, beside others."
        ),
    ] = None,
    host: Host = None,
    port: Port = None,
    data: Data = None,
    database: Database = None,
    redis: Redis = None,
    accept_loss: AcceptLoss = False,
    no_browser: NoBrowser = False,
) -> None:
    """正式运行：没有场景，等待真实记录 · runs for real records, without a scenario."""
    from dashboard import processes
    from dashboard.stores import chosen

    settings = _settings(
        data, host=host, port=port, accept_loss=accept_loss or None, database_url=database, redis_url=redis
    )
    worker, web = processes.Part("worker", ("worker",)), processes.Part("web", ("web", "--role", role.value))
    parts = {UpRole.ALL: [worker, web], UpRole.WORKER: [worker]}.get(role, [web])
    checks: list[str] = []
    if web in parts:
        if not settings.loopback:
            processes.refuse_open_address(settings, _accounts_exist(settings))
        settings = settings.with_values(port=processes.free_port(settings.host, settings.port))
        pages = ("/readyz",) if role == UpRole.GATEWAY else ("/readyz", "/wall")
        checks = [settings.address(page) for page in pages]
    processes.claim_world(settings.data_dir, "live")
    chosen.check_redis(settings)
    # Parts that share a named Redis may share the data directory; an embedded one belongs to a single supervisor.
    beside = "" if role == UpRole.ALL or not settings.redis_url else (name or f"{role.value}-{settings.port}")
    if name and not beside:
        raise ConfigurationError(
            "--name 只用于 --role worker、pages 或 gateway，并且要指明 --redis"
            " · --name goes with --role worker, pages or gateway and a --redis that is named."
        )
    if beside and not re.fullmatch(r"[a-z0-9-]{1,40}", beside):
        raise ConfigurationError(
            f"--name 是 {beside!r}，应为小写字母、数字和连字符 · --name is {beside!r}: use a-z, 0-9 and hyphens."
        )

    def prepare(ready: Settings) -> None:
        migrated(ready)
        # Only an address that was of use: one with a slip in it must not be held against the next try.
        chosen.remember(settings)

    supervisor = processes.Supervisor(
        settings,
        parts=parts,
        checks=checks,
        browser=bool(checks) and not no_browser and processes.screen_present(),
        before=prepare,
        beside=beside,
    )
    raise typer.Exit(supervisor.run())


@app.command(hidden=True)
def worker(data: Data = None) -> None:
    """Takes records off the road into SQL and publishes figures; started by `demo` and `up`."""
    from dashboard import wiring

    wiring.run_worker(_child_settings(data))


@app.command(hidden=True)
def web(
    role: Annotated[UpRole, typer.Option("--role")] = UpRole.ALL,
    data: Data = None,
) -> None:
    """Serves pages and gateways; started by `demo` and `up`."""
    from dashboard import wiring

    wiring.run_web(_child_settings(data), role.value)


@app.command(hidden=True)
def player(scenario: Scenario = FIRST_SCENARIO, speed: Speed = 30.0, data: Data = None) -> None:
    """Sends a scenario's records as its clock reaches them; started by `demo`."""
    from ingest.scenarios import player as scenario_player

    scenario_player.play(_child_settings(data), scenario, speed)


scenarios_app = typer.Typer(no_args_is_help=True, help="场景 · scenarios.")
app.add_typer(scenarios_app, name="scenario")


@scenarios_app.command("list")
def scenario_list(data: Data = None) -> None:
    """有哪些场景 · which scenarios there are."""
    from geodata.library import bundled_pack
    from geodata.pack import load_pack
    from ingest.scenarios import SCENARIOS, scenario_named

    for name, (region, _) in SCENARIOS.items():
        path = bundled_pack(region)
        if path is not None:
            found = scenario_named(name, load_pack(path).pack)
            typer.echo(f"{name}\t{found.words.zh} · {found.words.en}")


@scenarios_app.command("check")
def scenario_check(
    names: Annotated[list[str] | None, typer.Argument(help="场景名 · scenarios.")] = None,
    every: Annotated[bool, typer.Option("--all", help="全部场景 · every scenario.")] = False,
    drop: Annotated[float, typer.Option(min=0, max=0.5, help="丢掉多大一部分记录 · share of records dropped.")] = 0.0,
    shuffle: Annotated[bool, typer.Option(help="打乱到达次序 · arrive in another order.")] = False,
    twice: Annotated[float, typer.Option(min=0, max=0.5, help="重复多大一部分 · share sent twice.")] = 0.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="结果写入文件 · write results.")] = None,
    data: Data = None,
) -> None:
    """重放场景，逐条核对报告里的数 · replays scenarios and checks every figure of their reports."""
    from geodata.library import BUNDLED_PACK, bundled_pack
    from geodata.pack import load_pack
    from ingest.scenarios import SCENARIOS, scenario_named
    from ingest.scenarios import check as checker

    chosen = list(SCENARIOS) if every or not names else names
    results: list[dict[str, Any]] = []
    missed = 0
    for name in chosen:
        path = bundled_pack(SCENARIOS[name][0]) if name in SCENARIOS else None
        region = load_pack(path or BUNDLED_PACK)
        scenario = scenario_named(name, region.pack)
        with _Bar(f"{name}") as bar:
            expected = scenario.expected(scenario.warm_from, scenario.end)
            done = 0

            def tell(count: int, bar: _Bar = bar, expected: int = expected) -> None:
                nonlocal done
                done += count
                bar(min(done, expected), expected)

            verdicts = checker.check(scenario, region, drop=drop, shuffle=shuffle, twice=twice, tell=tell, beside=data)
        for one in verdicts:
            mark = "达到 met" if one.met else "未达到 MISSED"
            computed = "—" if one.computed is None else f"{one.computed:g}"
            typer.echo(f"{one.report}\t{one.operation}\t{one.unit}\t{one.qualifier} {one.stated}\t{computed}\t{mark}")
        missed += sum(1 for one in verdicts if not one.met)
        results += checker.as_results(verdicts)
    if json_file is not None:
        json_file.write_text(json.dumps(results, ensure_ascii=False, indent=1), encoding="utf-8")
    typer.echo(f"{len(results) - missed} / {len(results)} 达到 met")
    if missed:
        raise typer.Exit(1)


@app.command()
def replay(scenario: Scenario = FIRST_SCENARIO, speed: Speed = 30.0, data: Data = None) -> None:
    """重放：把场景送进正在运行的演示 · sends a scenario into its own data directory, beside a running `up` or none."""
    from dashboard import processes
    from dashboard.stores import redis_server
    from ingest.scenarios import player as scenario_player

    _region_of(scenario)
    settings = _settings(data or Path("data") / f"demo-{scenario}", own_data=data is not None)
    processes.claim_world(settings.data_dir, f"replay {scenario}")
    with redis_server.attached(settings) as joined:
        migrated(joined)
        scenario_player.play(joined, scenario, speed)


@app.command("import")
def import_(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[FEED] FILE", help="数据流和文件 · the feed and a file: XLSX, XLS, ODS, CSV or GPX."),
    ],
    feed: Annotated[str | None, typer.Option("--feed", help="数据流 · feed, e.g. temperature.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="来源名 · source (default: the file's name; gpx for a track).")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="轨迹的巡逻组 · a track's unit (default: as the file's name begins).")
    ] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="编码 · utf-8 or gb18030.")] = None,
    data: Data = None,
) -> None:
    """导入文件，错误报到行和列 · imports a file and reports errors by row and column."""
    from dashboard.domain.imports import Report
    from dashboard.stores import redis_server
    from ingest import anyfile
    from ingest.gateways import gpx
    from ingest.gateways.sheets import desk
    from ingest.gateways.sheets.report import printed

    if len(words) > 2 or (len(words) == 1) == (feed is None):
        raise ConfigurationError(
            "写作 import 数据流 文件，或 import 文件 --feed 数据流，如 import temperature 早班.csv"
            " · Write import FEED FILE, or import FILE --feed FEED, e.g. import temperature readings.csv."
        )
    name, file = feed or words[0], Path(words[-1])
    if not file.is_file():
        raise ConfigurationError(
            f"没有文件 {file}，请给出表格或轨迹文件的路径"
            f" · There is no file {file}: give the path of a table or a track."
        )
    settings = _settings(data)
    report: Report | gpx.TrackReport
    with redis_server.attached(settings) as joined, _Bar("导入 · importing") as bar:
        migrated(joined)
        note(joined, "import", f"{name}: {file.name}")
        if file.suffix.lower() == gpx.SUFFIX:
            report = anyfile.import_track_file(joined, file, name, unit, source, bar)
        else:
            report = desk.import_file(joined, file, name, source, encoding, bar)
    typer.echo(printed(report) if isinstance(report, Report) else str(report))
    if not report.accepted:
        # A script must notice that nothing has gone in.
        raise typer.Exit(1)


@token.command("create")
def token_create(
    source: Annotated[str | None, typer.Option("--source", help="写入者的来源名 · the writer's source.")] = None,
    feeds: Annotated[str, typer.Option("--feeds", help="数据流，逗号分隔 · feeds, comma separated, or all.")] = "all",
    towns: Annotated[str, typer.Option("--towns", help="镇街代码，逗号分隔 · town codes, or all.")] = "all",
    read: Annotated[bool, typer.Option("--read", help="只读令牌 · a reader's token.")] = False,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="有效天数，默认一直有效 · days it is good for.")
    ] = None,
    data: Data = None,
) -> None:
    """创建令牌；最后一行只有令牌本身 · makes a token and prints it alone on the last line; it is shown only once."""
    if read == (source is not None):
        raise ConfigurationError(
            "写入令牌用 --source 来源名，只读令牌用 --read，二者给且只给一个"
            " · Give either --source NAME for a writer's token or --read for a reader's."
        )
    settings = ready(data)
    with _tokens(settings) as store:
        codes = _town_codes(settings, _list(towns))
        note(settings, "token", f"create {source or 'reader'}", feeds=feeds, towns=towns)
        at = now_of(settings)
        until = None if days is None else at + days * 86_400_000
        secret = store.create(at, source=source, feeds=_list(feeds), towns=codes, read=read, expires_at=until)
    typer.echo(secret)


@token.command("rotate")
def token_rotate(
    name: Annotated[str, typer.Argument(metavar="ID", help="令牌编号 · the token's id, as `token list` shows it.")],
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="TIME", help="新旧都有效多久，如 24h、30m、7d · how long both are good.")
    ] = "24h",
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="新令牌的有效天数 · days the new one is good for.")
    ] = None,
    data: Data = None,
) -> None:
    """换新令牌，旧的过一段时间失效；最后一行只有新令牌 · a new token like another, which ends after the overlap."""
    number, unit = overlap[:-1], overlap[-1:]
    if unit not in ("m", "h", "d") or not number.isdecimal() or int(number) > 10_000:
        raise ConfigurationError(
            f"--overlap 是“{overlap[:20]}”，应为数字加 m、h 或 d，如 24h"
            f" · --overlap is {overlap[:20]!r}: a number with m, h or d, e.g. 24h."
        )
    settings = ready(data)
    with _tokens(settings) as store:
        at = now_of(settings)
        lasts = int(number) * {"m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
        until = None if days is None else at + days * 86_400_000
        note(settings, "token", f"rotate {name}", overlap=overlap)
        secret = store.rotate(name, at, lasts, until)
    typer.echo(secret)


@token.command("list")
def token_list(data: Data = None) -> None:
    """列出令牌 · lists tokens, never their secrets."""
    from dashboard.access import tokens

    with _tokens(ready(data)) as store:
        for line in tokens.describe(store):
            typer.echo(line)


@token.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="ID", help="令牌编号 · the token's id, as `token list` shows it.")],
    data: Data = None,
) -> None:
    """吊销令牌 · ends a token at once."""
    settings = ready(data)
    with _tokens(settings) as store:
        note(settings, "token", f"revoke {name}")
        store.revoke(name, now_of(settings))
    typer.echo(f"已吊销 · revoked: {name}")


@geodata.command("build")
def geodata_build(
    inputs: Annotated[Path, typer.Option("--inputs", metavar="DIR", help="公开数据目录 · folder of the open data.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪里，已有则替换 · where to; replaced.")],
    data: Data = None,
) -> None:
    """从公开数据生成嘉善区域包 · builds the Jiashan pack from open data."""
    from geodata import build

    del data  # every command takes it
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

    settings = _settings(data)
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

    asked = regions.Ask(
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
        valid_from=valid_from,
        repair=repair,
        skip_bad_rows=skip_bad_rows,
        check=check,
        out=out,
        picture=picture,
        json=json,
    )
    raise typer.Exit(regions.import_region(_settings(data), asked, None if out or check else migrated))


@geodata.command("check")
def geodata_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="区域包目录 · folder of the pack.")],
    data: Data = None,
) -> None:
    """检查区域包 · checks a pack and says what is wrong with it."""
    from geodata.pack import load_pack

    del data  # every command takes it
    _tell_pack(load_pack(folder))


def _tell_pack(region: Region) -> None:
    pack = region.pack
    typer.echo(
        f"{pack.name} {pack.region}，版本 {pack.version}，自 {pack.valid_from} 起：{len(pack.towns)} 个镇（街道）、"
        f"{len(pack.places)} 个地点、{len(pack.beats)} 个巡段、{len(pack.visit_rules)} 条到访要求"
    )
    for warning in region.warnings:
        typer.echo(f"注意 · note: {warning}")


@app.command()
def doctor(data: Data = None, port: Port = None, database: Database = None, redis: Redis = None) -> None:
    """体检：每项依赖是否正常、该做什么 · checks every dependency and says what to do."""
    from dashboard import doctor as examination

    raise typer.Exit(examination.examine(_settings(data, port=port, database_url=database, redis_url=redis)))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="小规模，几分钟 · small, some minutes.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="全部 · all of them.")] = False,
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAMES", help="只测这些，如 worker,scale · only these.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="大数据库留在这里再用 · keeps large databases.")
    ] = None,
    json: JsonFile = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="改做故障测试：断电、断网、磁盘满等 · breaks things instead of measuring.")
    ] = False,
    document: Annotated[
        bool, typer.Option("--document", help="故障表写入 docs/faults.md · writes the table of --faults there.")
    ] = False,
    data: Data = None,
) -> None:
    """性能测试：与同一次运行的裸循环相比 · benchmarks, as ratios to a bare loop of the same run."""
    if faults:
        from benchmarks.faults import run as breaking

        raise typer.Exit(breaking.main(quick, [name for name in (only or "").split(",") if name], json, document))
    from benchmarks import run

    raise typer.Exit(run.main(quick, everything, json, only, keep) or 0)


@app.command(context_settings={**PASS_ON, "help_option_names": ["--help"]})
def test(context: typer.Context, data: Data = None) -> None:
    """运行全部测试；其余参数交给 pytest · runs every test; further arguments go to pytest."""
    from dashboard import suite

    raise typer.Exit(suite.run(context.args))


@app.command(hidden=True)
def setup() -> None:
    """Only prepares the environment; the entry script has done so by now."""


@dead_letters.command("list")
def dead_letters_list(
    feed: Annotated[str | None, typer.Option("--feed", help="数据流 · feed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="包括已处理的 · those already dealt with too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多几条 · at most so many.")] = 50,
    data: Data = None,
) -> None:
    """列出未被接受的记录和原因 · lists records that were not accepted, and why."""
    from dashboard.stores import history
    from ingest import deadletter

    settings = ready(data)
    engine = history.open_engine(settings.database_url)
    try:
        letters = deadletter.listed(history.History(engine), None if everything else "open", feed, limit)
    finally:
        engine.dispose()
    for letter in letters:
        typer.echo("{number}\t{state}\t{feed}\t{source}\t{record}\t{message}".format(**letter))
    if not letters:
        typer.echo("没有 · none")


@dead_letters.command("correct")
def dead_letters_correct(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="编号 · its number.")],
    fields: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE...", help="改正 · corrections.")],
    data: Data = None,
) -> None:
    """改正一条记录的字段并重新送入 · corrects fields of one record and sends it through the door again."""
    _send_again(data, [number], dict(_pair(field) for field in fields))


@dead_letters.command("replay")
def dead_letters_replay(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="编号 · their numbers.")],
    data: Data = None,
) -> None:
    """原样重新送入（规则或区域包已改） · sends records again as they are, once a rule or the pack has changed."""
    _send_again(data, numbers, {})


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因，写给以后查的人 · why.")]
FromDay = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="生效日期，默认明天 · first day in force (default: tomorrow)."),
]


@rules.command("list")
def rules_list(
    feed: Annotated[str | None, typer.Option("--feed", help="数据流 · feed, e.g. patrol.")] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="DAY", help="哪一天 · the day (default: today).")] = None,
    data: Data = None,
) -> None:
    """列出规则：现值、自何时、接下来 · lists rules: value, since when, what is scheduled."""
    from dashboard.feeds import feed_named
    from dashboard.queries.rules import listing

    only = feed_named(feed).name if feed else None
    with _rules(data) as (book, door):
        for line in listing(book, door.today() if day is None else _day(day), only):
            typer.echo(line)


@rules.command("set")
def rules_set(
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="规则的键，或 duty_hours/代码 · its key as `rules list` has it.")
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="新值，default 恢复默认 · new value, or default.")],
    reason: Reason,
    valid_from: FromDay = None,
    data: Data = None,
) -> None:
    """从某一天起改一条规则 · changes a rule from a day on; earlier days keep theirs."""
    from geodata.revise import table_and_key
    from ingest.revision import Change

    table, key = table_and_key(rule)
    with _rules(data) as (_, door):
        day = None if valid_from is None else _day(valid_from)
        note(_settings(data), "change", f"rules: {table}/{key}")
        saved = door.save(_command_line(), Change(door.edits([(table, key, value)], day)), day, reason)
        _tell_saved(saved.change, saved.valid_from)


@rules.command("history")
def rules_history(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="只看一条规则 · one rule alone.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="最多几条 · at most so many.")] = 50,
    data: Data = None,
) -> None:
    """谁在什么时候把什么改成了什么，新的在前 · who changed what, newest first."""
    from dashboard.queries.rules import history_lines
    from geodata.revise import table_and_key

    only = None if rule is None else table_and_key(rule)
    with _rules(data) as (book, _):
        for line in history_lines(book, only)[:limit]:
            typer.echo(line)


@rules.command("cancel")
def rules_cancel(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="改动号 · the change's number.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因 · why.")] = "",
    data: Data = None,
) -> None:
    """取消还没生效的改动 · takes back a change whose day has not come."""
    with _rules(data) as (_, door):
        note(_settings(data), "change", f"rules: cancel change {number}")
        saved = door.cancel(_command_line(), number, reason)
        _tell_saved(saved.change, saved.valid_from)


@rules.command("restore")
def rules_restore(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="改动号 · the change's number.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="原因 · why.")] = "",
    valid_from: FromDay = None,
    data: Data = None,
) -> None:
    """恢复某次改动以前的值 · makes rules again what they were before a change."""
    with _rules(data) as (_, door):
        note(_settings(data), "change", f"rules: restore change {number}")
        saved = door.restore(_command_line(), number, None if valid_from is None else _day(valid_from), reason)
        _tell_saved(saved.change, saved.valid_from)


def _tell_saved(number: int, day: int) -> None:
    shown = f"{day // 10000}-{day // 100 % 100:02d}-{day % 100:02d}"
    typer.echo(f"已保存第 {number} 号改动，自 {shown} 起 · saved as change {number}, valid from {shown}")


def _day(given: str) -> int:
    """A local day from yyyy-mm-dd; 0 is no day, and the door says so."""
    digits = given.replace("-", "")
    return int(digits) if digits.isdecimal() and len(digits) == 8 else 0


def _command_line() -> Viewer:
    """Who runs a command here has the machine, and so everything; the record says which account it was."""
    import getpass

    from dashboard.access.viewer import Role, Viewer

    return Viewer(name=f"命令行 {getpass.getuser()}", roles=frozenset({Role.ADMINISTRATOR}))


@contextlib.contextmanager
def _rules(data: Path | None) -> Iterator[tuple[RuleBook, Revisions]]:
    """The rules of a data directory, and the door to change them; a running worker lets a change count."""
    from dashboard.clock import read_clock
    from dashboard.queries.rules import RuleBook
    from dashboard.stores import history
    from dashboard.stores.rules import book_of
    from geodata.library import open_library
    from ingest.revision import Revisions

    settings = ready(data)
    engine = history.open_engine(settings.database_url)
    try:
        truth = history.History(engine)
        book = book_of(truth, *open_library(settings.data_dir, settings.region))
        yield RuleBook(truth, book), Revisions(truth, book, read_clock(settings.data_dir))
    finally:
        engine.dispose()


@app.command()
def reference(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪里 · where to.")] = Path("docs/reference"),
    check: Annotated[bool, typer.Option("--check", help="只检查是否最新 · only say whether it is up to date.")] = False,
    data: Data = None,
) -> None:
    """生成参考文档 · writes the generated reference: settings, commands, feeds, KPIs, metrics, API."""
    from dashboard import reference as pages

    stale = pages.write(out, app, check)
    for path in stale:
        typer.echo(("过期 · out of date: " if check else "已写 · written: ") + str(path))
    if check and stale:
        raise ConfigurationError(
            "参考文档已过期，请运行 `./townwatch reference` 并提交它写出的文件"
            " · The reference is out of date: run `./townwatch reference` and commit what it writes."
        )


@app.command(hidden=True)
def pictures(
    address: Annotated[
        str | None, typer.Option("--address", metavar="URL", help="演示的地址 · where a demo runs.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪里 · where to.")] = Path("docs/pictures"),
    data: Data = None,
) -> None:
    """拍摄文档截图 · takes the pictures of the documentation from a running demo."""
    from dashboard import pictures as camera

    for path in camera.take(address or _settings(data).address("/"), out):
        typer.echo(f"已写 · written: {path} ({path.stat().st_size // 1024} KiB)")


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    try:
        app(arguments, prog_name="townwatch")
    except TownwatchError as error:
        _tell(error.sentence)
        raise SystemExit(EXIT_TRY_AGAIN if error.retry and _supervised() else 1) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    except Exception as error:
        _tell(_sentence(error))
        raise SystemExit(EXIT_DEFECT) from None


def _supervised() -> bool:
    """Whether this is a part that the supervisor started."""
    from dashboard.telemetry import MULTIPROCESS

    return bool(os.environ.get(MULTIPROCESS))


def _tell(sentence: str) -> None:
    # On a full disk the words are lost, and the exit code must not be.
    with contextlib.suppress(OSError):
        print(f"townwatch: {sentence}", file=sys.stderr, flush=True)


def _sentence(error: Exception) -> str:
    """A defect in one sentence, its traceback in a file."""
    if isinstance(error, OSError) and error.errno == 28:
        return (
            f"磁盘已满（{error.filename or '写入时'}），请腾出空间后重新启动"
            f" · The disk is full ({error.filename or 'while writing'}): free some space and start again."
        )
    from dashboard.telemetry import masked

    with tempfile.NamedTemporaryFile(
        "w", prefix="townwatch-error-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(masked("".join(traceback.format_exception(error))))
    words = masked(str(error)).splitlines() or [""]
    what = f"{type(error).__name__}: {words[0][:200]}"
    return (
        f"程序出错（{what}），这是缺陷，请附上 {log.name} 报告"
        f" · This should not happen ({what}): please report it with {log.name}."
    )


def _region_of(scenario: str) -> None:
    """A scenario brings its own region, for this command and the processes it starts."""
    from ingest.scenarios import SCENARIOS

    known = SCENARIOS.get(scenario)
    if known is not None:
        os.environ.setdefault("TOWNWATCH_REGION", known[0])


def _settings(data: Path | None, own_data: bool = True, **given: Any) -> Settings:
    """The settings of a command; ``own_data`` is false when ``data`` is only the command's default."""
    if not own_data and os.environ.get("TOWNWATCH_DATA_DIR"):
        data = None
    return Settings.load(data, **given)


def _child_settings(data: Path | None) -> Settings:
    """The settings of a child process, its log lines set up. Its supervisor has named the Redis."""
    from dashboard import telemetry

    settings = _settings(data)
    telemetry.configure(settings.log_level, settings.log_json)
    if not settings.redis_url:
        from dashboard.stores import redis_server

        if redis_server.running(settings.data_dir) is None:
            raise ConfigurationError(
                "没有可用的 Redis，请用 `./townwatch up` 启动，或设置 TOWNWATCH_REDIS_URL"
                " · No Redis runs for this process: use `./townwatch up`, or set TOWNWATCH_REDIS_URL."
            )
        settings = settings.with_values(redis_url=f"unix://{redis_server.recorded_socket(settings.data_dir)}")
    return settings


@contextlib.contextmanager
def _tokens(settings: Settings) -> Iterator[TokenStore]:
    """The tokens of a data directory whose database is current."""
    from dashboard.access.tokens import TokenStore
    from dashboard.stores import history

    engine = history.open_engine(settings.database_url)
    try:
        yield TokenStore(engine)
    finally:
        engine.dispose()


def _accounts_exist(settings: Settings) -> bool:
    """Whether somebody can sign in."""
    migrated(settings)
    with _tokens(settings) as store:
        return store.accounts_exist()


def _send_again(data: Path | None, numbers: list[int], changes: dict[str, str]) -> None:
    """Sends dead letters through the door; says what became of each.

    Raises:
        TownwatchError: at least one was refused again.
    """
    from dashboard import wiring
    from dashboard.stores import redis_server

    refused = 0
    with redis_server.attached(_settings(data)) as joined:
        migrated(joined)
        for number in numbers:
            note(joined, "change", f"dead-letters/{number}", fields=",".join(sorted(changes)))
            receipt = wiring.replay_dead_letter(joined, number, changes)
            refused += len(receipt.rejected)
            for why in receipt.rejected:
                typer.echo(f"{number}\t{why.message}")
            if receipt.accepted:
                typer.echo(f"{number}\t已接受 · accepted")
    if refused:
        raise TownwatchError(
            f"{len(numbers)} 条记录中有 {refused} 条再次被拒，请改正上面列出的字段"
            f" · {refused} of {len(numbers)} records were refused again: correct the fields named above."
        )


def _list(text: str) -> tuple[str, ...] | None:
    """A comma separated option; ``all`` is ``None``."""
    return None if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())


def _town_codes(settings: Settings, towns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Town codes of names, aliases and codes: a token for a town that does not exist would refuse everything."""
    from geodata.library import RegionBook, open_library

    if towns is None:
        return None
    known = RegionBook(*open_library(settings.data_dir, settings.region))(99999999).pack.town_by_code
    for name in towns:
        if name not in known:
            raise ConfigurationError(
                f"没有叫“{name}”的镇（街道），可用代码或名称，如 {next(iter(known.values())).code}"
                f" · There is no town {name!r}: give codes or names, comma separated, or all."
            )
    return tuple(dict.fromkeys(known[name].code for name in towns))


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigurationError(
            f"改正应写成 FIELD=VALUE（字段=值），得到的是 {text!r} · A correction is FIELD=VALUE, and {text!r} is not."
        )
    return name, value


class _Bar:
    """A progress bar that work reports to by ``bar(done, total)``; a line a tenth where nobody looks."""

    def __init__(self, words: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.words = words
        self.console = Console()
        self.tenth = -1
        self.progress = Progress(
            TextColumn("[镇哨] {task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(words, total=None)

    def __enter__(self) -> _Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, done: int, total: int | None = None, *_: object) -> None:
        self.progress.update(self.task, completed=done, total=total)
        if not self.console.is_terminal and total:
            tenth = done * 10 // total
            if tenth > self.tenth:
                self.tenth = tenth
                print(f"[镇哨] {self.words} {tenth * 10} %", flush=True)
