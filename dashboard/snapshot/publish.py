"""Building and publishing: from the truth of a data directory to final files. One snapshot at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from dashboard.domain.day import as_date, day_of, day_start
from dashboard.errors import ConfigurationError
from dashboard.queries.past import Past
from dashboard.snapshot.archive import AlreadyPublished, Archive, Link
from dashboard.snapshot.brief import Brief, Kind
from dashboard.snapshot.build import Ask, build
from dashboard.snapshot.forms import all_forms

FOLDER = "snapshots"


class Office(msgspec.Struct, frozen=True):
    """What the masthead says, and at which minute of the local day a day's snapshot is taken."""

    name: str = ""
    signer: str = ""
    minute: int = 18 * 60
    world: str = "live"
    lang: str = "zh"
    by_hand: bool = False
    """Snapshots made on time wait as drafts until somebody releases them."""
    document: str = ""
    """The document number 文号 with ``{year}`` and ``{number}``; empty: it has none."""
    towns: bool = False
    """Besides the whole region's, every town has an edition of its own."""
    weekly: bool = False
    """On Sundays there is a week's snapshot too."""


class Desk:
    """Builds and publishes the snapshots of one data directory."""

    def __init__(self, data_dir: Path, past: Past, office: Office) -> None:
        self.past, self.office = past, office
        self.archive = Archive(data_dir / FOLDER)

    def moment(self, day: int) -> int:
        """The instant up to which a day's snapshot is known."""
        return day_start(day, self.past.zone) + self.office.minute * 60_000

    def brief(self, day: int, now: int, kind: Kind = "day", edition: str = "all", known_at: int | None = None) -> Brief:
        """The figures of a day's snapshot as they were known at its hour; before that hour, as they are known now.

        ``known_at``: as they were known at another instant.

        Raises:
            ConfigurationError: the day has not come, no such town, or nothing was known then.
        """
        zone = self.past.zone
        if day > day_of(now, zone):
            raise ConfigurationError(
                f"{day} 还没有到，今天是 {day_of(now, zone)} · {day} has not come yet: today is {day_of(now, zone)}."
            )
        pack = self.past.region_at(day).pack
        if edition != "all" and edition not in {town.code for town in pack.towns}:
            raise ConfigurationError(
                f"没有代码为 {edition} 的镇（街道），可用 all 或 {pack.towns[0].code} 等"
                f" · There is no town {edition}: give all or a code such as {pack.towns[0].code}."
            )
        at = min(self.moment(day), now)
        seq = self.past.seq_at(at if known_at is None else min(known_at, now))
        if seq == 0:
            raise ConfigurationError(
                f"数据不全，未生成：{day} 还没有任何记录，请换一个有记录的日期"
                f" · Nothing was known on {day}: choose a day that has records."
            )
        before = self.archive.briefs(edition, day)
        number = self._issue(day, kind, edition)
        ask = Ask(
            day=day,
            at=at,
            kind=kind,
            edition=edition,
            number=number,
            office=self.office.name,
            signer=self.office.signer,
            document=self.office.document.format(year=day // 10000, number=number) if edition == "all" else "",
            world=self.office.world,
            first=min((link.day for link in self.archive.links()), default=pack.since or None),
        )
        return build(self.past, ask, before, seq)

    def _issue(self, day: int, kind: Kind, edition: str) -> int:
        """The number of a publication: a draft keeps its own."""
        held = [link for link in (*self.archive.links(), *self.archive.drafts()) if link.key[1:] == (kind, edition)]
        own = next((link.issue for link in held if link.day == day), None)
        return own if own is not None else max((link.issue for link in held), default=0) + 1

    def publish(
        self,
        day: int,
        now: int,
        kind: Kind = "day",
        edition: str = "all",
        reached: Callable[[str], None] | None = None,
    ) -> tuple[Link, dict[str, bytes]]:
        """Publish a day's snapshot in all forms.

        Raises:
            AlreadyPublished: it is.
            ConfigurationError: it cannot be built.
        """
        brief = self.brief(day, now, kind, edition)
        forms = all_forms(brief, self.office.lang)
        return self.archive.publish(brief, forms, now, reached), forms

    def draft(self, day: int, now: int, kind: Kind = "day", edition: str = "all", known_at: int | None = None) -> Link:
        """Keep a day's snapshot for its release, in place of an earlier draft of it.

        Raises:
            AlreadyPublished: it is.
            ConfigurationError: it cannot be built.
        """
        brief = self.brief(day, now, kind, edition, known_at)
        return self.archive.lay(brief, all_forms(brief, self.office.lang), now)

    def on_time(self, day: int, now: int, kind: Kind = "day", edition: str = "all") -> Link:
        """What the hour of a day's snapshot brings: a publication, or a draft where people release.

        Raises:
            AlreadyPublished: it is.
            ConfigurationError: it cannot be built.
        """
        return self.draft(day, now, kind, edition) if self.office.by_hand else self.publish(day, now, kind, edition)[0]

    def release(self, by: str, day: int, now: int, kind: Kind = "day", edition: str = "all") -> Link:
        """Make a draft final, with the figures it has. Who releases signs, unless the office has one signer.

        Raises:
            AlreadyPublished: it is.
            ConfigurationError: there is no draft of it.
        """
        link = self.archive.draft(day, kind, edition)
        if link is None:
            if self.archive.link(day, kind, edition) is not None:
                raise AlreadyPublished(
                    f"{as_date(day)} 的快照已经发布 · The snapshot of {as_date(day)} is already published."
                )
            raise ConfigurationError(
                f"{as_date(day)} 没有待签发的草稿，草稿到点自动生成"
                f" · There is no draft of {as_date(day)}: it is made at the hour of the snapshot."
            )
        brief = self.archive.brief(link)
        forms = {name: self.archive.read(link, name) for name in link.files}
        if not brief.signer and by:
            brief = msgspec.structs.replace(brief, signer=by)
            forms = all_forms(brief, self.office.lang)
        return self.archive.publish(brief, forms, now, by=by)


__all__ = ["FOLDER", "Desk", "Office"]
