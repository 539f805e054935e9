"""What every desk page's document has in common: figures with their states and help, comparison, frame.

Pure over a checked query (:class:`Asked`). ``assets/00-desk.js`` and its fellows draw what is made here; words, number
formats and decisions are all made here, in both languages, so that they can be tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from msgspec.structs import replace

from dashboard.domain.feed import Feed, Kpi, Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.domain.summary import Summary
from dashboard.feeds import KPIS, feed_named
from dashboard.queries import wording
from dashboard.queries.asked import Asked, Narrowed, bar, day_text, own_text, past_text, versus_text
from dashboard.queries.explain import explanation, parts_text, value_text
from dashboard.queries.figures import ALL, counted_of, figures_of, over_period, whole
from dashboard.queries.status import Status, judge, status_of, status_word

if TYPE_CHECKING:
    from dashboard.queries.board import Board

OLD = (Freshness.STALE, Freshness.SILENT)

Summaries = Mapping[str, Summary]


def figure_over(
    kpi: str,
    days: Sequence[Summaries],
    town: str,
    now: int,
    only: Sequence[str] | None = None,
    since: int | None = None,
) -> Figure:
    """A declared KPI over summaries that a page has narrowed; the definition stays the declaration's.

    ``days``: the summaries of each day of a span, oldest first; of one day alone as a rule. A standing figure is read
    at the end, and so is one that declares a ``period``: it counts from the instant ``since`` on. ``town`` is a code or
    ``all``; ``only`` restricts ``all`` to some towns, and the figure then names them.
    """
    feed, declared = KPIS[kpi]
    if only is not None and town == ALL:
        days = [{code: one for code, one in day.items() if code in only} for day in days]
    found = figures_of(feed, declared, days[-1], town, now)[0]
    if since is not None and declared.period is not None:
        chosen = [one for code, one in days[-1].items() if town in (ALL, code)]
        found = found.made_of(over_period(declared, chosen, since, now + 1))
    elif len(days) > 1 and not declared.standing:
        counted: list[Summary] = []
        for day in days:
            counted += counted_of(declared, [one for code, one in day.items() if town in (ALL, code)], town)
        found = found.made_of(whole(declared, counted))
    return replace(found, town=",".join(only)) if only is not None and town == ALL else found


def town_of(asked: Asked) -> str:
    """The town whose figures the page shows, ``all`` unless it is exactly one."""
    return asked.one("town") or ALL


def tile(
    asked: Asked,
    figure: Figure,
    before: Figure | None = None,
    *,
    key: str = "",
    label: Words | None = None,
    note: str | None = None,
    dims: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One figure as a tile (DESIGN-UI-2 §9): value, status, delta, parts, freshness and the key of its help.

    ``before`` is the same figure at the time that it is compared with; ``note`` replaces the small print under it;
    ``dims`` says what it is narrowed to, where it is not the plain figure.
    """
    feed, kpi, board, lang = feed_named(figure.feed), KPIS[figure.kpi][1], asked.board, asked.lang
    allowed = board.viewer.feeds
    if allowed is not None and feed.name not in allowed:
        return _forbidden(figure, kpi, key, label, lang)
    value, unit = value_text(figure, kpi, lang)
    status = status_of(figure, kpi) if asked.when.live else _settled(figure, kpi)
    missing = _missing(asked, feed, figure, kpi)
    state = "normal"
    if status in (Status.STALE, Status.SILENT):
        state = "stale"
    elif figure.value is None:
        state = "empty"
    elif missing:
        state = "partial"
    received = board.freshness(feed.name, _whose(asked, figure))[1] if asked.when.live else None
    never = ""
    if asked.when.live and received is None and figure.value is None:
        never = "从未收到数据" if lang != "en" else "nothing ever received"
    return {
        "id": key or figure.kpi,
        "state": state,
        "kpi": figure.kpi,
        "feed": feed.name,
        "town": figure.town,
        "dims": dict(dims or figure.dims),
        "label": (label or kpi.words).of(lang),
        "value": value,
        "unit": unit,
        "raw": figure.value,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "freshness": str(figure.freshness) if asked.when.live else "fresh",
        "received": received,
        "late": feed.limits.late,
        "stale": feed.limits.stale,
        "silent": feed.limits.silent,
        "status": str(status),
        "status_word": status_word(status, lang),
        "delta": delta_text(asked, figure, before, kpi) if before is not None else "",
        "note": (parts_text(figure, kpi, board, lang) if note is None else note) or never,
        "missing": missing,
    }


def _whose(asked: Asked, figure: Figure) -> str:
    return figure.town if figure.town in asked.board.towns else ALL


def _settled(figure: Figure, kpi: Kpi) -> Status:
    """The status of a past moment: its limits speak, its age does not."""
    return Status.EMPTY if figure.value is None else judge(figure.value, kpi)


def _forbidden(figure: Figure, kpi: Kpi, key: str, label: Words | None, lang: str) -> dict[str, Any]:
    words = "无查看权限" if lang != "en" else "No permission to view"
    return {
        "id": key or figure.kpi, "state": "forbidden", "kpi": figure.kpi, "feed": figure.feed, "town": figure.town,
        "dims": {}, "label": (label or kpi.words).of(lang), "value": wording.MISSING, "unit": "", "raw": None,
        "numerator": None, "denominator": None, "freshness": "silent", "received": None, "late": 0, "stale": 0,
        "silent": 0, "status": "empty", "status_word": words, "delta": "", "note": words, "missing": "",
    }  # fmt: skip


def _missing(asked: Asked, feed: Feed, figure: Figure, kpi: Kpi) -> str:
    """Which towns a figure over towns is without: ``8/9 镇·缺 天凝镇``."""
    if figure.town in asked.board.towns or kpi.standing or not asked.when.live:
        return ""
    board, lang = asked.board, asked.lang
    wanted = asked.chosen.get("town", board.towns)
    _, silent = board.reported(feed.name)
    absent = [code for code in silent if code in wanted]
    if not absent or len(absent) == len(wanted):
        return ""
    names = wording.listed([board.pack.town_by_code[code].name for code in absent], lang, 2)
    said = f"{len(wanted) - len(absent)}/{len(wanted)}"
    return f"{said} 镇，缺{names}" if lang != "en" else f"{said} towns, without {names}"


def delta_text(asked: Asked, figure: Figure, before: Figure, kpi: Kpi) -> str:
    """``+1.7 个百分点·昨日此时 91.8``: difference of the two displayed values, then what it is compared with."""
    if figure.value is None or before.value is None:
        return ""
    lang, zh = asked.lang, asked.lang != "en"
    text = wording.delta(figure.value, before.value, kpi, lang, short=kpi.unit != "ratio")
    was, _ = value_text(before, kpi, lang)
    if zh:
        then = f"{'昨日此时' if asked.when.live else '前一日'} {was}"
    else:
        then = f"{was} {'yesterday' if asked.when.live else 'the day before'}"
    return wording.join([text, then], lang)


def help_for(
    asked: Asked, figure: Figure, *, records: int | None = None, dims: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The help popover of a figure (DESIGN-UI-2 §3) with a link to the records behind it.

    ``records``: how many the figure rests on; by default its denominator, else its count.
    """
    feed, kpi = feed_named(figure.feed), KPIS[figure.kpi][1]
    found = explanation(replace(figure, town=_whose(asked, figure)), feed, kpi, asked.board, asked.lang)
    if records is None:
        number = figure.denominator if kpi.unit == "ratio" else figure.value if kpi.unit == "count" else None
        records = int(number) if number is not None else None
    return {**found, "records": records_link(asked, figure, records, dims), "received": found["received"]}


def records_link(
    asked: Asked, figure: Figure, count: int | None, dims: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """Where the records behind a figure are, and the words of the link; ``None`` for who may not see records."""
    if not asked.board.viewer.details:
        return None
    zh = asked.lang != "en"
    query: dict[str, str] = {"feed": figure.feed, "kpi": figure.kpi}
    if figure.town in asked.board.towns:
        query["town"] = figure.town
    if asked.when.kind == "span":
        query |= {"from": day_text(asked.when.first), "to": day_text(asked.when.last)}
    else:
        query["day"] = day_text(asked.board.day)
    if dims:
        query["dims"] = ",".join(f"{key}:{value}" for key, value in dims.items())
    if not zh:
        query["lang"] = "en"
    if count is None:
        text = "看这些记录" if zh else "See the records"
    else:
        number = wording.count(count, asked.lang)
        text = f"看这 {number} 条" if zh else f"See these {number}"
    return {"href": f"/records?{urlencode(query)}", "text": text}


def own_link(asked: Asked, count: int, unit: Words, **changes: str) -> dict[str, str]:
    """The page itself with its query changed: where what a figure counts can be listed on the page."""
    query = {**dict(asked.params), **changes}
    query = {key: value for key, value in query.items() if value != ""}
    if asked.lang == "en":
        query["lang"] = "en"
    number = wording.count(count, asked.lang)
    said = wording.unit_for(number, unit.of(asked.lang))
    text = f"看这 {number} {said}" if asked.lang != "en" else f"See these {number} {said}"
    return {"href": f"?{urlencode(query, safe=',:')}", "text": text}


def comparison(
    asked: Asked,
    figures: Sequence[Figure],
    others: Sequence[Figure],
    dims: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """Two sides as rows: values as shown, and the difference of what is shown. ``None`` when nothing is compared."""
    if asked.versus is None:
        return None
    lang, rows = asked.lang, []
    for ours, theirs in zip(figures, others, strict=True):
        kpi = KPIS[ours.kpi][1]
        known = ours.value is not None and theirs.value is not None
        rows.append(
            {
                "kpi": ours.kpi,
                "town": ours.town,
                "other": theirs.town,
                "dims": dict(dims or {}),
                "label": kpi.words.of(lang),
                "a": wording.join_unit(*value_text(ours, kpi, lang)),
                "b": wording.join_unit(*value_text(theirs, kpi, lang)),
                "raw_a": ours.value,
                "raw_b": theirs.value,
                "delta": wording.delta(float(ours.value), float(theirs.value), kpi, lang)
                if known and ours.value is not None and theirs.value is not None
                else wording.MISSING,
            }
        )
    return {
        "title": "对比" if lang != "en" else "Comparison",
        "heads": [own_text(asked), versus_text(asked), "差" if lang != "en" else "Difference"],
        "rows": rows,
    }


def document(
    asked: Asked,
    narrowed: Narrowed[Any] | None,
    *,
    feed: str,
    headline: Sequence[Mapping[str, str]],
    sub: Sequence[str],
    tables: Sequence[tuple[str, str]],
    tiles: Sequence[Mapping[str, Any]] = (),
    helps: Mapping[str, Mapping[str, Any]] | None = None,
    compare: Mapping[str, Any] | None = None,
    search: Words | None = None,
    **own: Any,
) -> dict[str, Any]:
    """A page's document: what the kit draws, and under ``own`` names what the page draws itself.

    ``headline``: at most three clauses ``{"text", "tone"}`` with tone ``plain``, ``alert``, ``watch`` or ``stale``.
    ``tables``: (name, title) of what can be had as CSV.
    """
    board: Board = asked.board
    declared = feed_named(feed)
    received = asked.live.freshness(feed, town_of(asked))[1]
    return {
        "headline": [dict(part) for part in headline],
        "sub": wording.join([text for text in sub if text], asked.lang),
        "source": {
            "name": f"{declared.short.zh}数据" if asked.lang != "en" else f"{declared.short.en} data",
            "received": received,
            "late": declared.limits.late,
            "stale": declared.limits.stale,
            "silent": declared.limits.silent,
        }
        if asked.when.live
        else None,
        "live": asked.when.live,
        "past": past_text(asked),
        "bar": bar(asked, narrowed, search),
        "tiles": [dict(one) for one in tiles],
        "helps": dict(helps or {}),
        "compare": compare,
        "tables": [{"name": name, "title": title} for name, title in tables],
        "seq": board.seq,
        **own,
    }


Alike = Callable[[Asked], Sequence[Figure]]


def other_side(asked: Asked, figures: Alike) -> Sequence[Figure]:
    """The same figures of what the page is compared with; empty when nothing is."""
    versus = asked.versus
    if versus is None:
        return ()
    if versus.kind == "town":
        return figures(asked.replaced(town=(versus.town,)))
    return figures(asked.replaced(board=asked.other)) if asked.other is not None else ()
