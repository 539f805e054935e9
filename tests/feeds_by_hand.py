"""A feed's figures after a few records, for the tests of single feeds: door, fold and figures, without any store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from dashboard.archetypes import engine_of
from dashboard.domain.day import HOUR, day_of
from dashboard.domain.feed import Feed
from dashboard.queries.figures import ALL, figures_of
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from geodata.region import Region
from ingest.decode import Door, decode_records


@lru_cache(maxsize=1)
def region() -> Region:
    """The built-in pack."""
    return load_pack(BUNDLED_PACK)


def figures_after(feed: Feed, records: Sequence[Mapping[str, Any]], town: str = ALL) -> dict[str, Any]:
    """KPI -> its value an hour after the last of the records."""
    now = max(round(datetime.fromisoformat(str(one["at"])).timestamp() * 1000) for one in records) + HOUR
    events, rejected = decode_records(feed, records, Door("test", region()), now)
    assert not rejected, rejected
    engine = engine_of(feed)
    states: dict[str, Any] = {}
    for event in sorted(events, key=lambda one: one.order):
        assert engine.fold(states.setdefault(event.subject, engine.new()), [event], region())
    bucket = engine.bucket(day_of(now))
    found = engine.summarise(lambda day: states if day == bucket else {}, region(), now, None, ())
    return {kpi.key: figures_of(feed, kpi, found, town, now)[0].value for kpi in feed.kpis}
