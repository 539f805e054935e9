"""Figures of a desk page as a table of real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dashboard.domain.figure import Figure
from dashboard.feeds import KPIS
from dashboard.queries.asked import Asked
from dashboard.queries.export import Column, Table
from dashboard.queries.figures import ALL


class Pictured(Protocol):
    """A page's figures under its filters."""

    asked: Asked
    town: str

    def figure(self, kpi: str, town: str | None = None) -> Figure:
        """A declared KPI of one town, or of all that are chosen."""
        ...

    def means(self, town: str) -> bool:
        """Whether a town passes the filter of towns."""
        ...


def figure_table(name: str, title: str, picture: Pictured, kpis: Sequence[str]) -> Table:
    """A row a figure: of everything that is chosen, then of each town."""
    zh = picture.asked.lang != "en"
    columns = (
        Column("指标代码" if zh else "KPI"),
        Column("指标" if zh else "Figure"),
        Column("镇（街道）代码" if zh else "Town code"),
        Column("镇（街道）" if zh else "Town"),
        Column("值" if zh else "Value", "number", 6),
        Column("单位" if zh else "Unit"),
        Column("分子" if zh else "Numerator", "number", 0),
        Column("分母" if zh else "Denominator", "number", 0),
        Column("约数" if zh else "Qualifier"),
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
            known = board.pack.town_by_code.get(figure.town)
            rows.append(
                [
                    kpi,
                    declared.words.of(picture.asked.lang),
                    figure.town,
                    known.name if known is not None else "全部" if zh else "All",
                    figure.value,
                    "ratio" if figure.unit == "ratio" else declared.measure.of(picture.asked.lang),
                    figure.numerator,
                    figure.denominator,
                    str(figure.qualifier),
                ]
            )
    return Table(name, title, columns, rows)


__all__ = ["figure_table"]
