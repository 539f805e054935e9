"""Whom to call about a case: who may open a contact, put one in and erase it, and when retention ends.

A contact is opened by the officer who has the case: named in its owner field, or the case was assigned or handed over
to them; or, with a reason, by the chief of its town. Each opening is one record and noted in the audit. Other people's
cases are refused with the same sentence whether or not they have a contact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec

from dashboard.access.policy import Permission, allows
from dashboard.access.vault import Kept, NoContact, Vault, checked
from dashboard.access.viewer import Role, Viewer
from dashboard.archetypes import engine_of
from dashboard.clock import Clock
from dashboard.domain.day import HOUR
from dashboard.domain.feed import CaseSpec, Feed
from dashboard.domain.summary import CaseNow, CaseSummary
from dashboard.errors import NotAllowed, TownwatchError, UnknownFeed
from dashboard.feeds import FEEDS, feed_named
from dashboard.queries.past import Past
from dashboard.stores.history import History
from geodata.region import Region
from ingest.acting import Holder

DAY_MS = 24 * HOUR
SHOWN_S = 30
"""How long a page shows a number before it takes it away again."""

Way = Literal["owner", "chief", ""]
"""As what somebody may open a contact: the case is theirs; it is their town's, and they say why; not at all."""


class Shown(msgspec.Struct, frozen=True):
    """An opened contact, for the one answer it goes into."""

    name: str
    phone: str
    note: str
    seconds: int

    def __repr__(self) -> str:
        """Says nothing: an opened contact must not get into a log line or a traceback."""
        return "Shown(…)"


class Contacts:
    """The door of the vault. Safe to share between threads."""

    def __init__(
        self,
        vault: Vault,
        history: History,
        region: Callable[[], Region],
        clock: Clock,
        holder: Holder | None = None,
        past: Past | None = None,
    ) -> None:
        self.vault, self.region, self.clock, self.holder = vault, region, clock, holder
        self._past = past or Past(history, lambda _: region())

    # -- who may -----------------------------------------------------------------------------------------------------

    def way(self, viewer: Viewer, feed: Feed, town: str, case: CaseNow) -> Way:
        """As what a viewer may open the contact of a case."""
        if not allows(viewer, Permission.REVEAL, town) or not (viewer.feeds is None or feed.name in viewer.feeds):
            return ""
        if viewer.staff and viewer.staff in self._owners(viewer, feed, town, case):
            return "owner"
        return "chief" if Role.CHIEF in viewer.roles else ""

    def _owners(self, viewer: Viewer, feed: Feed, town: str, case: CaseNow) -> set[str]:
        spec = feed.archetype
        named = str(case.value(spec.owner_field) or "") if isinstance(spec, CaseSpec) and spec.owner_field else ""
        held = self.holder(viewer, town, f"case:{feed.name}:{case.case}") if self.holder is not None else None
        # Whoever it was given to since has it; the field says who had it first.
        if held is not None and held.owner:
            return {held.owner}
        return {named.split(" ")[0]} - {""}

    def find(self, feed: Feed, subject: str) -> tuple[str, CaseNow] | None:
        """(town, case) as the stored records tell it now."""
        for town, summary in self._summaries(feed):
            for case in summary.cases:
                if case.case == subject:
                    return town, case
        return None

    def _summaries(self, feed: Feed) -> list[tuple[str, CaseSummary]]:
        engine, past = engine_of(feed), self._past
        found = engine.summarise(
            partial(past.states, feed.name), self.region(), self.clock.now(), None, past.provisional(),
            past.others(feed.name),
        )  # fmt: skip
        return [(town, one) for town, one in found.items() if isinstance(one, CaseSummary)]

    def _case(self, viewer: Viewer, name: str, subject: str) -> tuple[Feed, str, CaseNow]:
        """A case that the viewer may at least see.

        Raises:
            NotAllowed: it is not there, or of another town: the sentence is the same.
        """
        feed = keeps(name)
        found = self.find(feed, subject) if allows(viewer, Permission.CASES) else None
        if found is None or not viewer.sees(found[0]):
            self.vault.audit.refused(self.clock.now(), viewer.name, f"contact {name}/{subject}")
            raise NotAllowed(_NOT_YOURS)
        return feed, *found

    # -- acts --------------------------------------------------------------------------------------------------------

    def reveal(self, viewer: Viewer, name: str, subject: str, reason: str = "") -> Shown:
        """Open the contact of one case.

        Raises:
            UnknownFeed: no feed of that name keeps contacts.
            NotAllowed: it is not the viewer's to open.
            TownwatchError: a chief gave no reason.
            NoContact: there is none.
        """
        feed, town, case = self._case(viewer, name, subject)
        way = self.way(viewer, feed, town, case)
        if not way:
            self.vault.audit.refused(self.clock.now(), viewer.name, f"contact {name}/{subject}", town)
            raise NotAllowed(_NOT_YOURS)
        said = " ".join(reason.split())[:120]
        if way == "chief" and len(said) < 2:
            raise TownwatchError("请写明为什么要看这条联系方式 · Say why you open this contact")
        found = self.vault.open(self.clock.now(), viewer.name, name, subject, said)
        return Shown(found.name, found.phone, found.note, SHOWN_S)

    def put(self, viewer: Viewer, name: str, subject: str, given: dict[str, str]) -> None:
        """Keep the contact of a case that the viewer may enter records of.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`reveal`.
            ConfigurationError: there is no key yet.
            TownwatchError: a field is wrong.
        """
        contact = checked(given.get("name", ""), given.get("phone", ""), given.get("note", ""))
        feed, town, _ = self._case(viewer, name, subject)
        if not allows(viewer, Permission.RECORD, town):
            self.vault.audit.refused(self.clock.now(), viewer.name, f"contact {feed.name}/{subject}", town)
            raise NotAllowed(_NOT_YOURS)
        self.vault.put(self.clock.now(), viewer.name, feed.name, subject, town, contact)

    def erase(self, viewer: Viewer, name: str, subject: str) -> None:
        """Erase a contact before its time: by whoever may open it.

        Raises:
            UnknownFeed, NotAllowed: as :meth:`reveal`.
            NoContact: there is none.
        """
        feed, town, case = self._case(viewer, name, subject)
        if not self.way(viewer, feed, town, case):
            self.vault.audit.refused(self.clock.now(), viewer.name, f"contact {name}/{subject}", town)
            raise NotAllowed(_NOT_YOURS)
        if not self.vault.erase(self.clock.now(), viewer.name, name, subject):
            raise NoContact("这件事没有留联系方式，或已到期删除 · There is no contact of this case, or it was erased")

    def state(self, viewer: Viewer, name: str, subject: str) -> dict[str, object]:
        """What the drawer of a case shows: is there a contact, and what may this viewer do. Opens nothing."""
        feed, town, case = self._case(viewer, name, subject)
        way, kept = self.way(viewer, feed, town, case), self.vault.kept(name, subject)
        return {
            "kept": bool(way) and kept is not None,
            "way": way,
            "put": allows(viewer, Permission.RECORD, town) and self.vault.there,
            "seconds": SHOWN_S,
        }

    # -- retention ---------------------------------------------------------------------------------------------------

    def sweep(self, keep_days: int) -> int:
        """Erase what is over: the case ended ``keep_days`` ago (or never came, or was withdrawn). How many."""
        if not self.vault.there:
            return 0
        ends: dict[str, dict[str, int | None]] = {}

        def ended(kept: Kept) -> int | None:
            if kept.feed not in ends:
                feed = FEEDS.get(kept.feed)
                cases = [case for _, one in self._summaries(feed) for case in one.cases] if feed is not None else []
                ends[kept.feed] = {case.case: case.since if case.ends else None for case in cases}
            # A contact whose case is not there is kept for as long as one that ended when it was put in.
            return ends[kept.feed].get(kept.subject, kept.put_at)

        return self.vault.sweep(self.clock.now(), ended, keep_days * DAY_MS)


_NOT_YOURS = (
    "这件事的联系方式只有承办人和本镇所长能看；没有这件事、或不是你的，都是这句话"
    " · Only who has the case, and the chief of its town, may open its contact; a case that is not there looks the same"
)


def keeps(name: str) -> Feed:
    """The feed of that name, if it keeps contacts.

    Raises:
        UnknownFeed: there is none, or it keeps none.
    """
    feed = feed_named(name)
    if not feed.contacts:
        names = "、".join(one.name for one in FEEDS.values() if one.contacts)
        raise UnknownFeed(f"{feed.words.zh}不留联系方式，留的有：{names} · {feed.words.en} keeps no contacts")
    return feed


__all__ = ["Contacts", "Shown", "keeps"]
