"""The import page: what its state asks for is read on a thread and drawn by the pure layout.

Nothing is written here; ``assets/page-imports.js`` hands files and presses to the API, then changes the page's state.
"""

from __future__ import annotations

import asyncio
from typing import Any

from dash import Dash, Input, Output
from dash.development.base_component import Component

from callbacks import asker
from dashboard.access.viewer import Viewer
from dashboard.actions import Actions
from dashboard.domain.feed import Words
from dashboard.errors import NotAllowed, TownwatchError
from dashboard.feeds import FEEDS, feed_named
from dashboard.live import Hub
from ingest.gateways.sheets.columns import ENVELOPE, field_words, header_key
from ingest.gateways.sheets.desk import Clerk, Desk
from layouts.pages import imports as page

HISTORY = 12

Drawn = tuple[list[Component], Component, list[Component], Component, bool]


def register(app: Dash, queries: object, hub: Hub, actions: Actions) -> None:
    """Register the page's one callback."""

    @app.callback(
        Output("imports-head", "children"),
        Output("imports-steps", "children"),
        Output("imports-body", "children"),
        Output("imports-history", "children"),
        Output("imports-controls", "hidden"),
        Input("imports-state", "data"),
        Input("tw-url", "search"),
    )
    async def show(state: dict[str, Any] | None, search: str | None) -> Drawn:
        lang = "en" if "lang=en" in (search or "") else "zh"
        return await asyncio.to_thread(draw, actions, await asker(hub), state or {}, lang)


def draw(actions: Actions, viewer: Viewer | None, given: dict[str, Any], lang: str) -> Drawn:
    """Headline, steps, body, history, and whether the first step's controls are hidden."""
    feed = FEEDS.get(str(given.get("feed"))) or FEEDS.get(page.DEFAULT_FEED) or next(iter(FEEDS.values()))
    zone = actions.region().pack.timezone
    state = page.State(feed, lang, zone)
    try:
        if viewer is None:
            raise NotAllowed("")
        clerk = Clerk.of_viewer(viewer, str(given.get("source") or ""))
    except NotAllowed:
        return page.head(state), page.steps(state), page.denied(lang), page.history(state), True
    except TownwatchError as error:
        state = page.State(feed, lang, zone, message=_of(error.sentence, lang))
        return page.head(state), page.steps(state), page.body(state), page.history(state), False
    desk = actions.desk
    history = desk.history(clerk, HISTORY)
    asking = str(given.get("asking") or "")
    name = str(given.get("run") or "")
    if not name:
        state = page.State(feed, lang, zone, history=history, asking=asking)
        return page.head(state), page.steps(state), page.body(state), page.history(state), False
    try:
        called = viewer.name_en or viewer.name if lang == "en" else viewer.name
        state = _at_hand(desk, clerk, called, given, lang, zone, history, asking)
    except TownwatchError as error:
        state = page.State(feed, lang, zone, history=history, asking=asking, message=_of(error.sentence, lang))
        return page.head(state), page.steps(state), page.body(state), page.history(state), False
    return page.head(state), page.steps(state), page.body(state), page.history(state), True


def _at_hand(
    desk: Desk, clerk: Clerk, called: str, given: dict[str, Any], lang: str, zone: str, history: list[Any], asking: str
) -> page.State:
    """The state of a page that shows an import.

    Raises:
        UnknownImport: there is none of that name.
    """
    run = desk.run(clerk, str(given["run"]))
    feed = feed_named(run.report.feed)
    everything, number = bool(given.get("everything")), int(given.get("page") or 0)
    rows, total = None, run.report.counts.rows
    if run.state == "checked":
        rows, total = desk.preview(run, everything, number)
    key = header_key(run.report.columns)
    remembered = next((one for one in desk.store.mappings(run.report.source, feed.name, key)), None)
    names = [*ENVELOPE, *(field.name for field in feed.fields)]
    return page.State(
        feed=feed,
        lang=lang,
        zone=zone,
        run=run,
        rows=rows,
        total=total,
        everything=everything,
        page=number,
        errors=int(given.get("errors") or page.FIRST_ERRORS),
        confirmed=bool(given.get("confirmed")),
        remembered_at=remembered.updated_at if remembered is not None else None,
        fields=[(name, Words(*field_words(feed, name))) for name in names],
        names={clerk.name: called},
        history=history,
        asking=asking,
    )


def _of(sentence: str, lang: str) -> str:
    """The half of a sentence in both languages that a page shows."""
    zh, _, en = sentence.partition(" · ")
    return (en or zh) if lang == "en" else zh
