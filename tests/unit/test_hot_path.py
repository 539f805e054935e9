"""What makes the worker fast must change nothing: a batch in portions, places looked for in small squares."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from dashboard.archetypes.track import GEOD, PlaceIndex
from dashboard.domain.event import Event
from dashboard.domain.place import Place, PlaceKind
from dashboard.stores.history import History, migrate, open_engine
from geodata.pack import load_pack
from geodata.region import Region
from ingest.projector import Projector

ROOT = Path(__file__).resolve().parent.parent.parent

AT = 1_582_000_000_000
TABLES = ("event", "event_key", "projection", "projection_then", "ledger", "source_stat", "source_delay")


@pytest.fixture(scope="module")
def region() -> Region:
    """The region that comes with the program."""
    return load_pack(ROOT / "geodata" / "packs" / "jiashan")


def reading(number: int, chance: random.Random, region: Region, **more: Any) -> Event:
    """A reading at one of a few checkpoints."""
    point = [place for place in region.pack.places if place.kind == PlaceKind.CHECKPOINT][number % 4]
    at = AT + number * 1000 + chance.randrange(3) * 500
    fields = {"checkpoint": point.code, "celsius": chance.choice((36.5, 38.0)), "method": "infrared", "device": "D1"}
    event = Event("temperature", "gate", f"r{number}", point.town, point.code, at, at, 0, None, None, fields)
    return replace(event, **more)


def stored(folder: Path, region: Region, aside_from: int) -> dict[str, list[str]]:
    """Every row that some batches leave, written aside in portions of five times ``aside_from``."""
    chance = random.Random(4)
    history = History(open_engine(f"sqlite:///{folder / f'{aside_from}.db'}"))
    migrate(history.engine)
    projector = Projector(history, lambda _: region, mark_every=20, aside_from=aside_from)
    for start in range(0, 240, 60):
        batch = [reading(number, chance, region) for number in range(start, start + 60)]
        # Records of the batch before come again, are corrected and are withdrawn; later on, those of the same batch.
        batch += [reading(number, chance, region, rev=1) for number in range(max(0, start - 20), start, 3)]
        batch += [batch[0], replace(batch[1], rev=2, void=True)] if start > 100 else []
        projector.apply(batch, AT + start)
    with history.reading() as connection:
        found = {name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}")))) for name in TABLES}
    history.engine.dispose()
    return found


def test_a_batch_that_is_written_in_portions_leaves_what_a_whole_one_leaves(tmp_path: Path, region: Region) -> None:
    whole = stored(tmp_path, region, 100_000)
    assert len(whole["event"]) > len(whole["event_key"]) == 240
    assert stored(tmp_path, region, 1) == whole
    assert stored(tmp_path, region, 6) == whole


def test_every_place_within_reach_is_among_those_around() -> None:
    chance = random.Random(1)
    places = [
        Place(
            f"P{n}",
            PlaceKind.PATROL_POINT,
            "t",
            "p",
            lon=120.9 + chance.random() / 100,
            lat=30.9 + chance.random() / 100,
        )
        for n in range(60)
    ]
    index = PlaceIndex(places, 100.0)
    looked_at = 0
    for _ in range(300):
        lon, lat = 120.9 + chance.random() / 100, 30.9 + chance.random() / 100
        around = [code for code, *_ in index.around(lon, lat)]
        near = [one.code for one in places if GEOD.inv(lon, lat, one.lon, one.lat)[2] <= 100]
        assert set(near) <= set(around)
        assert [code for code in around if code in near] == near, "in the order of the list"
        looked_at += len(around)
    assert looked_at < 300 * 20, "but not every place"
