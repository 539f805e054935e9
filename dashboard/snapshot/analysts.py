"""Figures for analysts: Parquet, CSV, GeoPackage, views and a data dictionary. Aggregates by town and day, no record.

Every row is a figure of a board at the end of a local day as it is known now; today is not among them. The views are
the same words for DuckDB (``views.sql``, over the Parquet file) and for QGIS and whatever reads SQLite (in
``map.gpkg``).
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import pandas
import shapely

from dashboard.access.viewer import Role, Viewer
from dashboard.domain.day import as_date, days_between
from dashboard.queries.board import Board
from dashboard.queries.figures import REPORTING
from dashboard.queries.past import Past
from dashboard.snapshot.known import Known

COLUMNS = {
    "day": ("日期，当地日，yyyy-mm-dd", "Local day"),
    "feed": ("数据流", "Feed"),
    "kpi": ("指标代码，定义见 kpi 各行", "Key of the figure, defined in the rows of kind kpi"),
    "dims": ("分项，如 kind=wages；空为总数", "Breakdown, such as kind=wages; empty: the plain figure"),
    "town": ("镇（街道）代码，all 为全部已报的镇合计", "Town code; all: the towns that reported, from their parts"),
    "town_name": ("镇（街道）名称", "Town"),
    "value": (
        "数值，比率为 0…1，空为未报、无分母或不足 3 人不写数（见 suppressed）",
        "Value; ratios 0…1; empty: not reported, no denominator, or fewer than 3 people (see suppressed)",
    ),
    "numerator": ("分子", "Numerator"),
    "denominator": ("分母", "Denominator"),
    "unit": ("单位：ratio、count、hours、km、celsius", "Unit"),
    "qualifier": ("限定：exact 准确、at_least 余、nearly 近、about 约", "How sure the figure is"),
    "suppressed": ("分项里有人但不足 3 人，不写数", "A part with people in it, but fewer than 3: not told"),
}
"""Column -> what it is, in Chinese and English."""


VIEWS = {
    "figure_days": (
        "每日每镇的指标总数，一行一个 · one row a day, town and figure, breakdowns left out",
        "SELECT day, town, town_name, feed, kpi, value, numerator, denominator, unit, qualifier"
        " FROM figures WHERE dims = ''",
    ),
    "breakdowns": (
        "每日每镇的分项 · one row a day, town, figure and part",
        "SELECT day, town, town_name, feed, kpi, dims, value, numerator, denominator, unit, qualifier, suppressed"
        " FROM figures WHERE dims <> ''",
    ),
    "town_days": (
        "每日每镇一行，各列是指标 · one row a day and town, a column a figure",
        "SELECT day, town, town_name, {columns} FROM figures WHERE dims = '' GROUP BY day, town, town_name",
    ),
    "town_map": (
        "每日每镇一行带边界，可在 QGIS 里按日筛选 · town_days with the town's outline, only in map.gpkg",
        "SELECT t.fid * 100000000 + CAST(REPLACE(d.day, '-', '') AS INTEGER) AS OGC_FID, t.geom AS geom,"
        " d.day, d.town, d.town_name, {drawn} FROM towns t JOIN town_days d ON d.town = t.code",
    ),
}
"""View -> what it holds, and its statement; ``{columns}`` and ``{drawn}`` are a column a figure."""
DRAWN = "town_map"


def export(past: Past, first: int, last: int, out: Path) -> list[Path]:
    """Write ``figures.parquet``, ``figures.csv``, ``views.sql``, ``map.gpkg`` and ``dictionary.csv``.

    Of the local days from ``first`` to ``last`` inclusive.
    """
    with past.history.reading() as connection:
        known = Known(past, past.history.seq(connection))
    viewer = Viewer("export", frozenset({Role.LEADER}))
    boards = [known.ended(viewer, day) for day in days_between(first, last)]
    table = pandas.DataFrame([row for board in boards for row in _rows(board)], columns=list(COLUMNS))
    for name in ("value", "numerator", "denominator"):
        table[name] = pandas.to_numeric(table[name])
    out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out / "figures.parquet", index=False)
    table.to_csv(out / "figures.csv", index=False, encoding="utf-8-sig")
    # Every feed has a reporting rate: it is no column of a town's day.
    kpis = sorted(set(table["kpi"]) - {REPORTING})
    views = _views(kpis)
    (out / "views.sql").write_text(_duckdb(views), encoding="utf-8")
    _map(boards[-1], out / "map.gpkg")
    _tables(out / "map.gpkg", table, views, kpis)
    _dictionary(boards[-1], out / "dictionary.csv")
    return [out / name for name in ("figures.parquet", "figures.csv", "views.sql", "map.gpkg", "dictionary.csv")]


def _views(kpis: Sequence[str]) -> dict[str, str]:
    columns = ", ".join(f"MAX(CASE WHEN kpi = '{kpi}' THEN value END) AS {kpi}" for kpi in kpis)
    drawn = ", ".join(f"d.{kpi}" for kpi in kpis)
    return {name: statement.format(columns=columns, drawn=drawn) for name, (_, statement) in VIEWS.items()}


def _duckdb(views: Mapping[str, str]) -> str:
    head = "-- duckdb -init views.sql，在本目录运行 · run in this folder\n"
    figures = "CREATE OR REPLACE VIEW figures AS SELECT * FROM read_parquet('figures.parquet');\n"
    made = [
        f"-- {VIEWS[name][0]}\nCREATE OR REPLACE VIEW {name} AS {statement};\n"
        for name, statement in views.items()
        if name != DRAWN
    ]
    return head + figures + "".join(made)


def _tables(path: Path, table: pandas.DataFrame, views: Mapping[str, str], kpis: Sequence[str]) -> None:
    """Put the figures and the views into the GeoPackage, announced as its rules ask (OGC 12-128r19)."""
    numbers = ", ".join(f"{kpi} REAL" for kpi in kpis)
    with closing(sqlite3.connect(path)) as connection, connection:
        table.to_sql("figures", connection, index_label="fid")
        # A computed column of a view has no type there, and would be read as text.
        connection.execute(
            f"CREATE TABLE town_days (fid INTEGER PRIMARY KEY, day TEXT, town TEXT, town_name TEXT, {numbers})"
        )
        filled = f"INSERT INTO town_days (day, town, town_name, {', '.join(kpis)}) {views['town_days']}"
        connection.execute(filled)
        for name, statement in views.items():
            if name != "town_days":
                connection.execute(f"CREATE VIEW {name} AS {statement}")
        contents = "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?, ?, ?, ?)"
        connection.executemany(
            contents,
            [
                ("figures", "attributes", "figures", 0),
                *((name, "features" if name == DRAWN else "attributes", name, 4326) for name in views),
            ],
        )
        connection.execute(
            "INSERT INTO gpkg_geometry_columns SELECT ?, column_name, geometry_type_name, srs_id, z, m"
            " FROM gpkg_geometry_columns WHERE table_name = 'towns'",
            (DRAWN,),
        )


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
            one.suppressed,
        )


def _map(board: Board, path: Path) -> None:
    path.unlink(missing_ok=True)
    towns = [town for town in board.pack.towns if town.code in board.region.boundaries]
    columns: dict[str, list[Any]] = {"code": [town.code for town in towns], "name": [town.name for town in towns]}
    for _, kpi in board.kpis():
        if kpi.key != REPORTING:
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
        for name, (meaning, _) in VIEWS.items():
            zh, _, en = meaning.partition(" · ")
            writer.writerow(["view", name, name, zh, name, en, ""])
        for kpi in {kpi.key: kpi for _, kpi in board.kpis()}.values():
            writer.writerow(
                ["kpi", kpi.key, kpi.words.zh, kpi.definition.zh, kpi.words.en, kpi.definition.en, kpi.unit]
            )


__all__ = ["COLUMNS", "VIEWS", "export"]
