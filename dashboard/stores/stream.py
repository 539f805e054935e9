"""The road: Redis Streams partitioned by subject, the dead-letter stream, and the gauge for backpressure.

An entry carries a chunk of events of one partition as MessagePack. An entry is deleted only after the worker has
committed and acknowledged it; streams are never trimmed by length (EXACTNESS 4).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any
from zlib import crc32

import msgspec
import redis

from dashboard.domain.event import Event, decode_events, encode_events
from dashboard.errors import Backpressure, StoreUnavailable
from dashboard.stores.room import Room, out_of_memory
from dashboard.stores.servers import Servers

GROUP = "worker"
DEAD = "tw:dead"
_CHUNK = 500
_GAUGE_TTL_S = 0.2
_NAMES = 20
"""Most requests that an entry names: a round trip may carry hundreds of small ones."""

# A worker that slept through the end of its lease may finish entries that its successor has finished: only the one that
# deletes an entry takes it off the gauge, and a gauge that Redis lost does not go below zero.
_FINISH = f"""
local done = 0
for i = 1, #ARGV, 2 do
  redis.call('XACK', KEYS[1], '{GROUP}', ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then done = done + tonumber(ARGV[i + 1]) end
end
local left = tonumber(redis.call('GET', KEYS[2]) or '0') - done
redis.call('SET', KEYS[2], math.max(left, 0))
return done
"""


# One step of one master of a cluster, whose partitions cannot share a transaction.
_APPEND = """
local total = 0
for i = 1, #ARGV, 3 do
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[i], 'n', ARGV[i + 1], 'b', ARGV[i + 2])
  total = total + tonumber(ARGV[i + 1])
end
redis.call('INCRBY', KEYS[2], total)
return total
"""
_IDLE_S = 0.002
"""First pause of a worker that found a cluster's road empty; it doubles up to the longest."""
_LONGEST_IDLE_S = 0.05


def partition_key(partition: int) -> str:
    """The stream of a partition; the hash tag keeps a partition's keys on one Redis Cluster node."""
    return f"tw:{{p{partition}}}:events"


def count_key(partition: int) -> str:
    """The gauge of a partition: events that no transaction has taken yet."""
    return f"tw:{{p{partition}}}:count"


def partition_of(subject: str, partitions: int) -> int:
    """The partition of a subject."""
    return crc32(subject.encode()) % partitions


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that was not accepted, as it travels to the dead-letter table."""

    ref: str
    feed: str
    source: str
    record: str | None
    town: str | None
    received_at: int
    field: str
    got: str
    allowed: str
    message: str
    body: dict[str, Any]


Batch = tuple[Sequence[Event], Sequence[DeadLetter]]
"""What one sender wants on the road."""


class Entry(msgspec.Struct, frozen=True):
    """One stream entry: its id, how many events it carries and the events (``None``: unreadable, see ``raw``).

    ``batch`` names the requests that brought them, for the log."""

    id: str
    count: int
    events: list[Event] | None
    raw: bytes
    batch: str = ""


class Stream:
    """Both ends of the road. Safe to share between threads."""

    def __init__(self, client: redis.Redis, partitions: int, limit: int) -> None:
        self.client = client
        self.servers = Servers(client)
        self.partitions = partitions
        self.limit = limit
        self.room = Room(self.servers)
        """Who says whether there is room for more; whoever knows the disks puts a better one here."""
        self._gauge = (0.0, 0)
        self._pool: ThreadPoolExecutor | None = None
        """Asks several masters of a cluster at once; a single server needs none."""
        self._finish = client.register_script(_FINISH)
        self._idle_s = _IDLE_S

    def pending(self) -> int:
        """Events on the road, at most 0.2 s old."""
        read_at, count = self._gauge
        if time.monotonic() - read_at > _GAUGE_TTL_S:
            count = sum(self.counts())
            self._gauge = (time.monotonic(), count)
        return count

    def counts(self) -> list[int]:
        """Events on the road of each partition."""
        keys = [count_key(p) for p in range(self.partitions)]
        if self.servers.cluster is None:
            return [int(value or 0) for value in self._ask(lambda: self.client.mget(keys))]
        told: dict[str, Any] = {}
        for server, here in self.servers.apart(keys):
            pipe = server.pipeline(transaction=False)
            for key in here:
                pipe.get(key)
            told |= zip(here, self._ask(pipe.execute), strict=True)
        return [int(told[key] or 0) for key in keys]

    def append(self, events: Sequence[Event], dead: Sequence[DeadLetter] = (), batch: str = "") -> None:
        """Put events and dead letters on the road; returns once Redis has them on disk.

        Raises:
            Backpressure: the road is full, nothing was taken.
            StoreUnavailable: Redis does not answer; a repeat changes nothing, records are idempotent.
        """
        refused = self.append_all([(events, dead)], [batch])[0]
        if refused is not None:
            raise refused

    def append_all(self, batches: Sequence[Batch], names: Sequence[str] = ()) -> list[Backpressure | None]:
        """Put several senders' batches on the road in one round trip: per batch, whether the road was too full for it.

        ``names`` are those of the requests that brought them, batch by batch, and travel along for the log.

        Raises:
            StoreUnavailable: Redis does not answer; no batch was promised to anybody.
        """
        full = self.room.refusal()
        if full is not None:
            return [full] * len(batches)
        waiting = self.pending()
        refused: list[Backpressure | None] = []
        groups: dict[int, list[Event]] = {}
        named: dict[int, dict[str, None]] = {}
        dead: list[DeadLetter] = []
        for number, (events, letters) in enumerate(batches):
            if waiting + len(events) > self.limit:
                refused.append(Backpressure(f"路上已有 {waiting} 条记录待处理，请稍后重发", retry_after=5))
                continue
            refused.append(None)
            waiting += len(events)
            dead += letters
            name = names[number] if number < len(names) else ""
            for event in events:
                partition = partition_of(event.subject, self.partitions)
                groups.setdefault(partition, []).append(event)
                if name:
                    named.setdefault(partition, {})[name] = None
        if groups or dead:
            try:
                self._send(groups, dead, {p: ",".join(list(found)[:_NAMES]) for p, found in named.items()})
            except StoreUnavailable as error:
                if not out_of_memory(error.__cause__):
                    raise
                full = Backpressure("Redis 的内存已用完，请稍后重发 · Redis is out of memory: send again later.", 5)
                return [full] * len(batches)
        return refused

    def _send(self, groups: Mapping[int, list[Event]], dead: Sequence[DeadLetter], names: Mapping[int, str]) -> None:
        if self.servers.cluster is not None:
            self._send_apart(groups, dead, names)
            return
        pipe = self.client.pipeline(transaction=len(groups) + len(dead) > 1)
        for partition, members in groups.items():
            more: dict[Any, Any] = {"b": names[partition]} if partition in names else {}
            for start in range(0, len(members), _CHUNK):
                chunk = members[start : start + _CHUNK]
                pipe.xadd(partition_key(partition), {"e": encode_events(chunk), "n": len(chunk), **more})
            pipe.incrby(count_key(partition), len(members))
        for letter in dead:
            pipe.xadd(DEAD, {"d": msgspec.json.encode(letter)})
        self._ask(pipe.execute)

    def _send_apart(
        self, groups: Mapping[int, list[Event]], dead: Sequence[DeadLetter], names: Mapping[int, str]
    ) -> None:
        """The same over the masters of a cluster: a partition whole or not at all, all masters at once.

        When one of them fails the sender is told so, and what reached the others comes a second time: the records are
        known by their ids.
        """
        keys = {partition_key(partition): partition for partition in groups}
        pipes: list[Any] = []
        for server, here in self.servers.apart([*keys, *([DEAD] if dead else ())]):
            pipe = server.pipeline(transaction=False)
            for key in here:
                if key == DEAD:
                    for letter in dead:
                        pipe.xadd(DEAD, {"d": msgspec.json.encode(letter)})
                    continue
                words: list[Any] = []
                for start in range(0, len(groups[keys[key]]), _CHUNK):
                    chunk = groups[keys[key]][start : start + _CHUNK]
                    words += [encode_events(chunk), len(chunk), names.get(keys[key], "")]
                pipe.eval(_APPEND, 2, key, count_key(keys[key]), *words)
            pipes.append(pipe)
        if len(pipes) == 1:
            self._ask(pipes[0].execute)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(thread_name_prefix="road")
        done = [self._pool.submit(self._ask, pipe.execute) for pipe in pipes]
        # All of them have ended before anybody is told: a repeat must not overtake its first try.
        wait(done)
        for one in done:
            one.result()

    # --- the worker's end ------------------------------------------------------------------------------------------

    def open(self, partition: int) -> None:
        """Make sure that a partition's stream and group exist."""
        self._group(partition_key(partition))

    def _group(self, key: str) -> None:
        try:
            self._ask(lambda: self.servers.at(key).xgroup_create(key, GROUP, id="0", mkstream=True))
        except StoreUnavailable as error:
            if "BUSYGROUP" not in str(error.__cause__):
                raise

    def open_dead(self) -> None:
        """Make sure that the dead-letter stream and group exist."""
        self._group(DEAD)

    def read(self, partitions: Sequence[int], count: int, block_ms: int) -> dict[int, list[Entry]]:
        """Entries not read before, by partition. The group's consumer is the partition, not the worker: whoever holds
        the partition's lease continues where the last one stopped."""
        if self.servers.cluster is not None:
            return self._read_apart(partitions, count, block_ms)
        return self._read({partition_key(p): ">" for p in partitions}, count, block_ms)

    def _read_apart(self, partitions: Sequence[int], count: int, block_ms: int) -> dict[int, list[Entry]]:
        """A cluster cannot wait for several partitions at once: they are asked, and asked again after a pause."""
        numbers = {partition_key(p): p for p in partitions}
        until = time.monotonic() + block_ms / 1000
        while True:
            found: dict[int, list[Entry]] = {}
            away: StoreUnavailable | None = None
            for server, here in self.servers.apart(numbers):
                pipe = server.pipeline(transaction=False)
                for key in here:
                    pipe.xreadgroup(GROUP, "partition", {key: ">"}, count=count)
                try:
                    answers = self._in_group(here, pipe.execute) or ()
                except StoreUnavailable as error:
                    # A master that is away must not hold up the partitions of the others.
                    away = error
                    continue
                pairs = [pair for answer in answers for pair in _pairs(answer)]
                found |= {numbers[key.decode()]: [_entry(i, f) for i, f in got] for key, got in pairs if got}
            if away is not None and not found:
                raise away
            if found:
                self._idle_s = _IDLE_S
                return found
            left = until - time.monotonic()
            if left <= 0:
                return {}
            time.sleep(min(left, self._idle_s))
            self._idle_s = min(self._idle_s * 2, _LONGEST_IDLE_S)

    def unfinished(self, partition: int, count: int) -> list[Entry]:
        """Entries that were read but never acknowledged: a dead worker's."""
        return self._read({partition_key(partition): "0"}, count, None).get(partition, [])

    def _read(self, keys: Mapping[str, str], count: int, block_ms: int | None) -> dict[int, list[Entry]]:
        wanted: dict[Any, Any] = dict(keys)
        answer = self._in_group(
            keys,
            lambda: self.servers.at(next(iter(keys))).xreadgroup(
                GROUP, "partition", wanted, count=count, block=block_ms
            ),
        )
        numbers = {partition_key(p).encode(): p for p in range(self.partitions)}
        return {numbers[key]: [_entry(i, f) for i, f in found] for key, found in _pairs(answer) if found}

    def read_dead(self, count: int) -> list[tuple[str, bytes]]:
        """Dead letters not yet stored: unacknowledged ones first."""
        for start in ("0", ">"):
            answer = self._in_group(
                [DEAD],
                lambda start=start: self.servers.at(DEAD).xreadgroup(GROUP, "partition", {DEAD: start}, count=count),
            )
            for _, found in _pairs(answer):
                letters = [(i.decode(), (f or {}).get(b"d", b"")) for i, f in found]
                if letters:
                    return letters
        return []

    def finish(self, taken: Mapping[int, Sequence[Entry]]) -> None:
        """Acknowledge and delete committed entries by partition: of each all, or none."""
        # A single server is told in one go and syncs its file once, not once a partition.
        pipe = self.client.pipeline(transaction=False) if self.servers.cluster is None else None
        for partition, entries in taken.items():
            args = [word for entry in entries for word in (entry.id, entry.count)]
            keys = [partition_key(partition), count_key(partition)]
            if pipe is not None and args:
                self._finish(keys=keys, args=args, client=pipe)
            elif args:
                self._ask(partial(self._finish, keys=keys, args=args, client=self.servers.at(keys[0])))
        if pipe is not None:
            self._ask(pipe.execute)

    def finish_dead(self, ids: Sequence[str]) -> None:
        """Acknowledge and delete stored dead letters."""
        pipe = self.servers.at(DEAD).pipeline(transaction=True)
        pipe.xack(DEAD, GROUP, *ids)
        pipe.xdel(DEAD, *ids)
        self._ask(pipe.execute)

    def lag(self, partition: int) -> tuple[int, int]:
        """(events on the road, entries read but not acknowledged) of a partition."""
        key = partition_key(partition)
        count = self._ask(lambda: self.servers.at(key).get(count_key(partition)))
        try:
            waiting = self._ask(lambda: self.servers.at(key).xpending(key, GROUP)["pending"])
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, redis.ResponseError):
                raise
            waiting = 0
        return int(count or 0), int(waiting)

    def _in_group(self, keys: Iterable[str], call: Any) -> Any:
        """Read in the group; when Redis was emptied meanwhile, the group is made again and there is nothing yet."""
        try:
            return self._ask(call)
        except StoreUnavailable as error:
            if "NOGROUP" not in str(error.__cause__):
                raise
            for key in keys:
                self._group(key)
            return None

    def _ask(self, call: Any) -> Any:
        """Ask Redis. A refusal (disk full, out of memory) is as temporary as silence: nothing was taken."""
        return self.servers.ask(call)


def _pairs(answer: Any) -> Iterator[tuple[bytes, list[Any]]]:
    """The (key, entries) pairs of an XREADGROUP answer in RESP2 (list) and RESP3 (map) form."""
    if not answer:
        return
    for key, found in answer.items() if isinstance(answer, dict) else answer:
        entries = found[0] if isinstance(answer, dict) and len(found) == 1 and isinstance(found[0], list) else found
        yield key, entries


def _entry(entry: bytes, fields: Mapping[bytes, bytes] | None) -> Entry:
    raw = (fields or {}).get(b"e", b"")
    count = int((fields or {}).get(b"n", 0))
    batch = (fields or {}).get(b"b", b"").decode("utf-8", "replace")
    try:
        return Entry(entry.decode(), count, decode_events(raw), raw, batch)
    except msgspec.DecodeError:
        return Entry(entry.decode(), count, None, raw, batch)
