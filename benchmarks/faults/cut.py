"""The network is cut: packets vanish and nobody is told. Between web and Redis, then between worker and PostgreSQL."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay


def _cut(blow: Blow) -> None:
    assert blow.ground.net is not None
    blow.struck()
    with blow.ground.net.cut():
        blow.last(60, 15)
    blow.over()


FAULTS = (
    Fault("cut-redis", "与 Redis 之间断网", "the network to Redis is cut", _cut, Lay(network=True)),
    Fault(
        "cut-postgres",
        "与 PostgreSQL 和 Redis 之间断网",
        "the network to PostgreSQL and Redis is cut",
        _cut,
        Lay(network=True, postgres=True),
    ),
)
