"""警力下沉 deployment: people assigned by squad, station and village. Archetype *roster*; seed 004."""

from __future__ import annotations

from dashboard.domain.feed import Feed, Field, RosterSpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import listed

KINDS = {
    "squad": Words("志愿分队", "Volunteer squad"),
    "station": Words("机关下沉派出所", "Headquarters to station"),
    "grid": Words("专职网格员", "Grid worker"),
    "leader": Words("村民小组长", "Group leader"),
}

SPEC = RosterSpec(quantity_fields=("people",), by=("kind",), daily=())

FEED = Feed(
    name="deployment",
    words=Words("警力下沉", "Deployment"),
    short=Words("下沉", "Deployment"),
    icon="patrol",
    colour="other",
    archetype=SPEC,
    subject="squad",
    natural_key=("squad", "at"),
    fields=(
        Field("squad", "text", Words("分队（村）", "Squad or village"), required=True, example="Q-01"),
        Field("kind", "choice", Words("类别", "Kind"), required=True, choices=KINDS, example="squad"),
        Field("people", "quantity", Words("人数", "People"), example="15"),
    ),
    limits=DAILY,
    kpis=(
        listed(
            "deployed",
            Words("下沉人员", "Deployed"),
            Words("现在在册的下沉人员", "People assigned now"),
            Words("人", "people"),
            "people",
            by="kind",
        ),
        listed(
            "deployed_squads",
            Words("志愿分队", "Squads"),
            Words("现在在册的志愿分队", "Volunteer squads now"),
            Words("支", "squads"),
            counts=lambda item: item.fields.get("kind") == "squad",
        ),
    ),
    sample={
        "id": "deployment-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "squad": "Q-01",
        "kind": "squad",
        "people": 15,
    },
)
