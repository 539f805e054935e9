"""导入 /import: a table is chosen, its columns are matched, its rows checked, and the good ones go in.

Pure functions from an import's report to components. ``callbacks/imports.py`` asks for them, ``assets/page-imports.js``
hands files in and presses what is pressed; it finds its way by ``data-act`` and ``data-…`` attributes. Cells of
personal columns are in nothing that comes here.
"""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.feed import Feed
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS
from layouts.attributes import attributes
from layouts.components.importing import FIRST_ERRORS, Part, State, amount, moment, step_of, word
from layouts.components.importing_found import body
from layouts.components.importing_history import history
from layouts.icons import icon

DEFAULT_FEED = "enterprise"
SUFFIXES = ".xlsx,.xlsm,.xls,.ods,.csv,.tsv,.txt"


def layout(pack: RegionPack, lang: str, feed: str = "", source: str = "", run: str = "", **_params: str) -> Component:
    """The page at its first step, or the import that the address names once it is read."""
    lang = "en" if lang == "en" else "zh"
    declared = FEEDS.get(feed) or FEEDS.get(DEFAULT_FEED) or next(iter(FEEDS.values()))
    state = {"run": run, "feed": declared.name, "source": source}
    return html.Div(
        [
            dcc.Store(id="imports-state", data=state),
            html.Div(
                [html.Div(head(State(declared, lang, pack.timezone)), id="imports-head"), html.Div(id="imports-steps")],
                className="im-head",
            ),
            html.Div(id="imports-notice", className="im-notice", role="alert"),
            html.Div(id="imports-progress", className="im-progress", role="status"),
            html.Div(
                [
                    html.Div(
                        [
                            _controls(pack, declared, lang, source, hidden=bool(run)),
                            html.Div(id="imports-body", className="im-body"),
                        ],
                        className="im-left",
                    ),
                    html.Aside(
                        [html.Div(id="imports-history"), _template(declared, lang)],
                        className="im-right",
                    ),
                ],
                className="im-columns",
            ),
        ],
        id="imports-page",
        className="im",
        **attributes(data_feed=declared.name, data_lang=lang, data_accept=SUFFIXES),
    )


# --- first step ------------------------------------------------------------------------------------------------------


def _controls(pack: RegionPack, shown: Feed, lang: str, source: str, hidden: bool) -> Component:
    kept = {"lang": "en"} if lang == "en" else {}
    tabs = []
    for feed in sorted(FEEDS.values(), key=lambda feed: not feed.core):
        on = feed is shown
        query = "&".join(f"{key}={value}" for key, value in {"feed": feed.name, **kept}.items())
        link = dcc.Link(
            [
                html.Span(icon(feed.icon, 18), style={"color": f"var(--tw-feed-{feed.colour})"}),
                html.Span(feed.words.of(lang)),
            ],
            href=f"/import?{query}",
            className="im-tab im-on" if on else "im-tab",
        )
        tabs.append(html.Span(link, **(attributes(aria_current="true") if on else {})))
    towns = [html.Option(word("town_rows", lang), value="")]
    towns += [html.Option(town.name, value=town.code) for town in pack.towns]
    return html.Section(
        [
            html.Nav(tabs, className="im-tabs", **attributes(aria_label=word("feeds", lang))),
            html.Div(
                [
                    html.Label(
                        [
                            html.Span(word("source", lang)),
                            html.Span(
                                id="imports-source-box",
                                **attributes(data_value=source, data_placeholder=word("source_default", lang)),
                            ),
                        ],
                        title=word("source_note", lang),
                    ),
                    html.Label([html.Span(word("town", lang)), html.Select(towns, id="imports-town")]),
                ],
                className="im-about",
            ),
            html.Div(
                [
                    icon("file", 34),
                    html.P([html.B(word("drop", lang)), html.Span(word("drop_or", lang))], className="im-drop-say"),
                    html.Button(
                        [icon("down", 16), word("pick", lang)],
                        className="im-btn im-pri",
                        **attributes(data_act="pick", type="button"),
                    ),
                    html.P(word("limits", lang, size="16 MiB"), className="im-mute", id="imports-limits"),
                    html.P([icon("lock", 14), word("private_note", lang)], className="im-mute im-lock"),
                ],
                className="im-drop",
                id="imports-drop",
            ),
        ],
        id="imports-controls",
        className="im-pan im-first",
        hidden=hidden,
    )


def _template(feed: Feed, lang: str) -> Component:
    needed = [html.Li(html.B(word("town", lang))), html.Li(html.B("时间" if lang == "zh" else "Time"))]
    for one in feed.fields:
        if one.required:
            also = "、".join(one.headers[:3])
            line: list[Part] = [html.B(one.words.of(lang))]
            if also and lang == "zh":
                line.append(html.Span(f"{word('also', lang)} {also}"))
            needed.append(html.Li(line))
    names = [name for name in feed.natural_key if name != "stage"]
    time = "事件时间" if lang == "zh" else "event time"
    words = [field.words.of(lang) if (field := feed.field(name)) is not None else time for name in names]
    key = (" ＋ " if lang == "zh" else " + ").join(words) or word("key_whole", lang)
    return html.Section(
        [
            html.Div(html.H2(word("template", lang)), className="im-ph"),
            html.A(
                [icon("down", 16), word("template_get", lang, feed=feed.words.of(lang))],
                href=f"/api/v1/import/{feed.name}/template.xlsx",
                className="im-btn",
                download="",
            ),
            html.H3(word("needed", lang)),
            html.Ul(needed, className="im-needed"),
            html.H3(word("key", lang)),
            html.P([word("key_id", lang), html.B(key)], className="im-mute"),
        ],
        className="im-pan im-template",
    )


def head(state: State) -> list[Component]:
    """The headline, which is the answer, and what it is about."""
    lang, run = state.lang, state.run
    comma = "，" if lang == "zh" else ", "
    parts: list[tuple[str, str]] = []
    sub = f"{state.feed.words.of(lang)}"
    if run is None:
        parts.append((word("choose", lang), ""))
    else:
        counts, report = run.report.counts, run.report
        step = step_of(state)
        if run.state == "withdrawn":
            parts.append((word("h_withdrawn", lang), ""))
        elif step == 4:
            parts.append((word("h_done", lang, good=amount(counts.good)), ""))
            if counts.rejected:
                parts.append((word("h_left", lang, n=amount(counts.rejected)), "alert"))
        elif report.problem is not None:
            parts.append((word("h_problem", lang), "alert"))
        elif step == 2:
            columns = [one for one in report.columns if one.header]
            parts.append((word("h_unknown", lang, n=len(columns), unknown=len(report.unknown)), "watch"))
        elif not counts.good:
            parts.append((word("h_none", lang), "alert"))
        elif counts.unchanged == counts.rows:
            parts.append((word("h_same", lang, rows=amount(counts.rows)), ""))
        elif not counts.rejected:
            parts.append((word("h_all", lang, rows=amount(counts.rows)), ""))
        else:
            parts.append((word("h_good", lang, rows=amount(counts.rows), good=amount(counts.good)), ""))
            parts.append((word("h_bad", lang, n=amount(counts.rejected)), "alert"))
        sub = word(
            "uploaded",
            lang,
            feed=state.feed.words.of(lang),
            at=moment(run.created_at, state.zone, lang),
            who=state.names.get(run.uploader) or run.uploader.partition(":")[2],
        )
    line: list[Part] = []
    for place, (text, tone) in enumerate(parts):
        line.append(html.Span(text + (comma if place + 1 < len(parts) else ""), className=tone))
    return [html.H1(line), html.P(sub)]


def steps(state: State) -> Component:
    """The four steps, the present one marked."""
    lang, now = state.lang, step_of(state)
    finished = state.run is not None and state.run.state in ("done", "withdrawn")
    items = []
    for number in range(1, 5):
        past = number < now or finished
        mark = html.I(icon("check", 13)) if past else html.I(str(number))
        items.append(
            html.Li(
                [mark, word(f"step{number}", lang)],
                className="im-past" if past else "im-now" if number == now else "",
                **(attributes(aria_current="step") if number == now else {}),
            )
        )
    return html.Ol(items, className="im-steps", **attributes(aria_label=word("steps", lang)))


def denied(lang: str) -> list[Component]:
    """What a viewer sees who may look only."""
    text = [icon("lock", 22), html.B(word("denied", lang)), html.P(word("denied_note", lang))]
    return [html.Section(text, className="im-pan im-message")]


__all__ = ["DEFAULT_FEED", "FIRST_ERRORS", "State", "body", "denied", "head", "history", "layout", "steps"]
