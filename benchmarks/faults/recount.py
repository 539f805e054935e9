"""The independent count: what was accepted, against event store and figures. Shares no query with the product."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from benchmarks.faults.ground import Ground
from benchmarks.faults.load import Kept, Key

FEVER = 37.3
_LOCAL = timezone(timedelta(hours=8))
_ANY = msgspec.msgpack.Decoder()
_SOURCE, _ID, _AT, _REV, _FIELDS, _VOID = 1, 2, 5, 7, 10, 11
"""Places in a stored record (``dashboard.domain.event.Event`` as MessagePack)."""


class Count(msgspec.Struct, frozen=True):
    """What the count found. Nothing lost and nothing doubled means both are 0 and there are no differences."""

    accepted: int
    lost: int
    doubled: int
    differences: list[str]


def in_store(ground: Ground, promised: Mapping[Key, Kept]) -> tuple[int, int]:
    """(lost, doubled): accepted versions that are not stored or not in force, and stored ones nobody was promised."""
    stored: Counter[tuple[str, str, int]] = Counter()
    effective: Counter[Key] = Counter()
    in_force: dict[Key, int] = {}
    with ground.history() as history, history.engine.connect() as connection:
        for body, ended in connection.exec_driver_sql("SELECT body, ended FROM event"):
            found = _ANY.decode(bytes(body))
            key = (found[_SOURCE], found[_ID])
            stored[*key, found[_REV]] += 1
            if ended is None:
                effective[key] += 1
                in_force[key] = found[_REV]
        named = {(row[0], row[1]) for row in connection.exec_driver_sql("SELECT source, id FROM event_key")}
    lost = doubled = 0
    wanted = {(*key, rev) for key, kept in promised.items() for rev in kept.bodies}
    lost += sum(1 for version in wanted if not stored[version])
    lost += sum(1 for key, kept in promised.items() if in_force.get(key) != max(kept.bodies) or key not in named)
    doubled += sum(count - 1 for version, count in stored.items() if count > 1)
    doubled += sum(1 for version in stored if version not in wanted)
    doubled += sum(count - 1 for count in effective.values() if count > 1)
    return lost, doubled


def in_figures(ground: Ground, token: str, promised: Mapping[Key, Kept]) -> list[str]:
    """Figures that are not what a plain count of the accepted records gives, a line each."""
    told = figures(ground, token)
    day = told["as_of"][:10]
    of_day = [kept for kept in promised.values() if _local_day(kept.last["at"]) == day]
    readings = [kept.last for kept in of_day if kept.feed == "temperature"]
    cases = {kept.last["case"]: kept.last["town"] for kept in promised.values() if kept.feed == "dispute"}
    expected = {
        "screened": _by_town(one["town"] for one in readings),
        "fever_count": _by_town(one["town"] for one in readings if one["celsius"] >= FEVER),
        "dispute_open": _by_town(cases.values()),
    }
    wrong = []
    shown = {(one["kpi"], one["town"]): one["value"] for one in told["figures"] if not one["dims"]}
    for kpi, counted in expected.items():
        for town, number in counted.items():
            got = shown.get((kpi, town))
            if (got or 0) != number:
                wrong.append(f"{kpi}[{town}]: 页面 {got}，清点 {number}")
        extra = [town for (name, town), value in shown.items() if name == kpi and value and town not in counted]
        wrong += [f"{kpi}[{town}]: 页面 {shown[kpi, town]}，清点 0" for town in extra]
    return wrong


def screened(ground: Ground, token: str) -> int | None:
    """How many readings of today the page shows; ``None`` while it shows nothing."""
    try:
        told = figures(ground, token, "&kpi=screened&town=all")
    except (OSError, ValueError):
        return None
    return next((int(one["value"] or 0) for one in told["figures"]), 0)


def figures(ground: Ground, token: str, narrowed: str = "") -> dict[str, Any]:
    """What ``/api/v1/figures`` says.

    Raises:
        OSError: it does not answer, or another status.
    """
    request = urllib.request.Request(
        ground.settings.address(f"/api/v1/figures?{narrowed}"), headers={"Authorization": f"Bearer {token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return dict(json.loads(answer.read()))


def _by_town(towns: Iterable[str]) -> Counter[str]:
    found = Counter(towns)
    if found:
        found["all"] = sum(found.values())
    return found


def _local_day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(_LOCAL).date().isoformat()
