"""``townwatch doctor``: looks at everything the program stands on and says, a line each, what to do.

Changes nothing but what starting would change anyway (the data directory is made). A check that fails never stops
another.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from dashboard.errors import TownwatchError
from dashboard.settings import PREFIX, VARIABLES, Settings

ROOT = Path(__file__).resolve().parent.parent
LEAST_FREE = 1_000_000_000
SHORT_DAYS = 14
BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""No machine that runs this lives before; a clock that says so has lost its battery."""
FOLDED_A_SECOND = 200_000
"""Records folded again a second on two cores, as the benchmark ``keeping`` measures it."""


class Health(StrEnum):
    """How a check ended: ``warn`` can wait, ``fail`` cannot."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One line of the report; ``text`` says what to do unless all is well."""

    health: Health
    what: str
    text: str


def examine(settings: Settings) -> int:
    """Prints every finding; 1 when one of them is a failure, else 0."""
    console = Console(highlight=False)
    colours = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "red"}
    failed = False
    for finding in findings(settings):
        failed |= finding.health == Health.FAIL
        line = Text.assemble((f"{finding.health:<4}", colours[finding.health]), f"  {finding.what:<22}  {finding.text}")
        console.print(line, soft_wrap=True)
    return int(failed)


def findings(settings: Settings) -> Iterator[Finding]:
    """Every check's findings, in the order in which things are needed."""
    for check in CHECKS:
        try:
            yield from check(settings)
        except TownwatchError as error:
            yield Finding(Health.FAIL, _name(check), error.sentence)
        except Exception as error:
            yield Finding(Health.FAIL, _name(check), f"{type(error).__name__}: {error}")


def _name(check: Callable[[Settings], Iterator[Finding]]) -> str:
    return check.__name__.strip("_").replace("_", " ")


def _python(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    known = sys.version_info[:2] in ((3, 11), (3, 12))
    yield Finding(
        Health.OK if known else Health.WARN,
        "Python",
        version
        if known
        else f"{version}，只在 3.11 和 3.12 上测试过，最好换用其一"
        f" · {version}: tested with 3.11 and 3.12, better use one of them",
    )


def _packages(settings: Settings) -> Iterator[Finding]:
    wrong, wrong_en = [], []
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if "==" in line and not line.startswith("#")]
    for pin in pins:
        name, _, rest = pin.partition("==")
        wanted, _, marker = rest.partition(" ;")
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = ""
            if marker and sys.version_info >= (3, 13):
                continue
        if found != wanted.strip():
            wrong.append(f"{name} {found or '没有安装'}，应为 {wanted.strip()}")
            wrong_en.append(f"{name} {found or 'missing'}, not {wanted.strip()}")
    if wrong:
        text = f"{'；'.join(wrong[:3])}，请删除 .venv 后重新运行 ./townwatch"
        text += f" · {'; '.join(wrong_en[:3])}: delete .venv and start ./townwatch again"
        yield Finding(Health.WARN, "packages", text)
    else:
        text = f"{len(pins)} 个软件包与 requirements.txt 一致 · {len(pins)} as pinned in requirements.txt"
        yield Finding(Health.OK, "packages", text)


def _settings_names(settings: Settings) -> Iterator[Finding]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | VARIABLES.keys()
    for name in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known):
        text = f"{name} 不是设置，不起作用，请对照 docs/reference/settings.md"
        text += f" · {name} is no setting and does nothing: see docs/reference/settings.md"
        yield Finding(Health.WARN, "settings", text)


def _disk(settings: Settings) -> Iterator[Finding]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.data_dir) as file:
        file.write(b"0" * 4096)
        os.fsync(file.fileno())
    free = shutil.disk_usage(settings.data_dir).free
    left = f"{free / 1e9:.1f} GB"
    low = free < LEAST_FREE
    text = f"{settings.data_dir} 还剩 {left}" + ("，不足 1 GB，请腾出空间" if low else "")
    text += f" · {left} free in {settings.data_dir}" + (": free some, 1 GB is little" if low else "")
    yield Finding(Health.WARN if low else Health.OK, "disk", text)


def _redis(settings: Settings) -> Iterator[Finding]:
    from dashboard.stores import redis_server

    if not settings.redis_url:
        yield Finding(Health.OK, "redis-server", str(redis_server.find_binary()))
    with (
        redis_server.attached(settings) as joined,
        contextlib.closing(redis_server.client_of(joined.redis_url, socket_timeout=5)) as client,
    ):
        # Accepted for the moment, so that every line to change is shown and not the first alone.
        wrong = redis_server.check_durability(client, accept_loss=True)
        for sentence in wrong:
            yield Finding(Health.WARN if settings.accept_loss else Health.FAIL, "redis", sentence)
        if not wrong:
            version = redis_server.version_of(client)
            text = f"{version}，每次写入都先落盘再确认 · {version}, every write on disk before it is acknowledged"
            yield Finding(Health.OK, "redis", text)


def _database(settings: Settings) -> Iterator[Finding]:
    from dashboard.stores import chosen, history, schema

    chosen.check_database(settings)
    engine = history.open_engine(settings.database_url)
    try:
        truth = history.History(engine)
        with truth.reading() as connection:
            # The connection itself has asked whether commits are on disk.
            kind, durable = truth.dialect.describe(connection)
            size = f"{truth.dialect.size(connection) / 1e6:.0f} MB"
            refused = truth.dialect.may_not_make_tables(connection)
        if refused:
            yield Finding(Health.FAIL, "database", refused)
            return
        at, newest = history.migration(engine), schema.newest()
        if at != newest or schema.missing(engine):
            text = f"{kind} 的表结构版本：{at or '无'}，最新为 {newest}，运行 demo、up 或 import 时会自动升级"
            text += f" · {kind} is at migration {at or 'none'}, the newest is {newest}: "
            text += "demo, up and import bring it there"
            yield Finding(Health.OK if at is None else Health.WARN, "database", text)
            return
        with truth.writing():
            pass
        text = f"{kind} 可写，{durable}，可建表，表结构 {at}，已用 {size}"
        text += f" · {kind}, writable, {durable}, may make tables, migration {at}, {size}"
        yield Finding(Health.OK, "database", text)
        if not truth.sqlite:
            text = f"数据库所在机器的剩余空间这里看不到，请在那台机器上留意（现有 {size}）"
            text += f" · the free space where the database is cannot be seen from here: watch it there ({size} now)"
            yield Finding(Health.OK, "database disk", text)
    finally:
        engine.dispose()


def _folding(settings: Settings) -> Iterator[Finding]:
    from dashboard.domain.folding import FOLDING
    from dashboard.stores import history, schema
    from dashboard.stores.tables import folding

    engine = history.open_engine(settings.database_url)
    try:
        if history.migration(engine) is None:
            return
        truth = history.History(engine)
        # An earlier version had no table to note it in.
        noted = folding.name not in schema.missing(engine)
        with truth.reading() as connection:
            number, records = truth.folded_by(connection) if noted else None, truth.seq(connection)
    finally:
        engine.dispose()
    if records and number != FOLDING:
        seconds = records / FOLDED_A_SECOND
        long, unit, unit_en = (seconds / 60, "分钟", "min") if seconds >= 100 else (seconds, "秒", "s")
        text = f"状态是另一个版本的程序算出的，下次启动时先重算 {records:,} 条记录才显示，"
        text += f"双核约 {max(1, round(long))} {unit}"
        text += f" · another version of the program made the states: the next start folds {records:,} records again "
        text += f"before it shows anything, about {max(1, round(long))} {unit_en} on two cores"
        yield Finding(Health.WARN, "folding", text)


def _port(settings: Settings) -> Iterator[Finding]:
    from dashboard import processes

    if settings.port and processes.answers(settings.address("/healthz")):
        text = f"{settings.port} 上有镇哨在应答 · {settings.port}: a townwatch answers there"
        yield Finding(Health.OK, "port", text)
        return
    processes.free_port(settings.host, settings.port)
    text = f"{settings.host} 的 {settings.port} 空闲 · {settings.port} on {settings.host} is free"
    yield Finding(Health.OK, "port", text)


def _clock(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    written = datetime.fromtimestamp((ROOT / "requirements.txt").stat().st_mtime, tz=UTC)
    # The program's own files are in this machine's past, unless its clock has lost its battery.
    if now < max(BUILT, written - timedelta(days=1)):
        text = f"本机时间是 {now:%Y-%m-%d %H:%M} UTC，不对，请校准"
        text += f" · the machine says {now:%Y-%m-%d %H:%M} UTC: set its clock"
        yield Finding(Health.FAIL, "clock", text)
        return
    yield Finding(Health.OK, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _world(settings: Settings) -> Iterator[Finding]:
    from dashboard import clock

    world = clock.read_clock(settings.data_dir)
    if world.world == "replay":
        text = f"重放，{world.speed:g} 倍速，不要送入真实记录"
        text += f" · a replay at ×{world.speed:g}; real records do not belong here"
        yield Finding(Health.OK, "world", text)


def _chromium(settings: Settings) -> Iterator[Finding]:
    from dashboard import suite

    found = suite.browser()
    text = found or (
        "没有，只有 `./townwatch test` 需要（apt-get install chromium fonts-noto-cjk）"
        " · none: only `./townwatch test` needs it (apt-get install chromium fonts-noto-cjk)"
    )
    yield Finding(Health.OK if found else Health.WARN, "Chromium", text)


def _feeds(settings: Settings) -> Iterator[Finding]:
    from sqlalchemy import func, select

    from dashboard.feeds import FEEDS
    from dashboard.stores import history
    from dashboard.stores.tables import event

    engine = history.open_engine(settings.database_url)
    try:
        if history.migration(engine) is None:
            return
        with engine.connect() as connection:
            for name, feed in FEEDS.items():
                # By way of the last day, which the index gives at once.
                day = select(func.max(event.c.day)).where(event.c.feed == name).scalar_subquery()
                found = select(func.max(event.c.at)).where(event.c.feed == name, event.c.day == day)
                at = connection.execute(found).scalar()
                if at is None:
                    if not feed.core:
                        continue
                    text = "还没有记录，请创建令牌后送入或导入"
                    text += " · no record ever: create a token and send or import some"
                    yield Finding(Health.WARN, f"feed {name}", text)
                else:
                    when = datetime.fromtimestamp(at / 1000, tz=UTC)
                    text = f"最近一条是 {when:%Y-%m-%d %H:%M:%S} UTC · last record of {when:%Y-%m-%d %H:%M:%S} UTC"
                    yield Finding(Health.OK, f"feed {name}", text)
    finally:
        engine.dispose()


def _cluster(settings: Settings) -> Iterator[Finding]:
    from dashboard.stores.servers import is_cluster, node_urls

    if is_cluster(settings.redis_url) and len(node_urls(settings.redis_url)) < 2:
        text = "集群地址里只有一个节点，它不在时进程启动不了，请多写几个"
        text += " · the cluster's address names one node: while it is away nothing can start; name several"
        yield Finding(Health.WARN, "redis", text)


def _workers(settings: Settings) -> Iterator[Finding]:
    from dashboard.clock import machine_ms
    from dashboard.stores import history, leases

    engine = history.open_engine(settings.database_url)
    try:
        if history.migration(engine) is None:
            return
        held = leases.owners(history.History(engine))
        alive = {owner for owner, _, until in held.values() if until > machine_ms()}
        unowned = [p for p in range(settings.partitions) if p in held and held[p][2] <= machine_ms()]
        foreign = sorted(p for p in held if p >= settings.partitions)
    finally:
        engine.dispose()
    if foreign:
        text = f"数据库里有分区 {foreign[-1]}，设置 partitions 却是 {settings.partitions}，请改回原来的数"
        text += f" · the database knows partition {foreign[-1]}, and partitions is {settings.partitions}: set it back"
        yield Finding(Health.FAIL, "workers", text)
    elif alive and unowned:
        text = f"分区 {unowned} 暂时没有处理进程，10 秒后仍如此请看 worker 的日志"
        text += f" · partitions {unowned} have no worker just now; if that lasts 10 s, see the worker's log"
        yield Finding(Health.WARN, "workers", text)
    elif alive:
        text = f"{len(alive)} 个处理进程分担 {settings.partitions} 个分区"
        text += f" · {len(alive)} workers divide {settings.partitions} partitions"
        yield Finding(Health.OK, "workers", text)


def _growth(settings: Settings) -> Iterator[Finding]:
    from dashboard import clock, measured
    from dashboard.stores import history

    engine = history.open_engine(settings.database_url)
    try:
        if history.migration(engine) is None:
            return
        now = clock.read_clock(settings.data_dir).now()
        found = measured.growth(history.History(engine), settings.data_dir, now)
    finally:
        engine.dispose()
    if found is None or found.days is None:
        return
    low = found.days < SHORT_DAYS
    text = f"按最近一周的增长，{found.days:,.0f} 天后写满" + ("，请归档（retention）或加盘" if low else "")
    text += f" · full in {found.days:,.0f} days at the last week's growth"
    text += ": archive (retention) or add disk" if low else ""
    yield Finding(Health.WARN if low else Health.OK, "disk growth", text)


def _archive(settings: Settings) -> Iterator[Finding]:
    from dashboard import retention

    folder = settings.data_dir / "archive"
    if not (folder / retention.MANIFEST).is_file():
        return
    wrong = retention.missing(folder)
    if wrong:
        text = f"归档缺少文件：{wrong[0]}，请从备份取回 · the archive lacks {wrong[0]}: fetch it from a backup"
        yield Finding(Health.FAIL, "archive", text)
    else:
        text = "归档文件齐全，逐个核对用 retention --check · every file is there; retention --check reads them all"
        yield Finding(Health.OK, "archive", text)


CHECKS = (
    _python,
    _packages,
    _settings_names,
    _disk,
    _redis,
    _cluster,
    _database,
    _folding,
    _workers,
    _growth,
    _archive,
    _port,
    _clock,
    _world,
    _chromium,
    _feeds,
)
