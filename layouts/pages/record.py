"""登记 /record and /record/{feed}: a town's reporting of today, and a form per feed made from the feed's declaration.

``assets/record-form.js`` puts inputs into the fields drawn here, ``assets/record-today.js`` draws cards and the list of
what was entered, ``assets/record-queue.js`` sends. Which towns and whether at all: the server says who is at the form.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.domain.feed import Feed, Words
from dashboard.domain.form import Form, FormField, form_of, plain, unit_of
from dashboard.domain.place import RegionPack
from dashboard.feeds import FEEDS
from layouts.attributes import attributes
from layouts.icons import icon

FEW = 4

WORDS: dict[str, tuple[str, str]] = {
    "enter": ("登记{feed}", "Enter: {feed}"),
    "today": ("今天", "Today"),
    "feeds": ("登记哪一路", "What to enter"),
    "town": ("镇（街道）", "Town"),
    "at": ("时间", "Time"),
    "position": ("位置", "Position"),
    "required": ("必填", "required"),
    "more": ("其他项", "Other fields"),
    "more_note": ("由设备给出，或复核时用；一般不用填", "stated by devices or used in a review; usually left empty"),
    "submit": ("提交", "Send"),
    "example": ("例 {value}", "e.g. {value}"),
    "mine": ("我今天记的", "Entered by me today"),
    "reports": ("今天报了没有", "Reported today"),
    "all": ("全部记录", "All records"),
    "code": ("写编号，不写姓名", "a code, no name"),
    "nobody": ("不写姓名、电话", "no names or phone numbers"),
    "longest": ("最多 {n} 个字", "up to {n} characters"),
}


def word(key: str, lang: str, **values: object) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return (en if lang == "en" else zh).format(**values)


def layout(pack: RegionPack, lang: str, feed: str = "", **_params: str) -> Component:
    """The form of ``feed``, or without one how each feed stands today."""
    declared = FEEDS.get(feed)
    named = "en" if lang == "en" else "zh"
    body = _form(pack, form_of(declared), lang) if declared else html.Div(id="record-cards", className="rf-cards")
    return html.Div(
        [
            html.Div(
                [html.Div(id="record-head", className="rf-answer"), html.Div(id="record-town", className="rf-town")],
                className="rf-head",
            ),
            _feeds(declared, lang),
            html.Div(id="record-notice", className="rf-notices", role="status"),
            html.Div(
                [
                    body,
                    html.Aside(
                        [
                            _panel("record-reports", word("reports", lang)) if declared else None,
                            _panel("record-mine", word("mine", lang), note="record-mine-note"),
                        ],
                        className="rf-side",
                    ),
                ],
                className="rf-body",
            ),
            html.Div(id="record-sheet"),
        ],
        id="record-page",
        className="rf rf-one" if declared else "rf rf-hub",
        **attributes(
            data_feed=feed if declared else "",
            data_lang=named,
            data_title=word("enter", lang, feed=declared.short.of(lang)) if declared else "",
            data_zone=pack.timezone,
        ),
    )


def _feeds(shown: Feed | None, lang: str) -> Component:
    def link(text: str, href: str, symbol: str, colour: str, on: bool) -> Component:
        mark = html.Span(icon(symbol, 18), style={"color": f"var(--tw-feed-{colour})"} if colour else {})
        child = dcc.Link([mark, html.Span(text)], href=href, className="rf-tab rf-on" if on else "rf-tab")
        return html.Span(child, **(attributes(aria_current="page") if on else {}))

    kept = "?lang=en" if lang == "en" else ""
    tabs = [link(word("today", lang), f"/record{kept}", "list", "", shown is None)]
    tabs += [
        link(feed.short.of(lang), f"/record/{feed.name}{kept}", feed.icon, feed.colour, feed is shown)
        for feed in sorted(FEEDS.values(), key=lambda feed: not feed.core)
    ]
    return html.Nav(tabs, className="rf-tabs", **attributes(aria_label=word("feeds", lang)))


def _panel(name: str, title: str, note: str = "") -> Component:
    head = [html.H2(title), html.Div(id=note, className="rf-note") if note else None]
    return html.Section([html.Div(head, className="rf-panel-head"), html.Div(id=name)], className="rf-panel")


# -- the form --------------------------------------------------------------------------------------------------------


def _form(pack: RegionPack, form: Form, lang: str) -> Component:
    shown = [one for one in form.fields if not one.folded]
    folded = [one for one in form.fields if one.folded]
    rows: list[Component] = [field_row(form, one, lang) for one in shown]
    rows += [_at(lang), _position(form, lang)]
    if folded:
        summary = html.Summary([icon("chev", 16), html.Span(word("more", lang)), html.I(word("more_note", lang))])
        inner = html.Div([field_row(form, one, lang) for one in folded], className="rf-grid")
        rows.append(html.Details([summary, inner], className="rf-more"))
    return html.Section(
        [
            html.Div(id="record-banner", className="rf-banner"),
            html.Div(rows, className="rf-grid", id="record-fields"),
            html.Div(id="record-done", className="rf-done", role="status", hidden=True),
            html.Div(
                [
                    html.Div(id="record-state", className="rf-state", role="status"),
                    html.Button(
                        word("submit", lang),
                        id="record-send",
                        type="button",
                        className="rf-send",
                        disable_n_clicks=True,
                    ),
                ],
                className="rf-foot",
                id="record-foot",
            ),
        ],
        id="record-form",
        className="rf-panel rf-form",
        role="form",
        **attributes(
            data_feed=form.feed.name,
            data_kept=",".join(form.kept),
            data_subject=form.feed.subject,
            data_stage=form.stage,
            data_names=json.dumps({one.name: one.field.words.of(lang) for one in form.fields}, ensure_ascii=False),
            aria_label=word("enter", lang, feed=form.feed.words.of(lang)),
        ),
    )


def field_row(form: Form, one: FormField, lang: str) -> Component:
    """One field: its name, what it may be, the place of its control, and of the sentence about what was got."""
    field = one.field
    spec: dict[str, Any] = {
        "field": field.name,
        "control": one.control,
        "required": "1" if field.required else "",
        "when": ";".join(f"{name}={value}" for name, value in one.when),
        "inputmode": one.inputmode,
        "unit": unit_of(field, lang),
        "max": str(field.max_length) if field.kind == "text" else "",
        "example": word("example", lang, value=field.example) if field.example and one.control != "case" else "",
    }
    control = html.Div(
        _chips(field.choices, lang) if one.control == "chips" else None,
        className="rf-control",
        role="radiogroup" if one.control == "chips" else "group",
        id=f"record-control-{field.name}",
        **attributes(aria_labelledby=f"record-label-{field.name}"),
    )
    return html.Div(
        [
            html.Div(
                [
                    html.Span(field.words.of(lang), id=f"record-label-{field.name}", className="rf-label"),
                    html.I(word("required", lang), className="rf-required"),
                    html.Span(_help(one, lang), className="rf-help"),
                ],
                className="rf-line",
            ),
            control,
            html.Div(className="rf-current"),
            html.Div(className="rf-error", id=f"record-error-{field.name}", role="alert"),
        ],
        # A few short choices share a line with a neighbour.
        className=f"rf-field rf-{one.control}" + (" rf-few" if 0 < len(field.choices) <= FEW else ""),
        **attributes(**{f"data_{name}": value for name, value in spec.items()}),
    )


def _help(one: FormField, lang: str) -> str:
    field = one.field
    if one.control == "number":
        if field.low is None or field.high is None:
            return unit_of(field, lang)
        return f"{plain(field.low)}–{plain(field.high)} {unit_of(field, lang)}".strip()
    if field.person:
        return word("code", lang)
    return word("nobody", lang) if one.control == "text" and field.kind == "text" else ""


def _chips(choices: Any, lang: str) -> list[Component]:
    return [
        html.Button(
            words.of(lang),
            type="button",
            role="radio",
            className="rf-chip",
            disable_n_clicks=True,
            **attributes(data_value=code, aria_checked="false"),
        )
        for code, words in choices.items()
    ]


def _at(lang: str) -> Component:
    return _special("at", word("at", lang), lang)


def _position(form: Form, lang: str) -> Component:
    when = ";".join(f"{name}={value}" for name, value in form.position_when)
    return _special("position", word("position", lang), lang, when)


def _special(name: str, title: str, lang: str, when: str = "") -> Component:
    parts: Sequence[Component] = [
        html.Div(
            [
                html.Span(title, id=f"record-label-{name}", className="rf-label"),
                html.I(word("required", lang), className="rf-required"),
            ],
            className="rf-line",
        ),
        html.Div(
            className="rf-control",
            role="group",
            id=f"record-control-{name}",
            **attributes(aria_labelledby=f"record-label-{name}"),
        ),
        html.Div(className="rf-error", id=f"record-error-{name}", role="alert"),
    ]
    return html.Div(
        parts,
        className=f"rf-field rf-{name}",
        **attributes(data_field=name, data_control=name, data_required="", data_when=when),
    )


__all__ = ["WORDS", "Words", "field_row", "layout", "word"]
