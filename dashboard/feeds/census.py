"""实有人口房屋 census: houses and people checked against a target. Archetype *roster*; seed 004."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, RosterSpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import listed, progress

SPEC = RosterSpec(quantity_fields=("houses", "residents", "rentals", "floating", "houses_target"), by=(), daily=())

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
    ),
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
