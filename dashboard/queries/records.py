"""The records behind the figures: which they are, what they say, every version of them, and who may change them.

The drill from any figure ends here. A viewer reads single records of the towns it sees only; the pseudonym of a person
is in no answer. Times are ms since 1970 UTC inside and ISO-8601 in answers; days are local yyyymmdd.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from dashboard.access.viewer import FORM, LOCAL_VIEWER, Role, Viewer
from dashboard.domain.day import day_start, iso
from dashboard.domain.event import Event
from dashboard.domain.feed import CaseSpec, Feed, Field, TrackSpec, Words
from dashboard.domain.form import unit_of
from dashboard.domain.privacy import PSEUDONYM, mask
from dashboard.errors import NotAllowed
from dashboard.feeds import feed_named
from dashboard.queries import wording
from dashboard.queries.behind import EVERYTHING, Behind, behind
from dashboard.queries.board import Board, BoardReader
from dashboard.queries.figures import ALL
from dashboard.stores import records as stored
from dashboard.stores.history import History, Version

STATES: Mapping[str, Words] = {
    "effective": Words("有效", "In force"),
    "corrected": Words("更正过", "Corrected"),
    "withdrawn": Words("已作废", "Withdrawn"),
}
"""What a list may be narrowed to; a corrected record is in force as well."""
NO_DETAILS = (
    "这个账号只看汇总数字，看不到逐条记录；请找本镇派出所或管理员"
    " · This account sees figures, not single records; ask the town's station or an administrator"
)


class Wanted(msgspec.Struct, frozen=True):
    """Which records are asked for. ``first`` to ``last`` are local days; 0 is today."""

    feed: str
    town: str = ALL
    first: int = 0
    last: int = 0
    subject: str = ""
    kpi: str = ""
    dims: Mapping[str, str] = {}
    state: str = "effective"
    source: str = ""
    id: str = ""
    """With ``source``: this one record alone, whatever its state."""


class Found(msgspec.Struct, frozen=True):
    """One record: what it says in force (or last said), and all its versions by rank."""

    seq: int
    event: Event
    state: str
    versions: tuple[tuple[Version, Event], ...]

    @property
    def rev(self) -> int:
        """The revision in force, a withdrawal included."""
        return self.versions[-1][0].rev if self.versions else self.event.rev

    @property
    def received_at(self) -> int:
        """When the version in force was received."""
        return self.versions[-1][0].received_at if self.versions else self.event.received_at


class Listing(msgspec.Struct, frozen=True):
    """One answer: the board it belongs to, how many records there are, and those of this portion."""

    board: Board
    wanted: Wanted
    total: int
    found: tuple[Found, ...]
    next: str
    """Where the next portion begins; empty at the end."""


class Records:
    """Reads single records for viewers. Safe to share between threads."""

    def __init__(self, reader: BoardReader) -> None:
        self.reader = reader

    @property
    def history(self) -> History:
        """Where the records are. Asked for when somebody reads, so that routes can be declared without it."""
        return self.reader.past.history

    def check(self, viewer: Viewer, feed: str, town: str = ALL) -> Feed:
        """Whether a viewer may read single records of a feed and town.

        Raises:
            UnknownFeed: no such feed.
            NotAllowed: it may not.
        """
        declared = feed_named(feed)
        if not viewer.details:
            raise NotAllowed(NO_DETAILS)
        if viewer.feeds is not None and feed not in viewer.feeds:
            raise NotAllowed(
                f"这个账号看不到{declared.short.zh}的记录 · This account does not see {declared.short.en.lower()}"
            )
        if town != ALL and not viewer.sees(town):
            raise NotAllowed("这个账号看不到这个镇（街道）的记录 · This account does not see that town's records")
        return declared

    def listing(self, viewer: Viewer, wanted: Wanted, limit: int, cursor: str = "") -> Listing:
        """Records newest first, ``limit`` of them from ``cursor`` on.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`.
            KeyError: no such KPI.
            ValueError: a cursor that is none of ours.
        """
        feed = self.check(viewer, wanted.feed, wanted.town)
        board = self._board(viewer, wanted)
        if wanted.id:
            one = self.one(wanted.source or viewer.source, wanted.id)
            seen = one is not None and one.event.feed == feed.name and viewer.sees(one.event.town)
            found = (one,) if one is not None and seen else ()
            return Listing(board, wanted, len(found), found, "")
        first, last = wanted.first or board.day, wanted.last or board.day
        why = self._behind(board, feed, wanted)
        towns = viewer.towns if wanted.town == ALL else frozenset({wanted.town})
        subjects = why.subjects
        if wanted.subject:
            subjects = frozenset({wanted.subject}) if subjects is None or wanted.subject in subjects else frozenset()
        span = stored.Span(feed.name, None if why.ever else first, last, towns, subjects)
        after = _place(cursor)
        total, more = 0, False
        page: list[stored.Row] = []
        with self.history.reading() as connection:
            rows = self._rows(connection, span, wanted.state)
            for row in rows:
                if (why.keep or wanted.source) and not _passes(row.event, why, wanted.source):
                    continue
                total += 1
                if after is not None and (row.at, row.seq) >= after:
                    continue
                if len(page) < limit:
                    page.append(row)
                else:
                    more = True
            known = self._known(connection, page, "withdrawn" if wanted.state == "withdrawn" else "effective")
        following = f"{page[-1].at}.{page[-1].seq}" if more else ""
        return Listing(board, wanted, total, tuple(known), following)

    def mine(self, viewer: Viewer) -> tuple[Board, list[Found]]:
        """What a viewer entered by hand today, whatever day it is of, the newest entry first."""
        board = self.reader.board(viewer, exact=True)
        with self.history.reading() as connection:
            keys = stored.from_source(connection, viewer.source, day_start(board.day, board.zone))
            versions = self._versions(connection, keys)
        found = []
        for known in versions.values():
            said = [(one, event) for one, event in known if not event.void]
            if said and viewer.sees(said[-1][1].town):
                state = "withdrawn" if known[-1][1].void else "effective"
                found.append(Found(said[-1][0].seq, said[-1][1], state, tuple(known)))
        return board, sorted(found, key=lambda one: (one.versions[0][0].received_at, one.seq), reverse=True)

    def one(self, source: str, name: str) -> Found | None:
        """A record by its identity; ``None`` when there is none, or nothing but withdrawals of it."""
        with self.history.reading() as connection:
            known = stored.find(connection, source, name)
        said = [(one, event) for one, event in known if not event.void]
        if not said:
            return None
        state = "withdrawn" if known[-1][1].void else "effective"
        return Found(said[-1][0].seq, said[-1][1], state, tuple(known))

    def _board(self, viewer: Viewer, wanted: Wanted) -> Board:
        board = self.reader.board(viewer, exact=True)
        # Only a figure needs the board of its own day; the records of a day are read from the truth.
        return self.reader.day(viewer, wanted.last) if wanted.kpi and 0 < wanted.last < board.day else board

    def _behind(self, board: Board, feed: Feed, wanted: Wanted) -> Behind:
        if not wanted.kpi:
            return EVERYTHING
        summaries = [one for town, one in board.summaries(feed.name).items() if wanted.town in (ALL, town)]
        return behind(feed, wanted.kpi, wanted.dims, summaries, board.pack)

    def _rows(self, connection: Connection, span: stored.Span, state: str) -> Iterable[stored.Row]:
        if state == "withdrawn":
            return stored.withdrawn(connection, span)
        rows = stored.effective(connection, span)
        if state != "corrected":
            return rows
        listed = list(rows)
        keys = {row.seq: (row.event.source, row.event.id) for row in listed}
        versions = stored.versions_of(connection, set(keys.values()))
        return [row for row in listed if len(versions[keys[row.seq]]) > 1]

    def _known(self, connection: Connection, rows: Sequence[stored.Row], state: str) -> list[Found]:
        events = {row.seq: row.event for row in rows}
        versions = self._versions(connection, [(event.source, event.id) for event in events.values()])
        return [
            Found(seq, event, state, tuple(versions.get((event.source, event.id), ()))) for seq, event in events.items()
        ]

    def _versions(
        self, connection: Connection, keys: Sequence[stored.Key]
    ) -> dict[stored.Key, list[tuple[Version, Event]]]:
        """The versions of records by rank."""
        known = stored.versions_of(connection, keys)
        bodies = stored.bodies_of(connection, sorted({one.seq for found in known.values() for one in found}))
        return {
            key: [(one, bodies[one.seq]) for one in sorted(found, key=lambda one: one.rank)]
            for key, found in known.items()
        }


def _passes(event: Event, why: Behind, source: str) -> bool:
    return (not source or event.source == source) and (why.keep is None or why.keep(event))


def _place(cursor: str) -> tuple[int, int] | None:
    if not cursor:
        return None
    at, _, seq = cursor.partition(".")
    return int(at), int(seq)


# -- as the API tells it ---------------------------------------------------------------------------------------------


def told(found: Found, zone: str) -> dict[str, Any]:
    """A record as JSON: what it says, and its versions where there is more than one."""
    event = found.event
    body: dict[str, Any] = {
        "feed": event.feed,
        "id": event.id,
        "source": event.source,
        "town": event.town,
        "subject": event.subject,
        "at": iso(event.at, zone),
        "received_at": iso(found.received_at, zone),
        "rev": found.rev,
        "known_seq": found.seq,
        "state": found.state,
        "nothing": event.nothing,
        "lon": event.lon,
        "lat": event.lat,
        "fields": said(event),
    }
    if len(found.versions) > 1:
        body["versions"] = [_version(known, zone) for known in _steps(found)]
    return body


def said(event: Event) -> dict[str, Any]:
    """What a record says in its feed's own fields: phone and ID numbers masked, the pseudonym left out."""
    return {
        name: mask(value) if isinstance(value, str) else value
        for name, value in event.fields.items()
        if name != PSEUDONYM
    }


class _Step(msgspec.Struct, frozen=True):
    version: Version
    event: Event
    changed: dict[str, tuple[Any, Any]]
    """Field -> (what it was, what it became) since the version before."""


def _steps(found: Found) -> list[_Step]:
    steps: list[_Step] = []
    before: Event | None = None
    for version, event in found.versions:
        changed = _changed(before, event) if before is not None and not event.void else {}
        steps.append(_Step(version, event, changed))
        if not event.void:
            before = event
    return steps


def _changed(before: Event, after: Event) -> dict[str, tuple[Any, Any]]:
    old, new = said(before), said(after)
    pairs = {name: (old.get(name), new.get(name)) for name in old | new}
    pairs |= {name: (getattr(before, name), getattr(after, name)) for name in ("town", "at", "lon", "lat", "nothing")}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _version(step: _Step, zone: str) -> dict[str, Any]:
    event = step.event
    body: dict[str, Any] = {
        "rev": step.version.rev,
        "known_seq": step.version.seq,
        "received_at": iso(step.version.received_at, zone),
        "void": event.void,
        "changed": {name: {"from": pair[0], "to": pair[1]} for name, pair in step.changed.items()},
    }
    if event.void:
        body |= {"reason": mask(str(event.fields.get("reason", ""))), "by": event.fields.get("by", "")}
    return body


# -- as a page shows it ----------------------------------------------------------------------------------------------

_ENVELOPE: Mapping[str, Words] = {
    "town": Words("镇（街道）", "Town"),
    "at": Words("时间", "Time"),
    "lon": Words("经度", "Longitude"),
    "lat": Words("纬度", "Latitude"),
    "nothing": Words("零报告", "Nothing to report"),
}
NOTHING = Words("零报告", "Nothing to report")


def field_words(feed: Feed, name: str) -> Words:
    """What a field of a record is called."""
    declared = feed.field(name)
    return declared.words if declared else _ENVELOPE.get(name, Words(name, name))


def source_text(source: str, lang: str) -> str:
    """Who sent a record: a person by name, a device or program by its source."""
    if not source.startswith(FORM):
        return source
    name = person(source, lang)
    return f"{name}（登记）" if lang != "en" else f"{name} (form)"


def person(source: str, lang: str) -> str:
    """Who entered a record by hand."""
    name = source.removeprefix(FORM)
    return LOCAL_VIEWER.name_en if lang == "en" and name == LOCAL_VIEWER.name else name


def value_text(board: Board, field: Field | None, name: str, value: Any, lang: str) -> str:
    """A value as a reader sees it."""
    if value is None or value == "":
        return wording.MISSING
    if name == "town":
        known = board.pack.town_by_code.get(str(value))
        return known.name if known else str(value)
    if name in ("lon", "lat"):
        return f"{value:.5f}"
    if name == "at" or (field is not None and field.kind == "time"):
        return wording.moment(int(value), board.day, board.zone, lang)
    if isinstance(value, bool):
        return ("是" if value else "否") if lang != "en" else ("yes" if value else "no")
    if field is None:
        return str(value)
    if field.kind == "choice":
        words = field.choices.get(str(value))
        return words.of(lang) if words else str(value)
    if field.kind == "quantity":
        return wording.join_unit(wording.quantity(value, lang), unit_of(field, lang))
    if field.kind in ("integer", "number"):
        # A thermometer's 36 is 36.0; anything else is shown as it was said.
        number = f"{value:.1f}" if field.unit == "℃" and round(value, 1) == value else f"{value:g}"
        return wording.join_unit(number, unit_of(field, lang))
    return str(value)


def title_of(board: Board, event: Event, lang: str) -> str:
    """What a record is about: a place, a unit or a case by name; never a person."""
    if event.nothing:
        return NOTHING.of(lang)
    feed = feed_named(event.feed)
    if isinstance(feed.archetype, TrackSpec):
        unit = board.pack.unit_by_code.get(event.subject)
        if unit is not None:
            name = unit.name_en if lang == "en" and unit.name_en else unit.name
            return f"{name} {unit.leader}".strip()
    place = board.place(event.subject)
    if place is not None and place.name != place.code:
        return place.name
    if isinstance(feed.archetype, CaseSpec):
        named = event.fields.get("name")
        if named:
            return str(named)
    return event.subject


def may(found: Found, viewer: Viewer, lang: str) -> dict[str, Any]:
    """What a viewer may do with a record, and whom to ask about the rest (EXACTNESS 5)."""
    source, zh = found.event.source, lang != "en"
    nothing: dict[str, Any] = {"correct": False, "withdraw": False}
    if found.state == "withdrawn" or not viewer.sees(found.event.town):
        return {**nothing, "ask": ""}
    if not viewer.records:
        return {**nothing, "ask": "这个账号只能看" if zh else "this account may only read"}
    if source == viewer.source:
        return {"correct": not found.event.nothing, "withdraw": True, "ask": ""}
    if source.startswith(FORM):
        name = person(source, lang)
        if Role.ADMINISTRATOR in viewer.roles:
            ask = f"更正请找登记人 {name}" if zh else f"for a correction ask {name}, who entered it"
            return {"correct": False, "withdraw": True, "ask": ask}
        ask = f"由 {name} 登记，请本人或管理员更正、作废" if zh else f"entered by {name}: ask them or an administrator"
        return {**nothing, "ask": ask}
    ask = (
        f"来自“{source}”，只有发送方能更正或作废，请联系它的负责人"
        if zh
        else f"sent by “{source}”; only the sender can correct or withdraw it, ask whoever runs it"
    )
    return {**nothing, "ask": ask}


def shown(found: Found, board: Board, viewer: Viewer, lang: str) -> dict[str, Any]:
    """A record's texts for a page."""
    event, feed = found.event, feed_named(found.event.feed)
    fields: list[dict[str, Any]] = [
        {
            "field": name,
            "label": field_words(feed, name).of(lang),
            "text": _named(board, feed, name, value, lang),
            "number": bool((declared := feed.field(name)) and declared.kind in ("integer", "number")),
        }
        for name, value in said(event).items()
    ]
    return {
        "icon": feed.icon,
        "colour": feed.colour,
        "feed": feed.short.of(lang),
        "title": title_of(board, event, lang),
        "town": value_text(board, None, "town", event.town, lang),
        "at": wording.moment(event.at, board.day, board.zone, lang),
        "received": wording.moment(found.received_at, board.day, board.zone, lang),
        "source": source_text(event.source, lang),
        "state": STATES["withdrawn" if found.state == "withdrawn" else "effective"].of(lang),
        "fields": fields,
        # The subject is the title already.
        "summary": wording.join([str(one["text"]) for one in fields if one["field"] != feed.subject][:4], lang),
        "history": [_history(step, board, feed, lang) for step in _steps(found)] if len(found.versions) > 1 else [],
        "may": may(found, viewer, lang),
    }


def _named(board: Board, feed: Feed, name: str, value: Any, lang: str) -> str:
    if name in ("place", feed.place_field) and isinstance(value, str):
        place = board.place(value)
        return place.name if place else value
    return value_text(board, feed.field(name), name, value, lang)


def _history(step: _Step, board: Board, feed: Feed, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    changes = [
        {
            "label": field_words(feed, name).of(lang),
            "from": _named(board, feed, name, old, lang),
            "to": _named(board, feed, name, new, lang),
        }
        for name, (old, new) in step.changed.items()
    ]
    if step.event.void:
        kind = "作废" if zh else "Withdrawn"
    elif changes:
        kind = "更正" if zh else "Corrected"
    else:
        kind = "收到" if zh else "Received"
    by = str(step.event.fields.get("by", "")) if step.event.void else ""
    return {
        "kind": kind,
        "void": step.event.void,
        "time": wording.moment(step.version.received_at, board.day, board.zone, lang),
        "by": source_text(by or step.event.source, lang),
        "reason": mask(str(step.event.fields.get("reason", ""))) if step.event.void else "",
        "changes": changes,
    }


def history_text(found: Found, board: Board, lang: str) -> str:
    """All corrections of a record on one line: ``体温 37.9 ℃ → 36.9 ℃；作废：重复登记``."""
    feed, parts = feed_named(found.event.feed), []
    for step in _steps(found)[1:]:
        one = _history(step, board, feed, lang)
        said = [f"{change['label']} {change['from']} → {change['to']}" for change in one["changes"]]
        why = f"：{one['reason']}" if lang != "en" else f": {one['reason']}"
        parts.append(f"{one['kind']}{why}" if one["void"] else "，".join(said) if lang != "en" else ", ".join(said))
    return ("；" if lang != "en" else "; ").join(part for part in parts if part)


def columns_of(feed: Feed, found: Iterable[Found]) -> list[Field]:
    """The fields that a list of records has columns for: declared order, those that nobody stated left out."""
    stated = {name for one in found for name in said(one.event)}
    return [field for field in feed.fields if field.name in stated]


__all__ = [
    "NOTHING", "STATES", "Found", "Listing", "Records", "Wanted", "columns_of", "field_words", "history_text", "may",
    "person", "said", "shown", "source_text", "title_of", "told", "value_text",
]  # fmt: skip
