"""The window: absolute summaries in Redis with the ``known_seq`` and moment they include, and word of every change.

Nothing here is the truth: an empty window is filled again from SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import msgspec
import redis

from dashboard.archetypes import SUMMARY_TYPES
from dashboard.domain.feed import Feed
from dashboard.domain.summary import Summary
from dashboard.stores.servers import Servers

CHANNEL = "tw:live:changed"
READY = "tw:live:{w}:ready"
"""All keys of the window share a tag: bodies, versions and filling are read at one moment, on a cluster too."""

# Only a summary that includes more, or the same at a later moment, may replace one (EXACTNESS 22).
_PUBLISH = """
local changed = 0
for i = 3, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[2], ARGV[i])
  local newer = true
  if old then
    local seq, now = string.match(old, '^(%d+):(%-?%d+)$')
    local s, n = tonumber(ARGV[1]), tonumber(ARGV[2])
    newer = s > tonumber(seq) or (s == tonumber(seq) and n >= tonumber(now))
  end
  if newer then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[1] .. ':' .. ARGV[2])
    changed = changed + 1
  end
end
return changed
"""


class Window(msgspec.Struct, frozen=True):
    """All published summaries of one feed, with the greatest ``known_seq`` among them."""

    summaries: Mapping[str, Summary]
    seq: int


class LiveStore:
    """Publishes and reads summaries. Safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.servers = Servers(client)
        self._script = client.register_script(_PUBLISH)
        self._encoder = msgspec.msgpack.Encoder()
        self._held: dict[str, tuple[bytes | None, dict[bytes, bytes], Window]] = {}
        """Feed -> its window as last read, behind the filling and the versions that tell whether it still is."""
        self._decoders: dict[type[Any], msgspec.msgpack.Decoder[Any]] = {
            kind: msgspec.msgpack.Decoder(kind) for kind in set(SUMMARY_TYPES.values())
        }

    def publish(self, feed: str, summaries: Mapping[str, Summary], seq: int, now: int) -> int:
        """Publish towns' summaries; returns how many were newer than what was there."""
        if not summaries:
            return 0
        args: list[bytes | str | int] = [seq, now]
        for town, summary in summaries.items():
            args += [town, self._encoder.encode(summary)]
        keys = [f"tw:live:{{w}}:{feed}", f"tw:live:{{w}}:{feed}:v"]
        return int(self._ask(lambda: self._script(keys=keys, args=args, client=self.servers.at(READY))))

    def announce(self, feeds: Iterable[str], seq: int, now: int) -> None:
        """Tell every hub that something changed."""
        word = msgspec.json.encode({"feeds": sorted(feeds), "seq": seq, "now": now})
        self._ask(lambda: self.servers.at(READY).publish(CHANNEL, word))

    def read(self, feed: Feed) -> Window:
        """All summaries of a feed."""
        return self.read_all((feed,))[feed.name]

    def read_all(self, feeds: Iterable[Feed]) -> dict[str, Window]:
        """Feed -> all its summaries. What has not been published anew since the last reading is not fetched again."""
        declared = {feed.name: feed for feed in feeds}
        filled, told = self._hashes([f"tw:live:{{w}}:{name}:v" for name in declared])
        held = {name: self._held.get(name) for name in declared}
        stale = [
            name
            for name, versions in zip(declared, told, strict=True)
            if (one := held[name]) is None or one[:2] != (filled, versions)
        ]
        # Bodies and their versions in one transaction: a publication may come between the two readings.
        keys = [key for name in stale for key in (f"tw:live:{{w}}:{name}", f"tw:live:{{w}}:{name}:v")]
        filled, found = self._hashes(keys) if keys else (filled, [])
        for at, name in enumerate(stale):
            bodies, versions = found[2 * at], found[2 * at + 1]
            decoder = self._decoders[SUMMARY_TYPES[type(declared[name].archetype)]]
            seq = max((int(value.split(b":")[0]) for value in versions.values()), default=0)
            window = Window({town.decode(): decoder.decode(body) for town, body in bodies.items()}, seq)
            held[name] = self._held[name] = (filled, versions, window)
        return {name: one[2] for name, one in held.items() if one is not None}

    def _hashes(self, keys: Iterable[str]) -> tuple[bytes | None, list[dict[bytes, bytes]]]:
        """Which filling of the window there is, and several hashes, at one moment."""
        pipe = self.servers.at(READY).pipeline(transaction=True)
        pipe.get(READY)
        for key in keys:
            pipe.hgetall(key)
        filled, *found = self._ask(pipe.execute)
        return filled, found

    def set_ready(self, seq: int) -> None:
        """Say that the window holds what SQL holds up to ``seq``: a filling of its own, with whose versions those of an
        earlier one are not confused."""
        self._ask(lambda: self.servers.at(READY).set(READY, f"{seq}:{uuid4().hex}"))

    def filling(self) -> bytes | None:
        """Which filling of the window there is; ``None`` while it is empty or being filled."""
        found: bytes | None = self._ask(lambda: self.servers.at(READY).get(READY))
        return found

    def ready(self) -> bool:
        """Whether figures have been filled from SQL since this Redis was last empty."""
        return bool(self._ask(lambda: self.servers.at(READY).exists(READY)))

    def clear(self) -> None:
        """Forget everything published (a rebuild follows)."""
        self._held.clear()
        server = self.servers.at(READY)
        keys = self._ask(lambda: list(server.scan_iter("tw:live:{w}*")))
        if keys:
            self._ask(lambda: server.delete(*keys))

    def _ask(self, call: Any) -> Any:
        return self.servers.ask(call)
