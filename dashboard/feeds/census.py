"""实有人口房屋 census: houses and people checked against a target. Archetype *roster*; seed 004."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.domain.feed import Feed, Field, Kpi, RosterSpec, Words
from dashboard.domain.figure import Parts, Quantity
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import left_over, listed, progress
from dashboard.domain.summary import Item, RosterSummary

SPEC = RosterSpec(quantity_fields=("houses", "residents", "rentals", "floating", "houses_target"), by=(), daily=())


def proven(item: Item) -> bool:
    """Whether a grid's count can be checked: it says how many houses there are to check, and by what it knows."""
    return "houses_target" in item.quantities and bool(item.fields.get("evidence"))


def _proven(towns: Sequence[RosterSummary]) -> Parts:
    items = [item for town in towns for item in town.items]
    none = Quantity(0)
    whole = [
        item
        for item in items
        if proven(item) and item.quantities.get("houses", none).number >= item.quantities["houses_target"].number
    ]
    return Parts.ratio(len(whole), len(items), without_evidence=sum(1 for item in items if not proven(item)))


FEED = Feed(
    name="census",
    words=Words("实有人口房屋", "Census"),
    short=Words("实有", "Census"),
    icon="list",
    colour="other",
    archetype=SPEC,
    subject="grid",
    natural_key=("grid", "at"),
    fields=(
        Field("grid", "text", Words("网格", "Grid"), required=True, headers=("网格编号",), example="330421111-G01"),
        Field("houses", "quantity", Words("实有房屋", "Houses"), example="420"),
        Field("residents", "quantity", Words("实有人口", "Residents"), example="1360"),
        Field("rentals", "quantity", Words("出租房屋", "Rental houses"), example="38"),
        Field("floating", "quantity", Words("流动人口", "Floating population"), example="252"),
        Field("houses_target", "quantity", Words("应查房屋", "Houses to check"), example="430"),
        Field("evidence", "text", Words("依据", "Evidence"), example="入户登记表"),
    ),
    limits=DAILY,
    kpis=(
        listed(
            "census_houses",
            Words("实有房屋", "Houses"),
            Words("累计核实的房屋", "Houses verified so far"),
            Words("个", "houses"),
            "houses",
        ),
        listed(
            "census_residents",
            Words("实有人口", "Residents"),
            Words("累计核实的人口", "Residents verified so far"),
            Words("人", "people"),
            "residents",
        ),
        listed(
            "census_rentals",
            Words("出租房屋", "Rental houses"),
            Words("累计核实的出租房屋", "Rental houses verified so far"),
            Words("个", "houses"),
            "rentals",
        ),
        listed(
            "census_floating",
            Words("流动人口", "Floating population"),
            Words("累计核实的流动人口", "Floating population verified so far"),
            Words("人", "people"),
            "floating",
        ),
        progress(
            "census_progress",
            Words("核实进度", "Progress"),
            Words("应查的房屋里，已核实的占多少", "Of the houses to check, the share verified"),
            Words("个", "houses"),
            "houses",
            "houses_target",
            lambda item: True,
        ),
        left_over(
            "census_omissions",
            Words("漏查房屋", "Houses left out"),
            Words("应查而没有核实的房屋，逐网格相减再相加", "To be checked and not verified, grid by grid"),
            Words("个", "houses"),
            "houses_target",
            "houses",
            watch_above=0,
        ),
        listed(
            "census_grids",
            Words("网格", "Grids"),
            Words("报了核实情况的网格", "Grids that have reported"),
            Words("个", "grids"),
        ),
        listed(
            "census_unproven",
            Words("没有依据的网格", "Grids without evidence"),
            Words("报了数、没有写依据或没有写应查房屋的网格", "Reported without evidence, or without houses to check"),
            Words("个", "grids"),
            counts=lambda item: not proven(item),
        ),
        Kpi(
            "census_proven",
            Words("零遗漏网格", "Grids without omission"),
            "ratio",
            _proven,
            Words(
                "报了数的网格里，应查房屋全部核实、并写明依据的占多少：全部都是，才叫零遗漏",
                "Of the grids that reported, the share with every house verified and the evidence named",
            ),
            numerator=Words("全部核实且有依据的网格", "Every house verified, evidence named"),
            denominator=Words("报了数的网格", "Grids that reported"),
            measure=Words("个", "grids"),
            decimals=1,
            standing=True,
        ),
    ),
    headline=("census_houses", "census_residents", "census_proven"),
    sample={
        "id": "census-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "grid": "330421111-G01",
        "houses": 420,
        "residents": 1360,
        "rentals": 38,
        "floating": 252,
        "houses_target": 430,
    },
)
