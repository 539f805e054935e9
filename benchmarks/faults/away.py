"""The database is away for five minutes: records are taken all the same and wait on the road."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay


def _away(blow: Blow) -> None:
    before = blow.load.accepted()
    blow.struck()
    blow.ground.database.server.stop()
    blow.last(300, 10)
    taken = blow.load.accepted() - before
    blow.ground.database.start()
    blow.over()
    blow.found.append(f"数据库不在期间接收 {taken} 条 · {taken} records taken while it was away")
    if not taken:
        blow.broken.append("nothing was taken while the database was away, though the road was there")


FAULTS = (
    Fault(
        "database-away",
        "数据库离线（PostgreSQL）",
        "the database is away (PostgreSQL)",
        _away,
        Lay(postgres=True),
    ),
)
