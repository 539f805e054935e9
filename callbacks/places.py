"""The page of places and beats: what a person changes goes through the one write door, the answer is one sentence.

``assets/places.js`` puts a question into ``places-ask`` and hears the answer from ``places-answer``. What the page
shows comes over the socket, as on every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dash import Dash

from callbacks import answering
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.domain.day import shift_day
from dashboard.errors import NotAllowed, PackError, TownwatchError
from dashboard.live import Hub
from dashboard.queries.rules import day_text
from geodata import placing
from geodata.placing import Written
from ingest.revision import Change, Saved

LONGEST = 4000
"""No field of the form holds more; a beat's places are the longest."""


def register(app: Dash, queries: object, hub: Hub, actions: Actions) -> None:
    """Register the page's question and answer."""
    answering(app, hub, "places", partial(reply, actions))


def reply(actions: Actions, viewer: Viewer | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one question: ``ok``, one sentence, and what is odd about what was saved.

    ``do`` is ``save``, ``close``, ``cancel`` or ``restore``; ``what`` is ``place``, ``beat`` or ``unit`` and ``key``
    its code, empty for a new one; ``set`` holds the fields that were changed. ``turn`` comes back, so that a late
    answer is told from the one that is waited for.
    """
    lang = "en" if asked.get("lang") == "en" else "zh"
    told: dict[str, Any] = {"turn": asked.get("turn"), "do": asked.get("do"), "ok": False, "text": ""}
    try:
        if viewer is None:
            raise NotAllowed("请先登录 · Please sign in")
        told |= _done(actions, viewer, asked, lang)
    except TownwatchError as error:
        told["text"] = _of(error.sentence, lang)
    return told


def _done(actions: Actions, viewer: Viewer, asked: Mapping[str, Any], lang: str) -> dict[str, Any]:
    reason, day = str(asked.get("reason") or ""), _day(asked)
    verb, number = asked.get("do"), asked.get("number")
    if verb in ("cancel", "restore") and isinstance(number, int):
        act = actions.cancel_change if verb == "cancel" else None
        saved = act(viewer, number, reason) if act else actions.restore(viewer, number, day, reason)
        return _saved(actions, saved, Written("", ()), lang)
    if not viewer.governs:
        # Said before anything is judged, so that a refusal never tells what would have been wrong.
        raise NotAllowed(
            "改地点和巡段要有管理员、或管全部镇（街道）的所长、领导的身份"
            " · Only administrators and chiefs or leaders of all towns may change places and beats"
        )
    written = _written(actions, asked, day)
    if not written.edits:
        raise PackError("没有改动：请先改点什么再保存 · Nothing was changed.")
    base = asked.get("base")
    change = Change(written.edits, base if isinstance(base, int) else None)
    return _saved(actions, actions.revise(viewer, change, day, reason), written, lang)


def _written(actions: Actions, asked: Mapping[str, Any], day: int | None) -> Written:
    """The edits of what was changed, made to the version of the day from which they are to be valid."""
    what, key = str(asked.get("what")), str(asked.get("key") or "")[:60]
    content = actions.revisions.content(day or shift_day(actions.revisions.today(), 1))
    if asked.get("do") == "close":
        close = placing.CLOSE.get(what)
        if close is None:
            raise PackError("不知道要关闭什么 · It is not said what is to be closed.")
        return close(content, key)
    work = placing.SAVE.get(what)
    given = asked.get("set")
    if work is None or not isinstance(given, Mapping):
        raise PackError("不知道要保存什么 · It is not said what is to be saved.")
    fields = {str(name): str(value)[:LONGEST] for name, value in given.items() if isinstance(value, str)}
    return work(content, actions.region(), key, fields)


def _saved(actions: Actions, saved: Saved, written: Written, lang: str) -> dict[str, Any]:
    day = day_text(saved.valid_from, actions.revisions.today(), lang)
    zh = f"已保存第 {saved.change} 号改动，自{day}起" if lang != "en" else f"Change {saved.change} is saved, from {day}"
    notes = [_of(note, lang) for note in written.notes]
    text = "；".join([zh, *notes]) if lang != "en" else "; ".join([zh, *notes])
    return {"ok": True, "text": text, "change": saved.change, "key": written.key, "odd": bool(notes)}


def _day(asked: Mapping[str, Any]) -> int | None:
    """A local day from a date field; 0 is no day, and the door says so."""
    given = str(asked.get("valid_from") or "")
    if not given:
        return None
    digits = given.replace("-", "")
    return int(digits) if digits.isdecimal() and len(digits) == 8 else 0


def _of(sentence: str, lang: str) -> str:
    """The half of a sentence in both languages that a page shows."""
    zh, _, en = sentence.partition(" · ")
    return (en or zh) if lang == "en" else zh
