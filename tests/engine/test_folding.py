"""A change of how records are folded is noticed: databases folded otherwise must be folded again at the next start.

``folding.json`` holds a digest of what every feed's engine makes of its samples and of the first records of the five
scenarios. When this test fails after a change of an engine, a feed or a codec, add one to ``domain.folding.FOLDING``; when
only records changed, or a feed came, leave it. Then write the file anew: ``python -m tests.engine.test_folding``.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import msgspec
import pytest

from dashboard.archetypes import engine_of
from dashboard.domain.day import day_end, day_of
from dashboard.domain.event import Event, put_in_order
from dashboard.domain.folding import FOLDING
from dashboard.feeds import STREAMS, feed_named
from geodata.library import open_library
from geodata.region import Region
from ingest.decode import Door, decode_records
from ingest.scenarios import SCENARIOS, scenario_named
from ingest.scenarios.base import batches
from tests.contract.test_feeds import stream

KEPT = Path(__file__).with_name("folding.json")
MOST = 400
"""Records a feed and scenario."""


def states_of(folder: Path) -> dict[str, str]:
    """Feed -> digest of the states that its records of all scenarios make."""
    made: dict[str, list[object]] = {}
    for name, (code, _) in SCENARIOS.items():
        library, region_code = open_library(folder, code)
        region = library.at(region_code, 0)
        for feed, events in _records(name, region).items():
            made.setdefault(feed, []).append(_folded(feed, events, region))
        if code == "330421":
            # Some feeds are in no report.
            for each in STREAMS.values():
                made.setdefault(each.name, []).append(_folded(each.name, stream(each, region), region))
    return {feed: hashlib.sha256(repr(found).encode()).hexdigest()[:16] for feed, found in sorted(made.items())}


def _records(name: str, region: Region) -> dict[str, list[Event]]:
    scenario = scenario_named(name, region.pack)
    until = day_end(scenario.last_day, scenario.zone)
    found: dict[str, dict[str, Event]] = {}
    for batch in batches(scenario.between(scenario.warm_from, until), most=2_000, span_ms=6 * 3_600_000):
        of_feed = found.setdefault(batch.feed, {})
        if len(of_feed) < MOST:
            door = Door(source=scenario.source, region=region, zone=scenario.zone)
            events, _ = decode_records(feed_named(batch.feed), batch.records, door, until)
            for event in events:
                if not event.void and len(of_feed) < MOST:
                    of_feed.setdefault(event.id, event)
    return {feed: list(events.values()) for feed, events in found.items()}


def _folded(feed: str, events: list[Event], region: Region) -> list[object]:
    engine = engine_of(STREAMS[feed])
    days: dict[tuple[int, str], list[Event]] = {}
    for event in events:
        bucket = engine.bucket(day_of(event.at, region.pack.timezone))
        days.setdefault((bucket, event.subject), []).append(event)
    made: list[object] = []
    for (day, subject), members in sorted(days.items()):
        put_in_order(members)
        state = engine.new()
        assert engine.fold(state, members, region), (feed, subject)
        made.append((day, subject, _plain(msgspec.to_builtins(engine.decode(engine.encode(state))))))
    return made


def _plain(value: object) -> object:
    """Without the order of maps and sets, which may be any."""
    if isinstance(value, dict):
        return sorted((repr(key), repr(_plain(one))) for key, one in value.items())
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def test_states_are_made_as_the_number_says(tmp_path: Path) -> None:
    kept = json.loads(KEPT.read_text())
    made = states_of(tmp_path)
    other = sorted(feed for feed in kept["states"] if made.get(feed) != kept["states"][feed])
    if kept["folding"] != FOLDING or other:
        pytest.fail(f"{', '.join(other) or 'domain.folding.FOLDING'}: see what stands above in this file")
    assert kept["states"].keys() >= made.keys(), "a new feed: write the file anew"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        KEPT.write_text(json.dumps({"folding": FOLDING, "states": states_of(Path(scratch))}, indent=1) + "\n")
