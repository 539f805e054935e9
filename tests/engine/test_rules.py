"""Rules that change while records come: exactly once, from their day on, and what was shown stays what was shown."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from shutil import rmtree
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from callbacks.rules import reply
from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.actions import Actions
from dashboard.api.rules import document
from dashboard.cli import app
from dashboard.domain.day import iso
from dashboard.errors import NotAllowed, Outdated, PackError
from dashboard.queries.asked import canonical
from dashboard.queries.export import as_csv, as_xlsx
from dashboard.queries.rules import rules_of
from dashboard.queries.ruling.tables import tables as view_tables
from dashboard.queries.trial import effects
from dashboard.queries.views.rules import VIEW
from dashboard.stores import rules
from geodata.library import BUNDLED_PACK
from geodata.revise import Edit, revise, threshold
from ingest.revision import Change, Revisions, Saved
from ingest.worker import Worker
from tests.engine.core import CHECKPOINT, MAX_STEPS, NOON, YAOZHUANG, Core, fix, ms, raising, reading

TODAY, TOMORROW = 20200218, 20200219
FOREHEAD = "fever.infrared/forehead"
CHIEF = Viewer("秦月", frozenset({Role.CHIEF}), frozenset({YAOZHUANG}))


def door(core: Core) -> Revisions:
    return Revisions(core.history, core.parts.region_at, core.clock)


def change(core: Core, *edits: Edit, valid_from: int | None = TODAY, viewer: Viewer = LOCAL_VIEWER) -> Saved:
    return door(core).save(viewer, Change(edits), valid_from, "按通知调整")


def adopt(core: Core) -> None:
    core.worker.step()
    core.worker.step()


def test_a_threshold_valid_from_today_folds_today_again_and_publishes(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=37.0), reading(2, celsius=36.5))
    assert core.value("fever_count") == 0
    change(core, threshold(FOREHEAD, 36.9))
    adopt(core)
    assert core.value("fever_count") == 1
    core.accept("temperature", reading(3, "11:59", celsius=36.95))
    assert core.value("fever_count") == 2


def test_yesterday_keeps_the_rules_it_had(core: Core) -> None:
    core.accept("temperature", reading(1, "2020-02-17T23:00:00+08:00", celsius=37.0), reading(2, celsius=37.0))
    change(core, threshold(FOREHEAD, 36.9))
    adopt(core)
    assert core.value("fever_count") == 1
    assert core.reader().day(LOCAL_VIEWER, 20200217).figure("fever_count", YAOZHUANG).value == 0
    # A late record of yesterday is judged by yesterday's rules too.
    core.accept("temperature", reading(3, "2020-02-17T23:05:00+08:00", celsius=37.1))
    assert core.reader().day(LOCAL_VIEWER, 20200217).figure("fever_count", YAOZHUANG).value == 0


def test_a_change_for_tomorrow_takes_effect_at_midnight_by_itself(core: Core) -> None:
    core.clock.set(ms("23:59"))
    core.accept("temperature", reading(1, "23:58", celsius=37.0))
    saved = change(core, threshold(FOREHEAD, 36.9), valid_from=None)
    assert saved.valid_from == TOMORROW
    adopt(core)
    core.accept("temperature", reading(2, "2020-02-19T00:00:30+08:00", celsius=37.0))
    assert core.value("fever_count") == 0
    core.clock.set(ms("2020-02-19T00:01:00+08:00"))
    core.worker.step()
    assert core.value("fever_count") == 1
    assert core.reader().day(LOCAL_VIEWER, TODAY).figure("fever_count", YAOZHUANG).value == 0


def test_duty_hours_for_tomorrow_move_checkpoints_at_midnight(core: Core) -> None:
    core.clock.set(ms("23:59"))
    core.accept("temperature", reading(1, "23:58"))
    before = core.figure("checkpoints_online").denominator
    assert before is not None
    change(core, Edit("duty_hours", CHECKPOINT, ({"start": "08:00", "end": "20:00"},)), valid_from=None)
    adopt(core)
    assert core.figure("checkpoints_online").denominator == before
    core.clock.set(ms("2020-02-19T00:00:00+08:00"))
    core.worker.step()
    assert core.reader().board(LOCAL_VIEWER).reading(YAOZHUANG).on_duty == before - 1  # type: ignore[union-attr]


def test_as_of_before_the_change_shows_what_was_shown(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=37.0))
    shown = core.window()
    seq = core.reader().past.seq_at(NOON)
    core.clock.set(ms("12:05"))
    change(core, threshold(FOREHEAD, 36.9), Edit("duty_hours", CHECKPOINT, ({"start": "20:00", "end": "21:00"},)))
    adopt(core)
    after = core.window()
    assert after != shown
    reader = core.reader()
    assert reader.past.seq_at(ms("12:04")) == seq
    then = reader.as_of(LOCAL_VIEWER, NOON)
    told = {(o.feed, o.kpi, o.town): (o.value, o.numerator, o.denominator) for o in then.figures(breakdowns=False)}
    assert told == shown
    assert then.pack.duty_by_checkpoint[CHECKPOINT].start != 20 * 60
    now = reader.as_of(LOCAL_VIEWER, ms("12:05"))
    assert now.figure("fever_count", YAOZHUANG).value == 1


def test_a_visit_counts_by_the_stay_of_its_day(core: Core) -> None:
    place, start, _ = core.owed()
    assert place.lon is not None
    assert place.lat is not None
    fixes = [fix(n, iso(start + n * 60_000), place.lon, place.lat) for n in range(3)]
    core.accept("patrol", *(one | {"at": iso(start + n * 60_000)} for n, one in enumerate(fixes)))
    met = core.value("obligations_met")
    assert met
    change(core, threshold("patrol.dwell_s", 300))
    adopt(core)
    assert core.value("obligations_met") == met - 1
    change(core, threshold("patrol.dwell_s", None))
    adopt(core)
    assert core.value("obligations_met") == met


def together(core: Core, other: Worker) -> None:
    """Both work until the road is empty."""
    for _ in range(MAX_STEPS):
        core.worker.step()
        other.step()
        if core.on_the_road() == (0, 0, 0):
            return
    raise AssertionError(core.on_the_road())


def test_of_two_workers_one_adopts_and_both_go_by_the_new_rules(core: Core) -> None:
    other = core.another_worker(share=1)
    core.worker.share = lambda: 1
    core.worker.step()
    other.step()
    core.send("temperature", *(reading(n, celsius=37.0, checkpoint=f"C{n}") for n in range(8)))
    together(core, other)
    assert core.value("fever_count") == 0
    change(core, threshold(FOREHEAD, 36.9))
    seq = core.reader().past.seq_at(core.clock.now())
    other.step()
    core.worker.step()
    assert core.reader().past.seq_at(core.clock.now()) == seq + 1, "one of them, once"
    assert core.value("fever_count") == 8
    core.send("temperature", *(reading(10 + n, "11:59", celsius=37.0, checkpoint=f"C{n}") for n in range(8)))
    together(core, other)
    assert core.value("fever_count") == 16


def test_a_worker_that_dies_while_adopting_leaves_the_old_rules_and_the_next_one_adopts(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.accept("temperature", reading(1, celsius=37.0))
    states = core.states()
    change(core, threshold(FOREHEAD, 36.9))
    with monkeypatch.context() as patch:
        patch.setattr(rules, "adopt", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            core.worker.step()
    assert core.states() == states
    assert core.value("fever_count") == 0
    # Dead after the commit and before the publication: whoever takes the lease publishes.
    with monkeypatch.context() as patch:
        patch.setattr(core.worker.publisher, "publish", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            core.worker.step()
    assert core.states() != states
    assert core.value("fever_count") == 0
    core.worker.held = {}
    core.worker._renew_at = 0
    core.worker.step()
    assert core.value("fever_count") == 1


def test_a_change_against_an_outdated_version_is_refused_with_who_changed_it(core: Core) -> None:
    revisions = door(core)
    base = revisions.base()
    change(core, threshold(FOREHEAD, 36.9), viewer=Viewer("方远", frozenset({Role.LEADER})))
    with pytest.raises(Outdated, match=r"方远 已在 12:00 把“发热阈值：红外·额”改为 36\.9（自 2020-02-18 起）"):
        revisions.save(LOCAL_VIEWER, Change((threshold(FOREHEAD, 37.2),), base), TODAY, "再调")
    # Another rule is nobody's conflict.
    revisions.save(LOCAL_VIEWER, Change((threshold("fever.default", 37.2),), base), TODAY, "另一条")
    revisions.save(LOCAL_VIEWER, Change((threshold(FOREHEAD, 37.2),), revisions.base()), TODAY, "核对过了")
    adopt(core)
    pack = core.parts.region_at.known(TODAY, 99).pack
    assert pack.thresholds == {"fever.default": 37.2, FOREHEAD: 37.2}


def test_a_change_for_today_is_carried_into_what_is_scheduled_but_never_over_it(core: Core) -> None:
    change(core, threshold("fever.default", 37.0), valid_from=20200225)
    change(core, threshold(FOREHEAD, 36.8), valid_from=20200225)
    saved = change(core, threshold(FOREHEAD, 36.9), threshold("patrol.radius_m", 80))
    assert saved.carried == (20200225,)
    adopt(core)
    book = core.parts.region_at
    assert book.known(TODAY, 99).pack.thresholds == {FOREHEAD: 36.9, "patrol.radius_m": 80}
    later = {"fever.default": 37.0, FOREHEAD: 36.8, "patrol.radius_m": 80}
    assert book.known(20200225, 99).pack.thresholds == later


def test_a_scheduled_change_can_be_cancelled_and_one_in_force_restored(core: Core) -> None:
    revisions = door(core)
    scheduled = change(core, threshold(FOREHEAD, 36.9), valid_from=20200225)
    cancelled = revisions.cancel(LOCAL_VIEWER, scheduled.change)
    adopt(core)
    assert FOREHEAD not in core.parts.region_at.known(20200225, 99).pack.thresholds
    assert cancelled.valid_from == 20200225
    now = change(core, threshold(FOREHEAD, 36.9))
    adopt(core)
    with pytest.raises(PackError, match="已经生效，不能取消"):
        revisions.cancel(LOCAL_VIEWER, now.change)
    revisions.restore(LOCAL_VIEWER, now.change, TODAY)
    adopt(core)
    assert core.parts.region_at.known(TODAY, 99).pack.thresholds == {}
    with core.history.reading() as connection:
        kept = rules.changes(connection, "330421")
    assert [(one.who, one.key, one.undoes) for one in kept] == [
        ("本机", FOREHEAD, now.change),
        ("本机", FOREHEAD, None),
        ("本机", FOREHEAD, scheduled.change),
        ("本机", FOREHEAD, None),
    ]
    assert kept[0].before == ({"value": "36.9"},)
    assert kept[0].after == ()
    assert all(one.known_at == NOON for one in kept)


@pytest.mark.parametrize(
    ("edit", "day", "reason", "sentence"),
    [
        (threshold(FOREHEAD, 36.9), 20200217, "早了", r"生效日期是 2020-02-17，应为今天（2020-02-18）到 .*更早的日子保留当时的规则"),
        (threshold(FOREHEAD, 36.9), 20210301, "远了", r"应为今天（2020-02-18）到 2021-02-18"),
        (threshold(FOREHEAD, 36.9), 20200230, "没有", r"生效日期是 不成日期的数"),
        (threshold(FOREHEAD, 36.9), TODAY, "  ", r"原因有 0 个字，应为 1 到 200 个字"),
        (threshold(FOREHEAD, 50), TODAY, "高了", r"规则“发热阈值：红外·额”（fever\.infrared/forehead）得到“50”，应为 35 到 42 ℃ 的数"),
        (threshold(FOREHEAD, "三十七"), TODAY, "字", r"得到“三十七”，应为 35 到 42"),
        (threshold("fever.nose", 37), TODAY, "没有", r"没有规则“fever\.nose”，可以设的有："),
        (threshold(FOREHEAD, None), TODAY, "空", r"没有改动：“发热阈值：红外·额”自 2020-02-18 起本来就是这样"),
        (Edit("duty_hours", CHECKPOINT, ({"start": "25:00", "end": "08:00"},)), TODAY, "钟", r"duty_hours\.csv 第 \d+ 行，字段 start 是“25:00”，应为"),
        (Edit("duty_hours", "no-such", ({"start": "08:00", "end": "09:00"},)), TODAY, "点", r"字段 checkpoint 是“no-such”，应为 places\.csv 里卡点的代码"),
        (Edit("duty_hours", CHECKPOINT, ({"from": "08:00"},)), TODAY, "列", r"有字段 from，应为 start、end"),
        (Edit("towns", "330421001"), TODAY, "表", r"没有可以改的表“towns”"),
    ],
)  # fmt: skip
def test_a_bad_change_is_refused_in_one_sentence_and_leaves_nothing(
    core: Core, edit: Edit, day: int, reason: str, sentence: str
) -> None:
    with pytest.raises(PackError, match=sentence):
        door(core).save(LOCAL_VIEWER, Change((edit,)), day, reason)
    assert core.count("rule_change") == 0
    assert core.count("pack_adoption") == 1


def test_a_chief_changes_the_duty_hours_of_the_own_checkpoints_only(core: Core) -> None:
    own = Edit("duty_hours", CHECKPOINT, ({"start": "07:00", "end": "19:00"},))
    other = Edit("duty_hours", "330421001-K03", ({"start": "07:00", "end": "19:00"},))
    change(core, own, viewer=CHIEF)
    for edits in ((other,), (own, other), (threshold(FOREHEAD, 36.9),)):
        with pytest.raises(NotAllowed):
            change(core, *edits, viewer=CHIEF)
    for role in (Role.WALL, Role.CLERK, Role.OFFICER, Role.API):
        with pytest.raises(NotAllowed):
            change(core, threshold(FOREHEAD, 36.9), viewer=Viewer("某", frozenset({role})))
    with pytest.raises(NotAllowed):
        change(core, threshold(FOREHEAD, 36.9), viewer=Viewer("某", frozenset({Role.LEADER}), frozenset({YAOZHUANG})))


def test_a_reason_keeps_no_phone_number(core: Core) -> None:
    door(core).save(LOCAL_VIEWER, Change((threshold(FOREHEAD, 36.9),)), TODAY, "电话 13812345678 通知")
    with core.history.reading() as connection:
        assert rules.changes(connection, "330421")[0].reason == "电话 138******** 通知"


def test_a_pack_that_was_loaded_counts_as_soon_as_a_worker_has_adopted_it(core: Core, tmp_path: Path) -> None:
    core.accept("temperature", reading(1, celsius=37.0))
    revise(BUNDLED_PACK, [threshold(FOREHEAD, 36.9)], tmp_path / "other")
    core.parts.region_at.library.install(tmp_path / "other", TODAY)
    assert core.parts.region_at.known(TODAY, 99).pack.thresholds == {}
    adopt(core)
    assert core.value("fever_count") == 1


def test_a_version_that_is_gone_stops_no_records(core: Core) -> None:
    saved = change(core, threshold(FOREHEAD, 36.9))
    library = core.parts.region_at.library
    rmtree(library.find("330421", TODAY, saved.version).path)
    core.accept("temperature", reading(1, celsius=37.0))
    assert core.value("screened") == 1
    assert core.value("fever_count") == 0


# -- for readers -----------------------------------------------------------------------------------------------------


def view(core: Core, viewer: Viewer = LOCAL_VIEWER, **params: str) -> dict[str, Any]:
    reader = core.reader()
    asked = VIEW.ask(reader.board(viewer), "zh", canonical(params), reader.moments(viewer))
    return VIEW.document(asked, "all")


def test_the_page_tells_value_since_when_and_what_is_scheduled(core: Core) -> None:
    change(core, threshold(FOREHEAD, 36.9))
    change(core, threshold("patrol.radius_m", 80), valid_from=20200225)
    adopt(core)
    document = view(core)
    lines = {line["id"]: line for group in document["groups"] for line in group["lines"]}
    own = lines[f"thresholds/{FOREHEAD}"]
    assert (own["value"], own["unit"], own["since"], own["own"]) == ("36.9", "℃", "2月18日", True)
    radius = lines["thresholds/patrol.radius_m"]
    assert (radius["value"], radius["own"], radius["since"]) == ("50", False, "")
    assert radius["next"] == {"day": "2月25日", "value": "80 米"}
    assert [one["name"] for one in document["scheduled"]] == ["到点距离"]
    assert document["headline"][0]["text"] == "1 条阈值由本地设定"
    assert document["headline"][1]["text"] == "1 项已排定，最近一项2月25日起"
    yesterday = view(core, day="2020-02-17")
    assert not [group for group in yesterday["groups"] for line in group["lines"] if line["own"]]
    assert not yesterday["may"]["all"]


def test_the_page_filters_and_its_files_hold_the_record_of_changes(core: Core) -> None:
    change(core, threshold(FOREHEAD, 36.9), viewer=Viewer("方远", frozenset({Role.LEADER})))
    change(core, Edit("duty_hours", CHECKPOINT, ({"start": "07:00", "end": "19:00"},)), viewer=CHIEF)
    adopt(core)
    assert [one["who"] for one in view(core, part="changes")["log"]] == ["秦月", "方远"]
    assert [one["who"] for one in view(core, part="changes", who="方远")["log"]] == ["方远"]
    assert [one["who"] for one in view(core, part="changes", feed="temperature", town=YAOZHUANG)["log"]] == ["秦月"]
    reader = core.reader()
    asked = VIEW.ask(reader.board(LOCAL_VIEWER), "zh", canonical({"part": "changes"}), reader.moments(LOCAL_VIEWER))
    tables = {table.name: table for table in view_tables(asked, "all")}
    text = as_csv(asked, "规则", tables["changes"])
    assert text.startswith(b"\xef\xbb\xbf")
    lines = [line for line in text.decode("utf-8-sig").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [(row["谁"], row["键"], row["原来"], row["改为"], row["自"]) for row in rows] == [
        ("秦月", CHECKPOINT, "全天", "07:00–19:00", "2020-02-18"),
        ("方远", FOREHEAD, "不另设", "36.9 ℃", "2020-02-18"),
    ]
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(asked, "规则", list(tables.values()))))
    assert [row[4].value for row in book["改动记录"].iter_rows(min_row=2)] == [CHECKPOINT, FOREHEAD]
    # A chief sees the own town's changes and those of the whole region, and no other town's.
    other = Viewer("邻", frozenset({Role.CHIEF}), frozenset({"330421001"}))
    assert [one["who"] for one in view(core, other, part="changes")["log"]] == ["方远"]
    assert {town["town"] for town in view(core, other, part="duty")["places"]} == {"330421001"}


def test_the_history_of_one_rule_opens_in_the_drawer(core: Core) -> None:
    first = change(core, threshold(FOREHEAD, 36.9))
    door(core).restore(LOCAL_VIEWER, first.change, TODAY, "通知作废")
    adopt(core)
    drawer = view(core, open=f"thresholds/{FOREHEAD}")["drawer"]
    assert drawer["title"] == "发热阈值：红外·额"
    assert [item["text"] for item in drawer["sections"][0]["items"]] == [
        "本机：36.9 ℃ → 不另设，2月18日起（已生效）。通知作废",
        "本机：不另设 → 36.9 ℃，2月18日起（已恢复）。按通知调整",
    ]


def test_a_figures_help_has_its_rules_with_their_days(core: Core) -> None:
    change(core, threshold(FOREHEAD, 36.9), threshold("patrol.dwell_s", 120), valid_from=TODAY)
    change(core, threshold("patrol.dwell_s", 90), valid_from=20200225)
    adopt(core)
    board = core.reader().board(LOCAL_VIEWER)
    told = {row.key: row for row in rules_of(board, "fever_count")}
    assert set(told) == {"fever.default", FOREHEAD}
    assert (told[FOREHEAD].value, told[FOREHEAD].since, told[FOREHEAD].own) == ("36.9 ℃", TODAY, True)
    assert (told["fever.default"].value, told["fever.default"].since) == ("37.3 ℃", None)
    dwell = next(row for row in rules_of(board, "patrol_coverage") if row.key == "patrol.dwell_s")
    assert (dwell.value, dwell.next_day, dwell.next_value) == ("120 秒", 20200225, "90 秒")
    assert rules_of(board, "screened") == []


def test_a_trial_says_what_today_would_be_and_changes_nothing(core: Core) -> None:
    core.accept("temperature", reading(1, celsius=37.0), reading(2, celsius=36.5), reading(3, celsius=36.95))
    states, reader = core.states(), core.reader()
    board = reader.board(LOCAL_VIEWER)
    found = effects(board, reader.past, [threshold(FOREHEAD, 36.9)], "zh")
    assert found is not None
    told = {one.kpi: (one.before, one.after, one.delta) for one in found}
    assert told["fever_count"] == ("0 人次", "2 人次", "+2 人次")
    hours = Edit("duty_hours", CHECKPOINT, ({"start": "20:00", "end": "21:00"},))
    online = effects(board, reader.past, [hours], "zh")
    assert online is not None
    assert [one.kpi for one in online] == ["checkpoints_online"]
    assert not online[0].same
    assert effects(board, reader.past, [Edit("places", "P")], "zh") is None
    assert core.states() == states
    assert core.count("rule_change") == 0
    # The figure that was promised is the one that comes.
    change(core, threshold(FOREHEAD, 36.9))
    adopt(core)
    assert core.value("fever_count", "all") == 2


def test_the_page_asks_and_the_door_answers_in_one_sentence(core: Core) -> None:
    actions = Actions(core.intake, core.history, lambda: core.parts.region_at(TODAY), core.clock, door(core))

    def ask(viewer: Viewer | None = LOCAL_VIEWER, **asked: Any) -> dict[str, Any]:
        return reply(core.reader(), actions, viewer, asked)

    edit = [{"table": "thresholds", "key": FOREHEAD, "text": "36.9"}]
    assert ask(do="try", edits=edit, turn=3) == {"turn": 3, "do": "try", "ok": True, "text": "", "effects": []}
    saved = ask(do="save", edits=edit, valid_from="2020-02-18", reason="按通知", base=door(core).base())
    assert (saved["ok"], saved["text"]) == (True, "已保存第 1 号改动：1 条规则，自2月18日起")
    late = ask(do="save", edits=[edit[0] | {"text": "37"}], valid_from="2020-02-18", reason="再调", base=1, lang="en")
    assert not late["ok"]
    assert late["text"].startswith(f"本机 changed {FOREHEAD} to 36.9 at 12:00, valid from 2020-02-18")
    for asked, sentence in (
        ({"do": "save", "edits": edit, "valid_from": "2020-02-17", "reason": "早"}, "更早的日子保留当时的规则"),
        ({"do": "save", "edits": edit, "valid_from": "昨天", "reason": "早"}, "生效日期是 不成日期的数"),
        ({"do": "save", "edits": [], "reason": "空"}, "没有改动"),
        ({"do": "cancel", "number": 77, "reason": "错"}, "没有第 77 号改动"),
        ({"do": "save", "edits": "x", "reason": "错"}, "没有改动"),
    ):
        told = ask(**asked)
        assert not told["ok"]
        assert sentence in told["text"]
        assert " · " not in told["text"]
    assert "请先登录" in ask(None, do="save", edits=edit, reason="x")["text"]
    assert "管理员" in ask(Viewer("某", frozenset({Role.CLERK})), do="save", edits=edit, reason="x")["text"]
    assert ask(do="nothing") == {"turn": None, "do": "nothing", "ok": False, "text": ""}


def test_the_api_tells_the_rules_of_a_day_and_who_changed_them(core: Core) -> None:
    change(core, threshold(FOREHEAD, 36.9))
    change(core, Edit("duty_hours", CHECKPOINT, ({"start": "07:00", "end": "19:00"},)), valid_from=20200225)
    adopt(core)
    told = document(core.reader(), LOCAL_VIEWER, None, True)
    found = {one["key"]: one for one in told["thresholds"]}
    assert (found[FOREHEAD]["value"], found[FOREHEAD]["since"]) == (36.9, "2020-02-18")
    assert (found["patrol.dwell_s"]["value"], found["patrol.dwell_s"]["since"]) == (60, None)
    gate = next(one for one in told["duty_hours"] if one["key"] == CHECKPOINT)
    assert gate["next"] == {"valid_from": "2020-02-25", "rows": [{"start": "07:00", "end": "19:00"}]}
    assert [one["change"] for one in told["changes"]] == [2, 1]
    before = document(core.reader(), LOCAL_VIEWER, 20200217, False)
    assert next(one for one in before["thresholds"] if one["key"] == FOREHEAD)["value"] is None
    own = document(core.reader(), CHIEF, None, True)
    assert {one["town"] for one in own["duty_hours"]} == {YAOZHUANG}


def test_the_command_lists_sets_and_tells_the_history(core: Core) -> None:
    data = ["--data", str(core.settings.data_dir)]
    environment = {"TOWNWATCH_DATABASE_URL": core.settings.database_url}

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["rules", *words, *data], env=environment)

    listed = run("list", "--feed", "patrol")
    assert "patrol.dwell_s  停留时间  默认 60 秒" in listed.output.splitlines()
    done = run("set", f"duty_hours/{CHECKPOINT}", "07:00-19:00", "--reason", "试")
    assert done.output.startswith("已保存第 1 号改动，自 ")
    history = run("history").output.splitlines()
    assert len(history) == 1
    assert f"duty_hours/{CHECKPOINT}  全天 → 07:00–19:00  自 " in history[0]
    assert "等待生效" in history[0]
    assert run("cancel", "1").output.startswith("已保存第 2 号改动")
    wrong = run("set", "patrol.radius_m", "500", "--reason", "试")
    assert isinstance(wrong.exception, PackError)
    assert "应为 10 到 200 m 的数" in wrong.exception.sentence
