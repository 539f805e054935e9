"""Where the parts of a web process are put together. Nothing is decided here."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import redis
import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy import func, select, text
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection

from dashboard.access.audit import Audit
from dashboard.access.devices import DeviceStore
from dashboard.access.oidc import Provider
from dashboard.access.sessions import SessionStore
from dashboard.access.tokens import TokenStore
from dashboard.access.vault import Vault
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.alerts import keeping as alerts_kept
from dashboard.api import actions as acts
from dashboard.api import (
    admin,
    alerts,
    contacts,
    deadletters,
    events,
    export,
    figures,
    forms,
    geo,
    imports,
    phones,
    qr,
    records,
    replay,
    rules,
    signin,
    snapshots,
)
from dashboard.api.auditing import Audited, opened, turned_away
from dashboard.api.common import Gate
from dashboard.api.requests import Requests
from dashboard.app import Check, build_app, build_gateway
from dashboard.clock import machine_ms
from dashboard.domain.day import day_of
from dashboard.domain.place import RegionPack
from dashboard.domain.summary import Standing
from dashboard.errors import ConfigurationError, NotAllowed, StoreUnavailable
from dashboard.feeds import FEEDS
from dashboard.live import Hub, build_id
from dashboard.measured import Measured, delays, growth
from dashboard.patience import SERVED
from dashboard.queries.board import BoardReader
from dashboard.queries.past import Past
from dashboard.queries.reader import LiveBoards
from dashboard.queries.standing import standing
from dashboard.queries.views import VIEWS
from dashboard.settings import Settings
from dashboard.snapshot import schedule
from dashboard.snapshot.desk import desk_of
from dashboard.snapshot.publish import Desk
from dashboard.stores import leases
from dashboard.stores.history import History, migration
from dashboard.stores.tables import dead_letter, source_stat
from dashboard.working import Parts, parts_of
from geodata.region import Region
from ingest import anyfile, deadletter
from ingest.contacts import Contacts
from ingest.decode import Door
from ingest.gateways import folder
from ingest.intake import Intake, Receipt
from ingest.revision import Revisions
from ingest.scenarios.headline import Headline

log = structlog.get_logger("web")

ROOT = Path(__file__).resolve().parent.parent


class Web(msgspec.Struct):
    """A web process before it listens."""

    app: FastAPI
    actions: Actions
    reader: BoardReader


def web_of(settings: Settings, parts: Parts, role: str) -> Web:
    """A web process's application: pages, socket, API and gateways."""
    tokens = TokenStore(parts.history.engine)
    sessions = SessionStore(
        parts.history.engine, int(settings.session_idle_hours * 3_600_000), int(settings.session_days * 86_400_000)
    )
    devices = DeviceStore(parts.history.engine)
    gate = Gate(tokens, parts.clock, settings.loopback, sessions, devices, settings.https)
    reader = BoardReader(parts.live, Past(parts.history, parts.region_at), parts.region_at, parts.clock)
    hub = Hub(
        LiveBoards(reader, settings.redis_url),
        VIEWS,
        parts.clock,
        build_id(ROOT / "dashboard", ROOT / "layouts", ROOT / "callbacks"),
        settings.heartbeat_s,
        identify=_identify(gate),
        recheck=lambda viewer: asyncio.to_thread(gate.stands, viewer),
        moments=reader.moments,
    )
    reader.health = Health(parts, hub, reader.past)
    desk = desk_of(settings, parts.history, reader.past)
    audit = Audit(parts.history.engine, settings.data_dir)

    def region() -> Region:
        return parts.region_at(day_of(parts.clock.now(), parts.zone))

    def holder(viewer: Viewer, town: str, item: str) -> Standing | None:
        return standing(reader.board(viewer), town).get(item)

    vault = Vault(parts.history.engine, settings.data_dir, audit)
    actions = Actions(
        Intake(parts.stream),
        parts.history,
        region,
        parts.clock,
        Revisions(parts.history, parts.region_at, parts.clock),
        audit,
        snapshots=desk,
        holder=holder,
        contacts=Contacts(vault, parts.history, region, parts.clock, holder, reader.past),
    )
    reader.past.audit = actions.audit
    reader.past.replay = Headline(settings.data_dir, reader.past, parts.region_at, parts.clock)
    checks: dict[str, Check] = {
        "redis": lambda: bool(parts.client.ping()),
        "database": lambda: _answers(parts.history),
        "figures": parts.live.ready,
    }
    written = [
        events.router(actions, gate, settings.max_body_bytes),
        imports.router(actions, gate, settings.max_body_bytes),
        phones.router(actions, gate, settings.max_body_bytes),
    ]
    read = [
        figures.router(reader, gate),
        export.router(reader, gate, VIEWS),
        records.router(reader, gate),
        forms.router(actions, reader, gate),
        deadletters.router(actions, gate, settings.max_body_bytes),
        geo.router(actions.region, gate),
        qr.router(actions.region, gate, settings.public_url),
        rules.router(reader, gate),
        contacts.router(actions, gate),
        acts.router(actions, reader, gate),
        alerts.router(reader, gate),
        snapshots.router(actions, desk.archive, gate, parts.zone, settings.snapshot_auto),
        replay.router(actions, reader, gate, settings.data_dir, hub.tell_clock),
    ]
    if role == "gateway":
        ready = {name: checks[name] for name in ("redis", "database")}
        app = build_gateway(written, ready, hub.build, identify=_known(gate))
    else:
        # The page of imports is of no use without its door.
        tables = imports.router(actions, gate, settings.max_body_bytes)
        routers = [*read, tables] if role == "pages" else written + read
        pack = lambda: actions.region().pack  # noqa: E731 - one word for one thing
        doors = signin.Doors(
            gate, sessions, devices, audit, parts.clock, provider_of(settings, pack), settings.languages
        )
        routers += [signin.router(doors), admin.router(doors, pack)]
        app = build_app(
            settings, hub, reader, actions, routers, pack, parts.clock, checks=checks, identify=_known(gate)
        )
    # Just outside the guard, which is innermost: what that refuses is noted, and gets the headers of every answer.
    app.user_middleware.insert(
        len(app.user_middleware) - 1, Middleware(Audited, audit=actions.audit, gate=gate, clock=parts.clock)
    )
    app.add_middleware(Requests)
    pages = None if role == "gateway" else hub
    app.state.measured = Measured(settings.data_dir, parts.clock, parts.history, parts.stream, parts.live, pages)
    app.state.audit = actions.audit
    hub.opened, hub.refused = opened(actions.audit, parts.clock), turned_away(actions.audit, parts.clock)
    return Web(app, actions, reader)


def run_web(settings: Settings, role: str) -> None:
    """A web process, until SIGTERM."""
    parts = parts_of(settings)
    web = web_of(settings, parts, role)
    with (
        _watching(settings, web.actions, role),
        _on_time(settings, parts, web.actions.snapshots, role),
        _sweeping(settings, parts, web.actions, role),
    ):
        uvicorn.run(
            web.app,
            host=settings.host,
            port=settings.port,
            **SERVED,
        )


@contextmanager
def _beside(name: str, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let a thread work beside the pages; ``work`` ends when its event is set."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(3)


@contextmanager
def _watching(settings: Settings, actions: Actions, role: str) -> Iterator[None]:
    """Watch the folder for files beside the gateways, if there is one to watch."""
    if not settings.watch_folder or role == "pages":
        yield
        return
    watch = folder.Watch(
        Path(settings.watch_folder),
        anyfile.prefixes(),
        anyfile.taker(actions.intake, actions.region, actions.clock, actions.desk),
        settle_s=settings.watch_settle_s,
    )
    # A file under way is finished if it is short; what is left in work/ is imported at the next start.
    with _beside("watched-folder", lambda stop: watch.run(stop, min(2.0, settings.watch_settle_s))):
        yield


@contextmanager
def _sweeping(settings: Settings, parts: Parts, actions: Actions, role: str) -> Iterator[None]:
    """Let go of contacts and of alerts whose time is over, beside the pages: at the start and every hour."""
    if role == "gateway":
        yield
        return

    def alerts() -> None:
        alerts_kept.sweep(parts.history, actions.audit, parts.clock.now(), settings.alert_days)

    with (
        _beside("contacts", partial(_hourly, "contacts", partial(actions.contacts.sweep, settings.contact_days))),
        _beside("alerts-kept", partial(_hourly, "alerts", alerts)),
    ):
        yield


def _hourly(what: str, sweep: Callable[[], object], stop: threading.Event) -> None:
    while True:
        try:
            sweep()
        except Exception as error:
            log.warning(f"{what}_not_swept", error=type(error).__name__)
        if stop.wait(3600):
            return


@contextmanager
def _on_time(settings: Settings, parts: Parts, desk: Desk, role: str) -> Iterator[None]:
    """Publish the day's snapshot beside the pages where the settings say so."""
    if not settings.snapshot_auto or role == "gateway":
        yield
        return
    with _beside("snapshots", lambda stop: schedule.run(desk, parts.clock.now, stop)):
        yield


def _identify(gate: Gate) -> Callable[[HTTPConnection], Awaitable[Viewer | None]]:
    async def identify(connection: HTTPConnection) -> Viewer | None:
        return await asyncio.to_thread(gate.viewer, connection)

    return identify


def _known(gate: Gate) -> Callable[[HTTPConnection], Awaitable[Viewer | None]]:
    async def known(connection: HTTPConnection) -> Viewer | None:
        return await asyncio.to_thread(gate.known, connection)

    return known


def provider_of(settings: Settings, pack: Callable[[], RegionPack]) -> Provider | None:
    """The identity provider of the settings, if there is one.

    Raises:
        ConfigurationError: the settings are not complete.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client:
        raise ConfigurationError("设置了 oidc_issuer，还要 oidc_client · Setting oidc_issuer needs oidc_client, too.")
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client,
        settings.oidc_secret,
        name=settings.oidc_name,
        scopes=settings.oidc_scopes,
        roles=settings.oidc_roles,
        towns=settings.oidc_towns,
        staff=settings.oidc_staff,
        public_url=settings.public_url,
        known_towns=lambda: {name: town.code for name, town in pack().town_by_code.items()},
    )


def _answers(history: History) -> bool:
    with history.reading() as connection:
        return bool(connection.scalar(text("SELECT 1")) == 1)


def replay_dead_letter(settings: Settings, number: int, changes: dict[str, Any]) -> Receipt:
    """Send a dead letter again in the name of the source that sent it: the administrator's command.

    Raises:
        NotAllowed: there is no such letter.
    """
    parts = parts_of(settings)
    with parts.history.reading() as connection:
        source = connection.scalar(select(dead_letter.c.source).where(dead_letter.c.number == number))
    if source is None:
        raise NotAllowed(f"没有编号为 {number} 的退回记录，用 ./townwatch dead-letters list 查看")
    now = parts.clock.now()
    door = Door(source, parts.region_at(day_of(now, parts.zone)), zone=parts.zone)
    return deadletter.resend(parts.history, Intake(parts.stream), door, number, changes, now)


class Health:
    """What the system page tells of the parts. Called at most once a second; asks the stores itself."""

    def __init__(self, parts: Parts, hub: Hub, past: Past) -> None:
        self.parts, self.hub, self.past = parts, hub, past
        self._lock = threading.Lock()
        self._held: tuple[float, dict[str, Any]] = (-10.0, {})
        self._migration = migration(parts.history.engine)

    def __call__(self) -> dict[str, Any]:
        """The document that ``views/system`` shows."""
        with self._lock:
            # By a clock that nobody sets: one that was set back would keep the page as it was until it is there again.
            if time.monotonic() - self._held[0] > 1:
                self._held = (time.monotonic(), self._ask())
            return self._held[1]

    def _ask(self) -> dict[str, Any]:
        parts = self.parts
        owners: dict[int, tuple[str, int, int]] = {}
        records: dict[str, Any] = {}
        database: dict[str, Any] = {}
        dead: dict[str, Any] = {}
        sources: list[dict[str, Any]] = []
        try:
            owners = leases.owners(parts.history)
            today = day_of(parts.clock.now(), parts.zone)
            records = {
                feed: {town: {"today": count} for town, count in self.past.records(feed, today).items()}
                for feed in FEEDS
            }
            database, dead, sources = self._database(), self._dead(), self._sources()
        except StoreUnavailable as away:
            # The page that tells of it must not be stopped by it.
            database = {"away": away.sentence}
        partitions = []
        for number in range(parts.stream.partitions):
            lag, pending = parts.stream.lag(number)
            owner, fence, until = owners.get(number, ("", 0, 0))
            partitions.append(
                {
                    "partition": number,
                    "lag": lag,
                    "pending": pending,
                    "owner": owner,
                    "fence": fence,
                    # Nobody works on it: its worker has stood still or been away for longer than a lease lasts.
                    "idle": bool(owners) and until <= machine_ms(),
                }
            )
        return {
            "records": records,
            "partitions": partitions,
            "redis": self._redis(),
            "database": database,
            "dead": dead,
            "sources": sources,
            "disk": self._disk(),
            "hub": {
                "build": self.hub.build,
                "sockets": self.hub.subscribers,
                "subscriptions": self.hub.subscriptions,
                "views": self.hub.computed,
            },
        }

    def _redis(self) -> dict[str, Any]:
        servers = self.parts.stream.servers.every()
        info: Any = servers[0].info()
        config: dict[str, Any] = {}
        for name in ("appendonly", "appendfsync", "maxmemory-policy"):
            try:
                found: Any = servers[0].config_get(name)
            except redis.ResponseError:
                # A managed one that was accepted for a trial shows nothing.
                break
            config[name.replace("-", "_")] = found.get(name)
        return {
            **config,
            "version": info.get("redis_version"),
            "used_memory": sum(int(one.info("memory").get("used_memory", 0)) for one in servers),
            "masters": len(servers),
            "aof_ok": info.get("aof_last_write_status") == "ok",
        }

    def _database(self) -> dict[str, Any]:
        history = self.parts.history
        with history.reading() as connection:
            seq = history.seq(connection)
            size = history.dialect.size(connection)
        return {
            "kind": history.dialect.name,
            "size_bytes": size,
            "events": seq,
            "known_seq": seq,
            "migration": self._migration,
        }

    def _dead(self) -> dict[str, Any]:
        history = self.parts.history
        found = deadletter.counts(history)
        with history.reading() as connection:
            statement = select(dead_letter.c.field, func.count()).group_by(dead_letter.c.field)
            reasons = {row[0]: row[1] for row in connection.execute(statement)}
        latest = [{**one, "id": one["record"]} for one in deadletter.listed(history, None, limit=20)]
        return {"total": sum(found.values()), "open": found.get("open", 0), "by_field": reasons, "latest": latest}

    def _sources(self) -> list[dict[str, Any]]:
        with self.parts.history.reading() as connection:
            rejected = {
                row[0]: row[1]
                for row in connection.execute(select(dead_letter.c.source, func.count()).group_by(dead_letter.c.source))
            }
            rows = list(connection.execute(select(source_stat).order_by(source_stat.c.source)))
        late = delays(self.parts.history)
        return [
            {**dict(row._mapping), "rejected": rejected.get(row.source, 0), "delay_ms": late.get(row.source)}
            for row in rows
        ]

    def _disk(self) -> dict[str, Any]:
        """Free space, and in how many days it is full at the rate of the last week's records."""
        free = shutil.disk_usage(self.parts.settings.data_dir).free
        # Below the reserve nothing is taken (``stores.room``).
        told: dict[str, Any] = {"free_bytes": free, "low": free < self.parts.settings.disk_reserve_mb << 20}
        try:
            found = growth(self.parts.history, self.parts.settings.data_dir, self.parts.clock.now())
        except StoreUnavailable:
            return told
        if found is not None:
            told |= {"days_left": found.days, "per_day": found.events_per_day, "per_event": found.bytes_per_event}
        return told
