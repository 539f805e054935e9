"""Real inputs through real doors: tracks and temperatures of the open data beside the checkout, each figure computed a
second time with pandas, geopandas and pyproj from the same inputs and the rules of EXACTNESS, sharing no product code.

The inputs are not of these towns: tracks are moved and labelled by ``reanchor``, readings are put on one local day.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas
import h3
import numpy as np
import pandas as pd
import pytest
import redis
from pyproj import Geod

from dashboard.access.viewer import LOCAL_VIEWER
from dashboard.clock import write_world
from dashboard.domain.summary import TrackSummary
from dashboard.feeds import FEEDS
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.figures import ALL, figures_of
from dashboard.queries.past import Past
from dashboard.settings import Settings
from dashboard.stores.history import migrate, open_engine
from dashboard.stores.redis_server import RedisServer
from dashboard.stores.stream import DEAD
from dashboard.working import Parts, parts_of, worker_of
from geodata.library import BUNDLED_PACK
from ingest.decode import Door
from ingest.gateways.sheets.desk import import_file
from ingest.intake import Intake
from ingest.scenarios.gpx import SOURCE, read_gpx, reanchor
from tests.conftest import missing
from tests.engine.core import Core
from tests.engine.gateway import Gateway, gateway
from tests.workbooks import SECRETS, form_headers, xlsx

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ZONE = "Asia/Shanghai"
MOST_ROUNDS = 2_000
Z95 = 1.959963984540054

Table = Any
"""A frame or series of pandas; for what cells hold, its types are unions of all there is."""

pytestmark = pytest.mark.timeout(300)


def real(name: str) -> Path:
    """A file or folder of the open data."""
    path = DATA / name
    if not path.exists():
        missing(f"{name} of the open data is not here: put the folder shared/data beside the checkout.")
    return path


def moment(text: str) -> int:
    """Milliseconds of a local time."""
    return int(pd.Timestamp(text, tz=ZONE).timestamp() * 1000)


class World:
    """Redis, a database and a worker of a data directory whose clock stands still at ``now``."""

    def __init__(self, data_dir: Path, url: str, database_url: str, now: int) -> None:
        write_world(data_dir, "real-inputs", 0.0, now)
        self.settings = Settings.load(data_dir, redis_url=url, database_url=database_url, batch_wait_ms=1)
        engine = open_engine(self.settings.database_url)
        migrate(engine)
        engine.dispose()
        self.parts: Parts = parts_of(self.settings)
        parts = self.parts
        self.past = Past(parts.history, parts.region_at)
        self.reader = BoardReader(parts.live, self.past, parts.region_at, parts.clock)
        self.worker = worker_of(parts)

    def settle(self) -> Board:
        """Let the worker empty the road; the board of then."""
        parts = self.parts
        for _ in range(MOST_ROUNDS):
            self.worker.step()
            waiting = sum(sum(parts.stream.lag(number)) for number in range(parts.stream.partitions))
            if not waiting and not parts.client.xlen(DEAD):
                return self.reader.board(LOCAL_VIEWER, exact=True)
        pytest.fail(f"the road is not empty after {MOST_ROUNDS} rounds of the worker")

    def close(self) -> None:
        """Leave nothing open."""
        self.parts.history.engine.dispose()
        self.parts.client.close()


Worlds = Callable[[int], World]


@pytest.fixture
def worlds(data_dir: Path, redis_server: RedisServer, redis_client: redis.Redis, database_url: str) -> Iterator[Worlds]:
    """Makes a world that stands at a moment."""
    made: list[World] = []

    def make(now: int) -> World:
        made.append(World(data_dir, redis_server.url, database_url, now))
        return made[-1]

    yield make
    for world in made:
        world.close()


# --- tracks ----------------------------------------------------------------------------------------------------------

GEOD = Geod(ellps="WGS84")
# file, town, unit, mode, where the first fix is put, when
TRACKS = (
    ("304_bus_2019-02-18.gpx", "330421111", "330421111-U1", "vehicle", "330421111-P01", "2020-02-18 09:00"),
    ("korita-zbevnica.gpx", "330421103", "330421103-U1", "foot", "330421103-P01", "2020-02-18 18:30"),
    ("around-visnjan-with-car.gpx", "330421111", "330421111-U2", "vehicle", "330421111-P02", "2020-02-18 23:56"),
    # A bus said to be on foot: most of its way is too fast to count.
    ("304_bus_2019-02-18.gpx", "330421001", "330421001-U1", "foot", "330421001-P01", "2020-02-18 10:30"),
)


@functools.cache
def pack_table(name: str) -> Table:
    """A table of the built-in pack as text; nobody changes it."""
    return pd.read_csv(BUNDLED_PACK / name, dtype=str, encoding="utf-8-sig")


def moved_tracks() -> list[dict[str, Any]]:
    """The real tracks as records of a county's units; strengths are stated per shift so that person-times exist."""
    places = pack_table("places.csv").set_index("code")
    records: list[dict[str, Any]] = []
    folder = real("gpx")
    for nth, (file, town, unit, mode, place, start) in enumerate(TRACKS):
        lon, lat = (float(places.loc[place, axis]) for axis in ("lon", "lat"))
        fixes = read_gpx(folder / file)
        track = reanchor(fixes, lon, lat, moment(start), unit, town, name=Path(file).stem, mode=mode)
        assert track, file
        for record in track:
            day_shift = 8 <= datetime.fromisoformat(record["at"]).hour < 20
            record["officers"] = 3 + nth if day_shift else 2 + nth
        records += track
    return records


def usable_fixes(records: list[dict[str, Any]]) -> Table:
    """Records as fixes in order, one per unit and time, within the region and 20 km around it."""
    frame: Table = pd.DataFrame(records)
    frame["when"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(ZONE)
    frame["day"] = frame["when"].dt.strftime("%Y%m%d").astype(int)
    frame = frame.sort_values(["unit", "when", "id"]).drop_duplicates(["unit", "when"])
    fixes = geopandas.GeoDataFrame(frame, geometry=geopandas.points_from_xy(frame.lon, frame.lat), crs="EPSG:4326")
    towns = geopandas.read_file(BUNDLED_PACK / "boundaries.geojson").to_crs("EPSG:32651")
    region = towns.union_all()
    away = fixes.to_crs("EPSG:32651").distance(region)
    # On the UTM plane 20 km may be off by a few metres: no fix of these tracks may lie where that matters.
    assert not away.between(19_900, 20_100).any()
    return fixes[away <= 20_000].reset_index(drop=True)


def steps_of(fixes: Table) -> Table:
    """Fixes with what lies between each and its unit's fix before, on the same local day."""
    before = fixes.groupby(["unit", "day"])[["lon", "lat", "when"]].shift()
    steps = fixes.assign(gap=(fixes.when - before.when).dt.total_seconds())
    metres = np.zeros(len(fixes))
    follows = steps.gap.notna().to_numpy()
    pairs = (before.lon[follows], before.lat[follows], fixes.lon[follows], fixes.lat[follows])
    metres[follows] = GEOD.inv(*(side.to_numpy(float) for side in pairs))[2]
    steps["mm"] = np.rint(metres * 1000).astype(np.int64)
    limit = np.where(steps["mode"] == "foot", 25.0, 150.0)
    speed = steps.mm / 1000 / steps.gap * 3.6
    steps["counts"] = (steps.gap <= 120) & (speed <= limit)
    return steps


def visits_among(fixes: Table) -> Table:
    """(unit, place, first, last) of every stay of 60 s or more within 50 m of a place that owes visits or, being an
    enterprise, may come to owe them."""
    places = pack_table("places.csv").set_index("code")
    found: list[dict[str, Any]] = []
    located = places[places.lon.notna()]
    # No stay runs over midnight.
    tracks = [
        (unit, track, track.lon.to_numpy(float), track.lat.to_numpy(float))
        for (unit, _), track in fixes.groupby(["unit", "day"])
    ]
    for place in {*pack_table("visit_rules.csv").place, *located[located.kind == "enterprise"].index}:
        lon, lat = float(places.loc[place, "lon"]), float(places.loc[place, "lat"])
        for unit, track, lons, lats in tracks:
            # A thousandth of a degree is more than 90 m here, by latitude as by longitude.
            if not ((np.abs(lats - lat) <= 0.001) & (np.abs(lons - lon) <= 0.001)).any():
                continue
            away = GEOD.inv(track.lon, track.lat, np.full(len(track), lon), np.full(len(track), lat))[2]
            near = pd.Series(np.asarray(away) <= 50, index=track.index)
            if not near.any():
                continue
            broken = (~near) | (~near.shift(fill_value=False)) | (track.when.diff().dt.total_seconds() > 120)
            for _, stay in track[near].groupby(broken.cumsum()[near]):
                first, last = stay.when.iloc[0], stay.when.iloc[-1]
                if (last - first).total_seconds() >= 60:
                    found.append({"unit": unit, "place": place, "first": first, "last": last})
    return pd.DataFrame(found, columns=["unit", "place", "first", "last"])


def owed_and_met(visits: Table, day: str) -> dict[str, int]:
    """Town -> obligations of a day that the visits meet: each visit one of the times owed in a window."""
    towns = pack_table("places.csv").set_index("code").town
    met: dict[str, int] = {}
    rules = pack_table("visit_rules.csv")
    for rule in rules[rules.place.isin(visits.place)].itertuples():
        start, end = (pd.Timestamp(f"{day} {time}", tz=ZONE) for time in (rule.start, rule.end))
        here = visits[visits.place == rule.place]
        inside = here["last"].clip(upper=end) - here["first"].clip(lower=start)
        counting = int((inside >= pd.Timedelta("60s")).sum())
        town = towns[rule.place]
        met[town] = met.get(town, 0) + min(counting, int(rule.times))
    return met


def cells_of(fixes: Table) -> set[str]:
    """H3 cells at resolution 9 that hold a fix."""
    return {h3.latlng_to_cell(lat, lon, 9) for lat, lon in zip(fixes.lat, fixes.lon, strict=True)}


def on_duty_at(fixes: Table, now: pd.Timestamp) -> Table:
    """Town -> units with a usable fix in the last 15 minutes; the tracks hold neither starts nor ends."""
    seen = fixes[(fixes.when > now - pd.Timedelta("15min")) & (fixes.when <= now)]
    return seen.groupby("town").unit.nunique()


def person_times_of(records: list[dict[str, Any]]) -> Table:
    """(town, day) -> over units and shifts the largest strength stated, each once."""
    frame: Table = pd.DataFrame(records)
    when = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(ZONE)
    frame = frame.assign(day=when.dt.strftime("%Y%m%d").astype(int), night=~when.dt.hour.between(8, 19))
    largest = frame.groupby(["town", "day", "unit", "night"]).officers.max()
    return largest.groupby(level=["town", "day"]).sum()


def test_real_tracks_give_the_figures_that_geopandas_gives(worlds: Worlds) -> None:
    records = moved_tracks()
    assert {record["source"] for record in records} == {SOURCE}
    assert all(record["id"].startswith("re-anchored:") for record in records)
    world = worlds(moment("2020-02-19 00:10"))
    parts = world.parts
    door = Door(SOURCE, parts.region_at(20200219))
    intake = Intake(parts.stream)
    # Mixed up and, for a part, sent twice: the figures must not know.
    mixed = random.Random(18).sample(records, len(records))
    sent = mixed + mixed[::7]
    for start in range(0, len(sent), 500):
        receipt = intake.accept(FEEDS["patrol"], sent[start : start + 500], door, parts.clock.now())
        assert receipt.rejected == []
    today = world.settle()
    fixes = usable_fixes(records)
    assert len(fixes) > 2_000
    steps = steps_of(fixes)
    # The rules bite: the tracks hold gaps and hurries that must not count.
    assert (steps.gap > 120).any()
    assert not steps.counts[steps.gap <= 120].all()
    visits = visits_among(fixes)
    assert len(visits) >= 2
    for day, board in {20200218: world.reader.day(LOCAL_VIEWER, 20200218), 20200219: today}.items():
        that_day = steps[steps.day == day]
        compare_tracks(board, day, that_day, visits[visits["first"].dt.strftime("%Y%m%d").astype(int) == day])
        person_times = person_times_of(records).xs(day, level="day")
        for town, expected in person_times.items():
            assert board.figure("person_times", town).value == expected
        assert board.figure("person_times").value == person_times.sum()
        duty = on_duty_at(fixes, pd.Timestamp(board.now, unit="ms", tz="UTC").tz_convert(ZONE))
        for town in board.towns:
            reported = town in set(that_day.town)
            assert board.figure("units_on_duty", town).value == (duty.get(town, 0) if reported else None)
        assert board.figure("units_on_duty").value == duty.sum() > 0
    compare_course(world, steps)


def compare_tracks(board: Board, day: int, steps: Table, visits: Table) -> None:
    """Distance, cells and visits of a local day, by town and for all."""
    counted = steps[steps.counts]
    kilometres = counted.groupby("town").mm.sum() / 1_000_000
    assert kilometres.sum() > 0.5
    for town in set(steps.town):
        assert board.figure("distance_km", town).value == pytest.approx(kilometres[town], abs=1e-9)
    assert board.figure("distance_km").value == pytest.approx(kilometres.sum(), abs=1e-9)
    listed = pack_table("cells.csv")
    seen = cells_of(steps)
    reported = listed[listed.town.isin(set(steps.town))]
    for town, cells in reported.groupby("town"):
        figure = board.figure("cells_seen", town)
        assert (figure.numerator, figure.denominator) == (cells.cell.isin(seen).sum(), len(cells))
    figure = board.figure("cells_seen")
    assert (figure.numerator, figure.denominator) == (reported.cell.isin(seen).sum(), len(reported))
    assert figure.numerator
    told = set()
    for town in board.towns:
        summary = board.track(town)
        assert isinstance(summary, TrackSummary)
        for unit in summary.unit_days:
            told |= {(unit.unit, place, first, last) for place, first, last in unit.visits}
    expected = {
        (visit.unit, visit.place, int(visit.first.timestamp() * 1000), int(visit.last.timestamp() * 1000))
        for visit in visits.itertuples()
    }
    assert told == expected
    met = owed_and_met(visits, f"{day // 10000}-{day // 100 % 100:02d}-{day % 100:02d}")
    for town in board.towns:
        assert board.figure("obligations_met", town).value == met.get(town, 0)


def compare_course(world: World, steps: Table) -> None:
    """Through the day: distance and units on duty at every half hour, from the records up to then."""
    feed = FEEDS["patrol"]
    course = world.past.course("patrol", 20200218)
    distance, duty = feed.kpi("distance_km"), feed.kpi("units_on_duty")
    assert distance is not None
    assert duty is not None
    steps = steps[steps.day == 20200218]
    for now in pd.date_range("2020-02-18 09:00", "2020-02-18 23:30", freq="30min", tz=ZONE):
        at = int(now.timestamp() * 1000)
        summaries = course.at(at)
        driven = steps[steps.counts & (steps.when <= now)].mm.sum() / 1_000_000
        assert figures_of(feed, distance, summaries, ALL, at)[0].value == pytest.approx(driven, abs=1e-9)
        assert figures_of(feed, duty, summaries, ALL, at)[0].value == on_duty_at(steps, now).sum()


# --- temperatures ----------------------------------------------------------------------------------------------------

TOWN, NAME = "330421111", "姚庄镇"
DAY = "2020-02-18"
METHODS = {"oral": ("接触式", "口腔", "contact/oral"), "face": ("热成像", "面部", "thermal_camera/face")}


def subjects() -> Table:
    """People of the study who have both an oral and a facial maximum: three header rows, the third names columns."""
    raw: Table = pd.read_csv(real("physionet_FLIR_group1.csv"), header=2, encoding="utf-8-sig", dtype=str)
    chosen = raw[["aveOralM", "T_Max1", "Time", "Date"]].dropna().reset_index(drop=True)
    # dd-mm-yy: the study went on for months; all of it is put on one local day, the time of day is kept.
    assert pd.to_datetime(chosen.Date, format="%d-%m-%y").notna().all()
    return chosen


def readings_of(people: Table) -> Table:
    """Two readings a person on one local day, at three checkpoints with a thermometer and a camera each."""
    frames = []
    for site, column in (("oral", "aveOralM"), ("face", "T_Max1")):
        at = people.index % 3 + 1
        frames.append(
            pd.DataFrame(
                {
                    "id": [f"flir-{number:04d}-{site}" for number in people.index],
                    "when": pd.to_datetime(DAY + " " + people.Time).dt.tz_localize(ZONE),
                    "checkpoint": [f"{TOWN}-K0{number}" for number in at],
                    "device": [f"{site}-{number}" for number in at],
                    "text": people[column],
                    "celsius": people[column].astype(float),
                    "site": site,
                    "person": [f"p-{number:04d}" for number in people.index],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def written(readings: Table, path: Path) -> None:
    """Readings as the file that a clerk would send: gb18030, Chinese headers and words, times as a spreadsheet's."""
    when = readings.when
    table = pd.DataFrame(
        {
            "记录编号": readings.id,
            "镇（街道）": NAME,
            "测温时间": [f"{t.year}/{t.month}/{t.day} {t.hour}:{t.minute:02d}:{t.second:02d}" for t in when],
            "卡点编号": readings.checkpoint,
            "设备编号": readings.device,
            "体温（℃）": readings.text,
            "测量方式": [METHODS[site][0] for site in readings.site],
            "测量部位": [METHODS[site][1] for site in readings.site],
            "人员代号": readings.person,
            "备注": "PhysioNet face-oral-temp-data 回放",
            "联系电话": "13800000000",
        }
    )
    table.to_csv(path, index=False, encoding="gb18030")


def wilson_bounds(fevers: int, readings: int) -> list[float]:
    """The 95 % Wilson bounds as what they are: the shares p with |p̂ - p| = z √(p (1 - p) / n)."""
    share, z2n = fevers / readings, Z95**2 / readings
    return sorted(np.roots([1 + z2n, -(2 * share + z2n), share**2]).real.tolist())


def worst_drift(readings: Table) -> tuple[str, float]:
    """(device, signed degrees): its last 50 against the last 50 of each other device of its site, pooled."""
    last = readings.sort_values(["when", "id"]).groupby("device").tail(50)
    drifts: dict[str, float] = {}
    for device, own in last.groupby("device"):
        peers = last[(last.site == own.site.iloc[0]) & (last.device != device)]
        if len(own) >= 20 and not peers.empty:
            drifts[device] = round(own.celsius.median() - peers.celsius.median(), 3)
    worst = max(drifts, key=lambda device: (abs(drifts[device]), device))
    return worst, drifts[worst]


def test_real_temperatures_through_import_give_the_figures_that_pandas_gives(worlds: Worlds, tmp_path: Path) -> None:
    people = subjects()
    readings = readings_of(people)
    fever = readings[readings.celsius >= 37.3]
    # The columns are the right ones: these are the numbers that the data's README states.
    assert (len(people), (fever.site == "oral").sum(), (fever.site == "face").sum()) == (533, 71, 6)
    now = readings.when.max() + pd.Timedelta("5min")
    world = worlds(int(now.timestamp() * 1000))
    path = tmp_path / "测温登记.csv"
    written(readings, path)
    with pytest.raises(UnicodeDecodeError):
        path.read_text("utf-8")
    steps: list[tuple[int, int]] = []
    report = import_file(world.settings, path, "temperature", progress=lambda *step: steps.append(step))
    assert (report.rows, report.accepted, report.rejected) == (1066, 1066, ())
    assert (report.source, report.encoding) == ("file:测温登记", "gb18030")
    assert [one.header for one in report.personal] == ["联系电话"]
    assert steps == [(1000, 1066), (1066, 1066)]
    board = world.settle()
    compare_temperatures(board, readings, now)
    seq = board.seq
    again = import_file(world.settings, path, "temperature")
    assert again.accepted == 1066
    board = world.settle()
    assert board.seq == seq
    compare_temperatures(board, readings, now)


def compare_temperatures(board: Board, readings: Table, now: pd.Timestamp) -> None:
    """Every figure of the day's readings, for the town and for all towns that reported, which is that town."""
    fever = readings[readings.celsius >= 37.3]
    low, high = wilson_bounds(len(fever), len(readings))
    device, drift = worst_drift(readings)
    hours = readings.when.dt.hour.value_counts().reindex(range(24), fill_value=0).tolist()
    for town in (TOWN, ALL):
        assert board.figure("screened", town).value == len(readings)
        assert board.figure("fever_count", town).value == len(fever)
        rate = board.figure("fever_rate", town)
        assert (rate.numerator, rate.denominator) == (len(fever), len(readings))
        assert rate.value == pytest.approx(len(fever) / len(readings), rel=1e-12)
        assert (rate.detail["low"], rate.detail["high"]) == pytest.approx((low, high), rel=1e-9)
        drifted = board.figure("device_drift", town)
        assert drifted.value == pytest.approx(abs(drift), abs=0.000_6)
        assert (drifted.detail["device"], drifted.detail["signed"]) == (device, pytest.approx(drift, abs=0.000_6))
        assert board.hourly(town) == hours
        assert board.figure("health_code_mix", town).value is None
    summary = board.reading(TOWN)
    assert summary is not None
    rules = dict(Counter(one.rule for one in summary.fevers))
    assert rules == fever.site.map(lambda site: f"threshold:{METHODS[site][2]}").value_counts().to_dict()
    assert sum(one.milli_celsius for one in summary.fevers) == (fever.celsius * 1000).round().astype(int).sum()
    confirmed = fever.merge(fever, on="person")
    later = (confirmed.when_y - confirmed.when_x).dt.total_seconds()
    assert board.figure("fever_confirmed").value == confirmed[(later > 0) & (later <= 1800)].person.nunique()
    compare_online(board, readings, now)
    silent = next(town for town in board.towns if town != TOWN)
    assert board.figure("screened", silent).value is None


def compare_online(board: Board, readings: Table, now: pd.Timestamp) -> None:
    """The town's checkpoints on duty now, and those with a reading in the last ten minutes."""
    places = pack_table("places.csv")
    here = places[(places.kind == "checkpoint") & (places.town == TOWN)].code
    hours = pack_table("duty_hours.csv").set_index("checkpoint")
    minute = f"{now.hour:02d}:{now.minute:02d}"

    def on_duty(code: str) -> bool:
        start, end = (hours.loc[code, "start"], hours.loc[code, "end"]) if code in hours.index else ("00:00", "00:00")
        if start == end:
            return True
        return bool(start <= minute < end) if start < end else bool(minute >= start or minute < end)

    duty = {code for code in here if on_duty(code)}
    recent = set(readings[readings.when > now - pd.Timedelta("10min")].checkpoint)
    figure = board.figure("checkpoints_online", TOWN)
    assert (figure.numerator, figure.denominator) == (len(duty & recent), len(duty))


# --- enterprises -----------------------------------------------------------------------------------------------------

STAGE_OF = {
    "审核中": "reviewing",
    "审核通过": "approved",
    "不通过": "applied",
    "已复工": "resumed",
    "已停工": "suspended",
}
HALTED = ("resumed", "suspended")


def enterprise_list(count: int, day: str, moved_on: int) -> Table:
    """An export of a county's enterprises with the columns of the real form; ``moved_on`` of them stand further on."""
    # Drawn for the longest list there is, so that two exports agree in whatever did not move on.
    wanted, count = count, 400
    rng = np.random.default_rng(421)
    towns = pack_table("towns.csv").name.to_numpy()
    applied = pd.Timestamp("2020-02-10 08:00") + pd.to_timedelta(rng.integers(0, 8 * 1440, count), unit="min")
    states = np.array(list(STAGE_OF))
    before, after = (rng.choice(states, count, p=[0.3, 0.25, 0.1, 0.3, 0.05]) for _ in range(2))
    staff = rng.integers(5, 900, count)
    numbers = np.arange(count)
    frame: Table = pd.DataFrame(
        {
            "单位名称": [f"云澜{one}号有限公司" for one in numbers],
            "所属区": "嘉善县",
            "所属乡镇": rng.choice(towns[:-1], count),
            "单位地址": "工业园路 1 号",
            "计划开工时间": "2020-02-20",
            "联系人": SECRETS[0],
            "联系电话": SECRETS[1],
            "企业防控情况说明": f"{day} 已消毒，联系 {SECRETS[3]}",
            "企业规模": rng.choice(["规上", "规下"], count, p=[0.1, 0.9]),
            "职工人数": staff,
            "已复工人数": (staff * rng.random(count)).astype(int),
            "所属大类": "制造业",
            "所属行业": rng.choice(["电子", "纺织", "木业"], count),
            "组织机构代码": [f"MA28A{one:04d}" for one in numbers],
            "申请时间": applied.strftime("%Y-%m-%d %H:%M:%S GMT+8"),
            "审核状态": np.where(numbers < moved_on, after, before),
        }
    )
    assert list(frame.columns) == form_headers("enterprise_resumption_xlsx_columns")
    return frame[:wanted]


def compare_enterprises(board: Board, export: Table, now: pd.Timestamp) -> None:
    """Every figure of enterprises, by town and for all, from the export that was in force."""
    names = pack_table("towns.csv").set_index("name").code
    firms = export.assign(
        town=export.所属乡镇.map(names),
        stage=export.审核状态.map(STAGE_OF),
        since=pd.to_datetime(export.申请时间.str[:19]).dt.tz_localize(ZONE),
    )
    late = (now - firms.since) > pd.Timedelta("48h")
    firms["stuck"] = late & ~firms.stage.isin(HALTED)
    for town in (ALL, *board.towns):
        here = firms if town == ALL else firms[firms.town == town]
        figures = {(one.kpi, *one.dims.values()): one for one in board.figures("enterprise", town=town)}
        if here.empty:
            assert figures["enterprise_registered",].value is None
            continue
        resumed = here[here.stage == "resumed"]
        assert figures["enterprise_registered",].value == len(here)
        assert figures["enterprise_resumed",].value == len(resumed)
        rate = figures["resumption_rate",]
        assert (rate.numerator, rate.denominator) == (len(resumed), len(here))
        assert rate.value == pytest.approx(len(resumed) / len(here), rel=1e-12)
        staff = figures["staff_return_rate",]
        assert (staff.numerator, staff.denominator) == (resumed.已复工人数.sum(), resumed.职工人数.sum())
        assert figures["enterprise_stuck",].value == here.stuck.sum()
        assert (figures["liaison_coverage",].numerator, figures["liaison_coverage",].denominator) == (0, len(here))
        for stage, number in here.stage.value_counts().items():
            assert figures["enterprise_stage", str(stage)].value == number
        for column, spelt in (("企业规模", {"规上": "above", "规下": "below"}), ("所属行业", {})):
            for name, group in here.groupby(column):
                figure = figures["resumption_rate", spelt.get(str(name), str(name))]
                assert (figure.numerator, figure.denominator) == ((group.stage == "resumed").sum(), len(group))
        # A resumed enterprise owes a visit from the day after on: none has come, and the day is not over.
        owing = resumed[resumed.since.dt.date < now.date()]
        if town != ALL:
            owed = board.figures("patrol", "obligations_open", town)
            assert next(one.value for one in owed if one.dims == {"target": "enterprise"}) == len(owing)


def test_a_real_form_of_enterprises_over_http_gives_the_figures_that_pandas_gives(
    data_dir: Path, redis_server: RedisServer, redis_client: redis.Redis, database_url: str
) -> None:
    mornings = [pd.Timestamp(f"2020-02-{day} 09:00", tz=ZONE) for day in (18, 19)]
    exports = [enterprise_list(300, "18 日", 0), enterprise_list(330, "19 日", 120)]
    core = Core(data_dir, redis_server.url, int(mornings[0].timestamp() * 1000), database_url=database_url)
    try:
        with gateway(core) as door:
            reader = core.reader()
            moved = int((exports[0].审核状态 != exports[1].审核状态[:300]).sum())
            assert moved > 60
            news = [(300, 0, 0), (30, moved, 300 - moved)]
            for now, export, new in zip(mornings, exports, news, strict=True):
                core.clock.set(int(now.timestamp() * 1000))
                book = xlsx([list(export.columns), *export.astype(object).to_numpy().tolist()])
                for counts in (new, (0, 0, len(export))):
                    told = upload(door, "enterprise", book)
                    assert (told["rows"], told["rejected_rows"]) == (len(export), 0)
                    assert (told["added"], told["corrected"], told["unchanged"]) == counts
                    core.work()
                    compare_enterprises(reader.board(LOCAL_VIEWER), export, now)
            # What was shown yesterday is still told as it was, though its lines were corrected since.
            earlier = reader.as_of(LOCAL_VIEWER, int(mornings[0].timestamp() * 1000))
            compare_enterprises(earlier, exports[0], mornings[0])
            with core.history.reading() as connection:
                states = connection.exec_driver_sql("SELECT state FROM projection WHERE feed = 'enterprise'").scalars()
                stored = b"".join(bytes(state) for state in states)
            assert "云澜7号有限公司".encode() in stored
            assert not any(secret.encode() in stored for secret in SECRETS)
    finally:
        core.close()


def upload(door: Gateway, feed: str, book: bytes) -> dict[str, Any]:
    """A workbook posted as a form; the report."""
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="enterprises.xlsx"\r\n\r\n'
    body = head.encode() + book + b"\r\n--edge--\r\n"
    kind = "multipart/form-data; boundary=edge"
    token = f"Bearer {door.token}"
    answer = door.ask("POST", f"/api/v1/import/{feed}", body, Authorization=token, Content_Type=kind)
    assert answer.status == 202, answer.body
    told: dict[str, Any] = answer.json
    return told
