"""The page of rules: what a person asks of it goes through the one write door, and the answer is one sentence.

``assets/rules.js`` puts a question into ``rules-ask`` and hears the answer from ``rules-answer``. What the page shows
comes over the socket, as on every page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dash import Dash

from callbacks import answering
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.errors import NotAllowed, TownwatchError
from dashboard.live import Hub
from dashboard.queries.board import BoardReader
from dashboard.queries.rules import day_text
from dashboard.queries.trial import effects
from geodata.revise import Edit
from ingest.revision import Change, Saved

MOST_EDITS = 500
"""More than the checkpoints of any county, fewer than would hold the ledger for long."""


def register(app: Dash, queries: BoardReader, hub: Hub, actions: Actions) -> None:
    """Register the page's question and answer."""
    answering(app, hub, "rules", partial(reply, queries, actions))


def reply(queries: BoardReader, actions: Actions, viewer: Viewer | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one question: ``ok``, one sentence, and what a trial found.

    ``do`` is ``try``, ``save``, ``cancel`` or ``restore``; ``turn`` comes back, so that a late answer is told from the
    one that is waited for.
    """
    lang = "en" if asked.get("lang") == "en" else "zh"
    told: dict[str, Any] = {"turn": asked.get("turn"), "do": asked.get("do"), "ok": False, "text": ""}
    try:
        if viewer is None:
            raise NotAllowed("请先登录 · Please sign in")
        work = {"try": _try, "save": _save, "cancel": _cancel, "restore": _restore}.get(str(asked.get("do")))
        if work is not None:
            told |= work(queries, actions, viewer, asked, lang)
    except TownwatchError as error:
        told["text"] = _of(error.sentence, lang)
    return told


Work = Callable[[BoardReader, Actions, Viewer, Mapping[str, Any], str], dict[str, Any]]


def _try(queries: BoardReader, actions: Actions, viewer: Viewer, asked: Mapping[str, Any], lang: str) -> dict[str, Any]:
    found = effects(queries.board(viewer), queries.past, _edits(actions, asked), lang)
    if found is None:
        return {"ok": True, "effects": None}
    shown = [
        {"kpi": one.kpi, "name": one.name, "before": one.before, "after": one.after, "delta": one.delta}
        for one in found
        if not one.same
    ]
    return {"ok": True, "effects": shown}


def _save(
    queries: BoardReader, actions: Actions, viewer: Viewer, asked: Mapping[str, Any], lang: str
) -> dict[str, Any]:
    base = asked.get("base")
    change = Change(_edits(actions, asked), base if isinstance(base, int) else None)
    return _saved(actions, actions.revise(viewer, change, _day(asked), str(asked.get("reason") or "")), lang)


def _cancel(
    queries: BoardReader, actions: Actions, viewer: Viewer, asked: Mapping[str, Any], lang: str
) -> dict[str, Any]:
    return _saved(actions, actions.cancel_change(viewer, _number(asked), str(asked.get("reason") or "")), lang)


def _restore(
    queries: BoardReader, actions: Actions, viewer: Viewer, asked: Mapping[str, Any], lang: str
) -> dict[str, Any]:
    return _saved(actions, actions.restore(viewer, _number(asked), _day(asked), str(asked.get("reason") or "")), lang)


def _saved(actions: Actions, saved: Saved, lang: str) -> dict[str, Any]:
    today = actions.revisions.today()
    day = day_text(saved.valid_from, today, lang)
    if lang == "en":
        text = f"Change {saved.change} is saved: {saved.edits} rule{'' if saved.edits == 1 else 's'} from {day}"
    else:
        text = f"已保存第 {saved.change} 号改动：{saved.edits} 条规则，自{day}起"
    return {"ok": True, "text": text, "change": saved.change}


def _edits(actions: Actions, asked: Mapping[str, Any]) -> tuple[Edit, ...]:
    given = asked.get("edits")
    written = [
        (str(one.get("table", "")), str(one.get("key", "")), str(one.get("text", "")))
        for one in (given if isinstance(given, list) else [])[:MOST_EDITS]
        if isinstance(one, Mapping)
    ]
    return actions.revisions.edits(written, _day(asked))


def _day(asked: Mapping[str, Any]) -> int | None:
    """A local day from a date field; 0 is no day, and the door says so."""
    given = str(asked.get("valid_from") or "")
    if not given:
        return None
    digits = given.replace("-", "")
    return int(digits) if digits.isdecimal() and len(digits) == 8 else 0


def _number(asked: Mapping[str, Any]) -> int:
    number = asked.get("number")
    return number if isinstance(number, int) else 0


def _of(sentence: str, lang: str) -> str:
    """The half of a sentence in both languages that a page shows."""
    zh, _, en = sentence.partition(" · ")
    return (en or zh) if lang == "en" else zh
