"""The one write door of pages and API: it checks who is asking, and makes events. Nothing else writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dashboard.access.audit import Audit, Kind
from dashboard.access.policy import Permission, require
from dashboard.access.tokens import Grant
from dashboard.access.viewer import Viewer
from dashboard.clock import Clock
from dashboard.errors import ConfigurationError, NotAllowed
from dashboard.feeds import feed_named
from dashboard.queries.alerting.book import AlertBook
from dashboard.queries.alerting.groups import ALL as EVERYWHERE
from dashboard.snapshot.archive import Link
from dashboard.snapshot.brief import Kind as Span
from dashboard.snapshot.publish import Desk as SnapshotDesk
from dashboard.stores.history import History
from geodata.region import Region
from ingest import deadletter
from ingest.acting import Acted, Acting, Holder
from ingest.byhand import ByHand
from ingest.contacts import Contacts
from ingest.decode import Door
from ingest.gateways.sheets.desk import Desk
from ingest.intake import Intake, Receipt, Refused
from ingest.revision import Change, Revisions, Saved

ALERT = "alert:"
"""How the item of an alert begins."""


class Actions:
    """What may be done from outside. Safe to share between threads."""

    def __init__(
        self,
        intake: Intake,
        history: History,
        region: Callable[[], Region],
        clock: Clock,
        revisions: Revisions | None = None,
        audit: Audit | None = None,
        holder: Holder | None = None,
        snapshots: SnapshotDesk | None = None,
        contacts: Contacts | None = None,
    ) -> None:
        self.intake, self.history, self.region, self.clock = intake, history, region, clock
        self._revisions = revisions
        self._snapshots = snapshots
        self._contacts = contacts
        self.audit = audit or Audit(history.engine)
        self._acting = Acting(intake, region, clock, holder)

    @property
    def revisions(self) -> Revisions:
        """The door for changes of rules.

        Raises:
            ConfigurationError: this process has none.
        """
        if self._revisions is None:
            raise ConfigurationError("这个进程不能改规则，请在有页面的进程里改 · Rules cannot be changed here.")
        return self._revisions

    def revise(self, viewer: Viewer, change: Change, valid_from: int | None = None, reason: str = "") -> Saved:
        """Change rules or places from a local day on (``None``: tomorrow); see :meth:`Revisions.save`."""
        what = ", ".join(sorted({f"{edit.table}/{edit.key}" for edit in change.edits}))
        with self.noted(viewer.name, Kind.CHANGE, f"rules: {what}", edits=len(change.edits)):
            return self.revisions.save(viewer, change, valid_from, reason)

    def cancel_change(self, viewer: Viewer, number: int, reason: str = "") -> Saved:
        """Take back a change whose day has not come; see :meth:`Revisions.cancel`."""
        with self.noted(viewer.name, Kind.CHANGE, f"rules: cancel change {number}"):
            return self.revisions.cancel(viewer, number, reason)

    def restore(self, viewer: Viewer, number: int, valid_from: int | None = None, reason: str = "") -> Saved:
        """Make rules again what they were before a change; see :meth:`Revisions.restore`."""
        with self.noted(viewer.name, Kind.CHANGE, f"rules: restore change {number}"):
            return self.revisions.restore(viewer, number, valid_from, reason)

    @contextmanager
    def noted(self, who: str, kind: Kind, what: str, town: str = "", **detail: str | int) -> Iterator[None]:
        """Note an act before it is done; when it is refused or fails then, that is noted too.

        Raises:
            StoreUnavailable: it cannot be noted, so it must not be done.
        """
        self.audit.note(self.clock.now(), who, kind, what, town, detail=detail)
        try:
            yield
        except NotAllowed:
            self.audit.refused(self.clock.now(), who, what, town)
            raise
        except Exception as error:
            self.audit.failed(self.clock.now(), who, kind, what, town, type(error).__name__)
            raise

    def release_snapshot(self, viewer: Viewer, day: int, kind: Span = "day", edition: str = "all") -> Link:
        """Make a draft of a snapshot final; see :meth:`dashboard.snapshot.publish.Desk.release`.

        Raises:
            NotAllowed: it may not release that edition.
        """
        require(viewer, Permission.RELEASE, edition)
        with self.noted(viewer.name, Kind.SNAPSHOT, f"release {day} {kind} {edition}"):
            return self.snapshots.release(viewer.name, day, self.clock.now(), kind, edition)

    def redraw_snapshot(self, viewer: Viewer, day: int, kind: Span = "day", edition: str = "all") -> Link:
        """Make a draft, or make it anew, from what is known now; see :meth:`dashboard.snapshot.publish.Desk.draft`.

        Raises:
            NotAllowed: it may not release that edition.
        """
        require(viewer, Permission.RELEASE, edition)
        now = self.clock.now()
        with self.noted(viewer.name, Kind.SNAPSHOT, f"redraw {day} {kind} {edition}"):
            return self.snapshots.draft(day, now, kind, edition, known_at=now)

    @property
    def snapshots(self) -> SnapshotDesk:
        """The desk of snapshots.

        Raises:
            ConfigurationError: this process has none.
        """
        if self._snapshots is None:
            raise ConfigurationError("这个进程不签发简报，请在有页面的进程里签发 · Release it in a process with pages.")
        return self._snapshots

    @property
    def contacts(self) -> Contacts:
        """The door of the contact vault.

        Raises:
            ConfigurationError: this process has none.
        """
        if self._contacts is None:
            raise ConfigurationError("这个进程没有联系方式库 · This process has no contact vault.")
        return self._contacts

    def act(self, viewer: Viewer, item: str, verb: str, *, town: str, name: str, **said: Any) -> Acted:
        """Do something about an obligation or an alert; once however often it is sent. See :meth:`Acting.act`."""
        with self.noted(viewer.name, Kind.CHANGE, f"action: {verb} {item[:160]}", town=town):
            self._own_alert(viewer, item, town)
            return self._acting.act(viewer, item, verb, town=town, name=name, **said)

    def _own_alert(self, viewer: Viewer, item: str, town: str) -> None:
        """An alert is dealt with in its own town; one of the whole region by those who may act in all of it.

        Raises:
            NotAllowed: it is another town's, or there is none of that id.
        """
        if not item.startswith(ALERT):
            return
        known = self.region().pack.town_by_code.get(town)
        found = AlertBook(self.history).one(item.removeprefix(ALERT))
        if found is not None and found.town == EVERYWHERE:
            require(viewer, Permission.ACT, EVERYWHERE)
        elif found is None or found.town != (known.code if known is not None else town):
            raise NotAllowed("这个镇没有这个告警 · There is no such alert in this town.")

    @property
    def by_hand(self) -> ByHand:
        """Records that people enter in pages: enter, correct, withdraw, 零报告; see :class:`ByHand`."""
        return ByHand(self.intake, self.history, self.region, self.clock)

    @property
    def desk(self) -> Desk:
        """Imports of tables: check, mend, commit, withdraw; see :class:`Desk`."""
        vault = None if self._contacts is None else self._contacts.vault
        return Desk(self.intake, self.history, self.region, self.clock, vault)

    def door(self, grant: Grant) -> Door:
        """The door that a writer's token opens."""
        return Door(source=grant.source, region=self.region(), towns=grant.towns, zone=grant.zone)

    def check(self, grant: Grant, feed: str) -> None:
        """Whether a token may write to a feed.

        Raises:
            UnknownFeed: no such feed.
            NotAllowed: a reader's token, or one for other feeds.
        """
        feed_named(feed)
        if grant.kind != "write":
            raise NotAllowed("这是只读令牌，不能写入；请用 ./townwatch token create --source 名称 创建写入令牌")
        if grant.feeds is not None and feed not in grant.feeds:
            raise NotAllowed(f"这个令牌不能写入 {feed}，获准的是 {'、'.join(sorted(grant.feeds))}")

    def accept(self, grant: Grant, feed: str, records: Sequence[Any], refused: Sequence[Refused] = ()) -> Receipt:
        """Take records from a writer; see :meth:`Intake.accept`."""
        self.check(grant, feed)
        return self.intake.accept(feed_named(feed), records, self.door(grant), self.clock.now(), refused)

    async def accept_small(
        self, grant: Grant, feed: str, records: Sequence[Any], refused: Sequence[Refused] = ()
    ) -> Receipt:
        """:meth:`accept` for a few records, on the server's event loop; see :meth:`Intake.accept_small`."""
        self.check(grant, feed)
        door, now = self.door(grant), self.clock.now()
        return await self.intake.accept_small(feed_named(feed), records, door, now, refused)

    def replay_letter(self, grant: Grant, number: int, changes: dict[str, Any]) -> Receipt:
        """Correct a dead letter and send it again.

        Raises:
            NotAllowed: a reader's token, one for other feeds, or one of another source.
        """
        self.check(grant, deadletter.feed_of(self.history, number))
        return deadletter.resend(self.history, self.intake, self.door(grant), number, changes, self.clock.now())
