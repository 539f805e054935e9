"""What staff do about obligations and alerts, on its way to the road: who may, in whose name, and what must be said.

An act is a record of the feed ``action`` like any other: decoded by the same decoder, on disk before it is accepted,
once however often it is sent. Its source is bound to who acts, so nobody acts, or takes back, in another's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from dashboard.access.policy import Permission, allows, require
from dashboard.access.viewer import Viewer
from dashboard.access.who import act_source, actor, is_of
from dashboard.clock import Clock
from dashboard.domain.day import HOUR, iso
from dashboard.domain.event import Rejected
from dashboard.domain.privacy import mask
from dashboard.domain.summary import Standing
from dashboard.errors import NotAllowed, TownwatchError
from dashboard.feeds import STREAMS
from geodata.region import Region
from ingest.decode import Door, faults
from ingest.intake import Intake

FEED = "action"
LATE_MS = 7 * 24 * HOUR
"""An act that was kept on a phone without a connection may come so late."""
GIVING = frozenset({"assign", "handover"})
VERBS = ("acknowledge", "assign", "done", "handover", "postpone", "reopen", "undo")


class Acted(msgspec.Struct, frozen=True):
    """What became of an act: accepted (on disk), or what is wrong with it, a sentence a field."""

    id: str
    item: str
    verb: str
    at: int
    faults: tuple[Rejected, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it is on disk."""
        return not self.faults


Holder = Callable[[Viewer, str, str], Standing | None]
"""(viewer, town, item) -> how the item stands now."""


class Acting:
    """Takes acts. Safe to share between threads."""

    def __init__(
        self, intake: Intake, region: Callable[[], Region], clock: Clock, holder: Holder | None = None
    ) -> None:
        self.intake, self.region, self.clock, self.holder = intake, region, clock, holder

    def act(
        self,
        viewer: Viewer,
        item: str,
        verb: str,
        *,
        town: str,
        name: str,
        at: int | None = None,
        to: str = "",
        until: int | None = None,
        reason: str = "",
        note: str = "",
        case: str = "",
        undoes: str = "",
    ) -> Acted:
        """Do something about an item of a town. ``name`` is the act's id, made where it was done.

        ``at`` (ms) is when it was done, ``None``: now.

        Raises:
            NotAllowed: the viewer may not act, not in this town, or not give it to others.
            TownwatchError: an act that is too old, or a postponement that does not lie ahead.
            Backpressure, StoreUnavailable: nothing was promised; sending it again is harmless.
        """
        pack = self.region().pack
        known = pack.town_by_code.get(town)
        code = known.code if known is not None else town
        # Whoever may give work to others may take it too.
        require(viewer, Permission.ACT, code)
        now = self.clock.now()
        when = now if at is None else min(at, now)
        if when < now - LATE_MS:
            raise TownwatchError(
                f"这一步是 {iso(when)} 做的，已超过 7 天，没有收下；请按现在的情况重做"
                " · This was done more than seven days ago and was not taken; do it again as things are now"
            )
        if verb in GIVING:
            self._may_give(viewer, code, item, verb)
        if verb == "postpone" and until is not None and until <= when:
            raise TownwatchError("延到的时间要在将来 · A postponement must lie ahead")
        record: dict[str, Any] = {
            "id": name,
            "town": code,
            "at": iso(when),
            "item": item,
            "verb": verb,
            "by": actor(viewer),
            "to": to,
            "until": None if until is None else iso(until),
            "reason": reason,
            # What people write is kept without numbers of persons instead of being refused: the work is done.
            "note": mask(note.strip())[:200],
            "case": case,
            "undoes": undoes,
        }
        region = self.region()
        door = Door(act_source(viewer), region, viewer.towns, region.pack.timezone)
        wrong = faults(STREAMS[FEED], record, door, now)
        if not wrong:
            wrong = self.intake.accept(STREAMS[FEED], [record], door, now).rejected
        return Acted(name, item, verb, when, tuple(wrong))

    def _may_give(self, viewer: Viewer, town: str, item: str, verb: str) -> None:
        """Giving work away needs the right to assign; handing on one's own does not."""
        if allows(viewer, Permission.ASSIGN, town):
            return
        held = self.holder(viewer, town, item) if self.holder is not None and verb == "handover" else None
        if held is not None and held.owner and is_of(viewer, held.owner):
            return
        if verb == "handover":
            raise NotAllowed(
                "只能移交自己手上的事项；请先签收，或请所长派单"
                " · You may hand over only what is yours: take it first, or ask the chief to assign it"
            )
        require(viewer, Permission.ASSIGN, town)


def body_text(body: Mapping[str, Any], name: str, longest: int = 200) -> str:
    """A text of a body; anything else is none.

    Raises:
        TownwatchError: it is no text, or too long.
    """
    given = body.get(name)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise TownwatchError(f"{name} 应为文字，得到 {type(given).__name__} · {name} must be a text")
    if len(given) > longest:
        raise TownwatchError(f"{name} 有 {len(given)} 个字，最多 {longest} · {name} is longer than {longest}")
    return given


__all__ = ["VERBS", "Acted", "Acting", "Holder", "body_text"]
