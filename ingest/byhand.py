"""Records that people enter in a page: entered, corrected, withdrawn, or a 零报告. The door's rules for people.

Identity is (source, id) and the source is bound to who is at the form (EXACTNESS 5): a person corrects and withdraws
what they entered themselves, an administrator may withdraw what others entered by hand in the towns they see, and what
a device or program sent is changed by its sender alone. Everything goes the way of every other record: decoded by the
same decoder, put on the same road.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from dashboard.access.viewer import FORM, Role, Viewer
from dashboard.clock import Clock
from dashboard.domain.day import day_of
from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import Feed
from dashboard.errors import NotAllowed, Outdated, TownwatchError
from dashboard.feeds import feed_named
from dashboard.stores import records as stored
from dashboard.stores.history import History, Version
from geodata.region import Region
from ingest.decode import Door, decode_records, faults
from ingest.intake import Intake

MAX_REPORTS = 64
"""Feeds that one 零报告 may name."""


class Entered(msgspec.Struct, frozen=True):
    """What became of one entry: its identity and revision, or what is wrong with it, a sentence a field."""

    source: str
    id: str
    rev: int = 0
    faults: tuple[Rejected, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it is on disk."""
        return not self.faults


class Reported(msgspec.Struct, frozen=True):
    """What became of a feed's 零报告. ``records``: how many records of the day speak against it."""

    feed: str
    id: str
    state: Literal["accepted", "already", "refused"]
    message: str = ""
    records: int = 0


class ByHand:
    """Takes what people enter. Safe to share between threads."""

    def __init__(self, intake: Intake, history: History, region: Callable[[], Region], clock: Clock) -> None:
        self.intake, self.history, self.region, self.clock = intake, history, region, clock

    def check(self, viewer: Viewer, feed: str) -> Feed:
        """Whether a viewer may enter records of a feed.

        Raises:
            UnknownFeed: no such feed.
            NotAllowed: it may not.
        """
        declared = feed_named(feed)
        if not viewer.records:
            raise NotAllowed(
                "这个账号只能看，不能登记；请找本镇内勤、派出所或管理员"
                " · This account may only read; ask your clerk or an administrator"
            )
        if viewer.feeds is not None and feed not in viewer.feeds:
            raise NotAllowed(
                f"这个账号不能登记{declared.short.zh} · This account may not enter {declared.short.en.lower()}"
            )
        return declared

    def door(self, viewer: Viewer, source: str = "", by: str = "") -> Door:
        """The door of a person's form; times without an offset are the region's."""
        region = self.region()
        return Door(source or viewer.source, region, viewer.towns, region.pack.timezone, by)

    def faults(self, viewer: Viewer, feed: str, record: Any) -> list[Rejected]:
        """What is wrong with an entry so far, by the decoder that will read it.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`.
        """
        return faults(self.check(viewer, feed), record, self.door(viewer), self.clock.now())

    def record(self, viewer: Viewer, feed: str, record: Mapping[str, Any]) -> Entered:
        """Take a new record. Sending it again changes nothing.

        A wrong one is not taken and makes no dead letter: it still stands in the form, with a sentence a field.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`.
            Backpressure, StoreUnavailable: nothing was promised; sending it again is harmless.
        """
        declared = self.check(viewer, feed)
        return self._take(viewer, declared, {**record, "rev": None, "void": None}, 0)

    def correct(self, viewer: Viewer, feed: str, name: str, seen: int, record: Mapping[str, Any]) -> Entered:
        """Put another version in the place of a record of the viewer's own, whose revision ``seen`` was looked at.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`; or the record is somebody else's.
            Outdated: it was changed or withdrawn in the meantime.
            TownwatchError: there is no such record (yet).
        """
        declared = self.check(viewer, feed)
        known = self._known(viewer.source, name)
        if known is None:
            raise TownwatchError(
                f"你没有登记过编号为 {name} 的记录，或它还没有入库，请稍后再试"
                f" · You entered no record {name}, or it is not stored yet; try again in a moment"
            )
        last, event = known[-1]
        self._may(viewer, known, feed)
        if event.void:
            raise Outdated(
                "这条记录已作废，不能再更正；需要时请重新登记一条"
                " · This record is withdrawn and cannot be corrected; enter a new one where needed"
            )
        body = {**record, "id": name, "rev": last.rev + 1, "void": None}
        made, _ = decode_records(declared, [body], self.door(viewer), self.clock.now())
        if made and made[0].digest == event.digest:
            # The same correction, tapped twice.
            return Entered(viewer.source, name, last.rev)
        if last.rev != seen:
            raise Outdated(
                "这条记录刚被改过，请看过现在的内容再更正"
                " · This record has just been changed; look at it as it is now and correct it again"
            )
        return self._take(viewer, declared, body, last.rev + 1)

    def withdraw(self, viewer: Viewer, feed: str, source: str, name: str, reason: str, seen: int = 0) -> Entered:
        """Withdraw a record; ``reason`` is kept with it. One that is withdrawn already stays so.

        ``seen``: the revision that the form knows, for a record of the viewer's own that is still on the road.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`; or the record is not the viewer's to withdraw.
            TownwatchError: without a reason, or there is no such record (yet).
        """
        declared = self.check(viewer, feed)
        if not reason.strip():
            raise TownwatchError("请写明作废的理由，例如“重复登记” · Say why it is withdrawn, such as “entered twice”")
        own, known = source == viewer.source, self._known(source, name)
        if not own and not source.startswith(FORM):
            raise NotAllowed(
                f"这条记录来自“{source}”，只有发送方能更正或作废，请联系它的负责人"
                f" · This record was sent by “{source}”; only the sender can change it, ask whoever runs it"
            )
        if not own and Role.ADMINISTRATOR not in viewer.roles:
            who = source.removeprefix(FORM)
            raise NotAllowed(
                f"这条记录由 {who} 登记，请本人或管理员作废 · {who} entered this record: ask them or an administrator"
            )
        if known is None and not own:
            raise TownwatchError(
                f"没有编号为 {name} 的记录，或它还没有入库，请稍后再试"
                f" · There is no record {name}, or it is not stored yet; try again in a moment"
            )
        rev = max(seen, 0)
        if known is not None:
            self._may(viewer, known, feed)
            if known[-1][1].void:
                return Entered(source, name, known[-1][0].rev)
            rev = max(rev, *(version.rev for version, _ in known))
        record = {"id": name, "void": True, "rev": rev + 1, "reason": reason}
        return self._take(viewer, declared, record, rev + 1, source, "" if own else viewer.source)

    def report_nothing(self, viewer: Viewer, town: str, at: str, reports: Sequence[tuple[str, str]]) -> list[Reported]:
        """零报告: at ``at`` a town has nothing to report in feeds; ``reports`` are (feed, id).

        A town that reports nothing has reported (DOMAIN.md §5). Where records of that day exist it is refused: the
        two would contradict each other, and the town has reported by them. A second 零报告 of a day changes nothing.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`check`.
            TownwatchError: no feed, too many, or a town or time that the decoder does not take.
        """
        if not 0 < len(reports) <= MAX_REPORTS:
            raise TownwatchError(
                f"零报告要写明 1 到 {MAX_REPORTS} 路数据，得到 {len(reports)} 路"
                f" · A report of nothing names 1 to {MAX_REPORTS} feeds, got {len(reports)}"
            )
        door, now = self.door(viewer), self.clock.now()
        events: list[tuple[Feed, Event]] = []
        for feed, name in reports:
            declared = self.check(viewer, feed)
            made, wrong = decode_records(declared, [{"id": name, "town": town, "at": at, "nothing": True}], door, now)
            if wrong:
                raise TownwatchError(wrong[0].message)
            events.append((declared, made[0]))
        found: list[Reported] = []
        taken: list[Event] = []
        with self.history.reading() as connection:
            for declared, event in events:
                day = day_of(event.at, door.region.pack.timezone)
                records, nothing = stored.counts(connection, declared.name, day).get(event.town, (0, 0))
                if records:
                    sentence = (
                        f"{declared.short.zh}当天已有 {records} 条记录，不用零报告"
                        f" · {declared.short.en}: {records} records that day, nothing to report is not needed"
                    )
                    found.append(Reported(declared.name, event.id, "refused", sentence, records))
                elif nothing:
                    found.append(Reported(declared.name, event.id, "already"))
                else:
                    taken.append(event)
                    found.append(Reported(declared.name, event.id, "accepted"))
        self.intake.append(taken, [])
        return found

    def _known(self, source: str, name: str) -> list[tuple[Version, Event]] | None:
        with self.history.reading() as connection:
            return stored.find(connection, source, name) or None

    def _may(self, viewer: Viewer, known: Sequence[tuple[Version, Event]], feed: str) -> None:
        """Whether a stored record is of the feed and of a town that the viewer sees, as it was last said."""
        said = [event for _, event in known if not event.void]
        if any(event.feed != feed for _, event in known):
            raise TownwatchError(
                f"这个编号的记录不是{feed_named(feed).short.zh}的记录 · That record is of another feed"
            )
        if said and not viewer.sees(said[-1].town):
            raise NotAllowed(
                "这条记录属于别的镇（街道），请找那里的登记人或管理员"
                " · This record is of another town; ask who entered it or an administrator"
            )

    def _take(
        self, viewer: Viewer, feed: Feed, record: Mapping[str, Any], rev: int, source: str = "", by: str = ""
    ) -> Entered:
        door, now = self.door(viewer, source, by), self.clock.now()
        given = record.get("id")
        name = given if isinstance(given, str) else ""
        wrong = faults(feed, record, door, now)
        if wrong:
            return Entered(door.source, name, rev, tuple(wrong))
        receipt = self.intake.accept(feed, [record], door, now)
        return Entered(door.source, name, rev, tuple(receipt.rejected))


__all__ = ["ByHand", "Entered", "Reported"]
