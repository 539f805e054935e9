"""Generated streams of the further feeds, whatever they declare: lives of cases and items, counts, zero reports.

Records come late, twice, shuffled, corrected and withdrawn, over days before and after midnight, from two sources that
name one subject; values are drawn from what each field declares. Nothing here knows how a figure is computed.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from dashboard.domain.event import Event
from dashboard.domain.feed import Feed, Field
from dashboard.feeds import FEEDS
from tests.engine.strategies import (
    ANCHORS,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    TOWNS,
    Stream,
    _crashes,
    _cut,
    _disordered,
    _moments,
    instants,
)

TEXTS = ("甲", "乙", "丙")
WHOLE_HOURS = tuple(at // HOUR * HOUR for at in ANCHORS)
STEPS = (0, 0, 1, SECOND, MINUTE, HOUR, 2 * HOUR, 2 * HOUR + 1, 5 * HOUR, DAY, DAY + 1, 2 * DAY)


def _values(field: Field) -> st.SearchStrategy[Any]:
    """What a record may say in a field, as the door hands it on."""
    if field.kind == "choice":
        return st.sampled_from(sorted(field.choices))
    if field.kind == "quantity":
        number = st.sampled_from((0, 1, 2, 5, 30))
        unsure = st.tuples(number, st.sampled_from(("at_least", "nearly", "about")))
        return number | number | unsure
    if field.kind == "time":
        # To the hour: a tally knows the hour of what it counts.
        return st.sampled_from(WHOLE_HOURS)
    if field.kind == "integer":
        return st.sampled_from((0, 1, 3, 8))
    if field.kind == "number":
        return st.sampled_from((36.5, 37.4))
    return st.sampled_from(TEXTS)


def _record(feed: Feed, subjects: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of one record: what is required always, the rest now and then."""
    always = {field.name: _values(field) for field in feed.fields if field.required and field.name != feed.subject}
    perhaps = {field.name: _values(field) for field in feed.fields if not field.required}
    always[feed.subject] = st.sampled_from(subjects)
    return st.fixed_dictionaries(always, optional=perhaps)


SUBJECTS = ("A-1", "A-2", "A-3")
RECORDS = {name: _record(feed, SUBJECTS) for name, feed in FEEDS.items()}


@st.composite
def _lives(draw: st.DrawFn, feed: Feed, towns: tuple[str, ...]) -> list[Event]:
    """Records of a few subjects, one after another."""
    at = draw(instants()) - draw(st.sampled_from((0, 0, DAY, 3 * DAY)))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        town = draw(st.sampled_from(towns))
        if draw(st.integers(0, 9)) == 0:
            found.append(Event(feed.name, "", "", town, f"0:{town}", at, at, 0, None, None, {}, nothing=True))
        else:
            fields = draw(RECORDS[feed.name])
            found.append(Event(feed.name, "", "", town, str(fields[feed.subject]), at, at, 0, None, None, fields))
        at += draw(st.sampled_from(STEPS))
    return found


@st.composite
def _again(draw: st.DrawFn, event: Event) -> Event:
    """Another version of a record: withdrawn, or saying something else, of a higher, equal or lower rev."""
    rev = event.rev + draw(st.sampled_from((-1, 0, 1, 1, 2)))
    later = event.received_at + draw(st.sampled_from((0, 1, MINUTE, DAY)))
    if draw(st.integers(0, 3)) == 0:
        return Event(
            event.feed, event.source, event.id, "", f"void:{event.id}", later, later, rev, None, None, {}, void=True
        )
    if event.nothing:
        return msgspec.structs.replace(event, rev=rev, received_at=later, at=event.at + HOUR)
    fields = draw(RECORDS[event.feed])
    subject = str(fields[FEEDS[event.feed].subject])
    return msgspec.structs.replace(event, rev=rev, received_at=later, fields=fields, subject=subject)


@st.composite
def feed_streams(draw: st.DrawFn, names: tuple[str, ...]) -> Stream:
    """A stream of one to three of these feeds."""
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    towns = tuple(draw(st.lists(st.sampled_from(TOWNS), min_size=1, max_size=3, unique=True)))
    records: list[Event] = []
    for number in range(draw(st.integers(1, 8))):
        life = draw(_lives(FEEDS[draw(st.sampled_from(chosen))], towns))
        source, delay = draw(st.sampled_from(("s1", "s2"))), draw(st.sampled_from((0, SECOND, 3 * HOUR, 26 * HOUR)))
        records += [
            msgspec.structs.replace(event, source=source, id=f"{number}-{place}", received_at=event.at + delay)
            for place, event in enumerate(life)
        ]
    versions = list(records)
    for victim in draw(st.lists(st.sampled_from(records), max_size=5)):
        changed = draw(_again(victim))
        versions += [changed, draw(_again(changed))] if draw(st.booleans()) and not changed.void else [changed]
    versions += draw(st.lists(st.sampled_from(versions), max_size=4))
    arrivals = draw(_disordered(versions))
    return Stream(_cut(arrivals, draw(st.integers(1, 30))), draw(_moments(records)), draw(_crashes()))
