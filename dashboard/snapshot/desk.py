"""The snapshot desk of a data directory, as commands, the scheduler and the web process make it."""

from __future__ import annotations

from dashboard.clock import read_clock
from dashboard.queries.past import Past
from dashboard.settings import Settings
from dashboard.snapshot.publish import Desk, Office
from dashboard.stores.history import History
from dashboard.stores.rules import book_of
from geodata.library import open_library


def desk_of(settings: Settings, history: History, past: Past | None = None) -> Desk:
    """A desk that reads the truth in ``history``; ``past`` shares what a web process has in memory."""
    library, region = open_library(settings.data_dir, settings.region)
    hour, minute = settings.snapshot_at.split(":")
    office = Office(
        settings.snapshot_office,
        settings.snapshot_signer,
        int(hour) * 60 + int(minute),
        read_clock(settings.data_dir).world,
        by_hand=settings.snapshot_release == "hand",
        document=settings.snapshot_document,
        towns=settings.snapshot_editions == "towns",
        weekly=settings.snapshot_weekly,
    )
    return Desk(settings.data_dir, past or Past(history, book_of(history, library, region)), office)


__all__ = ["desk_of"]
