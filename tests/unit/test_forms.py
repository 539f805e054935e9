"""Forms made from declarations: every declared field is asked for, and what is wrong is said beside it by the decoder."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plotly.utils import PlotlyJSONEncoder

from dashboard.access.viewer import LOCAL_VIEWER, Role, Viewer
from dashboard.domain.event import Rejected
from dashboard.domain.feed import Feed
from dashboard.domain.form import allowed_words, form_of, plain, unit_of
from dashboard.domain.privacy import PSEUDONYM
from dashboard.errors import ConfigurationError
from dashboard.feeds import FEEDS
from dashboard.queries.forms import problem
from dashboard.stores.history import migrate, open_engine
from geodata.pack import load_pack
from geodata.region import Region
from ingest.decode import Door, decode_records, faults
from layouts.pages import record
from tests.browser.running import ROOT

HAN = re.compile(r"[\u4e00-\u9fff]")
FEED_LIST = list(FEEDS.values())
NOW = 1_582_000_000_000
"""18 February 2020, 12:26 in Shanghai: after every feed's sample."""


@pytest.fixture(scope="module")
def region() -> Region:
    """The region that the samples are of."""
    return load_pack(ROOT / "geodata" / "packs" / "jiashan")


def rendered(feed: Feed, lang: str, region: Region) -> str:
    """A feed's form as the page receives it."""
    return json.dumps(record.layout(region.pack, lang, feed=feed.name), cls=PlotlyJSONEncoder, ensure_ascii=False)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("feed", FEED_LIST, ids=lambda feed: feed.name)
def test_every_declared_field_is_asked_for_with_its_name_choices_and_unit(
    feed: Feed, lang: str, region: Region
) -> None:
    form, text = form_of(feed), rendered(feed, lang, region)
    assert [one.name for one in form.fields] == [field.name for field in feed.fields if field.name != PSEUDONYM]
    for one in form.fields:
        assert f'"data-field": "{one.name}"' in text
        assert one.field.words.of(lang) in text
        assert json.dumps(unit_of(one.field, lang), ensure_ascii=False) in text
        for code, words in one.field.choices.items():
            assert f'"data-value": "{code}"' in text
            assert words.of(lang) in text
    assert PSEUDONYM not in text
    for special in ("at", "position"):
        assert f'"data-field": "{special}"' in text


@pytest.mark.parametrize("feed", FEED_LIST, ids=lambda feed: feed.name)
def test_what_is_required_and_when_is_what_the_declaration_says(feed: Feed) -> None:
    form = form_of(feed)
    rules = {(rule.when, rule.equals): set(rule.fields) for rule in feed.required}
    said: dict[tuple[str, str], set[str]] = {}
    for one in form.fields:
        for rule in one.when:
            said.setdefault(rule, set()).add(one.name)
    for rule in form.position_when:
        said.setdefault(rule, set()).update({"lon", "lat"})
    assert said == rules
    assert not any(one.folded for one in form.fields if one.field.required)


def test_numbers_bring_the_keyboard_of_numbers_and_cases_and_places_are_picked() -> None:
    def asked(feed: str, name: str) -> Any:
        return next(one for one in form_of(FEEDS[feed]).fields if one.name == name)

    assert asked("temperature", "celsius").inputmode == "decimal"
    assert asked("patrol", "officers").inputmode == "numeric"
    assert {name: asked("temperature", name).control for name in ("checkpoint", "celsius", "site")} == {
        "checkpoint": "place", "celsius": "number", "site": "chips",
    }  # fmt: skip
    assert (asked("patrol", "unit").control, asked("patrol", "place").control) == ("unit", "place")
    assert (asked("dispute", "case").control, asked("dispute", "due").control) == ("case", "time")
    assert asked("enterprise", "enterprise").control == "case"
    assert form_of(FEEDS["temperature"]).kept == ("checkpoint",)


@pytest.mark.parametrize("feed", FEED_LIST, ids=lambda feed: feed.name)
def test_an_english_form_is_english(feed: Feed, region: Region) -> None:
    text = rendered(feed, "en", region)
    for field in feed.fields:
        text = text.replace(field.example, "")
    assert HAN.findall(text) == []


def test_bounds_are_written_as_people_write_them() -> None:
    assert [plain(number) for number in (0, 1_000_000, 37.3, 0.5, 45.0)] == ["0", "1000000", "37.3", "0.5", "45"]
    assert "e+" not in " ".join(allowed_words(field).zh for feed in FEED_LIST for field in feed.fields)


# -- what is wrong ---------------------------------------------------------------------------------------------------


def said(feed: str, record: dict[str, Any], door: Door) -> dict[str, Rejected]:
    """Faults by field; the decoder must agree that there are some, or none."""
    found = faults(FEEDS[feed], record, door, NOW)
    events, rejected = decode_records(FEEDS[feed], [record], door, NOW)
    assert bool(found) == bool(rejected)
    assert bool(events) != bool(found)
    if rejected:
        assert rejected[0].field in {one.field for one in found}
    return {one.field: one for one in found}


@pytest.fixture(scope="module")
def door(region: Region) -> Door:
    """A person's door."""
    return Door("form:沈立", region, frozenset({"330421111"}), "Asia/Shanghai")


@pytest.mark.parametrize("feed", FEED_LIST, ids=lambda feed: feed.name)
def test_a_sample_has_no_faults_and_without_anything_every_required_field_has_one(feed: Feed, door: Door) -> None:
    assert said(feed.name, dict(feed.sample), door) == {}
    wanted = {field.name for field in feed.fields if field.required} | {"id", "at", "town"}
    found = said(feed.name, {}, door)
    assert found.keys() - {"town"} == wanted - {"town"}
    for lang in ("zh", "en"):
        for one in found.values():
            sentence = problem(feed, one, lang)
            assert sentence
            assert (lang == "zh") == bool(HAN.search(sentence)), sentence


def test_all_wrong_fields_are_told_at_once_each_beside_its_own(door: Door) -> None:
    sample = dict(FEEDS["temperature"].sample)
    found = said("temperature", {**sample, "celsius": "366", "site": "knee", "at": "tomorrow"}, door)
    assert found.keys() == {"celsius", "site", "at"}
    temperature = FEEDS["temperature"]
    assert problem(temperature, found["celsius"], "zh") == "得到“366”，应为 30 到 45 之间的数 ℃"
    assert problem(temperature, found["celsius"], "en") == "got “366”, should be a number from 30 to 45 ℃"
    assert problem(temperature, found["site"], "zh") == "得到“knee”，应为选一项"


def test_what_another_value_makes_required_is_told_with_the_rest(door: Door) -> None:
    sample = {name: value for name, value in FEEDS["patrol"].sample.items() if name not in ("lon", "lat")}
    found = said("patrol", {**sample, "officers": 0}, door)
    assert found.keys() == {"officers", "lon", "lat"}
    assert problem(FEEDS["patrol"], found["lon"], "zh") == "请给出位置"
    assert said("patrol", {**sample, "kind": "checkin"}, door).keys() == {"place"}
    # A position that is there but wrong is not missing as well.
    assert said("patrol", {**sample, "lon": "east", "lat": 30.9}, door).keys() == {"lon"}


def test_a_number_of_a_phone_is_refused_and_never_repeated(door: Door) -> None:
    found = said("dispute", {**FEEDS["dispute"].sample, "handler": "13912345678"}, door)
    assert problem(FEEDS["dispute"], found["handler"], "zh") == "不能写手机号或身份证号"
    assert "13912345678" not in str(found)


def test_another_town_is_told_beside_the_town(door: Door) -> None:
    found = said("dispute", {**FEEDS["dispute"].sample, "town": "330421103"}, door)
    assert found.keys() == {"town"}
    assert "不能为这个镇" in problem(FEEDS["dispute"], found["town"], "zh")


_ODD = st.one_of(
    st.none(), st.booleans(), st.text(max_size=12), st.integers(-10, 400), st.floats(allow_nan=True),
    st.sampled_from(["", "36.5", "position", "checkin", "resolved", "2020-02-18", "2020-02-18T08:00", "330421111", "绿码"]),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_form_finds_a_fault_exactly_where_the_decoder_refuses(door: Door, data: st.DataObject) -> None:
    feed = data.draw(st.sampled_from(FEED_LIST))
    names = [*(field.name for field in feed.fields), "id", "town", "at", "lon", "lat", "crs", "rev", "void", "nothing"]
    changed = data.draw(st.dictionaries(st.sampled_from(names), _ODD, max_size=5))
    said(feed.name, {**feed.sample, **changed}, door)


# -- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "records", "details"),
    [
        (Role.CLERK, True, True), (Role.OFFICER, True, True), (Role.CHIEF, True, True),
        (Role.ADMINISTRATOR, True, True), (Role.API, False, True), (Role.WALL, False, False),
        (Role.LEADER, False, False),
    ],
)  # fmt: skip
def test_who_enters_records_and_who_sees_single_ones(role: Role, records: bool, details: bool) -> None:
    viewer = Viewer("沈立", frozenset({role}))
    assert (viewer.records, viewer.details, viewer.source) == (records, details, "form:沈立")


def test_no_token_takes_the_name_of_a_person_at_a_form(sqlite_url: str) -> None:
    from dashboard.access.tokens import TokenStore

    engine = open_engine(sqlite_url)
    migrate(engine)
    with pytest.raises(ConfigurationError, match="form:"):
        TokenStore(engine).create(NOW, source=LOCAL_VIEWER.source)
    engine.dispose()
