"""What became of one case, line by line: every entry into a stage, every verdict, every correction, what is to come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dashboard.domain.day import day_of
from dashboard.domain.event import Event
from dashboard.domain.feed import Feed
from dashboard.domain.summary import CaseNow
from dashboard.queries import wording
from dashboard.queries.casework import spec_of, stage_named

if TYPE_CHECKING:
    from dashboard.queries.board import Board


def told(board: Board, feed: Feed, case: CaseNow, lang: str) -> list[dict[str, str]]:
    """The drawer's 经过, oldest first: {state, time, text, tone}."""
    zh = lang != "en"
    versions = board.versions(feed.name, case.case)
    now = [event for event, ended in versions if ended is None and not event.void and event.at <= board.now]
    lines: list[tuple[int, int, dict[str, str]]] = []
    spec = spec_of(feed)
    before = ""
    for event in sorted(now, key=lambda one: one.order):
        stage = str(event.fields.get(spec.stage_field, ""))
        for nth, text in enumerate(_said(feed, event, stage if stage != before else "", lang)):
            returned = "returned" in str(event.fields.get(spec.review_field or "", "")) and nth > 0
            state = "soon" if returned else "met"
            lines.append((event.at, nth, _line(board, state, event.at, text, "watch" if returned else "", lang)))
        before = stage
    for at, text in _corrections(feed, versions, lang):
        lines.append((at, 9, _line(board, "", at, text, "", lang)))
    found = [line for _, _, line in sorted(lines, key=lambda one: one[:2])]
    if not case.ends:
        # Where it stands now, and what is still to come.
        over = case.stuck or case.overdue
        here = stage_named(feed, case.stage).words.of(lang)
        stands = f"现在：{here}，已 {wording.span(board.now - case.since, lang)}"
        stands_en = f"now: {here}, for {wording.span(board.now - case.since, lang)}"
        found.append(
            {"state": "lapsed" if over else "soon", "time": "", "text": stands if zh else stands_en,
             "tone": "alert" if over else ""}
        )  # fmt: skip
        order = [stage for stage in spec.stages if stage.ends in ("", "done")]
        codes = [stage.code for stage in order]
        if case.stage in codes:
            rest = [stage.words.of(lang) for stage in order[codes.index(case.stage) + 1 :]]
            if rest:
                found.append({"state": "open", "time": "", "text": " → ".join(rest), "tone": ""})
    return found


def _line(board: Board, state: str, at: int, text: str, tone: str, lang: str) -> dict[str, str]:
    when = wording.moment(at, board.day, board.zone, lang)
    if day_of(at, board.zone) == board.day:
        when = wording.clock(at, board.zone)
    return {"state": state, "time": when, "text": text, "tone": tone}


def _said(feed: Feed, event: Event, stage: str, lang: str) -> list[str]:
    """What a record said that a reader wants to know: the stage it brought, a verdict, a pledge, numbers."""
    zh = lang != "en"
    spec = spec_of(feed)
    found = [stage_named(feed, stage).words.of(lang)] if stage else []
    rest = []
    for name in (spec.review_field, spec.pledge_field):
        value = event.fields.get(name) if name else None
        field = feed.field(name) if name else None
        if value is not None and field is not None:
            words = field.choices.get(str(value))
            shown = words.of(lang) if words else str(value)
            rest.append(shown if name == spec.review_field else f"{field.words.of(lang)}：{shown}")
    returned = event.fields.get("staff_returned")
    if returned is not None and stage == "" and not rest:
        rest.append(f"返岗 {returned} 人" if zh else f"{returned} staff back")
    return [*found, *rest]


def _corrections(feed: Feed, versions: Sequence[tuple[Event, int | None]], lang: str) -> list[tuple[int, str]]:
    """A record that was sent again with another body: (when it was received, which field changed from what to what)."""
    zh = lang != "en"
    by_record: dict[tuple[str, str], list[Event]] = {}
    standing: set[tuple[str, str]] = set()
    for event, ended in versions:
        by_record.setdefault((event.source, event.id), []).append(event)
        if ended is None:
            standing.add((event.source, event.id))
    found = []
    for record, same in by_record.items():
        same.sort(key=lambda event: (event.rev, event.received_at))
        if record not in standing:
            # The withdrawal itself names no case; what it took away is known.
            found.append((same[-1].at, "这条记录已撤回" if zh else "this record was withdrawn"))
        for old, new in pairwise(same):
            changes = [
                f"{field.words.of(lang)} {_shown(field.name, old, feed, lang)} → {_shown(field.name, new, feed, lang)}"
                for field in feed.fields
                if old.fields.get(field.name) != new.fields.get(field.name)
            ]
            if old.town != new.town:
                changes.append(f"{'镇' if zh else 'town'} {old.town} → {new.town}")
            if changes:
                text = wording.join(changes, lang)
                found.append((new.received_at, f"更正：{text}" if zh else f"corrected: {text}"))
    return found


def _shown(name: str, event: Event, feed: Feed, lang: str) -> str:
    value: Any = event.fields.get(name)
    field = feed.field(name)
    if value is None:
        return "空" if lang != "en" else "nothing"
    words = field.choices.get(str(value)) if field else None
    return words.of(lang) if words else str(value)


__all__ = ["told"]
