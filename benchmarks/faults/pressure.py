"""Too much comes: the road is full, then Redis's memory. Senders are told to come back; nothing taken is dropped."""

from __future__ import annotations

from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.ground import Lay

LIMIT = 2_000


def _road(blow: Blow) -> None:
    """The worker stands still, so that the road fills up."""
    number = blow.ground.pid("worker")
    assert number is not None
    blow.struck()
    with blow.ground.stopped(number):
        blow.ground.until(lambda: blow.load.answers["429"] > 5, "429", 60)
        blow.last(20, 3)
    blow.over()
    _told(blow)


def _memory(blow: Blow) -> None:
    """Redis gets a limit just above what it uses, and the worker stands still."""
    number = blow.ground.pid("worker")
    assert number is not None
    with blow.ground.redis() as client:
        used = int(client.info("memory")["used_memory"])
        blow.struck()
        client.config_set("maxmemory", used + 3_000_000)
        try:
            with blow.ground.stopped(number):
                blow.ground.until(lambda: blow.load.answers["429"] + blow.load.answers["503"] > 5, "429", 90)
                blow.last(20, 3)
            before = blow.load.accepted()
            # Without more memory: what waits is taken off the road, and that makes room.
            blow.ground.until(lambda: blow.load.accepted() > before + 500, "内存腾出后继续接收", 60)
        finally:
            client.config_set("maxmemory", 0)
    blow.over()
    _told(blow)


def _told(blow: Blow) -> None:
    if not blow.load.answers["429"]:
        blow.broken.append("nobody was told 429")
    blow.found.append(f"429 × {blow.load.answers['429']}: {blow.load.sentences.get('429', '')}")


FAULTS = (
    Fault(
        "road-full",
        "路上积压到上限",
        "the road is full",
        _road,
        Lay(settings=(("stream_limit", str(LIMIT)),)),
        rate=800,
    ),
    Fault("memory-full", "Redis 内存接近上限", "Redis is near its memory limit", _memory, rate=1500),
)
