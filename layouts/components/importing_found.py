"""What an import's file was found to hold: the file, its columns, its rows, its errors, and what can be done.

The rows shown are those that ``State`` brings; cells of personal columns are grey blocks, because nobody has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from dashboard.domain.feed import Words
from dashboard.domain.imports import Column, RowError, Run
from layouts.attributes import attributes
from layouts.components.importing import MORE_ERRORS, PAGE_ROWS, Part, State, amount, moment, step_of, word
from layouts.icons import icon


def body(state: State) -> list[Component]:
    """The import at hand: file, columns, rows, errors, and what can be done."""
    if state.message:
        return [html.Section(html.P(state.message), className="im-pan im-message")]
    if state.run is None:
        return []
    parts = [_file(state, state.run), _columns(state, state.run)]
    if state.run.report.problem is None:
        if state.run.state == "checked":
            parts.append(_preview(state, state.run))
        parts.append(_errors(state, state.run))
    return parts


def _file(state: State, run: Run) -> Component:
    lang, report = state.lang, run.report
    counts = report.counts
    columns = len([one for one in report.columns if one.header])
    about: list[str] = []
    if report.sheet:
        about.append(word("sheet", lang, name=report.sheet))
    if report.claimed:
        about.append(word("claims", lang, claimed=amount(report.claimed), n=amount(counts.rows)))
    else:
        about.append(word("rows_n", lang, n=amount(counts.rows)))
    about.append(word("columns_n", lang, n=columns))
    if report.hidden:
        about.append(word("hidden_n", lang, n=amount(report.hidden)))
    if report.encoding:
        about.append(report.encoding.upper())
    lines: list[Part] = [html.B(report.file, title=report.file), html.P(" · ".join(about))]
    if report.superseded:
        lines.append(html.P(word("superseded", lang, n=amount(report.superseded)), className="im-super"))
    if sum(1 for one in report.sheets if one.rows) > 1 and run.state == "checked":
        options = [
            html.Option(f"{one.name}（{one.rows}）" if lang == "zh" else f"{one.name} ({one.rows})", value=one.name)
            for one in report.sheets
        ]
        lines.append(
            html.Label(
                [
                    html.Span(word("sheet_pick", lang)),
                    html.Select(options, **attributes(data_pick="sheet", data_value=report.sheet)),
                ],
                className="im-sheets",
            )
        )
    sums = [
        html.Span(
            [html.B(amount(number)), word(name, lang)],
            className="im-red" if name == "rejected" and number else "",
            **attributes(data_count=name, data_value=str(number)),
        )
        for name, number in (
            ("added", counts.added),
            ("corrected", counts.corrected),
            ("unchanged", counts.unchanged),
            ("rejected", counts.rejected),
        )
    ]
    return html.Section(
        [html.Span(icon("file", 26), className="im-sheet-icon"), html.Div(lines), html.Div(sums, className="im-sums")],
        className="im-pan im-file",
    )


def _columns(state: State, run: Run) -> Component:
    lang, report = state.lang, run.report
    wrong: dict[str, int] = {}
    for error in report.rejected:
        wrong[error.column] = wrong.get(error.column, 0) + 1
    shown = [one for one in report.columns if one.header]
    open_ = run.state == "checked"
    asks = open_ and step_of(state) == 2
    note: list[Part] = []
    if report.unknown and open_ and not state.confirmed:
        note.append(html.Span(word("map_unknown", lang, n=len(report.unknown)), className="im-amber"))
    else:
        if state.remembered_at is not None:
            note.append(word("map_again", lang, day=moment(state.remembered_at, state.zone, lang, clock=False)))
        known = len(shown) if not report.unknown else len(shown) - len(report.unknown)
        note.append(html.B(word("map_all", lang, n=known)))
    if state.remembered_at is not None and open_:
        forget = attributes(data_act="forget", type="button")
        note.append(html.Button(word("map_forget", lang), className="im-link", **forget))
    children: list[Component] = [
        html.Div([html.H2(word("map", lang)), html.Span(note, className="im-s")], className="im-ph"),
        html.Ul([_column(state, one, wrong.get(one.letter, 0), open_) for one in shown], className="im-map"),
    ]
    if report.problem is not None:
        children.append(html.P(report.problem.of(lang), className="im-problem", role="alert"))
    if asks:
        confirm = attributes(data_act="confirm", type="button")
        children.append(
            html.Div(
                [
                    html.Button([icon("check", 16), word("map_confirm", lang)], className="im-btn im-pri", **confirm)
                    if report.problem is None
                    else None,
                    _another(lang),
                    html.Span(className="im-space"),
                    html.Span(word("map_once", lang), className="im-mute"),
                ],
                className="im-act im-act-map",
            )
        )
    return html.Section(children, className="im-pan im-columns-panel")


def _column(state: State, one: Column, wrong: int, open_: bool) -> Component:
    lang = state.lang
    name = html.B(one.header, title=f"{one.letter} {one.header}")
    if one.private:
        gone = html.Span(word("removed", lang), className="im-gone")
        return html.Li([name, icon("lock", 14), gone], className="im-private")
    kind = {"unknown": "im-unknown", "left_out": "im-skip", "twin": "im-skip"}.get(
        one.state, "im-wrong" if wrong else ""
    )
    words = dict(state.fields)
    first = word("unknown" if one.state == "unknown" else "twin" if one.state == "twin" else "left_out", lang)
    shown = words[one.field].of(lang) if one.field in words else (one.field or first)
    badge = html.Em(word("wrong_n", lang, n=wrong)) if wrong else None
    arrow = html.Span("→", className="im-arrow", **attributes(aria_hidden="true"))
    if not open_:
        return html.Li([name, arrow, html.Span([html.Span(shown), badge], className="im-sel im-shut")], className=kind)
    options = [html.Option(first, value="?")] if one.state in ("unknown", "twin") else []
    options.append(html.Option(word("left_out", lang), value=""))
    options += [html.Option(text.of(lang), value=name_) for name_, text in state.fields]
    value = one.field or ("?" if one.state in ("unknown", "twin") else "")
    pick = html.Select(
        options,
        **attributes(
            data_pick="column", data_header=one.header, data_value=value, aria_label=f"{one.letter} {one.header}"
        ),
    )
    return html.Li([name, arrow, html.Span([pick, badge, icon("chevd", 14)], className="im-sel")], className=kind)


def _preview(state: State, run: Run) -> Component:
    lang, report = state.lang, run.report
    title = html.H2(word("preview", lang))
    if state.rows is None:
        note = html.Span(word("gone", lang), className="im-s")
        return html.Section(html.Div([title, note], className="im-ph"), className="im-pan im-preview")
    link = attributes(type="button")
    note_parts: list[Part] = []
    if state.everything:
        first = state.page * PAGE_ROWS
        last = first + len(state.rows)
        note_parts.append(word("preview_page", lang, a=amount(first + 1), b=amount(last), n=amount(state.total)))
        if state.page:
            back = attributes(data_act="page", data_page=str(state.page - 1))
            note_parts.append(html.Button(word("previous", lang), className="im-link", **back, **link))
        if last < state.total:
            on = attributes(data_act="page", data_page=str(state.page + 1))
            note_parts.append(html.Button(word("next", lang), className="im-link", **on, **link))
        near = attributes(data_act="near")
        note_parts.append(html.Button(word("preview_wrong", lang), className="im-link", **near, **link))
    else:
        near_text = word("preview_near", lang) if report.rejected else word("preview_first", lang, n=len(state.rows))
        note_parts.append(near_text)
        everything = attributes(data_act="everything")
        label = word("preview_all", lang, n=amount(state.total))
        note_parts.append(html.Button(label, className="im-link", **everything, **link))
    places = [
        place for place, one in enumerate(report.columns) if one.header and (one.field is not None or one.private)
    ]
    numeric = {one.name for one in state.feed.fields if one.kind in ("integer", "number")}
    heads: list[Component] = [html.Th(word("row", lang), className="im-no", scope="col")]
    for place in places:
        one = report.columns[place]
        kind = "im-rmv" if one.private else "im-num" if one.field in numeric else ""
        heads.append(html.Th(one.header, className=kind, scope="col"))
    rows = []
    for row in state.rows:
        cells: list[Component] = [html.Td(amount(row.number), className="im-no")]
        for place in places:
            one = report.columns[place]
            text = row.cells[place] if place < len(row.cells) else None
            if one.private:
                cells.append(html.Td(html.I(className="im-block"), className="im-rmv"))
                continue
            kind = "im-num" if one.field in numeric else ""
            why = row.wrong.get(place)
            told = attributes(data_bad=one.letter) if why else {}
            bad = f"{kind} im-bad".strip() if why else kind
            empty = ("（空）" if lang == "zh" else "(empty)") if why else ""
            cells.append(html.Td(text or empty, className=bad, title=why or text or "", **told))
        rows.append(html.Tr(cells, className="im-e" if row.wrong else "", **attributes(data_row=str(row.number))))
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], className="im-table")
    return html.Section(
        [
            html.Div([title, html.Span(note_parts, className="im-s")], className="im-ph"),
            html.Div(
                table, className="im-wide", tabIndex=0, role="region", **attributes(aria_label=word("preview", lang))
            ),
        ],
        className="im-pan im-preview im-tall" if state.everything else "im-pan im-preview",
    )


def _errors(state: State, run: Run) -> Component:
    lang, report = state.lang, run.report
    counts = report.counts
    parts: list[Component] = []
    listed = report.rejected[: state.errors]
    if report.rejected:
        told = word(
            "errors_n", lang, rows=amount(counts.rejected), places=amount(report.places), shown=amount(len(listed))
        )
        note: list[Part] = [told]
        more = min(MORE_ERRORS, len(report.rejected) - len(listed))
        if more > 0:
            button = attributes(data_act="errors", data_errors=str(state.errors + MORE_ERRORS), type="button")
            note.append(html.Button(word("more", lang, n=more), className="im-link", **button))
        parts.append(html.Div([html.H2(word("errors", lang)), html.Span(note, className="im-s")], className="im-ph"))
        same: dict[tuple[str, str], int] = {}
        for error in report.rejected:
            same[error.column, error.got] = same.get((error.column, error.got), 0) + 1
        heads = [
            html.Th(word("row", lang), className="im-no", scope="col"),
            html.Th(word("column", lang), className="im-no", scope="col"),
            *(html.Th(word(name, lang), scope="col") for name in ("field", "got", "allowed", "fix")),
        ]
        headers = {one.letter: one.header for one in report.columns}
        rows = [_error(state, run, one, headers, same[one.column, one.got]) for one in listed]
        parts.append(html.Div(html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)]), className="im-wide"))
    parts.append(_actions(state, run))
    return html.Section(parts, className="im-pan im-errors")


def _error(state: State, run: Run, one: RowError, headers: Mapping[str, str], same: int) -> Component:
    lang = state.lang
    name = headers.get(one.column) or (
        dict(state.fields).get(one.field, Words(word("whole_row", "zh"), word("whole_row", "en"))).of(lang)
    )
    fix: Component = html.Em(word("fix_file", lang))
    if one.fix is not None and run.state == "checked":
        act = attributes(
            data_act="mend", data_row=str(one.row), data_column=one.column, data_value=one.fix.value, type="button"
        )
        label = one.fix.words.of(lang) + (word("fix_rows", lang, n=same) if same > 1 else "")
        fix = html.Button(label, className="im-link im-fix", **act)
    return html.Tr(
        [
            html.Td(amount(one.row), className="im-no"),
            html.Td(one.column, className="im-no"),
            html.Td(html.B(name)),
            html.Td(html.Span(one.got, className="im-got")),
            html.Td(one.allowed.of(lang), className="im-allowed"),
            html.Td(fix),
        ],
        title=one.message,
        **attributes(data_error=f"{one.row}{one.column}"),
    )


def _another(lang: str) -> Component:
    return html.Button(word("cancel", lang), className="im-btn", **attributes(data_act="another", type="button"))


def _actions(state: State, run: Run) -> Component:
    lang, counts = state.lang, run.report.counts
    row: list[Component | None] = []
    ready = step_of(state) == 3
    if run.state == "checked":
        label = word("commit", lang, n=amount(counts.good)) if counts.good else word("nothing", lang)
        act = attributes(data_act="commit", type="button")
        filled = "im-btn im-pri" if ready else "im-btn"
        row.append(
            html.Button([icon("check", 16), label], className=filled, disabled=not counts.good or not ready, **act)
        )
    if counts.rejected and run.expires_at is not None:
        link = f"/api/v1/imports/{run.id}/errors"
        row.append(
            html.A(
                [icon("down", 16), word("download", lang, n=amount(counts.rejected))],
                href=f"{link}.xlsx",
                className="im-btn",
                download="",
                id="imports-errors",
            )
        )
        row.append(html.A("CSV", href=f"{link}.csv", className="im-link", download=""))
    if run.state == "checked":
        row.append(_another(lang))
    else:
        again = attributes(data_act="another", type="button")
        row.append(html.Button([icon("plus", 16), word("again", lang)], className="im-btn", **again))
    row.append(html.Span(className="im-space"))
    note = word("errors_note", lang) if counts.rejected else word("clean_note", lang)
    if counts.rejected and run.expires_at is not None and run.state != "checked":
        note = word("kept_until", lang, at=moment(run.expires_at, state.zone, lang))
    row.append(html.Span(note, className="im-mute"))
    return html.Div(row, className="im-act")
