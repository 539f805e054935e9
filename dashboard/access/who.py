"""Who a viewer is in records and acts: the name that others read, and whether something is theirs."""

from __future__ import annotations

from dashboard.access.viewer import ACT, Viewer


def actor(viewer: Viewer) -> str:
    """Who a viewer is to those who read an act: the staff id with the name, else the name."""
    return f"{viewer.staff} {viewer.name}".strip() if viewer.staff and viewer.staff != viewer.name else viewer.name


def act_source(viewer: Viewer) -> str:
    """The source of what a viewer does about obligations and alerts."""
    return f"{ACT}{viewer.name}"


def is_of(viewer: Viewer, owner: str) -> bool:
    """Whether an owner, as it stands in an act or a record (``P-8013 陆敏``, ``P-8013``, a name), is this viewer."""
    said = owner.strip()
    return bool(said) and (
        said in (viewer.name, actor(viewer)) or bool(viewer.staff and said.split()[0] == viewer.staff)
    )


__all__ = ["act_source", "actor", "is_of"]
