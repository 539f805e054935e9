"""The imports that went in before, each with a way back."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.domain.imports import Run
from dashboard.feeds import FEEDS
from layouts.attributes import attributes
from layouts.components.importing import State, amount, moment, word


def history(state: State) -> Component:
    """What went in before, each with a way back."""
    lang = state.lang
    head_ = html.Div(html.H2(word("history", lang)), className="im-ph")
    if not state.history:
        return html.Section(
            [head_, html.P(word("history_none", lang), className="im-none")], className="im-pan im-history"
        )
    return html.Section(
        [head_, html.Ul([_past(state, run) for run in state.history], className="im-past-list")],
        className="im-pan im-history",
    )


def _past(state: State, run: Run) -> Component:
    lang, report = state.lang, run.report
    feed = FEEDS.get(report.feed)
    counts = report.counts
    at = run.finished_at or run.created_at
    numbers = [
        html.Span([word(name, lang), html.B(amount(number))], className="im-red" if name == "rejected" else "")
        for name, number in (
            ("added", counts.added),
            ("corrected", counts.corrected),
            ("unchanged", counts.unchanged),
            ("rejected", counts.rejected),
        )
        if number
    ]
    button = attributes(type="button")
    acts: list[Component] = [
        html.Button(
            word("open", lang),
            className="im-link",
            **button,
            **attributes(data_act="open", data_run=run.id, aria_label=f"{word('open', lang)} {report.file}"),
        )
    ]
    lines: list[Component] = []
    if run.state == "withdrawn":
        said = word("voided", lang, voided=amount(run.voided))
        if run.kept:
            said += word("left", lang, kept=amount(run.kept))
        lines.append(html.P([html.B(word("withdrawn", lang)), " · ", said], className="im-void"))
        if run.voided:
            told = attributes(data_act="restore", data_run=run.id)
            acts.append(html.Button(word("restore", lang), className="im-link", **button, **told))
    elif state.asking == run.id:
        note = word("withdraw_note", lang, added=amount(counts.added), corrected=amount(counts.corrected))
        lines.append(
            html.Div(
                [
                    html.P(note),
                    html.Div(
                        [
                            html.Button(
                                word("withdraw_sure", lang),
                                className="im-btn im-sm im-ton",
                                **button,
                                **attributes(data_act="withdraw-sure", data_run=run.id),
                            ),
                            html.Button(
                                word("keep", lang),
                                className="im-btn im-sm",
                                **button,
                                **attributes(data_act="withdraw", data_run=""),
                            ),
                        ],
                        className="im-sure-acts",
                    ),
                ],
                className="im-sure",
            )
        )
    elif counts.added:
        told = attributes(data_act="withdraw", data_run=run.id, aria_label=f"{word('withdraw', lang)} {report.file}")
        acts.append(html.Button(word("withdraw", lang), className="im-link", **button, **told))
    about = [moment(at, state.zone, lang), report.source.partition(":")[2] or report.source]
    if feed is not None:
        about.insert(0, feed.short.of(lang))
    return html.Li(
        [
            html.Div(
                [html.B(report.file, title=report.file), html.Span(acts, className="im-acts")], className="im-past-1"
            ),
            html.P(" · ".join(about), className="im-mute"),
            html.P(numbers, className="im-past-sums"),
            *lines,
        ],
        className="im-withdrawn" if run.state == "withdrawn" else "",
        **attributes(data_past=run.id, data_state=run.state),
    )
