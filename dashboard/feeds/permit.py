"""通行证 permit: passes issued, refused, revoked and checked at a checkpoint. Archetype *tally*; seed 001.

A pass expires by itself at the time its record states; one that states none is valid until it is revoked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard.domain.day import HOUR, day_start
from dashboard.domain.feed import Feed, Field, Kpi, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.figure import Parts, Quantity
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied
from dashboard.domain.summary import Tallied, TallySummary

ACTIONS = {
    "issued": Words("签发", "Issued"),
    "refused": Words("不予签发", "Refused"),
    "revoked": Words("收回", "Revoked"),
    "redeemed": Words("卡点核验", "Redeemed"),
}
KINDS = {
    "county": Words("县内出入", "County in and out"),
    "vehicle": Words("车辆", "Vehicle"),
    "freight": Words("货运", "Freight"),
    "other": Words("其他", "Other"),
}

SPEC = TallySpec(amount_field="count", by=("action", "kind", "valid_until", "checkpoint"), until="valid_until")
ACTION, UNTIL = SPEC.by.index("action"), SPEC.by.index("valid_until")
Towns = Sequence[TallySummary]
PASSES = Words("张", "permits")


def _of(towns: Towns, action: str) -> Iterable[tuple[TallySummary, Tallied]]:
    return ((town, one) for town in towns for one in town.counts if one.by[ACTION] == action)


def _ended(one: Tallied, at: int) -> bool:
    return bool(one.by[UNTIL]) and int(one.by[UNTIL]) <= at


def _valid(towns: Towns) -> Parts:
    issued = Quantity.total(one.amount for town, one in _of(towns, "issued") if not _ended(one, town.now))
    revoked = Quantity.total(one.amount for town, one in _of(towns, "revoked") if not _ended(one, town.now))
    left = Quantity(max(0, issued.number - revoked.number), issued.qualifier.plus(revoked.qualifier))
    return Parts.quantity(left, issued=issued.number, revoked=revoked.number)


def _expired(towns: Towns) -> Parts:
    return Parts.quantity(Quantity.total(one.amount for town, one in _of(towns, "issued") if _ended(one, town.now)))


def _late(towns: Towns) -> Parts:
    late = (
        one.amount
        for town, one in _of(towns, "redeemed")
        if _ended(one, day_start(one.day, town.zone) + one.hour * HOUR)
    )
    return Parts.quantity(Quantity.total(late))


FEED = Feed(
    name="permit",
    words=Words("通行证", "Permits"),
    short=Words("通行证", "Permits"),
    icon="check",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "action", "kind", "at"),
    fields=(
        REPORTED_BY,
        Field(
            "action",
            "choice",
            Words("办理", "Action"),
            required=True,
            choices=ACTIONS,
            headers=("办理结果",),
            example="issued",
        ),
        Field("kind", "choice", Words("种类", "Kind"), choices=KINDS, headers=("通行证种类",), example="county"),
        AMOUNT,
        Field("valid_until", "time", Words("有效期至", "Valid until"), example="2020-03-31"),
        Field("checkpoint", "text", Words("核验卡点", "Checkpoint"), example="330421111-K01"),
    ),
    limits=DAILY,
    kpis=(
        tallied(
            SPEC,
            "permits_issued",
            Words("已发通行证", "Permits issued"),
            Words("累计签发的通行证", "Permits issued so far"),
            Words("张", "permits"),
            only={"action": "issued"},
            by="kind",
        ),
        tallied(
            SPEC,
            "permits_today",
            Words("今日签发", "Issued today"),
            Words("今天签发的通行证", "Permits issued today"),
            Words("张", "permits"),
            only={"action": "issued"},
            today=True,
        ),
        tallied(
            SPEC,
            "permits_refused",
            Words("不予签发", "Refused"),
            Words("累计不予签发的", "Refused so far"),
            Words("张", "permits"),
            only={"action": "refused"},
        ),
        tallied(
            SPEC,
            "permits_revoked",
            Words("已收回", "Revoked"),
            Words("累计收回的", "Revoked so far"),
            Words("张", "permits"),
            only={"action": "revoked"},
        ),
        Kpi(
            "permits_valid",
            Words("有效通行证", "Valid now"),
            "count",
            _valid,
            Words("签发了、没有到期也没有收回的", "Issued, neither expired nor revoked"),
            measure=PASSES,
            standing=True,
        ),
        Kpi(
            "permits_expired",
            Words("已到期", "Expired"),
            "count",
            _expired,
            Words("签发了、有效期已过的", "Issued, their time over"),
            measure=PASSES,
            standing=True,
        ),
        tallied(
            SPEC,
            "permits_redeemed",
            Words("卡点核验", "Checked at checkpoints"),
            Words("累计在卡点核验的", "Checked at checkpoints so far"),
            PASSES,
            only={"action": "redeemed"},
            by="checkpoint",
        ),
        tallied(
            SPEC,
            "permits_redeemed_today",
            Words("今日核验", "Checked today"),
            Words("今天在卡点核验的", "Checked at checkpoints today"),
            PASSES,
            only={"action": "redeemed"},
            today=True,
        ),
        Kpi(
            "permits_redeemed_late",
            Words("核验时已到期", "Expired when checked"),
            "count",
            _late,
            Words("在卡点核验时有效期已过的", "Checked after their time was over"),
            measure=PASSES,
            standing=True,
            watch_above=0,
        ),
    ),
    headline=("permits_issued", "permits_today", "permits_redeemed_today"),
    sample={
        "id": "permit-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "action": "issued",
        "kind": "county",
        "count": 12,
    },
)
