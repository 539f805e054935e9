"""Deterministic streams that replay the seeds. :data:`SCENARIOS` says which there are."""

from __future__ import annotations

from dashboard.domain.feed import Words
from dashboard.domain.place import RegionPack
from dashboard.errors import ConfigurationError
from ingest.scenarios import lishui as _lishui
from ingest.scenarios import quanzhou as _quanzhou
from ingest.scenarios import xianlin as _xianlin
from ingest.scenarios import yaozhuang as _yaozhuang
from ingest.scenarios import zhuhai as _zhuhai
from ingest.scenarios.base import Scenario, ScenarioMaker

SCENARIOS: dict[str, tuple[str, ScenarioMaker]] = {
    _xianlin.NAME: (_xianlin.REGION, _xianlin.xianlin),
    _yaozhuang.NAME: (_yaozhuang.REGION, _yaozhuang.yaozhuang),
    _lishui.NAME: (_lishui.REGION, _lishui.lishui),
    _zhuhai.NAME: (_zhuhai.REGION, _zhuhai.zhuhai),
    _quanzhou.NAME: (_quanzhou.REGION, _quanzhou.quanzhou),
}
"""Name -> (region of the pack it needs, maker)."""

TITLES: dict[str, Words] = {one.NAME: one.TITLE for one in (_xianlin, _yaozhuang, _lishui, _zhuhai, _quanzhou)}
"""Name -> what it is called."""


def scenario_named(name: str, pack: RegionPack) -> Scenario:
    """The scenario of that name over a pack.

    Raises:
        ConfigurationError: there is none of that name, or the pack is of another region.
    """
    try:
        region, make = SCENARIOS[name]
    except KeyError:
        raise ConfigurationError(
            f"没有名为“{name}”的场景，可用的有：{'、'.join(SCENARIOS)}"
            f" · There is no scenario “{name}”; the scenarios are {', '.join(SCENARIOS)}."
        ) from None
    if pack.region != region:
        raise ConfigurationError(
            f"场景“{name}”需要 {region} 的区域包，得到的是 {pack.region}，请设 TOWNWATCH_REGION={region}"
            f" · Scenario “{name}” needs the pack of {region}, got {pack.region}: set TOWNWATCH_REGION={region}."
        )
    return make(pack)
