"""What a new version keeps of the one in force: everything that the new lists say nothing of."""

from __future__ import annotations

import msgspec

from dashboard.domain.place import PlaceKind, RegionPack
from geodata.columns import KIND_WORDS, Role
from geodata.placelists import Lists
from geodata.region import Region


def carried(pack: RegionPack, lists: Lists, base: Region | None) -> tuple[RegionPack, list[str]]:
    """The pack with what its lists do not speak of as it was, and that in words.

    A list of one kind of place replaces the places of that kind; a list of beats, units or shifts replaces them all.
    ``lists.places`` hold the places that stay, too. A visit rule or duty hours stay until a row says others.
    """
    if base is None:
        return pack, []
    was = base.pack
    towns = {town.code for town in pack.towns}
    beats = pack.beats if lists.beats else tuple(beat for beat in was.beats if beat.town in towns)
    standing = {beat.code for beat in beats}
    earlier = {} if lists.beats else {place.code: place.beat for place in was.places}
    places = []
    for place in pack.places:
        beat = place.beat or earlier.get(place.code)
        if place.town in towns:
            places.append(msgspec.structs.replace(place, beat=beat if beat in standing else None))
    codes = {place.code for place in places}

    units = {unit.code: unit for unit in was.units if unit.town in towns and Role.UNITS not in lists.roles}
    units |= {unit.code: unit for unit in pack.units}
    beats = tuple(
        msgspec.structs.replace(beat, units=tuple(code for code in beat.units if code in units)) for beat in beats
    )
    ruled = {rule.place for rule in pack.visit_rules}
    kept_rules = (rule for rule in was.visit_rules if rule.place in codes and rule.place not in ruled)
    rules = (*pack.visit_rules, *kept_rules)
    timed = {hours.checkpoint for hours in pack.duty_hours}
    posts = {place.code for place in places if place.kind == PlaceKind.CHECKPOINT}
    kept_hours = (one for one in was.duty_hours if one.checkpoint in posts and one.checkpoint not in timed)

    owed_before = {rule.place for rule in was.visit_rules}
    owed = {place: day for place, day in was.owed_since.items() if place in codes}
    owed |= {rule.place: pack.valid_from for rule in rules if rule.place not in owed_before}
    counts = {kind: sum(1 for place in places if place.kind == kind) for kind in PlaceKind if kind not in lists.kinds}
    words = "、".join(f"{KIND_WORDS[kind]} {count}" for kind, count in counts.items() if count)
    merged = msgspec.structs.replace(
        pack,
        places=tuple(places),
        beats=beats,
        units=tuple(units.values()),
        devices={name: unit for name, unit in (was.devices | pack.devices).items() if unit in units},
        visit_rules=rules,
        duty_hours=(*pack.duty_hours, *kept_hours),
        shifts=pack.shifts if Role.SHIFTS in lists.roles else was.shifts,
        thresholds=was.thresholds,
        titles=was.titles,
        since=was.since or was.valid_from,
        owed_since=owed,
    )
    return merged, [f"沿用现行版本的 {words}"] if words else []
