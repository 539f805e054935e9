"""HTML attributes that are no Python names: ``attributes(data_kpi="screened", aria_label="…")``."""

from __future__ import annotations

from typing import Any


def attributes(**given: str) -> dict[str, Any]:
    """The same with hyphens, to be unpacked into a Dash component."""
    return {name.replace("_", "-"): value for name, value in given.items()}
