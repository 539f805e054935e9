"""``./townwatch demo``, ``up`` and ``replay``, and the parts that they start as processes of their own."""

from __future__ import annotations

import os
import re
import resource
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dashboard.commands.common import Bar, Data, Database, Port, Redis, folded, migrated, settings_of
from dashboard.commands.token import tokens
from dashboard.errors import ConfigurationError
from dashboard.settings import Settings

FIRST_SCENARIO = "yaozhuang"

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="监听地址 · address to listen on.")]
Speed = Annotated[float, typer.Option("--speed", min=1, max=3600, metavar="N", help="倍速 · times real speed.")]
Scenario = Annotated[str, typer.Option("--scenario", metavar="NAME", help="场景 · scenario.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="不打开浏览器 · do not open a browser.")]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="允许 Redis 丢数据（仅试用） · let Redis lose records; for trials only.")
]


class UpRole(StrEnum):
    """Which part of the system `up` runs."""

    ALL = "all"
    PAGES = "pages"
    GATEWAY = "gateway"
    WORKER = "worker"


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
    settings = settings_of(data or Path("data") / f"demo-{scenario}", port=port, own_data=data is not None)
    processes.refuse_open_address(settings)
    settings = settings.with_values(port=processes.free_port(settings.host, settings.port))
    processes.claim_world(settings.data_dir, f"replay {scenario}")

    def warm(ready: Settings) -> None:
        from ingest.scenarios import player

        migrated(ready)
        folded(ready)
        with Bar("载入历史 · loading history") as bar:
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

    settings = settings_of(
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
        if worker in parts:
            folded(ready)
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


def worker(data: Data = None) -> None:
    """Takes records off the road into SQL and publishes figures; started by `demo` and `up`."""
    from dashboard import working

    working.run_worker(_child_settings(data))


def web(
    role: Annotated[UpRole, typer.Option("--role")] = UpRole.ALL,
    data: Data = None,
) -> None:
    """Serves pages and gateways; started by `demo` and `up`."""
    from dashboard import wiring

    wiring.run_web(_child_settings(data), role.value)


def player(scenario: Scenario = FIRST_SCENARIO, speed: Speed = 30.0, data: Data = None) -> None:
    """Sends a scenario's records as its clock reaches them; started by `demo`."""
    from ingest.scenarios import player as scenario_player

    scenario_player.play(_child_settings(data), scenario, speed)


def replay(scenario: Scenario = FIRST_SCENARIO, speed: Speed = 30.0, data: Data = None) -> None:
    """重放：把场景送进正在运行的演示 · sends a scenario into its own data directory, beside a running `up` or none."""
    from dashboard import processes
    from dashboard.stores import redis_server
    from ingest.scenarios import player as scenario_player

    _region_of(scenario)
    settings = settings_of(data or Path("data") / f"demo-{scenario}", own_data=data is not None)
    processes.claim_world(settings.data_dir, f"replay {scenario}")
    with redis_server.attached(settings) as joined:
        migrated(joined)
        scenario_player.play(joined, scenario, speed)


def _region_of(scenario: str) -> None:
    """A scenario brings its own region, for this command and the processes it starts."""
    from ingest.scenarios import SCENARIOS

    known = SCENARIOS.get(scenario)
    if known is not None:
        os.environ.setdefault("TOWNWATCH_REGION", known[0])


def _child_settings(data: Path | None) -> Settings:
    """The settings of a child process, its log lines set up. Its supervisor has named the Redis."""
    from dashboard import telemetry

    settings = settings_of(data)
    telemetry.configure(settings.log_level, settings.log_json)
    # A dump of this process would hold whatever somebody had open in it: contacts, passwords, the key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not settings.redis_url:
        from dashboard.stores import redis_server

        if redis_server.running(settings.data_dir) is None:
            raise ConfigurationError(
                "没有可用的 Redis，请用 `./townwatch up` 启动，或设置 TOWNWATCH_REDIS_URL"
                " · No Redis runs for this process: use `./townwatch up`, or set TOWNWATCH_REDIS_URL."
            )
        settings = settings.with_values(redis_url=f"unix://{redis_server.recorded_socket(settings.data_dir)}")
    return settings


def _accounts_exist(settings: Settings) -> bool:
    """Whether somebody can sign in."""
    migrated(settings)
    with tokens(settings) as store:
        return store.accounts_exist()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(up)
    for part in (worker, web, player):
        app.command(hidden=True)(part)
    app.command()(replay)
