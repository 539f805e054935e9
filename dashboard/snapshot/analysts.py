"""Figures for analysts: Parquet, CSV, GeoPackage and a data dictionary. Aggregates by town and day, never a record.

Every row is a figure of a board at the end of a local day as it is known now; today is not among them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas
import pandas
import shapely

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import as_date, shift_day
from dashboard.queries.board import Board
from dashboard.queries.past import Past
from dashboard.snapshot.known import Known

COLUMNS = {
    "day": ("日期，当地日，yyyy-mm-dd", "Local day"),
    "feed": ("数据流", "Feed"),
    "kpi": ("指标代码，定义见 kpi 各行", "Key of the figure, defined in the rows of kind kpi"),
    "dims": ("分项，如 kind=wages；空为总数", "Breakdown, such as kind=wages; empty: the plain figure"),
    "town": ("镇（街道）代码，all 为全部已报的镇合计", "Town code; all: the towns that reported, from their parts"),
    "town_name": ("镇（街道）名称", "Town"),
    "value": ("数值，比率为 0…1，空为未报或无分母", "Value; ratios 0…1; empty: not reported or no denominator"),
    "numerator": ("分子", "Numerator"),
    "denominator": ("分母", "Denominator"),
    "unit": ("单位：ratio、count、hours、km、celsius", "Unit"),
    "qualifier": ("限定：exact 准确、at_least 余、nearly 近、about 约", "How sure the figure is"),
}
"""Column -> what it is, in Chinese and English."""


def export(past: Past, first: int, last: int, out: Path) -> list[Path]:
    """Write ``figures.parquet``, ``figures.csv``, ``map.gpkg`` and ``dictionary.csv`` for local days inclusive."""
    with past.history.reading() as connection:
        known = Known(past, past.history.seq(connection))
    viewer = Viewer("export", frozenset({Role.LEADER}))
    boards, day = [], first
    while day <= last:
        boards.append(known.ended(viewer, day))
        day = shift_day(day, 1)
    table = pandas.DataFrame([row for board in boards for row in _rows(board)], columns=list(COLUMNS))
    for name in ("value", "numerator", "denominator"):
        table[name] = pandas.to_numeric(table[name])
    out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out / "figures.parquet", index=False)
    table.to_csv(out / "figures.csv", index=False, encoding="utf-8-sig")
    _map(boards[-1], out / "map.gpkg")
    _dictionary(boards[-1], out / "dictionary.csv")
    return [out / name for name in ("figures.parquet", "figures.csv", "map.gpkg", "dictionary.csv")]


def _rows(board: Board) -> Iterable[tuple[Any, ...]]:
    names = {town.code: town.name for town in board.pack.towns}
    for one in board.figures():
        dims = ",".join(f"{name}={value}" for name, value in sorted(one.dims.items()))
        yield (
            as_date(board.day).isoformat(),
            one.feed,
            one.kpi,
            dims,
            one.town,
            names.get(one.town, "合计"),
            one.value,
            one.numerator,
            one.denominator,
            one.unit,
            str(one.qualifier),
        )


def _map(board: Board, path: Path) -> None:
    path.unlink(missing_ok=True)
    towns = [town for town in board.pack.towns if town.code in board.region.boundaries]
    columns: dict[str, list[Any]] = {"code": [town.code for town in towns], "name": [town.name for town in towns]}
    for _, kpi in board.kpis():
        if kpi.key != "reporting_rate":
            columns[kpi.key] = [board.figure(kpi.key, town.code).value for town in towns]
    frame = geopandas.GeoDataFrame(
        columns, geometry=[board.region.boundaries[town.code] for town in towns], crs="EPSG:4326"
    )
    frame.to_file(path, layer="towns", driver="GPKG")
    places = [place for place in board.pack.places if place.lon is not None and place.lat is not None]
    geopandas.GeoDataFrame(
        {
            "code": [place.code for place in places],
            "kind": [str(place.kind) for place in places],
            "town": [place.town for place in places],
            "name": [place.name for place in places],
        },
        geometry=[shapely.Point(place.lon or 0.0, place.lat or 0.0) for place in places],
        crs="EPSG:4326",
    ).to_file(path, layer="places", driver="GPKG")


def _dictionary(board: Board, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "name", "words", "meaning", "words_en", "meaning_en", "unit"])
        for name, (zh, en) in COLUMNS.items():
            writer.writerow(["column", name, name, zh, name, en, ""])
        for _, kpi in board.kpis():
            writer.writerow(
                ["kpi", kpi.key, kpi.words.zh, kpi.definition.zh, kpi.words.en, kpi.definition.en, kpi.unit]
            )


__all__ = ["COLUMNS", "export"]
