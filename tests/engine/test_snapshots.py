"""Snapshots: forms read back, final files, corrections, and one a day whatever is killed or runs twice."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import docx
import duckdb
import geopandas
import msgspec
import openpyxl
import pandas
import pytest
import redis
from fastapi import FastAPI

from dashboard.access.viewer import Role, Viewer
from dashboard.actions import Actions
from dashboard.api import snapshots
from dashboard.api.common import Gate
from dashboard.domain.day import HOUR, day_start, shift_day
from dashboard.errors import ConfigurationError
from dashboard.feeds import FEEDS
from dashboard.queries.past import Past
from dashboard.snapshot import analysts, schedule
from dashboard.snapshot.archive import AlreadyPublished, Archive
from dashboard.snapshot.brief import Brief, Silence, as_json, from_json, schema
from dashboard.snapshot.forms import FORMS, all_forms, write_all
from dashboard.snapshot.publish import Desk, Office
from dashboard.snapshot.sheet import Sheet, sheet_of
from dashboard.stores.redis_server import RedisServer
from geodata.library import bundled_pack
from geodata.pack import load_pack
from ingest.acting import Acting
from ingest.scenarios import SCENARIOS, scenario_named
from ingest.scenarios.check import World
from tests.conftest import missing
from tests.engine.answers import Answer, request, serving
from tests.engine.core import YAOZHUANG, Core, reading

ROOT = Path(__file__).parents[2]
DAY = 20200218
SIX = day_start(DAY) + 18 * HOUR


@pytest.fixture
def core(data_dir: Path, redis_client: redis.Redis, redis_server: RedisServer) -> Iterator[Core]:
    made = Core(data_dir, redis_server.url)
    yield made
    made.close()


def firm(number: int, stage: str, at: str, **changes: object) -> dict[str, object]:
    return {
        "id": f"e{number}-{stage}",
        "at": f"2020-02-18T{at}:00+08:00",
        "town": YAOZHUANG,
        "enterprise": f"{YAOZHUANG}-E{number:04d}",
        "stage": stage,
    } | changes


def fill(core: Core) -> None:
    """A small afternoon: 13 readings of which one is a fever, three enterprises of which one is back."""
    core.accept("temperature", *(reading(n, f"10:{n:02d}") for n in range(12)))
    core.accept("temperature", reading(90, "11:00", celsius=37.9))
    core.accept("enterprise", *(firm(n, "registered", "09:00") for n in range(3)), source="firms")
    core.accept("enterprise", firm(0, "resumed", "10:00", staff_total=40, staff_returned=21), source="firms")


def desk(core: Core) -> Desk:
    past = Past(core.history, core.parts.region_at)
    return Desk(core.settings.data_dir, past, Office("县指挥部办公室", "张三", 18 * 60, "replay"))


def made(core: Core) -> Brief:
    fill(core)
    return desk(core).brief(DAY, SIX)


def texts(sheet: Sheet) -> list[str]:
    """Every text of a sheet that holds a digit: each must be in each form."""
    found = [run.text for run in sheet.prose] + [f"{one.value}" for one in sheet.strip]
    for section in sheet.sections:
        found += [run.text for line in section.lines for run in line] + [section.note]
        for row in section.table.rows if section.table else ():
            found += [entry.text for entry in row]
    return [text for text in found if any(sign.isdigit() for sign in text)]


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_the_figures_are_those_of_the_records(core: Core) -> None:
    brief = made(core)
    assert {kpi: brief.cell(kpi).value for kpi in ("screened", "fever_count", "enterprise_registered", "enterprise_resumed")} == {  # type: ignore[union-attr]
        "screened": 13, "fever_count": 1, "enterprise_registered": 3, "enterprise_resumed": 1,
    }  # fmt: skip
    rate = brief.cell("resumption_rate")
    assert rate is not None
    assert (rate.numerator, rate.denominator) == (1, 3)
    prose = "".join(run.text for run in sheet_of(brief).prose)
    assert "纳入监测企业3家，已复工1家，复工率33.3%" in prose
    assert "返岗员工21人，返岗率52.5%" in prose
    assert "查验13人次，发现体温异常1人次" in prose


def test_json_reads_back_whole_and_follows_its_schema(core: Core) -> None:
    brief = made(core)
    assert from_json(as_json(brief)) == brief
    assert as_json(brief) == as_json(desk(core).brief(DAY, SIX))
    assert schema()["$id"] == brief.schema


def test_html_and_docx_say_every_figure(core: Core) -> None:
    forms = all_forms(brief := made(core))
    page = bare(re.sub(r"<[^>]+>", "", forms["html"].decode()).replace("&amp;", "&"))
    document = docx.Document(BytesIO(forms["docx"]))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    words = bare("".join([*(paragraph.text for paragraph in document.paragraphs), *cells]))
    for text in texts(sheet_of(brief)):
        assert bare(text) in page
        assert bare(text) in words


def test_pdf_says_every_figure_on_two_tagged_pages(core: Core, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        missing("PDF 要用 pdftotext 读回，请安装：apt-get install poppler-utils · pdftotext is missing: poppler-utils.")
    brief = made(core)
    path = tmp_path / "brief.pdf"
    path.write_bytes(FORMS["pdf"][1](brief, "zh"))
    assert path.stat().st_size < 1024 * 1024
    told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Pages:\s+2\b", told)
    assert re.search(r"Tagged:\s+yes", told)
    said = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout
    whole = bare(said)
    missed = [text for text in texts(sheet_of(brief)) if bare(text) not in whole]
    assert missed == []


def test_a_day_with_much_to_say_still_has_two_pages(core: Core, tmp_path: Path) -> None:
    if shutil.which("pdfinfo") is None:
        missing("PDF 的页数要用 pdfinfo，请安装：apt-get install poppler-utils · pdfinfo is missing: poppler-utils.")
    brief = made(core)
    towns = [one.code for one in brief.towns]
    gaps = tuple(Silence(town, SIX - n * HOUR // 7 - 2 * HOUR, SIX) for n, town in enumerate(towns))
    long = tuple(msgspec.structs.replace(one, silences=gaps, received=SIX - HOUR) for one in brief.quality)
    path = tmp_path / "long.pdf"
    for lang in ("zh", "en"):
        path.write_bytes(FORMS["pdf"][1](msgspec.structs.replace(brief, quality=long * 3), lang))
        told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
        assert re.search(r"Pages:\s+2\b", told), lang


def test_other_case_feeds_do_not_stand_for_the_disputes(core: Core) -> None:
    contact = dict(FEEDS["contact"].sample) | {"id": "c-1", "town": YAOZHUANG, "at": "2020-02-18T10:30:00+08:00"}
    assert core.accept("contact", contact).accepted == 1
    disputes = made(core).disputes
    assert (disputes.opened, disputes.under_way, disputes.kinds) == (0, 0, ())


def test_workbook_has_real_numbers_and_formulas_that_give_the_ratios(core: Core) -> None:
    brief = made(core)
    body = FORMS["xlsx"][1](brief, "zh")
    formulas = openpyxl.load_workbook(BytesIO(body))["指标"]
    values = openpyxl.load_workbook(BytesIO(body), data_only=True)["指标"]
    rows = list(values.iter_rows(min_row=2, values_only=True))
    assert len(rows) == len(brief.cells)
    for number, (row, cell) in enumerate(zip(rows, brief.cells, strict=True), start=2):
        assert row[1] == cell.kpi
        assert row[3] == cell.town
        assert row[4] == ("—" if cell.value is None else pytest.approx(cell.value))
        if cell.unit == "ratio" and cell.denominator:
            assert formulas.cell(number, 5).value == f"=F{number}/G{number}"
            assert row[5] / row[6] == pytest.approx(cell.value)


def test_a_published_snapshot_never_changes_and_late_records_are_the_next_ones_corrections(core: Core) -> None:
    fill(core)
    first, forms = desk(core).publish(DAY, SIX)
    core.clock.set(SIX + 20 * HOUR)
    core.accept("temperature", reading(500, "12:30"), reading(501, "12:31", celsius=38.2))
    archive = desk(core).archive
    assert {name: archive.read(first, name) for name in first.files} == forms
    assert archive.verify() == []
    second, _ = desk(core).publish(20200219, SIX + 24 * HOUR)
    found = {one.kpi: one for one in archive.brief(second).corrections}
    assert (found["screened"].day, found["screened"].published, found["screened"].value) == (DAY, 13, 15)
    assert (found["fever_count"].up, found["fever_count"].down, found["fever_count"].late) == (1, 0, 2)
    assert "dispute_open" not in found
    assert archive.read(first, "json") == forms["json"]
    third, _ = desk(core).publish(20200220, SIX + 48 * HOUR)
    assert not [one for one in archive.brief(third).corrections if one.day == DAY]


def test_publishing_twice_is_refused(core: Core) -> None:
    fill(core)
    desk(core).publish(DAY, SIX)
    with pytest.raises(AlreadyPublished, match="2020-02-18"):
        desk(core).publish(DAY, SIX)


def test_verify_finds_a_changed_form_a_lost_one_and_a_broken_chain(core: Core) -> None:
    fill(core)
    first, _ = desk(core).publish(DAY, SIX)
    desk(core).publish(20200219, SIX + 24 * HOUR)
    archive = desk(core).archive
    html = archive._object(first.files["html"])
    html.chmod(0o644)
    html.write_bytes(html.read_bytes().replace(b"13", b"14"))
    archive._object(first.files["docx"]).unlink()
    link = archive.chain / "000001.json"
    link.write_bytes(link.read_bytes().replace(b'"issue": 1', b'"issue": 7'))
    found = {one.file: one.en for one in archive.verify()}
    assert found[f"{DAY}.html"].startswith("differs")
    assert found[f"{DAY}.docx"] == "is gone"
    assert "follow" in found["000002.json"]


KILLER = """
import os, signal, sys
from pathlib import Path
from dashboard.snapshot.archive import Archive
from dashboard.snapshot.brief import from_json
folder, source, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
forms = {path.suffix[1:]: path.read_bytes() for path in sorted(source.iterdir())}
count = 0
def reached(name):
    global count
    count += 1
    if count == step:
        os.kill(os.getpid(), signal.SIGKILL)
Archive(folder).publish(from_json(forms["json"]), forms, 1, reached)
"""


def test_killed_at_any_step_all_files_are_there_or_none(core: Core, tmp_path: Path) -> None:
    brief = made(core)
    forms = {"json": as_json(brief), "html": FORMS["html"][1](brief, "zh"), "xlsx": FORMS["xlsx"][1](brief, "zh")}
    source = write_all(forms, tmp_path / "out", "s")[0].parent
    outcomes = set()
    for step in range(1, len(forms) + 4):
        folder = tmp_path / f"archive{step}"
        done = subprocess.run([sys.executable, "-c", KILLER, str(folder), str(source), str(step)], check=False)
        archive = Archive(folder)
        links = archive.links()
        outcomes.add((done.returncode == -signal.SIGKILL, len(links)))
        assert archive.verify() == []
        if links:
            assert {name: archive.read(links[0], name) for name in links[0].files} == forms
        else:
            archive.sweep()
            assert archive.publish(brief, forms, 2).number == 1
        assert not list(folder.glob(".new-*")) or links
    assert outcomes == {(True, 0), (True, 1), (False, 1)}


def test_the_scheduler_publishes_once_and_catches_up(core: Core) -> None:
    fill(core)
    assert schedule.catch_up(desk(core), SIX - HOUR, DAY) == []
    assert [link.day for link in schedule.catch_up(desk(core), SIX, DAY)] == [DAY]
    assert schedule.catch_up(desk(core), SIX + HOUR, DAY) == []
    later = schedule.catch_up(desk(core), SIX + 3 * 24 * HOUR)
    assert [link.day for link in later] == [20200219, 20200220, 20200221]
    assert desk(core).archive.verify() == []


def held(core: Core, **office: object) -> Desk:
    """A desk whose snapshots wait for their release."""
    past = Past(core.history, core.parts.region_at)
    kept: dict[str, object] = {"name": "县指挥部办公室", "world": "replay", "by_hand": True} | office
    return Desk(core.settings.data_dir, past, msgspec.convert(kept, Office))


def test_a_draft_waits_for_its_release_and_keeps_its_figures(core: Core) -> None:
    fill(core)
    one = held(core, document="善防指办〔{year}〕{number}号")
    assert [link.draft for link in schedule.catch_up(one, SIX, DAY)] == [True]
    assert one.archive.links() == []
    assert schedule.catch_up(one, SIX + HOUR, DAY) == []
    core.clock.set(SIX + HOUR)
    core.accept("temperature", reading(700, "12:40"))
    link = one.release("李四", DAY, SIX + 2 * HOUR)
    brief = one.archive.brief(link)
    assert (brief.cell("screened").value, brief.signer, link.released_by) == (13, "李四", "李四")  # type: ignore[union-attr]
    assert "第 1 期　善防指办〔2020〕1号" in one.archive.read(link, "html").decode()
    assert one.archive.drafts() == []
    assert one.archive.verify() == []
    with pytest.raises(AlreadyPublished):
        one.release("李四", DAY, SIX + 3 * HOUR)
    with pytest.raises(AlreadyPublished):
        one.draft(DAY, SIX + 3 * HOUR)
    with pytest.raises(ConfigurationError, match="草稿"):
        one.release("李四", 20200219, SIX + 3 * HOUR)


def test_a_draft_made_anew_says_what_is_known_now(core: Core) -> None:
    fill(core)
    one = held(core)
    one.draft(DAY, SIX)
    core.clock.set(SIX + HOUR)
    core.accept("temperature", reading(700, "12:40"))
    link = one.draft(DAY, SIX + 2 * HOUR, known_at=SIX + 2 * HOUR)
    assert one.archive.brief(link).cell("screened").value == 14  # type: ignore[union-attr]
    assert (one.archive.brief(link).at, link.issue, len(one.archive.drafts())) == (SIX, 1, 1)


def test_towns_and_weeks_have_their_own_snapshots_on_time(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which snapshots there are is the question here, not how they look.
    monkeypatch.setattr("dashboard.snapshot.publish.all_forms", lambda brief, lang: {"json": as_json(brief)})
    fill(core)
    towns = [town.code for town in core.parts.region_at(DAY).pack.towns]
    one = held(core, by_hand=False, towns=True, weekly=True)
    sunday = 20200223
    late = day_start(sunday, "Asia/Shanghai") + 18 * HOUR
    wanted = schedule.due(one, late, sunday)
    assert {(kind, edition) for day, kind, edition in wanted if day == sunday} == {
        (kind, edition) for kind in ("day", "week") for edition in ("all", *towns)
    }
    assert {kind for _, kind, _ in schedule.due(one, SIX, DAY)} == {"day"}
    schedule.catch_up(one, SIX, DAY)
    assert {link.edition for link in one.archive.links()} == {"all", *towns}
    assert {link.issue for link in one.archive.links()} == {1}
    assert schedule.due(one, SIX + HOUR, DAY) == []


def test_only_who_may_release_sees_a_draft_and_releases_it(core: Core) -> None:
    fill(core)
    one = held(core)
    one.draft(DAY, SIX)
    one.draft(DAY, SIX, edition=YAOZHUANG)
    core.clock.set(SIX)
    actions = Actions(core.intake, core.history, lambda: core.parts.region_at(DAY), core.clock, snapshots=one)
    who = {"viewer": Viewer("领导", frozenset({Role.LEADER}))}
    gate = cast(Gate, SimpleNamespace(reader=lambda request: who["viewer"], viewer=lambda request: who["viewer"]))
    app = FastAPI()
    app.include_router(snapshots.router(actions, one.archive, gate, "Asia/Shanghai"))
    with serving(app) as port:

        def ask(path: str, method: str = "GET") -> Answer:
            return request(port, method, f"/api/v1/snapshots{path}", None, {})

        assert ask("").json["today"] == {"date": "2020-02-18", "edition": "all"}
        assert ask("").json["plan"] is None, "nothing is made by itself here"
        listed = ask("").json["snapshots"]
        assert {(entry["edition"], entry["draft"]) for entry in listed} == {("all", True), (YAOZHUANG, True)}
        clerk = Viewer("内勤", frozenset({Role.CLERK}))
        chief = Viewer("所长", frozenset({Role.CHIEF}), frozenset({YAOZHUANG}))
        for viewer, editions, status in ((clerk, set(), 404), (chief, {YAOZHUANG}, 404)):
            who["viewer"] = viewer
            assert {entry["edition"] for entry in ask("").json["snapshots"]} == editions
            town = {"date": "2020-02-18", "edition": YAOZHUANG} if viewer is chief else None
            assert ask("").json["today"] == town, "what this viewer may make now"
            assert ask("/2020-02-18.pdf").status == status
            assert ask("/2020-02-18/release", "POST").status == 403
            assert ask("/2020-02-18/redraw", "POST").status == 403
        assert ask(f"/2020-02-18/release?town={YAOZHUANG}", "POST").json["released_by"] == "所长"
        who["viewer"] = Viewer("领导", frozenset({Role.LEADER}))
        assert ask("/2020-02-18/redraw", "POST").json["draft"] is True
        assert ask("/2020-02-18/release", "POST").json["draft"] is False
        assert ask("").json["today"] is None, "it is published"
        assert ask("/2020-02-18/release", "POST").status == 422
        assert ask("/2020-02-18/release?kind=month", "POST").status == 422
        who["viewer"] = clerk
        assert ask("/2020-02-18.pdf").body == one.archive.read(one.archive.links()[-1], "pdf")


def test_a_second_process_leaves_a_day_to_the_first(core: Core) -> None:
    fill(core)
    one = desk(core)
    one.archive.folder.mkdir(parents=True, exist_ok=True)
    import fcntl

    with (one.archive.folder / "publishing.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert schedule.catch_up(desk(core), SIX, DAY) == []
    assert [link.day for link in schedule.catch_up(desk(core), SIX, DAY)] == [DAY]


def test_work_given_out_is_counted_by_what_became_of_it(core: Core) -> None:
    def dispute(number: int, stage: str, at: str, **said: object) -> dict[str, object]:
        case = f"{YAOZHUANG}-D{number:04d}"
        return {"id": f"{case}-{stage}", "at": f"2020-02-18T{at}:00+08:00", "town": YAOZHUANG, "case": case,
                "stage": stage, "kind": "wages"} | said  # fmt: skip

    core.clock.set(day_start(DAY) + 10 * HOUR)
    due = "2020-02-18T16:00:00+08:00"
    core.accept("dispute", *(dispute(n, "accepted", "09:00", due=due) for n in range(5)), source="office")
    acting = Acting(core.intake, lambda: core.parts.region_at(DAY), core.clock)
    chief = Viewer("沈立", frozenset({Role.CHIEF}), frozenset({YAOZHUANG}), staff="P-0001")
    for number, verb, to in [*((n, "assign", "P-8013") for n in range(4)), (4, "acknowledge", ""), (1, "done", "")]:
        item = f"case:dispute:{YAOZHUANG}-D{number:04d}"
        core.clock.set(core.clock.now() + HOUR // 10)
        done = acting.act(chief, item, verb, town=YAOZHUANG, name=f"{verb}-{number}", to=to)
        assert done.accepted, done.faults
    core.clock.set(day_start(DAY) + 15 * HOUR)
    core.accept("dispute", dispute(0, "resolved", "15:00"), source="office")
    core.work()
    brief = desk(core).brief(DAY, SIX)
    assert [(one.town, one.feed, one.given, one.closed, one.late) for one in brief.orders] == [
        (YAOZHUANG, "dispute", 4, 2, 2)
    ]
    page = bare(re.sub(r"<[^>]+>", "", FORMS["html"][1](brief, "zh").decode()))
    assert "纠纷交办4件" in page
    assert "办结2件，未办结2件，其中逾期2件" in page
    assert "P-8013" not in page


def test_one_towns_edition_says_nothing_of_the_others(core: Core) -> None:
    fill(core)
    brief = desk(core).brief(DAY, SIX, edition=YAOZHUANG)
    assert [town.code for town in brief.towns] == [YAOZHUANG]
    assert {cell.town for cell in brief.cells} == {"all", YAOZHUANG}
    other = next(town.name for town in core.parts.region_at(DAY).pack.towns if town.code != YAOZHUANG)
    assert other not in FORMS["html"][1](brief, "zh").decode()


def test_export_reads_back_as_the_boards_figures(core: Core, tmp_path: Path) -> None:
    fill(core)
    out = tmp_path / "out"
    analysts.export(desk(core).past, DAY, DAY, out)
    read = pandas.read_parquet(out / "figures.parquet")
    row = read[(read.kpi == "resumption_rate") & (read.town == "all") & (read.dims == "")].iloc[0]
    assert (row.day, row.numerator, row.denominator, row.value) == ("2020-02-18", 1, 3, pytest.approx(1 / 3))
    assert len(pandas.read_csv(out / "figures.csv")) == len(read)
    towns = geopandas.read_file(out / "map.gpkg", layer="towns").set_index("code")
    assert towns.loc[YAOZHUANG, "screened"] == 13
    listed = pandas.read_csv(out / "dictionary.csv")
    assert set(read.columns) == set(listed[listed.kind == "column"].name)
    assert set(read.kpi) <= set(listed[listed.kind == "kpi"].name)


def test_views_say_the_same_to_duckdb_qgis_and_sqlite(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(core)
    analysts.export(desk(core).past, DAY, DAY, tmp_path)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as duck, contextlib.closing(sqlite3.connect("map.gpkg")) as light:
        duck.execute(Path("views.sql").read_text(encoding="utf-8"))
        for view in (name for name in analysts.VIEWS if name != analysts.DRAWN):
            columns = [row[0] for row in duck.execute(f"DESCRIBE {view}").fetchall()]
            order = f"SELECT {', '.join(columns)} FROM {view} ORDER BY {', '.join(columns[:6])}"
            rows = duck.execute(order).fetchall()
            assert rows
            assert rows == light.execute(order).fetchall()
        asked = f"SELECT screened, resumption_rate FROM town_days WHERE town = '{YAOZHUANG}'"
        assert duck.execute(asked).fetchone() == (13, pytest.approx(1 / 3))
    drawn = geopandas.read_file("map.gpkg", layer=analysts.DRAWN).set_index("town")
    assert drawn.loc[YAOZHUANG, "screened"] == 13
    assert drawn.crs == "EPSG:4326"
    assert drawn.loc[YAOZHUANG].geometry.equals(core.parts.region_at(DAY).boundaries[YAOZHUANG])


def test_the_notebook_reproduces_its_reports_table(tmp_path: Path) -> None:
    path = bundled_pack(SCENARIOS["xianlin"][0])
    assert path is not None
    region = load_pack(path)
    scenario = scenario_named("xianlin", region.pack)
    world = World(scenario, region, tmp_path)
    world.run(scenario.between(scenario.warm_from, scenario.end))
    out = tmp_path / "out"
    analysts.export(Past(world.history, lambda day: region), shift_day(scenario.last_day, -1), scenario.last_day, out)
    world.engine.dispose()
    notebook = json.loads((ROOT / "docs" / "notebooks" / "report-000.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell.replace('Path("out")', f"Path({str(out)!r})"), "report-000", "exec"), names)
    table = cast(pandas.DataFrame, names["table"])
    assert len(table) == 4
    assert table.met.all(), table.to_string()


def test_a_form_folder_appears_whole(tmp_path: Path) -> None:
    write_all({"json": b"1"}, tmp_path, "a")
    write_all({"json": b"2", "html": b"3"}, tmp_path, "a")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == {"a.json": b"2", "a.html": b"3"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert msgspec.json.decode(b"1") == 1
    assert os.access(tmp_path / "a" / "a.json", os.R_OK)
