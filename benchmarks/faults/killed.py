"""``kill -9`` of a part: the supervisor starts it again, the others wait for it."""

from __future__ import annotations

from functools import partial

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay


def _kill(name: str, blow: Blow) -> None:
    ground = blow.ground
    for turn in range(1 if blow.quick else 3):
        if turn:
            blow.last(8, 0)
        before = ground.pid(name)
        if not turn:
            blow.struck()
        ground.kill(name)
        blow.over()
        ground.started_again(name, before)


def _kill_database(blow: Blow) -> None:
    blow.struck()
    blow.ground.database.crash()
    blow.last(10, 3)
    blow.ground.database.start()
    blow.over()


FAULTS = (
    Fault("kill-worker", "kill -9 worker", "kill -9 of the worker", partial(_kill, "worker")),
    Fault("kill-web", "kill -9 网页与网关", "kill -9 of web and gateway", partial(_kill, "web")),
    Fault("kill-redis", "kill -9 Redis", "kill -9 of Redis", partial(_kill, "redis")),
    Fault("kill-postgres", "kill -9 PostgreSQL", "kill -9 of PostgreSQL", _kill_database, Lay(postgres=True)),
)
