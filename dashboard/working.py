"""What every process of a data directory shares, and the worker's own process: it starts without pages and their
libraries, and holds none of them in memory. Nothing is decided here."""

from __future__ import annotations

import signal

import msgspec
import redis

from dashboard import telemetry
from dashboard.alerts.briefs import Briefs
from dashboard.alerts.channels import Channels, file_of
from dashboard.alerts.deliver import Deliveries
from dashboard.alerts.engine import AlertEngine, AlertService
from dashboard.clock import Clock, read_clock
from dashboard.queries.board import BoardReader
from dashboard.queries.past import Past
from dashboard.settings import Settings
from dashboard.snapshot.archive import Archive
from dashboard.snapshot.publish import FOLDER
from dashboard.stores import leases
from dashboard.stores.history import History, open_engine
from dashboard.stores.live import LiveStore
from dashboard.stores.redis_server import check_durability, client_of
from dashboard.stores.room import Room
from dashboard.stores.rules import book_of
from dashboard.stores.stream import Stream
from geodata.library import RegionBook, open_library
from ingest.projector import Projector
from ingest.publisher import Publisher
from ingest.worker import Worker, calm_collector


class Parts(msgspec.Struct):
    """The parts that every process of a data directory shares."""

    settings: Settings
    clock: Clock
    region_at: RegionBook
    history: History
    client: redis.Redis
    stream: Stream
    live: LiveStore

    @property
    def zone(self) -> str:
        """The region's time zone."""
        return self.region_at(0).pack.timezone


def parts_of(settings: Settings) -> Parts:
    """Connect to the stores that the settings name.

    Raises:
        ConfigurationError: Redis would lose accepted records; the sentence names the line to change.
    """
    library, region = open_library(settings.data_dir, settings.region)
    client = client_of(settings.redis_url)
    check_durability(client, settings.accept_loss)
    history = History(open_engine(settings.database_url))
    return Parts(
        settings=settings,
        clock=read_clock(settings.data_dir),
        region_at=book_of(history, library, region),
        history=history,
        client=client,
        stream=_road(client, settings),
        live=LiveStore(client),
    )


def _road(client: redis.Redis, settings: Settings) -> Stream:
    road = Stream(client, settings.partitions, settings.stream_limit)
    road.room = Room(road.servers, (settings.data_dir,), settings.disk_reserve_mb << 20)
    return road


def worker_of(parts: Parts) -> Worker:
    """A worker of a data directory, as its process and the benchmarks make it."""
    return Worker(
        parts.history,
        parts.stream,
        parts.live,
        Projector(parts.history, parts.region_at),
        Publisher(parts.history, parts.live, parts.region_at),
        parts.clock,
        batch_events=parts.settings.batch_events,
        wait_ms=parts.settings.batch_wait_ms,
    )


def run_worker(settings: Settings) -> None:
    """The worker's process, until SIGTERM."""
    parts = parts_of(settings)
    worker = worker_of(parts)

    def stop(*_: object) -> None:
        worker.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.share = lambda: leases.share(parts.history, worker.owner, parts.stream.partitions)
    if not leases.others(parts.history, worker.owner):
        # A worker that starts alone knows nothing of what the last one published before it died.
        parts.live.clear()
    watch = alerts_of(parts, worker.owner)
    calm_collector()
    if settings.metrics_port:
        telemetry.serve(settings.host, settings.metrics_port)
    watch.start()
    try:
        worker.run()
    finally:
        watch.stop()


def alerts_of(parts: Parts, owner: str) -> AlertService:
    """The alert engine that runs beside a worker: one of a data directory's workers has the lease for it."""
    live = LiveStore(parts.client)
    reader = BoardReader(live, Past(parts.history, parts.region_at), parts.region_at, parts.clock)
    deliveries = deliveries_of(parts)
    url = parts.settings.public_url
    engine = AlertEngine(parts.history, live, reader, parts.clock, owner, deliveries, url)
    briefs = Briefs(Archive(parts.settings.data_dir / FOLDER), deliveries, parts.clock, url)
    return AlertService(engine, deliveries, before=briefs.look)


def deliveries_of(parts: Parts) -> Deliveries:
    """Messages to the world outside, by the file of channels."""
    archive = Archive(parts.settings.data_dir / FOLDER)
    return Deliveries(parts.history, Channels(file_of(parts.settings)), content=archive.content)
