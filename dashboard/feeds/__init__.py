"""The catalogue: every module of this package that has a ``FEED`` is a feed. One file = one feed.

``FEEDS`` are what pages, forms, imports, tokens and figures know; ``STREAMS`` adds the program's own feeds.
"""

from __future__ import annotations

import importlib
import os
import pkgutil

from dashboard.domain.feed import Feed, Kpi
from dashboard.errors import ConfigurationError, UnknownFeed

OWN = "TOWNWATCH_FEEDS"
"""Folders with feeds of one's own, separated as in PATH: files like this package's, which are then part of it."""
_FOLDERS = [folder for folder in os.environ.get(OWN, "").split(os.pathsep) if folder]
__path__.extend(_FOLDERS)


def _discover() -> dict[str, Feed]:
    feeds = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        try:
            feed = getattr(importlib.import_module(f"{__name__}.{module.name}"), "FEED", None)
        except Exception as error:
            if getattr(module.module_finder, "path", "") not in _FOLDERS:
                raise
            raise ConfigurationError(
                f"{OWN} 里的 {module.name}.py 读不了（{type(error).__name__}：{error}），请改好或移走"
                f" · {module.name}.py in {OWN} cannot be read ({type(error).__name__}: {error}): mend or remove it."
            ) from error
        if isinstance(feed, Feed):
            feeds[feed.name] = feed
    return feeds


STREAMS: dict[str, Feed] = _discover()
"""Every declared feed: what the road, the stores and the worker carry, the program's own feeds included."""
FEEDS: dict[str, Feed] = {name: feed for name, feed in STREAMS.items() if not feed.internal}
"""The feeds that people and devices know."""
KPIS: dict[str, tuple[Feed, Kpi]] = {kpi.key: (feed, kpi) for feed in FEEDS.values() for kpi in feed.kpis}


def feed_named(name: str) -> Feed:
    """The feed of that name.

    Raises:
        UnknownFeed: with the names there are.
    """
    try:
        return FEEDS[name]
    except KeyError:
        raise UnknownFeed(f"没有名为“{name}”的数据流，可用的有：{'、'.join(FEEDS)}") from None
