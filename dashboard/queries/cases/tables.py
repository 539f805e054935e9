"""Figures of a case page as a table of real numbers."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.feeds import KPIS
from dashboard.queries.cases.picture import Picture, town_name
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL


def figure_table(name: str, title: str, picture: Picture, kpis: Sequence[str]) -> Table:
    """A row a figure: of everything that is chosen, then of each town."""
    zh = picture.asked.lang != "en"
    columns = (
        Column("指标代码" if zh else "KPI"),
        Column("指标" if zh else "Figure"),
        Column("镇（街道）代码" if zh else "Town code"),
        Column("镇（街道）" if zh else "Town"),
        Column("值" if zh else "Value", "number", 6),
        Column("单位" if zh else "Unit"),
        Column("分子" if zh else "Numerator", "number"),
        Column("分母" if zh else "Denominator", "number"),
    )
    board = picture.asked.board
    towns: list[str | None] = [None]
    if picture.town == ALL:
        towns += [town for town in board.towns if picture.means(town)]
    rows = []
    for kpi in kpis:
        declared = KPIS[kpi][1]
        for town in towns:
            figure = picture.figure(kpi, town)
            whole = figure.town not in board.towns
            rows.append(
                [
                    kpi,
                    declared.words.of(picture.asked.lang),
                    figure.town,
                    ("全部" if zh else "All") if whole else town_name(board, figure.town),
                    figure.value,
                    "ratio" if figure.unit == "ratio" else declared.measure.of(picture.asked.lang),
                    figure.numerator,
                    figure.denominator,
                ]
            )
    return Table(name, title, columns, rows)


__all__ = ["figure_table"]
