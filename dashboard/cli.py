"""The command line: every command put together, and what becomes of an error. Groups of commands are modules of
``dashboard.commands``; the work is done elsewhere and imported when asked for.

Errors are one sentence on standard error: exit 1 for what a person can put right, 70 for a defect (with a log file),
130 for Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from dashboard.commands import keeping, running
from dashboard.commands.alerts import alerts
from dashboard.commands.audit import audit
from dashboard.commands.common import Bar, Data, Database, JsonFile, Port, Redis, migrated, note, settings_of
from dashboard.commands.dead_letters import dead_letters
from dashboard.commands.feed import feed as feeds
from dashboard.commands.geodata import geodata
from dashboard.commands.rebuild import rebuild
from dashboard.commands.rules import rules
from dashboard.commands.scenario import scenario
from dashboard.commands.snapshots import export, snapshot
from dashboard.commands.token import token
from dashboard.commands.user import user
from dashboard.commands.vault import vault
from dashboard.errors import ConfigurationError, TownwatchError

EXIT_DEFECT = 70
EXIT_TRY_AGAIN = 75
"""A store does not answer: the supervisor starts the part again, where it would give up on a refusal."""
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="townwatch",
    help="镇哨 Townwatch：镇街防疫与复工实时看板 · live dashboards of a town's records.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
running.register(app)
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
app.add_typer(scenario, name="scenario")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


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
    settings = settings_of(data)
    report: Report | gpx.TrackReport
    with redis_server.attached(settings) as joined, Bar("导入 · importing") as bar:
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


@app.command()
def doctor(data: Data = None, port: Port = None, database: Database = None, redis: Redis = None) -> None:
    """体检：每项依赖是否正常、该做什么 · checks every dependency and says what to do."""
    from dashboard import doctor as examination

    raise typer.Exit(examination.examine(settings_of(data, port=port, database_url=database, redis_url=redis)))


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

    for path in camera.take(address or settings_of(data).address("/"), out):
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
