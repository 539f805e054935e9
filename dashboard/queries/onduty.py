"""Who is on duty in a town now: units with their beats, from positions and the pack, and the roster of shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.domain.summary import RosterSummary
from dashboard.queries import wording
from dashboard.queries.rows import beat_name, unit_name

if TYPE_CHECKING:
    from dashboard.queries.board import Board

ROSTER = "shift"
"""The feed that says how many people stand where on a day."""


def on_duty(board: Board, town: str, lang: str) -> list[dict[str, str]]:
    """Units on duty now with their beats, and what the roster of shifts says of the day."""
    zh = lang != "en"
    track = board.track(town)
    on = [unit.unit for unit in track.units if unit.on_duty or unit.signal] if track else []
    beats: dict[str, list[str]] = {}
    for beat in board.pack.beats:
        for unit in beat.units if beat.town == town else ():
            beats.setdefault(unit, []).append(beat_name(board, beat.code, lang))
    found = [
        {"name": unit_name(board, unit, lang), "text": wording.listed(beats.get(unit, []), lang, 4) or "—"}
        for unit in on
    ]
    roster = board.summaries(ROSTER).get(town)
    for item in roster.items if isinstance(roster, RosterSummary) else ():
        today = item.days.get(board.day, {})
        if "on_duty" in today:
            count = wording.quantity(today["on_duty"], lang)
            found.append({"name": item.item, "text": f"当班 {count} 人" if zh else f"{count} on duty"})
    return found
