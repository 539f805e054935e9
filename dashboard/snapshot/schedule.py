"""The day's snapshot on time: one a day however many processes run, caught up after a restart.

Which days are due is read from the archive and the clock, so nothing is remembered that a restart could lose. Of
several processes one builds (a lock file beside the archive, let go by the kernel when its holder dies), and the chain
itself takes only one publication of a day, whatever the lock does.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

import structlog

from dashboard.domain.day import as_date, day_of, days_between, shift_day
from dashboard.errors import TownwatchError
from dashboard.snapshot.archive import AlreadyPublished, Link
from dashboard.snapshot.brief import Kind
from dashboard.snapshot.publish import Desk

LONGEST_CATCH_UP = 31
"""Days: an installation that slept longer starts anew, with the newest ones."""
SUNDAY = 7
DAY: Kind = "day"
WEEK: Kind = "week"

log = structlog.get_logger("snapshot")


class Due(NamedTuple):
    """A snapshot that should be there and is not."""

    day: int
    kind: Kind = "day"
    edition: str = "all"


def due(desk: Desk, now: int, started: int) -> list[Due]:
    """What should be there and is not, oldest day first and the whole region's before the towns'.

    Nothing from before ``started``, and of editions that came later nothing from before the region's first snapshot.
    """
    today = day_of(now, desk.past.zone)
    last = today if now >= desk.moment(today) else shift_day(today, -1)
    there = {link.key for link in (*desk.archive.links(), *desk.archive.drafts())}
    days = {day for day, kind, edition in there if (kind, edition) == ("day", "all")}
    first = max(shift_day(last, 1 - LONGEST_CATCH_UP), min(days, default=started))
    return [one for day in days_between(first, last) for one in _of_day(desk, day) if tuple(one) not in there]


def _of_day(desk: Desk, day: int) -> Iterable[Due]:
    towns = desk.past.region_at(day).pack.towns if desk.office.towns else ()
    editions = ("all", *(town.code for town in towns))
    weekly = desk.office.weekly and as_date(day).isoweekday() == SUNDAY
    for kind in (DAY, WEEK) if weekly else (DAY,):
        for edition in editions:
            yield Due(day, kind, edition)


def catch_up(desk: Desk, now: int, started: int | None = None) -> list[Link]:
    """Publish what is due, or keep it for release; nothing while another process is at it."""
    desk.archive.folder.mkdir(parents=True, exist_ok=True)
    made: list[Link] = []
    with (desk.archive.folder / "publishing.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return made
        # Only the holder of the lock writes here, so what is unfinished was left by one that is dead.
        desk.archive.sweep()
        for one in due(desk, now, started or day_of(now, desk.past.zone)):
            try:
                link = desk.on_time(one.day, now, one.kind, one.edition)
            except AlreadyPublished:
                continue
            except TownwatchError as trouble:
                log.warning("snapshot.not_made", why=trouble.sentence, **one._asdict())
                continue
            log.info("snapshot.made", number=link.number, draft=link.draft, **one._asdict())
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


__all__ = ["LONGEST_CATCH_UP", "Due", "catch_up", "due", "run"]
