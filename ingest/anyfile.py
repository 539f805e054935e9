"""Files that come without a request: a track on the command line, and whatever lies in the watched folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import redis

from dashboard.clock import Clock, read_clock
from dashboard.domain.day import day_of
from dashboard.errors import ConfigurationError
from dashboard.feeds import FEEDS, feed_named
from dashboard.settings import Settings
from dashboard.stores.redis_server import check_durability
from dashboard.stores.stream import Stream
from geodata.library import RegionBook, open_library
from geodata.region import Region
from ingest.decode import Door
from ingest.gateways import gpx
from ingest.gateways.folder import Outcome, Take
from ingest.gateways.sheets.desk import Clerk, Desk, Upload
from ingest.gateways.sheets.outgoing import errors_xlsx
from ingest.gateways.sheets.report import printed
from ingest.intake import Intake

SOURCE = "folder"
"""Source of every record of the watched folder is ``folder:<feed>``, whatever the file is called: the same rows under
another name are the same records."""


def prefixes() -> dict[str, tuple[str, ...]]:
    """Per feed how the name of a file of it may begin beside the feed's own name: 卡点体温, 体温."""
    return {name: (feed.words.zh, feed.short.zh) for name, feed in FEEDS.items()}


def taker(intake: Intake, region: Callable[[], Region], clock: Clock, desk: Desk) -> Take:
    """What imports a file for the watched folder."""

    def take(feed: str, name: str, data: bytes) -> Outcome:
        declared = feed_named(feed)
        found = region()
        door = Door(f"{SOURCE}:{feed}", found, zone=found.pack.timezone)
        if gpx.is_track(name, data):
            track = gpx.parse_gpx(data, declared)
            unit = gpx.unit_named(None, name, found.pack)
            done = gpx.import_track(track, name, unit, declared, intake, door, clock.now)
            return Outcome(done.accepted, len(done.rejected), str(done))
        return _table(desk, feed, name, data)

    return take


def import_track_file(
    settings: Settings,
    path: Path,
    feed: str,
    unit: str | None = None,
    source: str | None = None,
    progress: gpx.Progress = lambda *_: None,
) -> gpx.TrackReport:
    """Import a GPX file into the road of a data directory whose Redis the settings name.

    ``source`` is ``gpx`` when not given, whatever the file is called, so that a track is the same under another name.

    Raises:
        UnknownFeed: no such feed.
        ConfigurationError: the file cannot be imported; nothing was.
        Backpressure, StoreUnavailable: importing the file again is harmless.
    """
    declared = feed_named(feed)
    try:
        gpx.check_size(path.stat().st_size)
        track = gpx.parse_gpx(path.read_bytes(), declared)
    except OSError as error:
        raise ConfigurationError(f"{path.name} 读不出来（{error.strerror}）：请检查路径和权限") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path.name}：{error.sentence}") from None
    library, code = open_library(settings.data_dir, settings.region)
    clock = read_clock(settings.data_dir)
    region_at = RegionBook(library, code)
    region = region_at(day_of(clock.now(), region_at(0).pack.timezone))
    whose = gpx.unit_named(unit, path.name, region.pack)
    door = Door(source or "gpx", region, zone=region.pack.timezone)
    with redis.Redis.from_url(settings.redis_url) as client:
        check_durability(client, settings.accept_loss)
        intake = Intake(Stream(client, settings.partitions, settings.stream_limit))
        return gpx.import_track(track, path.name, whose, declared, intake, door, clock.now, progress)


def _table(desk: Desk, feed: str, name: str, data: bytes) -> Outcome:
    clerk = Clerk("folder", f"{SOURCE}:{feed}", zone=desk.region().pack.timezone)
    run = desk.take(clerk, feed, Upload(name, data))
    report = run.report
    wrong = errors_xlsx(*desk.wrong(clerk, run.id)) if report.counts.rejected else b""
    return Outcome(report.accepted, report.counts.rejected, printed(report), wrong, ".xlsx" if wrong else "")
