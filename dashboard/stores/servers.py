"""Which Redis holds a key: the one there is, or the master of the key's slot in a cluster.

Keys that must be touched at one moment share a hash tag (``tw:{p3}:…``, ``tw:live:{w}…``) and so a master; nothing is
ever asked across slots. A cluster is named by ``redis+cluster://user:password@host:port,host:port`` (``rediss+cluster``
with TLS); any of its nodes will do, the others are found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from urllib.parse import SplitResult, unquote, urlsplit

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException

from dashboard.errors import StoreUnavailable

Found = TypeVar("Found")

SUFFIX = "+cluster"
REDIS_PORT = 6379
TROUBLE = (redis.RedisError, RedisClusterException)
"""What the client raises; a cluster's own errors are no ``RedisError``."""
_LOOK_AGAIN_S = 0.5


def is_cluster(url: str) -> bool:
    """Whether an address names a cluster."""
    return url.partition("://")[0].endswith(SUFFIX)


def node_urls(url: str) -> list[str]:
    """The plain addresses that an address names: one, or a cluster's nodes each by itself.

    Raises:
        ValueError: a cluster's address without a node, or with a port that is none.
    """
    if not is_cluster(url):
        return [url]
    parts = urlsplit(url)
    scheme = parts.scheme.removesuffix(SUFFIX)
    who, at, places = parts.netloc.rpartition("@")
    query = f"?{parts.query}" if parts.query else ""
    urls = [f"{scheme}://{who}{at}{place}{query}" for place in places.split(",") if place]
    if not urls or any(urlsplit(one).port == 0 for one in urls):
        raise ValueError(url)
    return urls


def cluster_client(url: str, **options: Any) -> redis.Redis:
    """A client of the cluster at an address. It takes the same commands as one of a single server does.

    Raises:
        ValueError, TypeError: the address cannot be read.
        StoreUnavailable: no node answers.
    """
    nodes = [urlsplit(one) for one in node_urls(url)]
    first = nodes[0]
    # Read as the address of a single server is read, so that its options (ssl_ca_certs, protocol) mean the same.
    given: dict[str, Any] = redis.connection.parse_url(node_urls(url)[0])  # type: ignore[no-untyped-call]
    for name in ("host", "port", "db", "connection_class", "username", "password"):
        given.pop(name, None)
    if first.scheme.startswith("rediss"):
        options["ssl"] = True
    try:
        client = RedisCluster(
            startup_nodes=[_node(one) for one in nodes],
            username=unquote(first.username) if first.username else None,
            password=unquote(first.password) if first.password else None,
            # A node that is away must not keep a process from starting: what it holds is waited for.
            require_full_coverage=False,
            **{"socket_connect_timeout": 5, **given, **options},
        )
    except TROUBLE as error:
        raise StoreUnavailable(
            f"Redis 集群没有应答（{_line(error)}），请启动它，或改正 TOWNWATCH_REDIS_URL"
            f" · The Redis cluster does not answer ({_line(error)}): start it, or correct TOWNWATCH_REDIS_URL."
        ) from None
    # Its commands are those of a single server; only the class is another.
    found: Any = client
    return cast(redis.Redis, found)


def _node(parts: SplitResult) -> ClusterNode:
    return ClusterNode(_host(parts), parts.port or REDIS_PORT)  # type: ignore[no-untyped-call]


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise ValueError(parts.netloc)
    return parts.hostname


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


class Servers:
    """The servers behind a client. Safe to share between threads."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        given: object = client
        self.cluster: RedisCluster | None = given if isinstance(given, RedisCluster) else None
        self._lock = threading.Lock()
        self._looked = 0.0

    def at(self, key: str) -> redis.Redis:
        """The server that holds a key; nothing is asked.

        Raises:
            StoreUnavailable: no master holds the key's slot now.
        """
        if self.cluster is None:
            return self.client
        try:
            node = self.cluster.get_node_from_key(key)  # type: ignore[no-untyped-call]
        except TROUBLE as error:
            self.look_again()
            raise _away(error) from error
        if node is None:
            self.look_again()
            raise StoreUnavailable("Redis 集群里暂时没有节点负责这部分记录，恢复后会自动继续")
        return self.cluster.get_redis_connection(node)

    def apart(self, keys: Iterable[str]) -> list[tuple[redis.Redis, list[str]]]:
        """Keys by the server that holds them."""
        found: dict[int, tuple[redis.Redis, list[str]]] = {}
        for key in keys:
            server = self.at(key)
            found.setdefault(id(server), (server, []))[1].append(key)
        return list(found.values())

    def every(self) -> list[redis.Redis]:
        """Every server that takes writes."""
        if self.cluster is None:
            return [self.client]
        found = self.cluster.get_primaries()  # type: ignore[no-untyped-call]
        return [self.cluster.get_redis_connection(node) for node in found]

    def replicas(self) -> list[redis.Redis]:
        """A cluster's replicas; of a single server nothing is known."""
        if self.cluster is None:
            return []
        found = self.cluster.get_replicas()  # type: ignore[no-untyped-call]
        return [self.cluster.get_redis_connection(node) for node in found]

    def ask(self, call: Callable[[], Found]) -> Found:
        """Ask. A refusal (disk full, out of memory, slot elsewhere) is as temporary as silence: nothing was promised.

        Raises:
            StoreUnavailable: it did not work; a cluster's nodes have been looked up again, so the next try may.
        """
        try:
            return call()
        except TROUBLE as error:
            self.look_again()
            raise _away(error) from error

    def look_again(self) -> None:
        """Ask a cluster who holds what; at most twice a second."""
        if self.cluster is None:
            return
        with self._lock:
            if time.monotonic() - self._looked < _LOOK_AGAIN_S:
                return
            self._looked = time.monotonic()
        try:
            self.cluster.nodes_manager.initialize()
        except TROUBLE:
            # What was known stays: a node that comes back at its old place is found there.
            return


def _away(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"Redis 没有应答（{_line(error)}），恢复后会自动继续")


__all__ = ["TROUBLE", "Servers", "cluster_client", "is_cluster", "node_urls"]
