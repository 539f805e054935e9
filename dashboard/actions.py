"""The one write door of pages and API: it checks who is asking, and makes events. Nothing else writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dashboard.access.tokens import Grant
from dashboard.access.viewer import Viewer
from dashboard.clock import Clock
from dashboard.errors import ConfigurationError, NotAllowed
from dashboard.feeds import feed_named
from dashboard.stores.history import History
from geodata.region import Region
from ingest import deadletter
from ingest.byhand import ByHand
from ingest.decode import Door
from ingest.gateways.sheets.desk import Desk
from ingest.intake import Intake, Receipt, Refused
from ingest.revision import Change, Revisions, Saved


class Actions:
    """What may be done from outside. Safe to share between threads."""

    def __init__(
        self,
        intake: Intake,
        history: History,
        region: Callable[[], Region],
        clock: Clock,
        revisions: Revisions | None = None,
    ) -> None:
        self.intake, self.history, self.region, self.clock = intake, history, region, clock
        self._revisions = revisions

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
        return self.revisions.save(viewer, change, valid_from, reason)

    def cancel_change(self, viewer: Viewer, number: int, reason: str = "") -> Saved:
        """Take back a change whose day has not come; see :meth:`Revisions.cancel`."""
        return self.revisions.cancel(viewer, number, reason)

    def restore(self, viewer: Viewer, number: int, valid_from: int | None = None, reason: str = "") -> Saved:
        """Make rules again what they were before a change; see :meth:`Revisions.restore`."""
        return self.revisions.restore(viewer, number, valid_from, reason)

    @property
    def by_hand(self) -> ByHand:
        """Records that people enter in pages: enter, correct, withdraw, 零报告; see :class:`ByHand`."""
        return ByHand(self.intake, self.history, self.region, self.clock)

    @property
    def desk(self) -> Desk:
        """Imports of tables: check, mend, commit, withdraw; see :class:`Desk`."""
        return Desk(self.intake, self.history, self.region, self.clock)

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
