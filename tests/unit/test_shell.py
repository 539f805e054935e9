"""The frame around every page: addresses that keep their state, one language, only pages and towns there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from plotly.utils import PlotlyJSONEncoder

from dashboard.domain.figure import Freshness
from dashboard.feeds import FEEDS
from dashboard.queries.board import Board
from dashboard.queries.views import overview
from dashboard.queries.views import shell as shell_view
from layouts import fontcut, icons, shell, theme
from layouts.shell import Address, Frame
from tests.engine.served import PACK, TOWNS
from tests.town_board import DISPUTES, ENTERPRISES, NOW, SILENT_TOWN, TOWN, town_board

ASSETS = Path(icons.ASSETS)


def rendered(parts: object) -> str:
    """Components as the page receives them."""
    return json.dumps(parts, cls=PlotlyJSONEncoder, ensure_ascii=False)


def framed(path: str = "/", search: str = "", page: str = "overview", **more: Any) -> str:
    """The frame of an address as JSON."""
    address = Address.parse(path, search)
    given = Frame(PACK, address.language(), address, PACK.towns, viewer="沈立", **more)
    return rendered(shell.frame(given, page, shell.notice(given, "missing"), "题"))


@pytest.mark.parametrize(
    ("path", "search", "shown"),
    [
        ("/", "", "/"),
        ("/wall/", "?scenes=a,b&dwell=30", "/wall?scenes=a%2Cb&dwell=30"),
        ("/town/330421111", "?open=7&open=8", "/town/330421111?open=7"),
    ],
)
def test_an_address_keeps_its_state(path: str, search: str, shown: str) -> None:
    assert Address.parse(path, search).with_query() == shown


def test_the_language_switch_changes_the_language_and_nothing_else() -> None:
    text = framed("/town/330421111", "?open=7&lang=en")
    assert "/town/330421111?open=7&lang=zh" in text
    assert "/town/330421111?open=7&lang=en" in text


def test_another_page_keeps_language_and_theme_and_drops_the_rest() -> None:
    address = Address.parse("/wall", "?lang=en&theme=light&scenes=x")
    assert address.to("/system") == "/system?lang=en&theme=light"


def test_an_unknown_language_reads_as_the_default() -> None:
    assert Address.parse("/", "?lang=fr").language("zh") == "zh"
    assert Address.parse("/", "?lang=en").language("zh") == "en"


def test_every_word_has_both_languages() -> None:
    for key, (zh, en) in shell.WORDS.items():
        assert re.search(r"[\u4e00-\u9fff]", zh), key
        assert not re.search(r"[\u4e00-\u9fff]", en), key


def test_english_pages_carry_no_chinese_but_place_and_person_names() -> None:
    text = framed("/", "?lang=en", replay=True, speed=30.0, day="2020-02-18")
    for name in ("中", "沈立", "题", *(town.name for town in PACK.towns)):
        text = text.replace(name, "")
    assert re.findall(r"[\u4e00-\u9fff]+", text) == []


def test_a_replay_says_so_on_every_page_and_live_does_not() -> None:
    for page in ("overview", "wall", "town", "system", "notice"):
        replay = framed(page=page, replay=True, speed=30.0, day="2020-02-18")
        assert "演示：情景回放 " in replay
        assert "×30" in replay
        assert "2020-02-18" in replay
        assert "情景回放" not in framed(page=page)


def test_the_wall_stands_alone_and_dark() -> None:
    text = framed("/wall", page="wall")
    assert '"data-surface": "wall"' in text
    assert '"data-theme": "dark"' in text
    assert "tw-top" not in text
    assert '"data-theme": "light"' in framed("/wall", "?theme=light", page="wall")
    assert '"data-theme": "light"' in framed("/wall", '?theme="><b', page="wall")


def test_the_bar_links_to_pages_and_towns_there_are_and_marks_the_present_one() -> None:
    text = framed("/patrols", page="patrols")
    for address in ("/", "/wall", "/system", *(f"/town/{code}" for code in TOWNS)):
        assert f'"href": "{address}"' in text
    assert text.count('"aria-current": "page"') == 1
    # One that stands behind “more” is marked there, and so is the word.
    behind = framed("/system", page="system")
    assert "tw-more-word tw-on" in behind
    assert "tw-more-word tw-on" not in text


def test_a_viewer_is_offered_its_own_towns() -> None:
    address = Address.parse("/", "")
    text = rendered(shell.top_bar(Frame(PACK, "zh", address, PACK.towns[:1]), "overview"))
    assert TOWNS[0] in text
    assert TOWNS[1] not in text


def test_the_root_is_down_until_the_socket_says_otherwise() -> None:
    assert '"data-live": "down"' in rendered(shell.root())


def test_an_unknown_icon_is_named() -> None:
    with pytest.raises(KeyError, match="no icon named"):
        icons.icon("nothing")


def test_the_icon_stylesheet_is_the_one_of_the_table() -> None:
    assert icons.STYLESHEET.read_text("utf-8") == icons.stylesheet()
    assert icons.MARK_FILE.read_text("utf-8") == icons.MARK
    for feed in FEEDS.values():
        assert feed.icon in icons.STROKES


def test_python_colours_are_those_of_the_stylesheet() -> None:
    css = (ASSETS / "00-tokens.css").read_text("utf-8")
    light, dark = css.split("/* ---- dark", 1)
    for text, colours in ((light, theme.LIGHT), (dark, theme.DARK)):
        for name in ("bg", "surface", "line", "text", "accent", "nodata"):
            assert f"--tw-{name}: {colours[name]}" in text
    assert all(colour in dark for colour in theme.RAMP_DARK)


def test_the_charts_template_has_no_legend_and_few_lines() -> None:
    layout = theme.plotly_template("dark", wall=True).layout
    assert (layout.showlegend, layout.font.size, layout.hovermode) == (False, 18, False)


def test_the_bundled_font_is_small_licensed_and_has_the_shells_words() -> None:
    files = [fontcut.FONTS / name for name in fontcut.FACES.values()]
    assert sum(file.stat().st_size for file in files) <= fontcut.LIMIT
    assert "SIL OPEN FONT LICENSE" in (fontcut.FONTS / "OFL.txt").read_text("utf-8")
    text = fontcut.characters([fontcut.ROOT / "layouts"])
    assert set("镇哨总览大屏系统0123456789，。℃×") <= set(text)


def test_assets_fetch_nothing_and_need_no_exception_from_the_policy() -> None:
    for file in [*ASSETS.glob("*.js"), *ASSETS.glob("*.css")]:
        text = file.read_text("utf-8")
        remote = [found for found in re.findall(r"https?://[\w.]+", text) if found != "http://www.w3.org"]
        assert remote == [], file.name
        assert not re.search(r"\beval\(|new Function\(|\son(?:click|error|load)=\"", text), file.name


def test_the_shell_view_has_a_badge_for_every_feed_with_its_limits() -> None:
    board = town_board(dispute=DISPUTES, enterprise=ENTERPRISES)
    for lang in ("zh", "en"):
        data = shell_view.build(board, "all", lang)
        assert [badge["feed"] for badge in data["feeds"]] == [name for name, feed in FEEDS.items() if feed.core]
        for badge in data["feeds"]:
            assert badge["late"] < badge["stale"] < badge["silent"]
            assert badge["received"] <= NOW


def test_a_feed_never_heard_of_is_silent_and_has_no_age() -> None:
    badges = shell_view.build(town_board(track=None), "all", "zh")["feeds"]
    patrol = next(badge for badge in badges if badge["feed"] == "patrol")
    assert (patrol["freshness"], patrol["received"]) == (str(Freshness.SILENT), None)


def told(board: Board, lang: str) -> dict[str, Any]:
    """The overview's document as its page asks for it."""
    return overview.VIEW.document(overview.VIEW.ask(board, lang, ()), "all")


def test_the_overview_has_a_row_for_every_town_and_a_cell_for_every_column() -> None:
    data = told(town_board(dispute=DISPUTES, enterprise=ENTERPRISES), "zh")
    assert [row["town"] for row in data["rows"]] == [TOWN, SILENT_TOWN]
    for row in [data["region"], *data["rows"]]:
        assert [cell["kpi"] for cell in row["cells"]] == [column["kpi"] for column in data["columns"]]


def test_a_town_that_did_not_report_shows_a_dash_and_never_a_zero() -> None:
    for lang, words in (("zh", "未报"), ("en", "Not reported")):
        silent = told(town_board(dispute=DISPUTES, enterprise=ENTERPRISES), lang)["rows"][1]
        for cell in silent["cells"]:
            assert (cell["value"], cell["raw"], cell["note"]) == ("—", None, words)


def test_the_parts_of_the_state_bar_are_the_days_obligations() -> None:
    cell = told(town_board(dispute=DISPUTES, enterprise=ENTERPRISES), "zh")["rows"][0]["cells"][1]
    assert cell["kpi"] == "patrol_coverage"
    bar = cast("dict[str, int]", cell["bar"])
    assert bar["met"] + bar["lapsed"] + bar["unobservable"] + bar["open"] == bar["total"]
    assert "漏巡" in cell["note"]


def test_the_overview_shows_four_feeds_the_best_town_first() -> None:
    data = told(town_board(dispute=DISPUTES, enterprise=ENTERPRISES), "zh")
    assert [column["kpi"] for column in data["columns"]] == [
        "resumption_rate", "patrol_coverage", "fever_count", "dispute_open",
    ]  # fmt: skip
    assert {one["feed"] for one in data["tiles"]} == {"patrol", "temperature", "dispute", "enterprise"}
    assert [row["town"] for row in data["rows"]] == [TOWN, SILENT_TOWN]
    cells = {cell["kpi"]: cell for cell in data["rows"][0]["cells"]}
    assert cells["resumption_rate"]["note"] == "1/5"
    assert cells["patrol_coverage"]["dims"] == {"target": "patrol_point"}
    assert cells["dispute_open"]["value"] == "4"
    assert data["headline"][0]["text"] == "复工率 20.0%"


def test_the_overviews_headline_counts_the_towns_that_need_a_look() -> None:
    zh = told(town_board(), "zh")["headline"]
    assert zh[0]["text"].startswith("巡逻覆盖率 ")
    assert {"text": "1 镇告警", "tone": "alert"} in zh
    english = json.dumps(told(town_board(), "en")["headline"], ensure_ascii=False)
    assert not re.search(r"[\u4e00-\u9fff]", english)
