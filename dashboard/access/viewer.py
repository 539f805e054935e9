"""Who is reading. Every read has a viewer; what is not granted is refused."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """Roles of DOMAIN.md §1."""

    WALL = "wall"
    CLERK = "clerk"
    OFFICER = "officer"
    CHIEF = "chief"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"
    API = "api"


class Viewer(msgspec.Struct, frozen=True):
    """A reader: name, roles and the towns it may see (``None``: every town of the region)."""

    name: str
    roles: frozenset[Role]
    towns: frozenset[str] | None = None
    name_en: str = ""
    feeds: frozenset[str] | None = None

    def sees(self, town: str) -> bool:
        """Whether figures of a town may be shown; ``all`` needs every town."""
        if self.towns is None:
            return True
        return town in self.towns

    @property
    def scope(self) -> str:
        """The hub's key for what this viewer may see: equal for viewers who may see the same."""
        towns = "*" if self.towns is None else ",".join(sorted(self.towns))
        return f"{','.join(sorted(self.roles))}|{towns}"


LOCAL_VIEWER = Viewer(name="本机", name_en="This machine", roles=frozenset({Role.ADMINISTRATOR}))
"""Stands on loopback until the first account exists."""
