"""Who may write for a partition: a lease in SQL with a fencing number that every writing transaction checks.

A worker that was stopped and wakes up again holds an old number and cannot write (EXACTNESS 10). Leases run on the
machine's time, not the world's: a replay at ×3600 must not make them run out.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, delete, insert, select, text, update

from dashboard.clock import machine_ms
from dashboard.errors import LeaseLost
from dashboard.stores.history import History
from dashboard.stores.tables import lease, worker_seen

TERM_MS = 10_000
MOST_AHEAD_MS = 60_000
"""A lease that ends later than this was taken by a clock that was ahead: nobody need wait for that hour to come."""
GONE_MS = 24 * 3600 * 1000
"""After a day nobody asks any more when a worker was last seen."""


def owner_here() -> str:
    """A name for this process that another one on this machine can tell the end of."""
    return f"{_here()}-{os.getpid()}-{uuid4().hex[:6]}"


def _here() -> str:
    try:
        # Processes see each other by number only within one namespace: containers may share a host's name.
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    return f"{socket.gethostname()[:40]}.{space}"


def _has_ended(owner: str) -> bool:
    """Whether an owner was a process of this machine that is no more; of others nothing is known."""
    place, _, rest = owner.rpartition("-")[0].rpartition("-")
    if place != _here() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def acquire(history: History, owner: str, partitions: Iterable[int], share: int | None = None) -> dict[int, int]:
    """Take or renew leases; returns partition -> fencing number of all that ``owner`` holds afterwards.

    ``share`` bounds how many the owner holds, so that several workers divide the partitions; ``None`` takes all free.
    """
    now = machine_ms()
    held: dict[int, int] = {}
    ended: dict[str, bool] = {}

    def free(row: Any) -> bool:
        if not now < row.expires_at <= now + MOST_AHEAD_MS:
            return True
        if row.owner not in ended:
            ended[row.owner] = row.owner != owner and _has_ended(row.owner)
        return ended[row.owner]

    with history.writing() as connection:
        rows = {row.partition: row for row in connection.execute(select(lease))}
        for partition in sorted(partitions, key=lambda p: (p not in rows or rows[p].owner != owner, p)):
            row = rows.get(partition)
            mine = row is not None and row.owner == owner and now < row.expires_at <= now + MOST_AHEAD_MS
            if share is not None and len(held) >= share:
                if mine:
                    connection.execute(update(lease).where(lease.c.partition == partition).values(expires_at=0))
                continue
            if row is None:
                fence = 1
                connection.execute(
                    insert(lease).values(partition=partition, owner=owner, fence=1, expires_at=now + TERM_MS)
                )
            elif mine or free(row):
                fence = row.fence if mine else row.fence + 1
                connection.execute(
                    update(lease)
                    .where(lease.c.partition == partition)
                    .values(owner=owner, fence=fence, expires_at=now + TERM_MS)
                )
            else:
                continue
            held[partition] = fence
    return held


def share(history: History, owner: str, partitions: int) -> int:
    """How many partitions are an owner's part, now that it has been seen: the workers of the last term divide them.

    Rounded up, so that none is left over; who holds more lets go of the rest at its next renewal.
    """
    now = machine_ms()
    with history.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO worker_seen (owner, seen_at) VALUES (:owner, :now)"
                " ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at"
            ),
            {"owner": owner, "now": now},
        )
        connection.execute(delete(worker_seen).where(worker_seen.c.seen_at < now - GONE_MS))
        alive = [one for one in connection.scalars(_seen(now)) if one == owner or not _has_ended(one)]
    return -(-partitions // max(1, len(alive)))


def _seen(now: int) -> Select[Any]:
    """Workers seen within a term; one that was seen in the future was seen by a clock that was ahead."""
    seen = worker_seen.c.seen_at
    return select(worker_seen.c.owner).where(seen > now - TERM_MS, seen <= now + MOST_AHEAD_MS)


def others(history: History, owner: str) -> list[str]:
    """Workers other than the owner that were seen within a term."""
    with history.reading() as connection:
        found = connection.scalars(_seen(machine_ms()))
        return sorted(one for one in found if one != owner and not _has_ended(one))


def owners(history: History) -> dict[int, tuple[str, int, int]]:
    """Partition -> (owner, fence, expires_at in machine ms)."""
    with history.reading() as connection:
        return {row.partition: (row.owner, row.fence, row.expires_at) for row in connection.execute(select(lease))}


def check(connection: Connection, held: Mapping[int, int]) -> None:
    """Make sure, inside a writing transaction, that no lease has passed to another worker.

    Raises:
        LeaseLost: the transaction must be given up.
    """
    found = {
        row.partition: row.fence
        for row in connection.execute(select(lease.c.partition, lease.c.fence).where(lease.c.partition.in_(list(held))))
    }
    lost = sorted(partition for partition, fence in held.items() if found.get(partition) != fence)
    if lost:
        raise LeaseLost(f"分区 {lost} 已由另一个 worker 接管，本次写入作废，记录由它继续处理")


def release(history: History, owner: str) -> None:
    """Let go of an owner's leases, so that the next worker need not wait for them to run out."""
    with history.writing() as connection:
        connection.execute(update(lease).where(lease.c.owner == owner).values(expires_at=0))
        connection.execute(delete(worker_seen).where(worker_seen.c.owner == owner))


__all__ = ["GONE_MS", "TERM_MS", "acquire", "check", "others", "owners", "release", "share"]
