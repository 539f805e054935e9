"""The day's snapshot on time: one a day however many processes run, caught up after a restart.

Which days are due is read from the archive and the clock, so nothing is remembered that a restart could lose. Of
several processes one builds (a lock file beside the archive, let go by the kernel when its holder dies), and the chain
itself takes only one publication of a day, whatever the lock does.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable

import structlog

from dashboard.domain.day import day_of, shift_day
from dashboard.errors import TownwatchError
from dashboard.snapshot.archive import AlreadyPublished, Link
from dashboard.snapshot.publish import Desk

LONGEST_CATCH_UP = 31
"""Days: an installation that slept longer starts anew, with the newest ones."""

log = structlog.get_logger("snapshot")


def due(desk: Desk, now: int, started: int) -> list[int]:
    """Days whose snapshot should be there and is not, oldest first; none from before ``started``."""
    today = day_of(now, desk.past.zone)
    last = today if now >= desk.moment(today) else shift_day(today, -1)
    published = {link.day for link in desk.archive.links() if link.kind == "day" and link.edition == "all"}
    first = max(shift_day(last, 1 - LONGEST_CATCH_UP), min(published, default=started))
    found = []
    day = first
    while day <= last:
        if day not in published:
            found.append(day)
        day = shift_day(day, 1)
    return found


def catch_up(desk: Desk, now: int, started: int | None = None) -> list[Link]:
    """Publish what is due; nothing while another process is at it."""
    desk.archive.folder.mkdir(parents=True, exist_ok=True)
    made: list[Link] = []
    with (desk.archive.folder / "publishing.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return made
        # Only the holder of the lock writes here, so what is unfinished was left by one that is dead.
        desk.archive.sweep()
        for day in due(desk, now, started or day_of(now, desk.past.zone)):
            try:
                link, _ = desk.publish(day, now)
            except AlreadyPublished:
                continue
            except TownwatchError as trouble:
                log.warning("snapshot.not_published", day=day, why=trouble.sentence)
                continue
            log.info("snapshot.published", day=day, number=link.number)
            made.append(link)
    return made


def run(desk: Desk, now: Callable[[], int], stop: threading.Event, every_s: float = 20.0) -> None:
    """Keep up until ``stop`` is set. A failure is logged and tried again: the next snapshot must not depend on it."""
    started = day_of(now(), desk.past.zone)
    while not stop.wait(every_s):
        try:
            catch_up(desk, now(), started)
        except Exception:
            log.exception("snapshot.failed")


__all__ = ["LONGEST_CATCH_UP", "catch_up", "due", "run"]
