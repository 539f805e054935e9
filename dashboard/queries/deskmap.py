"""The map of a desk page: its towns with a figure each, and its marks, as ``TW.map.desk`` draws them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from dashboard.domain.figure import Figure
from dashboard.queries import wording
from dashboard.queries.asked import Asked


def towns(
    asked: Asked,
    figure: Callable[[str], Figure],
    *,
    text: Callable[[Figure], str],
    reported: Callable[[str], bool],
    bad: Callable[[Figure], bool] = lambda figure: False,
    meant: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Every town that the viewer sees with its figure; those that are not ``meant`` show no text.

    ``None`` means what the filter of towns lets through.
    """
    board, lang = asked.board, asked.lang
    shown = asked.chosen.get("town", board.towns) if meant is None else meant
    found = []
    for town in board.pack.towns:
        if town.code not in board.towns:
            continue
        own = figure(town.code)
        heard = reported(town.code)
        found.append(
            {
                "code": town.code,
                "name": town.name,
                "text": text(own) if town.code in shown else "",
                "bad": bad(own),
                "meant": town.code in shown,
                "chosen": town.code in asked.chosen.get("town", ()),
                "reported": heard,
                "raw": own.value,
                "freshness": str(own.freshness),
                "label": town.name if heard else f"{town.name} {wording.not_reported(lang)}",
            }
        )
    return found


def document(
    asked: Asked,
    towns: Sequence[dict[str, Any]],
    points: Sequence[Sequence[Any]],
    label: str,
    *,
    kpi: str,
    cells: Sequence[Sequence[Any]] = (),
    **more: Any,
) -> dict[str, Any]:
    """The map. ``points``: (key, longitude, latitude, state, number or 0, name); ``cells``: (longitude, latitude,
    met, open) where there are too many points to draw each."""
    zh = asked.lang != "en"
    return {
        "points": list(points),
        "cells": list(cells),
        "heat": [],
        "units": [],
        "towns": list(towns),
        "kpi": kpi,
        "limit": [town["code"] for town in towns if town["meant"]] if "town" in asked.chosen else [],
        "signal": 0,
        "dark": 0,
        "label": label,
        "approximate": ("界线为近似" if zh else "approximate boundary") if asked.board.pack.approximate else "",
        **more,
    }


__all__ = ["document", "towns"]
