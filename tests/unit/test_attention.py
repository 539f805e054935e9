"""The list of what needs somebody: what is on it, in which order, and what is kept off it."""

from __future__ import annotations

import msgspec

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import HOUR, MINUTE
from dashboard.domain.summary import Judged, ObligationState
from dashboard.queries.attention import Attention, Kind, Level, attention
from tests.board_sample import NOW, SampleBoard


def of_kind(entries: tuple[Attention, ...], kind: Kind) -> list[Attention]:
    return [entry for entry in entries if entry.kind == kind]


def test_a_fever_awaiting_its_recheck_comes_first() -> None:
    first = attention(SampleBoard())[0]
    assert (first.kind, first.level, first.town) == (Kind.FEVER, Level.ALERT, "330421111")
    assert (first.milli_celsius, first.case, first.number) == (37_900, "A-17", 1)


def test_a_fever_never_rechecked_stays_on_the_list() -> None:
    later = attention(SampleBoard(step=30 * 35))
    assert [(entry.case, entry.state) for entry in of_kind(later, Kind.FEVER)] == [("A-17", "unresolved")]


def test_a_fever_that_was_followed_up_is_not_on_the_list() -> None:
    assert len(of_kind(attention(SampleBoard()), Kind.FEVER)) == 1


def test_a_silent_checkpoint_counts_from_its_last_reading() -> None:
    entry = of_kind(attention(SampleBoard()), Kind.SILENT_CHECKPOINT)
    assert [(one.place, NOW - (one.since or 0)) for one in entry] == [("330421107-K02", 18 * MINUTE)]


def test_lapsed_visits_are_one_entry_a_town() -> None:
    board = SampleBoard()
    entries = {entry.town: entry for entry in of_kind(attention(board), Kind.LAPSED)}
    counts = {town: board.figure("obligations_lapsed", town).value for town in board.towns}
    assert {town: entry.count for town, entry in entries.items()} == {town: n for town, n in counts.items() if n}
    assert entries["330421002"].level == Level.ALERT
    assert entries["330421001"].level == Level.WATCH


def test_an_old_feed_is_an_entry_and_its_checkpoints_are_not() -> None:
    entries = attention(SampleBoard(old={"temperature": 3 * HOUR}))
    feeds = of_kind(entries, Kind.FEED)
    assert [(entry.feed, entry.level, entry.since) for entry in feeds] == [("temperature", Level.STALE, NOW - 3 * HOUR)]
    assert not of_kind(entries, Kind.SILENT_CHECKPOINT)


def test_a_feed_of_which_nothing_came_is_silent() -> None:
    feeds = of_kind(attention(SampleBoard(old={"patrol": None})), Kind.FEED)
    assert [(entry.feed, entry.since, entry.state) for entry in feeds] == [("patrol", None, "silent")]


def test_order_is_level_then_one_of_each_kind_and_numbers_follow_it() -> None:
    entries = attention(SampleBoard(old={"temperature": 3 * HOUR}))
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    ranks = [list(Level).index(entry.level) for entry in entries]
    assert ranks == sorted(ranks)
    for level in Level:
        own = [entry for entry in entries if entry.level == level and entry.kind != Kind.FEVER]
        # The second of a kind stands after the first of every other.
        kinds = [entry.kind for entry in own]
        assert len(set(kinds[: len(set(kinds))])) == len(set(kinds))
        for kind in set(kinds):
            times = [entry.since or 0 for entry in own if entry.kind == kind]
            assert times == sorted(times, reverse=True)


def test_cases_over_their_time_and_stuck_ones_are_one_entry_a_town() -> None:
    board = SampleBoard()
    entries = attention(board)
    for kind, kpi in ((Kind.OVERDUE, "dispute_overdue"), (Kind.STUCK, "enterprise_stuck")):
        own = {entry.town: entry for entry in of_kind(entries, kind)}
        counts = {town: board.figure(kpi, town).value for town in board.towns}
        assert own
        assert {town: entry.count for town, entry in own.items()} == {town: n for town, n in counts.items() if n}
        for entry in own.values():
            assert entry.worst >= NOW - (entry.since or 0) > 0
            urgent = kind == Kind.OVERDUE and entry.worst > 24 * HOUR
            assert entry.level == (Level.ALERT if urgent else Level.WATCH)


def test_visits_owed_by_enterprises_are_no_entry() -> None:
    board = SampleBoard()
    town = "330421102"
    track = board.track(town)
    assert track is not None
    lapsed = Judged("330421102-E0001", NOW - 2 * HOUR, NOW - HOUR, 1, ObligationState.LAPSED, None, "enterprise")
    more = msgspec.structs.replace(track, obligations=(*track.obligations, lapsed))
    board._summaries["patrol"] = {**board.summaries("patrol"), town: more}
    assert town not in {entry.town for entry in of_kind(attention(board), Kind.LAPSED)}


def test_a_drifting_device_is_watched() -> None:
    board = SampleBoard()
    reading = board.reading("330421003")
    assert reading is not None
    far = msgspec.structs.replace(reading.drifts[0], milli=-620)
    board.summaries("temperature")["330421003"] = msgspec.structs.replace(reading, drifts=(far,))  # type: ignore[index]
    entry = of_kind(attention(board), Kind.DRIFT)
    assert [(one.case, one.milli_celsius, one.level) for one in entry] == [(far.device, -620, Level.WATCH)]


def test_a_quiet_day_has_nothing() -> None:
    assert attention(SampleBoard(calm=True)) == ()


def test_a_viewer_of_one_town_sees_that_towns_entries_only() -> None:
    viewer = Viewer("站长", frozenset({Role.CHIEF}), frozenset({"330421002"}))
    assert {entry.town for entry in attention(SampleBoard(viewer=viewer))} == {"330421002"}
