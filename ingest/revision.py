"""Changing rules: who may, from which day, against which version, and the audited record of it.

A change becomes a pack version of its own (checked as every pack is), a row in the ledger that asks for it, and one
record a key of who changed what. A worker lets it count (:meth:`ingest.projector.Projector.adopt`). Yesterday keeps
yesterday's rules: no change reaches back before today (EXACTNESS 11).

Least privilege: every rule may be changed by administrators, chiefs and leaders of all towns. A chief of some towns may
change the duty hours of their checkpoints and nothing else: those are the chief's own posts, and no other town's
figures depend on them. Nobody else changes anything.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from dashboard.access.viewer import Role, Viewer
from dashboard.clock import Clock
from dashboard.domain.day import DEFAULT_ZONE, as_date, day_of, iso, shift_day
from dashboard.domain.privacy import mask
from dashboard.errors import NotAllowed, Outdated, PackError
from dashboard.feeds import FEEDS
from dashboard.stores import rules
from dashboard.stores.history import History
from dashboard.stores.rules import Asked, RuleChange
from geodata.library import Adopted, RegionBook, in_force, in_turn
from geodata.revise import THRESHOLDS, Content, Edit, Rows, checked, content_of, edit_of, parameters, plan, revise

OWN_POSTS = "duty_hours"
"""What a chief of some towns may change."""
AHEAD_DAYS = 366
REASON = 200


class Change(msgspec.Struct, frozen=True):
    """Edits that are saved at once. ``base`` is :attr:`Revisions.base` as the editor saw it; ``None`` asks nothing."""

    edits: tuple[Edit, ...]
    base: int | None = None
    undoes: int | None = None


class Saved(msgspec.Struct, frozen=True):
    """What was saved: the change's id, from when it is valid, the version made for that day, and the later days that
    were scheduled already and had to take it over."""

    change: int
    valid_from: int
    version: str
    edits: int
    carried: tuple[int, ...] = ()


class Revisions:
    """The door for changes of rules. Safe to share between threads."""

    def __init__(self, history: History, book: RegionBook, clock: Clock) -> None:
        self.history, self.book, self.clock = history, book, clock

    def today(self) -> int:
        """The region's local day."""
        return day_of(self.clock.now(), self.book(0).pack.timezone)

    def base(self) -> int:
        """What a change is made against: grows with every version that is asked for."""
        with self.history.reading() as connection:
            return max((one.number for one in rules.asked(connection, self.book.region)), default=0)

    def save(self, viewer: Viewer, change: Change, valid_from: int | None = None, reason: str = "") -> Saved:
        """Make a change valid from a local day (``None``: tomorrow).

        Raises:
            NotAllowed: the viewer may not change these rules.
            Outdated: somebody has changed one of them since ``change.base``.
            PackError: a wrong value, day or reason, or nothing to change; one sentence.
            StoreUnavailable: nothing was changed.
        """
        edits = tuple(checked(edit) for edit in change.edits)
        day = shift_day(self.today(), 1) if valid_from is None else self._day(valid_from)
        text = _reason(reason)
        with self.history.writing() as connection:
            now = self.clock.now()
            rules.enrol(connection, self.book.library, self.book.region, now)
            asked = rules.asked(connection, self.book.region)
            versions = self._versions(asked)
            before = _content_on(versions, day)
            self._may(viewer, edits, before)
            self._fresh(connection, asked, change, edits)
            planned = plan([(row.valid_from, content) for row, content in versions], edits, day)
            if not planned:
                raise PackError(
                    f"没有改动：{_named(edits[0]) if edits else '规则'}自 {as_date(day)} 起本来就是这样"
                    f" · Nothing to change: from {as_date(day)} on it is so already."
                )
            made = {at: self._build(versions, found, at, day) for at, found in planned.items()}
            number = rules.next_change(connection)
            rules.ask(connection, self.book.region, made, number, now)
            rules.note(
                connection,
                self.book.region,
                [
                    RuleChange(
                        number=0,
                        change=number,
                        at=now,
                        who=viewer.name,
                        kind=edit.table,
                        key=edit.key,
                        town=_town_of(edit, before),
                        before=before.rows(edit.table, edit.key),
                        after=edit.rows,
                        valid_from=day,
                        reason=text,
                        version=made[day],
                        undoes=change.undoes,
                    )
                    for edit in planned[day]
                ],
            )
        return Saved(number, day, made[day], len(planned[day]), tuple(at for at in made if at != day))

    def cancel(self, viewer: Viewer, number: int, reason: str = "") -> Saved:
        """Take back a change whose day has not come: from that day on its rules are as on the day before.

        Raises:
            NotAllowed, PackError, StoreUnavailable: as :meth:`save`; also when its day has come.
            Outdated: one of its rules was changed again for that day.
        """
        found = self._changes(number)
        day = found[0].valid_from
        if day <= self.today():
            raise PackError(
                f"第 {number} 号改动自 {as_date(day)} 起已经生效，不能取消，可以从今天起恢复原来的值"
                f" · Change {number} is in force since {as_date(day)}: restore the former values from today on instead."
            )
        with self.history.reading() as connection:
            asked = rules.asked(connection, self.book.region)
        versions = self._versions(asked)
        then, earlier = _content_on(versions, day), _content_on(versions, shift_day(day, -1))
        for one in found:
            if then.rows(one.kind, one.key) != one.after:
                raise Outdated(
                    f"{_named(Edit(one.kind, one.key))}自 {as_date(day)} 起的值又被改过，请在列表里看最新的改动"
                    f" · {one.key} was changed again for {as_date(day)}: see the newest change."
                )
        edits = tuple(Edit(one.kind, one.key, earlier.rows(one.kind, one.key)) for one in found)
        base = max((one.number for one in asked), default=0)
        return self.save(viewer, Change(edits, base, number), day, reason or f"取消第 {number} 号改动")

    def restore(self, viewer: Viewer, number: int, valid_from: int | None = None, reason: str = "") -> Saved:
        """Make the rules of a change again what they were before it, from a day on: a new version, a new record.

        Raises:
            NotAllowed, Outdated, PackError, StoreUnavailable: as :meth:`save`.
        """
        edits = tuple(Edit(one.kind, one.key, one.before) for one in self._changes(number))
        return self.save(viewer, Change(edits, None, number), valid_from, reason or f"恢复第 {number} 号改动以前的值")

    def content(self, day: int) -> Content:
        """The tables of a local day as they are planned: what waits for a worker is in them."""
        with self.history.reading() as connection:
            asked = rules.asked(connection, self.book.region)
        versions = self._versions(asked) or [(row, content_of(self.book.path(row))) for row in self.book.rows()]
        return _content_on(versions, day)

    def edits(self, written: Sequence[tuple[str, str, str]], day: int | None = None) -> tuple[Edit, ...]:
        """Edits from (table, key, text) as a person writes them (:func:`geodata.revise.edit_of`).

        Raises:
            PackError: one is not so written.
        """
        content = self.content(day or shift_day(self.today(), 1))
        return tuple(edit_of(table, key, text, content) for table, key, text in written)

    def may(self, viewer: Viewer, edits: Sequence[Edit]) -> bool:
        """Whether a viewer may make edits today."""
        try:
            self._may(viewer, edits, self.content(self.today()))
        except NotAllowed:
            return False
        return True

    def _changes(self, number: int) -> list[RuleChange]:
        with self.history.reading() as connection:
            found = rules.changes(connection, self.book.region, number)
        if not found:
            raise PackError(f"没有第 {number} 号改动，请在列表里选一个 · There is no change {number}.")
        return found[::-1]

    def _versions(self, asked: Sequence[Asked]) -> list[tuple[Adopted, Content]]:
        """Versions that count or wait to, those in force one after the other."""
        rows = [Adopted(one.number, one.valid_from, one.version, one.seq or 0) for one in asked]
        return [(row, content_of(self.book.path(row))) for row in in_turn(rows)]

    def _day(self, day: int) -> int:
        today = self.today()
        last = shift_day(today, AHEAD_DAYS)
        try:
            as_date(day)
        except ValueError:
            day = 0
        if not today <= day <= last:
            shown = str(as_date(day)) if day else "不成日期的数"
            raise PackError(
                f"生效日期是 {shown}，应为今天（{as_date(today)}）到 {as_date(last)}：更早的日子保留当时的规则"
                f" · valid_from: got {shown if day else 'no calendar day'}, allowed is today ({as_date(today)}) to "
                f"{as_date(last)}: earlier days keep the rules they had."
            )
        return day

    def _may(self, viewer: Viewer, edits: Sequence[Edit], content: Content) -> None:
        if viewer.governs:
            if viewer.feeds is not None:
                for edit in edits:
                    if edit.table != THRESHOLDS or _feed_of(edit.key) not in viewer.feeds:
                        raise NotAllowed(f"您只看得到部分数据流，不能改{_named(edit)} · You may not change {edit.key}")
            return
        if Role.CHIEF in viewer.roles and edits and all(edit.table == OWN_POSTS for edit in edits):
            for edit in edits:
                if not viewer.posts(_town_of(edit, content) or ""):
                    raise NotAllowed(
                        f"{edit.key} 不是您所管镇（街道）的卡点，不能改它的值守时段"
                        f" · {edit.key} is no checkpoint of your towns: its duty hours are not yours to change"
                    )
            return
        raise NotAllowed(
            "改规则要有管理员、或管全部镇（街道）的所长、领导的身份；所长可以改自己镇卡点的值守时段"
            " · Only administrators and chiefs or leaders of all towns may change rules; a chief may change the duty "
            "hours of the town's own checkpoints"
        )

    def _fresh(self, connection: Connection, asked: Sequence[Asked], change: Change, edits: Sequence[Edit]) -> None:
        """Refuse a change whose editor has not seen what became of its rules meanwhile."""
        if change.base is None:
            return
        later = [one for one in asked if one.number > change.base]
        if any(one.change is None and one.seq != 0 for one in later):
            raise Outdated(
                "打开页面以后载入了新的区域包，请刷新页面再改 · A new region pack was loaded meanwhile: reload first."
            )
        numbers = {one.change for one in later}
        keys = {(edit.table, edit.key) for edit in edits}
        for one in rules.changes(connection, self.book.region) if numbers else ():
            if one.change in numbers and (one.kind, one.key) in keys:
                at = iso(one.at, self._zone())[11:16]
                raise Outdated(
                    f"{one.who} 已在 {at} 把{_named(Edit(one.kind, one.key))}改为 {_told(one.after)}"
                    f"（自 {as_date(one.valid_from)} 起），请核对后再改"
                    f" · {one.who} changed {one.key} to {_told(one.after)} at {at}, valid from "
                    f"{as_date(one.valid_from)}: check it first."
                )

    def _zone(self) -> str:
        return self.book(0).pack.timezone or DEFAULT_ZONE

    def _build(self, versions: Sequence[tuple[Adopted, Content]], edits: Sequence[Edit], day: int, since: int) -> str:
        """Make and install the version of a day by edits that are valid ``since`` some day not after it; its hash."""
        row = in_force([found for found, _ in versions], day)
        with tempfile.TemporaryDirectory(prefix="revise-") as room:
            out = Path(room) / "pack"
            revise(_content_on(versions, day).directory, edits, out, row.valid_from if row else 0, since)
            return self.book.library.install(out, day, held=True).pack.version


def _content_on(versions: Sequence[tuple[Adopted, Content]], day: int) -> Content:
    row = in_force([row for row, _ in versions], day)
    return next(content for found, content in versions if found is row)


def _reason(given: str) -> str:
    text = mask(" ".join(given.split()))
    if not 1 <= len(text) <= REASON:
        raise PackError(
            f"原因有 {len(text)} 个字，应为 1 到 {REASON} 个字：写给以后查的人看"
            f" · reason: got {len(text)} characters, allowed are 1 to {REASON}."
        )
    return text


def _town_of(edit: Edit, content: Content) -> str | None:
    """The town that a rule belongs to; ``None`` for one of the whole region."""
    if edit.table in ("places", "beats", "units"):
        rows: Rows = edit.rows or content.rows(edit.table, edit.key)
    elif edit.table in ("duty_hours", "visit_rules"):
        rows = content.rows("places", edit.key)
    else:
        rows = ()
    return rows[0].get("town") if rows else None


def _feed_of(key: str) -> str | None:
    return next((name for name, feed in FEEDS.items() if any(one.key == key for one in feed.rules)), None)


def _named(edit: Edit) -> str:
    declared = parameters().get(edit.key) if edit.table == THRESHOLDS else None
    return f"“{declared.words.zh}”" if declared else f" {edit.table}/{edit.key} "


def _told(rows: Rows) -> str:
    if not rows:
        return "默认值"
    if len(rows) == 1 and set(rows[0]) == {"value"}:
        return rows[0]["value"]
    return json.dumps(list(rows), ensure_ascii=False) if len(rows) > 1 else "，".join(v for v in rows[0].values() if v)


__all__ = ["AHEAD_DAYS", "OWN_POSTS", "Change", "Revisions", "Saved"]
