"""Archetype *reading*: fold one checkpoint's day of measurements into a state, and sum up a town from the states.

Almost everything is a count, so order does not matter; where it does (a late fever whose recheck has already come) the
fold asks for the day to be folded again from the stored records. Temperatures are integer milli-degrees Celsius.
"""

from __future__ import annotations

import sys
from array import array
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from dashboard.domain.day import MINUTE, day_end, day_of, day_start, minute_of
from dashboard.domain.event import Event
from dashboard.domain.feed import ReadingSpec
from dashboard.domain.place import Place, PlaceKind, RegionPack
from dashboard.domain.summary import BlockNow, CheckpointNow, DriftNow, FeverNow, FeverState, ReadingSummary

MINUTES = 1440
SHOWN_FEVERS = 200
SHOWN_BLOCKS = 100


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """A reading that matters for what becomes of a fever. ``person`` is a pseudonym; ``None`` means unknown."""

    at: int
    person: str | None
    town: str
    milli: int
    rule: str
    outcome: str
    case: str
    source: str
    id: str


class TownCounts(msgspec.Struct, array_like=True):
    """Counts of one town at one checkpoint on one local day."""

    records: int = 0
    received: int = 0
    screened: int = 0
    minutes: bytes = bytes(2 * MINUTES)
    """1,440 little-endian 16-bit counts of readings, one per local minute."""
    codes: dict[str, int] = msgspec.field(default_factory=dict)
    refused: int = 0
    last_at: int = 0
    must_pass: int = 0
    """Readings with a green code and a normal temperature (DOMAIN: seed 000)."""
    blocks: list[tuple[int, str, str, str]] = msgspec.field(default_factory=list)
    """(at, source, id, case) of those that were refused all the same, in order."""


class CheckpointState(msgspec.Struct, array_like=True):
    """One checkpoint's local day, as far as its records tell."""

    towns: dict[str, TownCounts] = msgspec.field(default_factory=dict)
    fevers: list[Seen] = msgspec.field(default_factory=list)
    transfers: list[Seen] = msgspec.field(default_factory=list)
    """Readings that are no fever but ended in a transfer."""
    rechecks: list[Seen] = msgspec.field(default_factory=list)
    """Normal readings of a pseudonym whose fever was seen up to 30 minutes before. Without a pseudonym nobody is ever
    cleared: the next reading at a checkpoint is the next person's."""
    windows: dict[str, list[tuple[int, str, str, int, str]]] = msgspec.field(default_factory=dict)
    """``device|method|site`` -> last readings (at, source, id, milli, town) in order."""
    newest: int = 0
    """Event time of the newest reading."""


Limits = dict[tuple[str, str], tuple[int, str]]
"""(method, site) -> (threshold in milli-degrees, name of the rule), as far as they were looked up."""


def rule_of(event: Event, spec: ReadingSpec, pack: RegionPack, limits: Limits) -> tuple[int, str]:
    """A reading in milli-degrees and the rule by which it is a fever, or ``""``.

    The device's own verdict counts; where it gave a threshold but no verdict, its threshold speaks for it; then the
    threshold of the method and site (``data/README.md``: an oral and a facial 37.3 ℃ are not the same thing).
    """
    fields = event.fields
    value = fields[spec.value_field]
    milli = round(value * 1000)
    verdict = fields.get("device_verdict")
    if verdict == "fever":
        return milli, "device_verdict"
    limit = fields.get("device_threshold")
    if verdict is None and limit is not None and milli >= round(limit * 1000):
        return milli, "device_threshold"
    least, name = _limit(fields.get("method") or "", fields.get("site") or "", spec, pack, limits)
    return milli, name if milli >= least else ""


def _limit(method: str, site: str, spec: ReadingSpec, pack: RegionPack, limits: Limits) -> tuple[int, str]:
    known = limits.get((method, site))
    if known is None:
        known = limits[method, site] = (_threshold(method, site, spec, pack), f"threshold:{method}/{site}")
    return known


def _threshold(method: str, site: str, spec: ReadingSpec, pack: RegionPack) -> int:
    for key in (f"{method}/{site}", f"/{site}", f"{method}/"):
        for known in (pack.thresholds.get(f"fever.{key}"), spec.thresholds.get(key)):
            if known is not None:
                return round(known * 1000)
    return round(pack.thresholds.get("fever.default", spec.default_threshold) * 1000)


def rules(spec: ReadingSpec, pack: RegionPack) -> object:
    """What folding takes from a pack: the thresholds of a fever and how long a recheck may take."""
    limits = {key: value for key, value in pack.thresholds.items() if key.startswith("fever.")}
    return (spec, pack.timezone, limits)


def case_number(event: Event) -> str:
    """A short case number for display: stable for the record and not derived from the person."""
    number = crc32(f"{event.source}\x00{event.id}".encode())
    return f"{'ABCDEFGHJKLMNPQRSTUVWXYZ'[number // 100 % 24]}-{number % 100:02d}"


def _counts(data: bytes) -> array[int]:
    counts = array("H", data)
    if sys.byteorder == "big":
        counts.byteswap()
    return counts


def _bytes(counts: array[int]) -> bytes:
    if sys.byteorder == "big":
        counts.byteswap()
    return counts.tobytes()


def fold(state: CheckpointState, events: Sequence[Event], spec: ReadingSpec, pack: RegionPack) -> bool:
    """Fold one checkpoint's further records of one local day, in any order.

    Returns ``False``, with the state spoilt, when the day must be folded again from the stored records in order.
    """
    minutes: dict[str, array[int]] = {}
    limits: Limits = {}
    zone = pack.timezone
    midnight = day_start(day_of(events[0].at, zone), zone) if events else 0
    kinds: dict[tuple[str | None, str | None, str | None], _Kind] = {}
    feverish = {fever.person for fever in state.fevers}
    here: str | None = None
    for event in events:
        at, town, fields = event.at, event.town, event.fields
        # What records of one town and of one device share is looked up once: every reading passes here.
        if town != here:
            here = town
            if town not in state.towns:
                state.towns[town] = TownCounts()
            counts = state.towns[town]
            if town not in minutes:
                minutes[town] = _counts(counts.minutes)
            codes, by_minute = counts.codes, minutes[town]
        counts.records += 1
        if event.received_at > counts.received:
            counts.received = event.received_at
        if event.nothing:
            continue
        counts.screened += 1
        if at > counts.last_at:
            counts.last_at = at
        by_minute[(at - midnight) // MINUTE] += 1
        code = fields.get("health_code")
        if code is not None:
            codes[code] = codes.get(code, 0) + 1
        outcome = fields.get("outcome") or ""
        if outcome == "refused":
            counts.refused += 1
        sort = (fields.get("device"), fields.get("method"), fields.get("site"))
        kind = kinds.get(sort)
        if kind is None:
            kind = kinds[sort] = _Kind(*_limit(sort[1] or "", sort[2] or "", spec, pack, limits), [])
        if "device_verdict" in fields or "device_threshold" in fields:
            milli, rule = rule_of(event, spec, pack, limits)
        else:
            milli = round(fields[spec.value_field] * 1000)
            rule = kind.rule if milli >= kind.limit else ""
        if code == "green" and not rule:
            counts.must_pass += 1
            if outcome == "refused":
                insort(counts.blocks, (at, event.source, event.id, case_number(event)))
        if rule:
            if at < state.newest:
                return False
            insort(state.fevers, _seen(event, milli, rule, outcome), key=_seen_order)
            feverish.add(fields.get("person_ref"))
        elif outcome == "transferred":
            insort(state.transfers, _seen(event, milli, rule, outcome), key=_seen_order)
        elif (
            (person := fields.get("person_ref")) is not None
            and person in feverish
            and any(fever.person == person and 0 <= at - fever.at <= spec.recheck_ms for fever in state.fevers)
        ):
            insort(state.rechecks, _seen(event, milli, rule, outcome), key=_seen_order)
        kind.read.append((at, event.source, event.id, milli, town))
        if at > state.newest:
            state.newest = at
    for town, changed in minutes.items():
        state.towns[town].minutes = _bytes(changed)
    for (device, method, site), kind in kinds.items():
        if device is not None:
            _fold_window(state.windows, f"{device}|{method or ''}|{site or ''}", kind.read, spec.window)
    return True


def last(state: CheckpointState) -> int | None:
    """The latest event time of the day's records; ``None`` where there is none, or one that is no reading (零报告)."""
    if any(counts.records != counts.screened for counts in state.towns.values()):
        return None
    return state.newest or None


Reading = tuple[int, str, str, int, str]
"""(at, source, id, milli, town) of one reading of a device."""


class _Kind(msgspec.Struct):
    """What the readings of a batch that were taken by one device in one way share: the limit and its rule's name."""

    limit: int
    rule: str
    read: list[Reading]


def _fold_window(windows: dict[str, list[Reading]], key: str, read: list[Reading], size: int) -> None:
    # Readings come nearly in order, and then sorting only looks at them.
    window = sorted([*windows.get(key, ()), *read])
    windows[key] = window[-size:]


def _seen(event: Event, milli: int, rule: str, outcome: str) -> Seen:
    return Seen(
        event.at,
        event.fields.get("person_ref"),
        event.town,
        milli,
        rule,
        outcome,
        case_number(event),
        event.source,
        event.id,
    )


def _seen_order(seen: Seen) -> tuple[int, str, str]:
    return (seen.at, seen.source, seen.id)


def _same(fever: Seen, later: Seen) -> bool:
    """Whether two readings are of one person; without a pseudonym, of one checkpoint's recheck chain."""
    return fever.person == later.person


class ReadingDays(msgspec.Struct):
    """The states a summary needs by checkpoint: today's, yesterday's, and tomorrow's, in which a fever of shortly
    before midnight may be confirmed."""

    today: Mapping[str, CheckpointState]
    yesterday: Mapping[str, CheckpointState]
    tomorrow: Mapping[str, CheckpointState] = {}


def summarise(
    days: ReadingDays,
    spec: ReadingSpec,
    pack: RegionPack,
    now: int,
    towns: Iterable[str] | None = None,
    provisional: Iterable[Place] = (),
) -> dict[str, ReadingSummary]:
    """Sum up towns at ``now`` from checkpoint states. Pure.

    ``provisional`` are checkpoints that a record named before any list did.
    """
    zone = pack.timezone
    day = day_of(now, zone)
    wanted = list(towns) if towns is not None else [town.code for town in pack.towns]
    known = _checkpoints(pack, provisional)
    drifts = _drifts(days, spec, now)
    confirmed = _confirmed(days, spec)
    return {
        town: _town(days, spec, pack, now, day, town, known.get(town, []), drifts.get(town, []), confirmed[town])
        for town in wanted
    }


def _checkpoints(pack: RegionPack, provisional: Iterable[Place]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = defaultdict(list)
    for place in (*pack.places, *provisional):
        if place.kind == PlaceKind.CHECKPOINT and place.code not in known[place.town]:
            known[place.town].append(place.code)
    return known


def _town(
    days: ReadingDays,
    spec: ReadingSpec,
    pack: RegionPack,
    now: int,
    day: int,
    town: str,
    checkpoints: Sequence[str],
    drifts: Sequence[DriftNow],
    confirmed: int,
) -> ReadingSummary:
    counts = {name: state.towns[town] for name, state in days.today.items() if town in state.towns}
    before = {name: state.towns[town] for name, state in days.yesterday.items() if town in state.towns}
    received = [found.received for found in (*counts.values(), *before.values())]
    codes: Counter[str] = Counter()
    hourly = [0] * 24
    for found in counts.values():
        codes.update(found.codes)
        if found.screened:
            minutes = _counts(found.minutes)
            for hour in range(24):
                hourly[hour] += sum(minutes[hour * 60 : hour * 60 + 60])
    fevers = _fevers(days, spec, town, now)
    return ReadingSummary(
        town=town,
        day=day,
        now=now,
        reported=bool(counts),
        last_received=max(received, default=None),
        screened=sum(found.screened for found in counts.values()),
        hourly=tuple(hourly),
        fever_count=len(fevers),
        fever_confirmed=confirmed,
        fevers=tuple(fevers[:SHOWN_FEVERS]),
        codes={code: codes[code] for code in sorted(codes)},
        refused=sum(found.refused for found in counts.values()),
        checkpoints=tuple(_checkpoint_now(days, spec, pack, now, name, town) for name in checkpoints),
        drifts=tuple(sorted(drifts, key=lambda drift: (-abs(drift.milli), drift.device))),
        must_pass=sum(found.must_pass for found in counts.values()),
        blocked={name: len(found.blocks) for name, found in sorted(counts.items()) if found.blocks},
        blocks=_blocks(counts),
    )


def _blocks(counts: Mapping[str, TownCounts]) -> tuple[BlockNow, ...]:
    found = [(at, name, case) for name, one in counts.items() for at, _, _, case in one.blocks[-SHOWN_BLOCKS:]]
    found.sort(key=lambda block: (-block[0], block[1], block[2]))
    return tuple(BlockNow(name, at, case) for at, name, case in found[:SHOWN_BLOCKS])


def _checkpoint_now(
    days: ReadingDays, spec: ReadingSpec, pack: RegionPack, now: int, name: str, town: str
) -> CheckpointNow:
    hours = pack.duty_by_checkpoint.get(name)
    states = [state for state in (days.today.get(name), days.yesterday.get(name)) if state is not None]
    last_at = max((state.newest for state in states if state.newest), default=None)
    today = days.today.get(name)
    return CheckpointNow(
        checkpoint=name,
        on_duty=hours is None or hours.contains(minute_of(now, pack.timezone)),
        online=last_at is not None and now - last_at < spec.online_ms,
        last_at=last_at,
        screened=today.towns[town].screened if today and town in today.towns else 0,
        fever=sum(1 for fever in today.fevers if fever.town == town) if today else 0,
    )


def _followed(fever: Seen, seen: Seen, spec: ReadingSpec) -> bool:
    return _same(fever, seen) and 0 <= seen.at - fever.at <= spec.recheck_ms


def _chain(days: ReadingDays, name: str, kind: str, fever: Seen) -> Iterable[Seen]:
    """Readings that may be of the fever's person: anywhere by pseudonym, else at the same checkpoint only."""
    if fever.person is None:
        states: Iterable[CheckpointState] = [days.today[name]]
    else:
        states = days.today.values()
    for state in states:
        yield from getattr(state, kind)


def _fate(days: ReadingDays, name: str, fever: Seen, spec: ReadingSpec, now: int) -> FeverState:
    if fever.outcome == "transferred" or any(
        _followed(fever, seen, spec) for seen in _chain(days, name, "transfers", fever)
    ):
        return FeverState.TRANSFERRED
    again = [
        seen for seen in _chain(days, name, "fevers", fever) if _followed(fever, seen, spec) and seen.at > fever.at
    ]
    if any(seen.outcome == "transferred" for seen in again):
        return FeverState.TRANSFERRED
    if again:
        return FeverState.CONFIRMED
    if any(_followed(fever, seen, spec) and seen.at > fever.at for seen in _chain(days, name, "rechecks", fever)):
        return FeverState.CLEARED
    return FeverState.PENDING if now - fever.at <= spec.recheck_ms else FeverState.UNRESOLVED


def _fevers(days: ReadingDays, spec: ReadingSpec, town: str, now: int) -> list[FeverNow]:
    found = [
        FeverNow(name, fever.at, fever.milli, fever.rule, _fate(days, name, fever, spec, now), fever.case)
        for name, state in days.today.items()
        for fever in state.fevers
        if fever.town == town
    ]
    return sorted(found, key=lambda fever: (-fever.at, fever.checkpoint, fever.case))


def _confirmed(days: ReadingDays, spec: ReadingSpec) -> Counter[str]:
    """Town -> persons whose fever of today was followed within 30 min by another fever or a transfer.

    A person counts once a day, in the town of the first fever that was confirmed; what follows may come from another
    town, or after midnight. Without a pseudonym the chain is the checkpoint's.
    """
    later: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for states in (days.today, days.tomorrow):
        for name, state in states.items():
            for seen in (*state.fevers, *state.transfers):
                later[_who(seen, name)].append(seen)
    today = ((fever, name) for name, state in days.today.items() for fever in state.fevers)
    confirmed: dict[tuple[str, str], str] = {}
    for fever, name in sorted(today, key=lambda found: _seen_order(found[0])):
        who = _who(fever, name)
        if who not in confirmed and any(
            _followed(fever, seen, spec) and (seen.outcome == "transferred" or (seen.rule and seen.at > fever.at))
            for seen in later[who]
        ):
            confirmed[who] = fever.town
    return Counter(confirmed.values())


def _who(seen: Seen, checkpoint: str) -> tuple[str, str]:
    return ("", seen.person) if seen.person is not None else (checkpoint, "")


def _windows(days: ReadingDays, spec: ReadingSpec, now: int) -> dict[str, list[tuple[int, str, str, int, str, str]]]:
    """``device|method|site`` -> its last readings in order, with the checkpoint at the end."""
    merged: dict[str, list[list[tuple[int, str, str, int, str, str]]]] = defaultdict(list)
    for states in (days.yesterday, days.today):
        for name, state in states.items():
            for key, entries in state.windows.items():
                merged[key].append([(*entry, name) for entry in entries if entry[0] <= now + 10 * MINUTE])
    windows = {}
    for key, parts in merged.items():
        # The last part is today's; most devices stay at one checkpoint and fill their window within a day.
        if len(parts) == 1 or (len(parts) == 2 and len(parts[-1]) == spec.window and parts[0][-1:] < parts[-1][:1]):
            windows[key] = parts[-1]
        else:
            windows[key] = sorted(entry for part in parts for entry in part)[-spec.window :]
    # When our clock was set back, all that a device has sent may lie in the future.
    return {key: window for key, window in windows.items() if window}


def _drifts(days: ReadingDays, spec: ReadingSpec, now: int) -> dict[str, list[DriftNow]]:
    """Town -> its devices' drifts against all other devices of the same method and site in the region."""
    windows = _windows(days, spec, now)
    groups: dict[str, list[str]] = defaultdict(list)
    # A device stands where its latest reading was taken, whatever the method and site of that reading.
    newest: dict[str, tuple[int, str, str, int, str, str]] = {}
    for key, window in windows.items():
        device = key.split("|", 1)[0]
        newest[device] = max(newest.get(device, window[-1]), window[-1], key=lambda entry: entry[:3])
        if len(window) >= spec.window_min:
            groups[key.split("|", 1)[1]].append(key)
    found: dict[str, list[DriftNow]] = defaultdict(list)
    for group, keys in groups.items():
        method, _, site = group.partition("|")
        if len(keys) < 2:
            continue
        sizes = [len(windows[key]) for key in keys]
        pooled = np.fromiter((entry[3] for key in keys for entry in windows[key]), np.int64, sum(sizes))
        # All in order once, and whose each is: what is left without one device is in order too.
        order = np.argsort(pooled, kind="stable")
        pooled, whose = pooled[order], np.repeat(np.arange(len(keys)), sizes)[order]
        for index, key in enumerate(keys):
            device = key.split("|", 1)[0]
            own = whose == index
            drift = _middle(pooled[own]) - _middle(pooled[~own])
            found[newest[device][4]].append(
                DriftNow(
                    device=device,
                    checkpoint=newest[device][5],
                    method=method,
                    site=site,
                    milli=round(drift),
                    readings=sizes[index],
                )
            )
    return found


def _middle(ordered: NDArray[np.int64]) -> float:
    """The median of numbers in order."""
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else float(ordered[half - 1] + ordered[half]) / 2


def next_change(summary: ReadingSummary, spec: ReadingSpec, pack: RegionPack) -> int:
    """When time alone will next change what this summary says (EXACTNESS 10)."""
    now = summary.now
    moments = [day_end(summary.day, pack.timezone)]
    moments += [
        point.last_at + spec.online_ms for point in summary.checkpoints if point.last_at is not None and point.online
    ]
    moments += [fever.at + spec.recheck_ms + 1 for fever in summary.fevers if fever.state == FeverState.PENDING]
    start = day_start(summary.day, pack.timezone)
    for point in summary.checkpoints:
        hours = pack.duty_by_checkpoint.get(point.checkpoint)
        if hours is not None:
            moments += [start + hours.start * MINUTE, start + hours.end * MINUTE]
    return min(at for at in moments if at > now)
