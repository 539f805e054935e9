"""Edits of a pack: what is asked for is written and nothing else, and scheduled versions take an edit over."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dashboard.errors import PackError
from dashboard.feeds import FEEDS
from geodata.library import BUNDLED_PACK, Adopted, PackLibrary, RegionBook
from geodata.pack import MANIFEST, load_pack
from geodata.revise import (
    Content,
    Edit,
    checked,
    content_of,
    edit_of,
    parameters,
    plan,
    revise,
    table_and_key,
    threshold,
)

GATE = "330421001-K03"
POINT = "330421001-P01"


def made(directory: Path, *edits: Edit, source: Path = BUNDLED_PACK, **days: int) -> Path:
    out = directory / f"pack{len(list(directory.iterdir()))}"
    revise(source, edits, out, **days)
    return out


def hours(start: str, end: str) -> tuple[dict[str, str]]:
    return ({"start": start, "end": end},)


def test_an_edit_changes_its_rows_and_not_a_byte_beside_them(tmp_path: Path) -> None:
    out = made(tmp_path, Edit("duty_hours", GATE, hours("07:00", "21:00")))
    for name in ("places.csv", "boundaries.geojson", "shifts.csv", MANIFEST, "SOURCES.md"):
        assert (out / name).read_bytes() == (BUNDLED_PACK / name).read_bytes()
    before = (BUNDLED_PACK / "duty_hours.csv").read_text("utf-8").splitlines()
    after = (out / "duty_hours.csv").read_text("utf-8").splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [
        (f"{GATE},06:00,22:00", f"{GATE},07:00,21:00")
    ]
    assert load_pack(out).pack.duty_by_checkpoint[GATE].start == 7 * 60


def test_thresholds_come_and_go_and_leave_the_manifest_as_it_was(tmp_path: Path) -> None:
    out = made(tmp_path, threshold("fever./face", 37.0), threshold("patrol.radius_m", 80))
    assert load_pack(out).pack.thresholds == {"fever./face": 37.0, "patrol.radius_m": 80.0}
    again = made(tmp_path, threshold("fever./face", None), threshold("patrol.radius_m", None), source=out)
    assert load_pack(again).pack.thresholds == {}
    kept = [line for line in (BUNDLED_PACK / MANIFEST).read_text("utf-8").splitlines() if line]
    assert [line for line in (again / MANIFEST).read_text("utf-8").splitlines() if line] == kept


def test_thresholds_that_are_no_section_are_not_touched(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(BUNDLED_PACK, source)
    text = (source / MANIFEST).read_text("utf-8").replace("[thresholds]\n", "")
    (source / MANIFEST).write_text(f"thresholds = {{}}\n{text}", encoding="utf-8")
    with pytest.raises(PackError, match=r"pack\.toml 里的 thresholds 不是单独的 \[thresholds\] 一节"):
        made(tmp_path, threshold("fever.default", 37.0), source=source)


def test_several_rows_of_a_key_are_replaced_together_and_new_keys_come_last(tmp_path: Path) -> None:
    windows = ({"times": "2", "start": "09:00", "end": "10:00"}, {"times": "1", "start": "20:00", "end": "21:00"})
    out = made(tmp_path, Edit("visit_rules", POINT, windows), Edit("visit_rules", "330421001-S01", windows[:1]))
    pack = load_pack(out).pack
    rules = [rule for rule in pack.visit_rules if rule.place == POINT]
    assert [(rule.times, rule.start, rule.end) for rule in rules] == [(2, 540, 600), (1, 1200, 1260)]
    assert pack.visit_rules[0].place == POINT
    assert pack.visit_rules[-1].place == "330421001-S01"
    gone = made(tmp_path, Edit("visit_rules", POINT), source=out)
    assert POINT not in {rule.place for rule in load_pack(gone).pack.visit_rules}


def test_a_place_keeps_the_day_from_which_it_has_owed_visits(tmp_path: Path) -> None:
    first = made(tmp_path, threshold("fever.default", 37.0), since=20200101, valid_from=20200218)
    library = PackLibrary(tmp_path / "packs")
    pack = library.install(first, 20200218).pack
    assert pack.valid_from == 20200218
    assert pack.owes_since(POINT) == 20200101
    station = Edit("visit_rules", "330421001-S01", ({"times": "1", "start": "09:00", "end": "10:00"},))
    second = made(tmp_path, station, source=first, since=20200218, valid_from=20200220)
    pack = load_pack(second).pack
    assert (pack.owes_since(POINT), pack.owes_since("330421001-S01")) == (20200101, 20200220)
    third = made(tmp_path, threshold("fever.default", 37.1), source=second, since=20200220, valid_from=20200225)
    assert load_pack(third).pack.owes_since("330421001-S01") == 20200220
    fourth = made(tmp_path, Edit("visit_rules", "330421001-S01"), source=third, since=20200225, valid_from=20200226)
    assert load_pack(fourth).pack.owed_since == {}


def test_an_edit_goes_on_until_somebody_has_scheduled_another_value(tmp_path: Path) -> None:
    base = content_of(BUNDLED_PACK)
    later = Content(made(tmp_path, threshold("fever.default", 37.0)))
    back = Content(made(tmp_path, threshold("patrol.radius_m", 60)))
    versions = [(20200101, base), (20200220, later), (20200225, back)]
    face, default = threshold("fever./face", 36.9), threshold("fever.default", 36.8)
    assert plan(versions, [face, default], 20200218) == {
        20200218: [face, default],
        20200220: [face],
        # The last version has no default of its own again: but that was a choice, so it stays.
        20200225: [face],
    }
    assert plan(versions, [checked(threshold("fever.default", 37.0))], 20200220) == {}
    assert plan(versions, [checked(threshold("fever.default", 37.0))], 20200221) == {}
    assert list(plan(versions, [default], 20200226)) == [20200226]


@pytest.mark.parametrize(
    ("table", "key", "text", "rows"),
    [
        ("thresholds", "fever.default", " 37.10 ", ({"value": "37.1"},)),
        ("thresholds", "fever.default", "默认", ()),
        ("duty_hours", GATE, "全天", hours("00:00", "00:00")),
        ("duty_hours", GATE, "6:00–22:00", hours("06:00", "22:00")),
        ("duty_hours", GATE, "20:00 至 08:00", hours("20:00", "08:00")),
        ("duty_hours", GATE, "default", ()),
        ("shifts", "day", "07:30-19:30", ({"name": "白班", "name_en": "Day shift", "start": "07:30", "end": "19:30"},)),
        (
            "visit_rules",
            POINT,
            "08:00-11:00 x1；13:00-16:00 2次",
            ({"times": "1", "start": "08:00", "end": "11:00"}, {"times": "2", "start": "13:00", "end": "16:00"}),
        ),
    ],
)
def test_a_rule_is_written_as_a_person_writes_it(table: str, key: str, text: str, rows: tuple[object, ...]) -> None:
    assert edit_of(table, key, text, content_of(BUNDLED_PACK)) == Edit(table, key, rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "key", "text", "sentence"),
    [
        ("duty_hours", GATE, "八点到十点", r"330421001-K03 的时段得到“八点到十点”，应为 HH:MM-HH:MM，或“全天”"),
        ("duty_hours", GATE, "06:00-25:00", r"的时段得到“06:00-25:00”，应为"),
        ("shifts", "day", "", r"班次 day 没有默认时间"),
        ("visit_rules", POINT, "08:00-11:00 x0", r"起早于止、每段 1 到 24 次"),
        ("visit_rules", POINT, "22:00-02:00", r"跨零点的写成两段"),
        ("visit_rules", POINT, "上午", r"的到访要求得到“上午”，应为 HH:MM-HH:MM x次数"),
        ("places", POINT, "x", r"places 不能写成一行文字"),
        ("thresholds", "patrol.dwell_s", "nan", r"得到“nan”，应为 10 到 900 s 的数"),
    ],
)
def test_what_is_not_so_written_gets_one_sentence(table: str, key: str, text: str, sentence: str) -> None:
    with pytest.raises(PackError, match=sentence) as told:
        edit_of(table, key, text, content_of(BUNDLED_PACK))
    assert " · " in told.value.sentence


def test_every_declared_rule_has_a_default_within_its_range_and_figures_that_exist() -> None:
    assert parameters()
    kpis = {kpi.key for feed in FEEDS.values() for kpi in feed.kpis}
    for key, one in parameters().items():
        assert one.low < one.high, key
        assert one.default is None or one.low <= one.default <= one.high, key
        if one.default is not None:
            assert checked(threshold(key, one.default)).rows
    named = {kpi for one in parameters().values() for kpi in one.kpis}
    assert named - {"dispute_stuck"} <= kpis | {f"{name}_stuck" for name in FEEDS}


def test_a_rule_is_named_by_table_and_key() -> None:
    assert table_and_key("fever.infrared/face") == ("thresholds", "fever.infrared/face")
    assert table_and_key(f"duty_hours/{GATE}") == ("duty_hours", GATE)


def test_a_held_version_counts_only_when_the_ledger_names_it(tmp_path: Path) -> None:
    library = PackLibrary(tmp_path / "packs")
    library.install(BUNDLED_PACK)
    out = made(tmp_path, threshold("fever.default", 37.0))
    held = library.install(out, 20200210, held=True).pack
    assert library.at("330421", 20200218).pack.thresholds == {}
    rows = [Adopted(1, 20200101, library.versions("330421")[0].version, 0)]
    book = RegionBook(library, "330421", lambda: rows)
    assert book(20200218).pack.thresholds == {}
    rows.append(Adopted(2, 20200210, held.version, 7))
    assert book.known(20200218, 6).pack.thresholds == {}
    assert book.known(20200218, 7).pack.thresholds == {"fever.default": 37.0}
    assert book.known(20200209, 7).pack.thresholds == {}
    # Loading it as a pack makes it count without the ledger.
    library.install(out, 20200210)
    assert PackLibrary(library.directory).at("330421", 20200218).pack.thresholds == {"fever.default": 37.0}


def test_the_former_content_may_count_again() -> None:
    class Library:
        def find(self, region: str, valid_from: int, version: str) -> str:
            return version

        def load(self, version: str) -> str:
            return version

    rows = (Adopted(1, 1, "a", 0), Adopted(2, 5, "b", 3), Adopted(3, 5, "a", 4))
    library: Any = Library()
    book: Any = RegionBook(library, "r", lambda: rows)
    assert [book.known(6, seq) for seq in (0, 3, 4)] == ["a", "b", "a"]
