"""Who is reading. Every read has a viewer; what is not granted is refused."""

from __future__ import annotations

import msgspec

from dashboard.access.policy import Permission, Role, allows

FORM = "form:"
"""How the source of records entered by hand begins; the rest is who entered them. No token may bear such a name."""

ACT = "act:"
"""How the source of what people do about obligations and alerts begins; the rest is who. No token may bear such a name.
"""

IMPORT = "import:"
"""How the source of tables begins that people import in the page; the rest is a name that they choose."""


class Viewer(msgspec.Struct, frozen=True):
    """A reader: name, roles and the towns it may see (``None``: every town of the region)."""

    name: str
    roles: frozenset[Role]
    towns: frozenset[str] | None = None
    name_en: str = ""
    feeds: frozenset[str] | None = None
    staff: str = ""
    """The staff id of its account: what actions are assigned to; empty for those who have none."""
    session: str = ""
    """Which session, device or account it came by (never a secret): what ends when that ends."""

    def sees(self, town: str) -> bool:
        """Whether figures of a town may be shown; ``all`` needs every town."""
        if self.towns is None:
            return True
        return town in self.towns

    @property
    def records(self) -> bool:
        """Whether it may enter records by hand, in the towns it sees."""
        return allows(self, Permission.RECORD)

    @property
    def details(self) -> bool:
        """Whether it may see single records of the towns it sees; the others see figures only (DOMAIN.md §9)."""
        return allows(self, Permission.CASES)

    @property
    def governs(self) -> bool:
        """Whether it may change every rule and place: administrators, and chiefs and leaders of all towns."""
        return allows(self, Permission.GOVERN)

    def posts(self, town: str) -> bool:
        """Whether it may change the duty hours of a town's checkpoints.

        A chief of some towns may: they are the chief's own posts, and no other town's figures depend on them.
        """
        return allows(self, Permission.POST_HOURS, town)

    @property
    def source(self) -> str:
        """The source of the records that it enters by hand."""
        return f"{FORM}{self.name}"

    @property
    def scope(self) -> str:
        """The hub's key for what this viewer may see: equal for viewers who may see the same."""
        towns = "*" if self.towns is None else ",".join(sorted(self.towns))
        return f"{','.join(sorted(self.roles))}|{towns}"


LOCAL_VIEWER = Viewer(name="本机", name_en="This machine", roles=frozenset({Role.ADMINISTRATOR}))
"""Stands on loopback until the first account exists."""

__all__ = ["ACT", "FORM", "IMPORT", "LOCAL_VIEWER", "Role", "Viewer"]
