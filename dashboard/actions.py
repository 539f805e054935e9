"""The one write door of pages and API: it checks who is asking, and makes events. Nothing else writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dashboard.access.tokens import Grant
from dashboard.clock import Clock
from dashboard.errors import NotAllowed
from dashboard.feeds import feed_named
from dashboard.stores.history import History
from geodata.region import Region
from ingest import deadletter
from ingest.decode import Door
from ingest.intake import Intake, Receipt, Refused


class Actions:
    """What may be done from outside. Safe to share between threads."""

    def __init__(self, intake: Intake, history: History, region: Callable[[], Region], clock: Clock) -> None:
        self.intake, self.history, self.region, self.clock = intake, history, region, clock

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
