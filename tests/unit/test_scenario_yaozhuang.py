"""The scenario over the built-in pack: always the same, plausible, and refused only where it means to be."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from datetime import datetime

import msgspec
import pytest

from dashboard.domain.day import HOUR, MINUTE, day_end, day_of, day_start
from dashboard.domain.place import DutyHours, Place, PlaceKind, RegionPack, VisitRule
from dashboard.errors import ConfigurationError
from dashboard.feeds import FEEDS
from geodata.library import BUNDLED_PACK
from geodata.pack import load_pack
from ingest.decode import Door, decode_records
from ingest.scenarios import scenario_named
from ingest.scenarios.base import LONGEST_DELAY, Scenario, Sent, batches
from ingest.scenarios.tracks import Frame


@pytest.fixture(scope="module")
def pack() -> RegionPack:
    return load_pack(BUNDLED_PACK).pack


@pytest.fixture(scope="module")
def scenario(pack: RegionPack) -> Scenario:
    return scenario_named("yaozhuang", pack)


@pytest.fixture(scope="module")
def history(scenario: Scenario) -> list[Sent]:
    return list(scenario.between(scenario.warm_from, scenario.start))


@pytest.fixture(scope="module")
def dense_day(scenario: Scenario) -> list[Sent]:
    return list(scenario.day(20200223))


def fingerprint(sent: list[Sent]) -> str:
    return hashlib.sha256(msgspec.json.encode(sent)).hexdigest()


def event_ms(record: dict[str, object]) -> int:
    return int(datetime.fromisoformat(str(record["at"])).timestamp() * 1000)


@pytest.fixture(scope="module")
def readings(history: list[Sent]) -> dict[int, list[dict[str, object]]]:
    """The temperatures of the history by local day, each once, without the wrong ones."""
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    for reading in once(history, "temperature"):
        found[day_of(event_ms(reading))].append(reading)
    return found


def once(sent: list[Sent], feed: str) -> list[dict[str, object]]:
    """The records of a feed, each once, without the wrong ones, by event time."""
    found: dict[object, dict[str, object]] = {}
    for item in sent:
        held = found.get(item.record["id"])
        newer = held is None or int(item.record.get("rev", 0)) >= int(str(held.get("rev", 0)))
        if item.feed == feed and not item.wrong and newer:
            found[item.record["id"]] = item.record
    return sorted(found.values(), key=lambda record: (str(record["at"]), str(record["id"])))


def test_the_same_stream_comes_out_of_a_second_making(pack: RegionPack, dense_day: list[Sent]) -> None:
    again = scenario_named("yaozhuang", pack)
    assert fingerprint(list(again.day(20200223))) == fingerprint(dense_day)


def test_a_day_made_alone_is_the_same_day_of_the_whole(scenario: Scenario, history: list[Sent]) -> None:
    for day in (20200210, 20200213, 20200223):
        part = [item for item in history if day_start(day) <= item.arrival < day_end(day)]
        assert fingerprint(list(scenario.day(day))) == fingerprint(part)


def test_any_stretch_made_alone_is_the_same_stretch_of_the_whole(scenario: Scenario, history: list[Sent]) -> None:
    begin = day_start(20200221) - 20 * MINUTE
    end = begin + 55 * MINUTE
    part = [item for item in history if begin <= item.arrival < end]
    assert part
    assert fingerprint(list(scenario.between(begin, end))) == fingerprint(part)


def test_records_come_in_order_of_arrival_and_never_before_they_happened(history: list[Sent]) -> None:
    assert all(a.arrival <= b.arrival and a.order != b.order for a, b in itertools.pairwise(history))
    for item in history[::7]:
        took = item.arrival - event_ms(item.record)
        assert took >= 0
        # What is corrected may have happened days ago.
        assert took <= LONGEST_DELAY or "rev" in item.record


def test_ids_are_unique_but_for_records_sent_again(history: list[Sent]) -> None:
    bodies: dict[tuple[str, str], str] = {}
    repeats = 0
    for item in history:
        body = repr(item.record)
        known = bodies.setdefault((item.feed, f"{item.record['id']} {item.record.get('rev', 0)}"), body)
        assert known == body
        repeats += known is not body
    assert 0.001 < repeats / len(history) < 0.01


def test_the_history_fits_its_bound(scenario: Scenario, history: list[Sent]) -> None:
    assert 200_000 < len(history) <= 290_000
    expected = scenario.expected(scenario.warm_from, scenario.start)
    assert abs(expected - len(history)) < 0.12 * len(history)
    assert history[0].arrival >= scenario.warm_from
    assert history[-1].arrival < scenario.start


def test_the_scenario_runs_on_to_its_last_day_and_then_ends(scenario: Scenario) -> None:
    last = list(scenario.day(20200229))
    assert len(last) > 25_000
    assert not list(scenario.between(scenario.end, scenario.end + 24 * HOUR))


def test_few_rows_are_wrong_and_every_kind_of_them_occurs(history: list[Sent]) -> None:
    wrong = [item for item in history if item.wrong]
    assert 0 < len(wrong) <= 0.001 * len(history)
    assert any("unit" not in item.record for item in wrong if item.feed == "patrol")
    assert any(item.record["town"] == "330421999" for item in wrong)
    assert any(not 30 <= item.record["celsius"] <= 45 for item in wrong if item.feed == "temperature")


def test_every_record_but_the_wrong_ones_has_declared_fields_within_bounds(history: list[Sent]) -> None:
    for item in history:
        feed, record = FEEDS[item.feed], item.record
        assert {"id", "town", "at"} <= set(record)
        if item.wrong or record.get("nothing"):
            continue
        for name, value in record.items():
            field = feed.field(name)
            if field is None:
                assert name in {"id", "town", "at", "source", "lon", "lat", "rev", "void"}
            elif field.kind == "choice":
                assert value in field.choices
            elif field.kind in {"integer", "number"}:
                assert field.low is None or value >= field.low
                assert field.high is None or value <= field.high
        for field in feed.fields:
            assert not field.required or field.name in record
        for required in feed.required:
            assert record[required.when] != required.equals or set(required.fields) <= set(record)


def test_the_door_refuses_the_wrong_rows_alone(scenario: Scenario, dense_day: list[Sent]) -> None:
    door = Door(source=scenario.source, region=load_pack(BUNDLED_PACK), zone=scenario.zone)
    for feed in FEEDS.values():
        mine = [item for item in dense_day if item.feed == feed.name]
        if not mine:
            continue
        last = mine[-1].arrival
        events, rejected = decode_records(feed, [item.record for item in mine], door, last)
        assert {one.id for one in rejected} == {item.record["id"] for item in mine if item.wrong}
        assert len(events) + len(rejected) == len(mine)


def test_readings_a_day_follow_the_rhythm(readings: dict[int, list[dict[str, object]]]) -> None:
    for day in range(20200218, 20200224):
        assert 5_800 <= len(readings[day]) <= 8_200
        hours = Counter(str(reading["at"])[11:13] for reading in readings[day])
        assert min(hours["07"], hours["08"], hours["17"]) > 1.4 * hours["13"] > 1.4 * hours["03"]


def test_fevers_are_few_and_rechecked(readings: dict[int, list[dict[str, object]]]) -> None:
    for day in range(20200218, 20200224):
        of_day = readings[day]
        fevers = [r for r in of_day if float(str(r["celsius"])) >= 37.3 or r.get("device_verdict") == "fever"]
        assert 5 <= len(fevers) <= 9
        moved = {r["person_ref"] for r in of_day if r["outcome"] == "transferred"}
        assert 1 <= len(moved) <= 2
        chains = defaultdict(list)
        for reading in of_day:
            chains[reading["person_ref"]].append(reading)
        rechecked = [chain for fever in fevers if len(chain := chains[fever["person_ref"]]) == 2]
        assert len(rechecked) >= len(fevers) - 1
        for first, second in rechecked:
            assert 0 < event_ms(second) - event_ms(first) < 30 * MINUTE


def test_open_checkpoints_are_heard_of_every_ten_minutes(pack: RegionPack, dense_day: list[Sent]) -> None:
    seen = defaultdict(list)
    for reading in once(dense_day, "temperature"):
        seen[reading["checkpoint"]].append(event_ms(reading) - day_start(20200223))
    for place in pack.places_of("330421111", PlaceKind.CHECKPOINT):
        hours = pack.duty_by_checkpoint.get(place.code, DutyHours(place.code, 0, 0))
        closes = hours.end * MINUTE or 24 * HOUR
        times = [hours.start * MINUTE - 7 * MINUTE if hours.start else 0, *seen[place.code], closes]
        assert max(b - a for a, b in itertools.pairwise(times)) < 10 * MINUTE


def test_the_silent_checkpoint_sends_nothing_for_forty_minutes(pack: RegionPack, dense_day: list[Sent]) -> None:
    bridge = next(place.code for place in pack.places if "汾湖大桥" in place.name)
    gate = [str(r["at"])[11:16] for r in once(dense_day, "temperature") if r["checkpoint"] == bridge]
    assert gate
    assert not [clock for clock in gate if "14:14" <= clock < "14:54"]


def test_one_device_drifts_from_the_last_day_of_history(readings: dict[int, list[dict[str, object]]]) -> None:
    before: dict[object, list[object]] = defaultdict(list)
    after: dict[object, list[object]] = defaultdict(list)
    for reading in itertools.chain.from_iterable(readings.values()):
        if reading["site"] == "forehead":
            side = after if str(reading["at"]) >= "2020-02-23" else before
            side[reading["device"]].append(reading["celsius"])

    def far(values: dict[object, list[object]]) -> list[object]:
        return [d for d, found in values.items() if sorted(map(float, map(str, found)))[len(found) // 2] >= 36.9]

    assert far(before) == []
    assert len(far(after)) == 1


def legs(sent: list[Sent]) -> dict[str, list[dict[str, object]]]:
    units = defaultdict(list)
    for record in once(sent, "patrol"):
        if record.get("kind") == "position":
            units[str(record["unit"])].append(record)
    return units


def test_units_move_like_people_and_vehicles(pack: RegionPack, dense_day: list[Sent]) -> None:
    frame = Frame(120.9, 30.87)
    pairs = jumps = long_gaps = 0
    for fixes in legs(dense_day).values():
        for a, b in itertools.pairwise(fixes):
            seconds = (event_ms(b) - event_ms(a)) / 1000
            metres = math.dist(frame.metres(a["lon"], a["lat"]), frame.metres(b["lon"], b["lat"]))  # type: ignore[arg-type]
            assert seconds > 0
            pairs += 1
            long_gaps += seconds > 120
            jumps += metres > 250 and metres / seconds * 3.6 > 70
    assert jumps / pairs < 0.004
    assert long_gaps < 40


Fix = tuple[int, float, float, float]
"""When, longitude, latitude, metres of accuracy."""


def fixes_of(sent: list[Sent]) -> dict[str, list[Fix]]:
    """Each unit's way, its times read once: hundreds of visits are looked for on it."""
    return {
        unit: [(event_ms(one), *(float(str(one[name])) for name in ("lon", "lat", "accuracy"))) for one in way]  # type: ignore[misc]
        for unit, way in legs(sent).items()
    }


def visited(place: Place, begin: int, end: int, ways: list[list[Fix]]) -> bool:
    frame = Frame(place.lon or 0, place.lat or 0)
    for way in ways:
        since = last = None
        for at, lon, lat, accuracy in way:
            if not begin <= at < end:
                since = None
                continue
            near = math.hypot(*frame.metres(lon, lat)) <= min(50 + accuracy, 100) and accuracy <= 100
            if not near or (last and at - last > 2 * MINUTE):
                since = None
            if near:
                since = since or at
                last = at
                if at - since >= MINUTE:
                    return True
    return False


def judged(pack: RegionPack, sent: list[Sent], day: int) -> list[tuple[VisitRule, str]]:
    """Every visit owed on a day: met, lapsed or unobservable."""
    today = [item for item in sent if day_start(day) <= item.arrival < day_end(day)]
    units = fixes_of(today)
    scans = {(r["place"], event_ms(r)) for r in once(today, "patrol") if r.get("kind") == "checkin"}
    assert scans
    found = []
    for rule in pack.visit_rules:
        place = pack.place_by_code[rule.place]
        begin, end = day_start(day) + rule.start * MINUTE, day_start(day) + rule.end * MINUTE
        of_town = [way for code, way in units.items() if code.startswith(place.town)]
        if any(code == rule.place and begin <= at < end for code, at in scans) or visited(place, begin, end, of_town):
            found.append((rule, "met"))
            continue
        beat = pack.beat_by_code[place.beat or ""]
        times = [begin, *(fix[0] for unit in beat.units for fix in units[unit] if begin <= fix[0] < end), end]
        silent = max(b - a for a, b in itertools.pairwise(sorted(times))) > (end - begin) / 2
        found.append((rule, "unobservable" if silent else "lapsed"))
    return found


@pytest.mark.parametrize("day", [20200220, 20200223])
def test_about_nineteen_of_twenty_visits_are_paid(pack: RegionPack, history: list[Sent], day: int) -> None:
    found = judged(pack, history, day)
    states = Counter(state for _, state in found)
    lapsed = Counter(pack.place_by_code[rule.place].town for rule, state in found if state == "lapsed")
    assert 0.925 <= states["met"] / (states["met"] + states["lapsed"]) <= 0.955
    assert 1 <= states["unobservable"] <= 12
    assert lapsed["330421002"] + lapsed["330421107"] > states["lapsed"] / 2


@pytest.mark.parametrize("day", [20200220, 20200224])
def test_every_town_has_figures_when_the_day_shift_begins(pack: RegionPack, scenario: Scenario, day: int) -> None:
    sent = list(scenario.between(day_start(day), day_start(day) + 9 * HOUR))
    found = [(rule, state) for rule, state in judged(pack, sent, day) if rule.end <= 8 * 60]
    closed = Counter(pack.place_by_code[rule.place].town for rule, _ in found)
    assert set(closed) == {town.code for town in pack.towns}
    assert set(closed.values()) <= {3, 4, 5}
    states = Counter(state for _, state in found)
    assert 0.9 <= states["met"] / (states["met"] + states["lapsed"]) <= 0.96
    assert states["unobservable"] <= 1
    missed = Counter(pack.place_by_code[rule.place].town for rule, state in found if state != "met")
    assert max(missed.values()) <= 2
    assert {"330421002", "330421107"} <= set(missed)


def test_each_town_has_one_unit_at_night(pack: RegionPack, dense_day: list[Sent]) -> None:
    records = once(dense_day, "patrol")
    night = {str(r["unit"]) for r in records if "01:00" <= str(r["at"])[11:16] < "06:00"}
    assert sorted(pack.unit_by_code[unit].town for unit in night) == sorted(town.code for town in pack.towns)
    by_day = {str(r["unit"]) for r in records if "08:30" <= str(r["at"])[11:16] < "19:30"}
    assert by_day == set(pack.unit_by_code) - night


def test_over_120_officers_are_on_patrol_every_day(history: list[Sent]) -> None:
    stated: dict[int, dict[tuple[object, bool], int]] = defaultdict(dict)
    for record in once(history, "patrol"):
        if "officers" in record:
            of_day, shift = (
                stated[day_of(event_ms(record))],
                (record["unit"], "08:00" <= str(record["at"])[11:16] < "20:00"),
            )
            of_day[shift] = max(of_day.get(shift, 0), int(str(record["officers"])))
    for day in range(20200218, 20200224):
        assert 120 < sum(stated[day].values()) <= 175


def test_backlogs_arrive_late_and_at_once(dense_day: list[Sent]) -> None:
    late = [item for item in dense_day if item.arrival - event_ms(item.record) > 10 * MINUTE]
    assert len({item.record["unit"] for item in late if item.record.get("kind") == "position"}) == 3


def test_batches_hold_every_record_once(dense_day: list[Sent]) -> None:
    grouped = list(batches(iter(dense_day), most=2_000, span_ms=2 * MINUTE))
    assert sum(len(batch.records) for batch in grouped) == len(dense_day)
    assert all(len(batch.records) <= 2_000 for batch in grouped)
    for feed in FEEDS:
        ids = [r["id"] for batch in grouped if batch.feed == feed for r in batch.records]
        assert ids == [item.record["id"] for item in dense_day if item.feed == feed]


def test_an_unknown_scenario_names_those_there_are(pack: RegionPack) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"没有名为“nowhere”的场景，可用的有：.*yaozhuang.* · .* “nowhere”; the scenarios are .*yaozhuang",
    ):
        scenario_named("nowhere", pack)
    with pytest.raises(
        ConfigurationError, match=r"需要 330421 的区域包，得到的是 330110，请设 TOWNWATCH_REGION=330421 · .* got 330110"
    ):
        scenario_named("yaozhuang", msgspec.structs.replace(pack, region="330110"))
