"""A feed's parameters as a region's pack has them: what it sets goes before what the feed declares.

``patrol.dwell_s = 120`` in a pack means two minutes at a place, from the day on which that pack is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from dashboard.domain.day import MINUTE
from dashboard.domain.feed import Archetype, Feed, ReadingSpec, TrackSpec
from dashboard.domain.place import RegionPack

SECOND = 1000

FIELDS: Mapping[type[Any], Mapping[str, tuple[str, int]]] = {
    TrackSpec: {
        "radius_m": ("radius_m", 1),
        "max_radius_m": ("max_radius_m", 1),
        "dwell_s": ("dwell_ms", SECOND),
        "max_gap_s": ("max_gap_ms", SECOND),
        "signal_minutes": ("signal_ms", MINUTE),
    },
    ReadingSpec: {
        "online_minutes": ("online_ms", MINUTE),
        "recheck_minutes": ("recheck_ms", MINUTE),
        "drift": ("drift_alert_milli", 1000),
    },
}
"""What follows the feed's name in a pack's key -> the parameter of the archetype, and how many of its unit make one.

A pack's unit is the one people speak of; ms and milli-degrees are whole numbers."""


def spec_in(feed: Feed, pack: RegionPack) -> Archetype:
    """The parameters of a feed under a pack."""
    kept: dict[str, Archetype] = pack.__dict__.setdefault("_specs", {})
    found = kept.get(feed.name)
    if found is None:
        found = kept[feed.name] = _read(feed, pack)
    return found


def reading_in(feed: Feed, pack: RegionPack) -> ReadingSpec:
    """:func:`spec_in` of a reading feed."""
    return cast(ReadingSpec, spec_in(feed, pack))


def track_in(feed: Feed, pack: RegionPack) -> TrackSpec:
    """:func:`spec_in` of a track feed."""
    return cast(TrackSpec, spec_in(feed, pack))


def _read(feed: Feed, pack: RegionPack) -> Archetype:
    spec = feed.archetype
    changed: dict[str, float] = {}
    for key, (field, factor) in FIELDS.get(type(spec), {}).items():
        value = pack.thresholds.get(f"{feed.name}.{key}")
        if value is not None:
            changed[field] = value if factor == 1 else round(value * factor)
    if not changed:
        return spec
    made = msgspec.structs.replace(spec, **changed)
    if isinstance(made, TrackSpec) and made.max_radius_m < made.radius_m:
        # Accuracy may widen the radius up to a limit; a limit below the radius itself would narrow it.
        made = msgspec.structs.replace(made, max_radius_m=made.radius_m)
    return made
