"""Building and publishing: from the truth of a data directory to final files. One snapshot at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from dashboard.domain.day import day_of, day_start
from dashboard.errors import ConfigurationError
from dashboard.queries.past import Past
from dashboard.snapshot.archive import Archive, Link
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


class Desk:
    """Builds and publishes the snapshots of one data directory."""

    def __init__(self, data_dir: Path, past: Past, office: Office) -> None:
        self.past, self.office = past, office
        self.archive = Archive(data_dir / FOLDER)

    def moment(self, day: int) -> int:
        """The instant up to which a day's snapshot is known."""
        return day_start(day, self.past.zone) + self.office.minute * 60_000

    def brief(self, day: int, now: int, kind: Kind = "day", edition: str = "all") -> Brief:
        """The figures of a day's snapshot as they were known at its hour; before that hour, as they are known now.

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
        seq = self.past.seq_at(at)
        if seq == 0:
            raise ConfigurationError(
                f"数据不全，未生成：{day} 还没有任何记录，请换一个有记录的日期"
                f" · Nothing was known on {day}: choose a day that has records."
            )
        before = self.archive.briefs(edition, day)
        issued = [link.issue for link in self.archive.links() if link.kind == kind and link.edition == edition]
        ask = Ask(
            day=day,
            at=at,
            kind=kind,
            edition=edition,
            number=max(issued, default=0) + 1,
            office=self.office.name,
            signer=self.office.signer,
            world=self.office.world,
            first=min((link.day for link in self.archive.links()), default=pack.since or None),
        )
        return build(self.past, ask, before, seq)

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


__all__ = ["FOLDER", "Desk", "Office"]
