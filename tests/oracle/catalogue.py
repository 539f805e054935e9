"""What the figures of the further feeds mean, feed by feed, and the oracle's way in for them.

``subject`` names the field that says what a record is about; where a feed has stages, ``open`` are those in which nothing
has ended yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dashboard.domain.event import Event
from dashboard.domain.place import RegionPack
from tests.oracle.case import Case
from tests.oracle.further import (
    Kpi,
    View,
    added,
    amount,
    anything,
    both,
    first_in,
    having,
    listed,
    missing,
    overdue,
    part_of,
    reached,
    says,
    stands,
    too_long,
)
from tests.oracle.records import HOUR, current, day_of, day_start
from tests.oracle.sums import NOBODY, Told, count, quantity, ratio, stated, total

ROW = ("items", "")


class Feed(NamedTuple):
    """A feed's subject field and figures."""

    subject: str
    kpis: Mapping[str, Kpi]


# --- difficulty, callback, rumour, verification -----------------------------------------------------------------------


def _brought(view: View) -> Told:
    solved = [case for case in view.lives() if case.stage == "solved" and case.value("staff_back") is not None]
    return quantity(total(stated(case.value("staff_back")) for case in solved))


def _attempts(view: View) -> Told:
    tried = [one for case in view.lives() for one in case.records if one.fields["stage"] in ("no_answer", "reached")]
    return count(len(tried))


def _won(view: View, case: Case) -> bool:
    """Willing now, though something else was said before."""
    words = [one.fields["willing"] for one in case.records if "willing" in one.fields]
    return bool(words) and words[-1] == "yes" and any(word in ("hesitant", "no") for word in words)


_TO_VERIFY = ("received",)
_LATE = (overdue("verification", "due", _TO_VERIFY), too_long("verification", {"received": 24}, _TO_VERIFY))

CASES = {
    "difficulty": Feed(
        "difficulty",
        {
            "difficulties_open": having(stands("raised", "handling"), by="kind"),
            "difficulties_solved": having(stands("solved"), by="kind"),
            "enterprises_helped": having(stands("solved"), distinct="enterprise"),
            "staff_brought_back": Kpi(_brought),
        },
    ),
    "callback": Feed(
        "call",
        {
            "callbacks_queued": having(stands("queued", "no_answer"), by="stage"),
            "callbacks_reached": having(stands("reached"), by="question"),
            "willing_share": part_of(says("willing", "yes"), stands("reached")),
            "callbacks_hesitant": having(says("willing", "hesitant")),
            "callback_attempts": Kpi(_attempts),
            "callbacks_won": having(_won),
            "callbacks_lodging": having(both(says("willing", "yes"), says("lodging", "needs")), by="enterprise"),
            "callbacks_returning": having(says("willing", "yes"), by="enterprise"),
        },
    ),
    "rumour": Feed(
        "claim",
        {
            "rumours_open": having(stands("reported", "verified")),
            "rumours_corrected": having(stands("corrected"), by="channel"),
        },
    ),
    "verification": Feed(
        "instruction",
        {
            "verified": having(stands("verified"), by="kind"),
            "verification_open": having(stands("received")),
            "verification_overdue": having(lambda view, case: any(late(view, case) for late in _LATE)),
            "verification_share": part_of(stands("verified", "untraceable"), anything),
        },
    ),
}

# --- contact, housing, transport, isolation ---------------------------------------------------------------------------


def _sprint(stage: str) -> Kpi:
    """From the confirmation of an index case to its last contact that came to a stage; the longest of them."""

    def told(view: View) -> Told:
        spans = []
        contacts: dict[str, list[Case]] = {}
        for case in view.lives():
            contacts.setdefault(str(case.value("index") or ""), []).append(case)
        for of_index in contacts.values():
            confirmed = [case.value("confirmed") for case in of_index if case.value("confirmed") is not None]
            begun = min(confirmed) if confirmed else min(case.opened for case in of_index)
            ends = [at for case in of_index if (at := first_in(case, stage)) is not None]
            if ends:
                spans.append(max(0, max(ends) - begun))
        return (max(spans) / HOUR, max(spans), None, "exact") if spans else NOBODY

    return Kpi(told)


def _checked(view: View, case: Case) -> bool:
    """All three checks passed since the vehicle was last announced."""
    last: dict[str, str] = {}
    before = None
    for one in case.records:
        stage = one.fields["stage"]
        if stage == "expected" and before != "expected":
            last = {}
        before = stage
        if one.fields.get("check"):
            what, _, said = one.fields["check"].partition(":")
            last[what] = said
    return all(last.get(what) == "passed" for what in ("temperature", "disinfection", "papers"))


def _waited(percent: int) -> Kpi:
    """Nearest rank: the smallest span that at least so many per cent of the cleared vehicles did not exceed."""

    def told(view: View) -> Told:
        spans = []
        for case in view.lives():
            cleared, held = first_in(case, "cleared"), first_in(case, "held")
            if case.stage == "cleared" and cleared is not None:
                spans.append(cleared - (case.opened if held is None else held))
        for span in sorted(spans):
            if sum(1 for one in spans if one <= span) * 100 >= percent * len(spans):
                return (span / HOUR, span, None, "exact")
        return NOBODY

    return Kpi(told)


CASES |= {
    "contact": Feed(
        "case",
        {
            "contacts_found": having(anything),
            "contacts_moved": having(stands("transferred")),
            "contacts_waiting": having(stands("found", "notified")),
            "contacts_moved_share": part_of(stands("transferred"), anything),
            "contacts_imported": having(says("origin", "imported")),
            "contact_sprint_hours": _sprint("notified"),
            "contact_found_hours": _sprint("found"),
            "contact_moved_hours": _sprint("transferred"),
        },
    ),
    "housing": Feed(
        "house",
        {
            "rentals_checked": having(stands("checked")),
            "rentals_left": having(stands("listed")),
            "rental_squads": having(anything, distinct="squad"),
            "listings_matched": having(stands("matched")),
            "listings_free": having(both(says("kind", "listing"), stands("listed", "checked"))),
            "rentals_problem": having(stands("problem")),
            "rental_progress": part_of(stands("checked"), lambda view, case: case.value("kind") != "listing"),
        },
    ),
    "transport": Feed(
        "vehicle",
        {
            "transport_held": having(stands("held")),
            "transport_cleared": having(stands("cleared"), by="cargo"),
            "transport_stuck": having(too_long("transport", {"held": 2}, ("expected", "held"))),
            "transport_hours_median": _waited(50),
            "transport_hours_p90": _waited(90),
            "transport_checked_share": part_of(_checked, stands("cleared")),
            "transport_unchecked": having(lambda view, case: case.stage == "cleared" and not _checked(view, case)),
            "transport_ready": having(both(stands("held"), _checked)),
        },
    ),
    "isolation": Feed(
        "case",
        {
            "isolating": having(stands("started"), by="site"),
            "isolation_key": having(says("group", "key")),
            "isolation_served": having(says("served", "yes")),
            "isolation_released": having(stands("released")),
            "isolation_left_early": having(stands("left_early")),
        },
    ),
}

# --- tallies ----------------------------------------------------------------------------------------------------------


def _slowest(view: View) -> Told:
    taken = [one.fields["minutes"] for one in view.counted(kind="lodging") if "minutes" in one.fields]
    return count(max(taken, default=None))


def _teams(view: View) -> Told:
    return count(len({(one.town, one.fields["venue"]) for one in view.counted(kind="hospital", result="on_duty")}))


def _helped(view: View) -> Told:
    return count(len({one.fields["case"] for one in view.counted() if one.fields.get("case")}))


def _over(one: Event, at: int) -> bool:
    return "valid_until" in one.fields and one.fields["valid_until"] <= at


def _valid(view: View) -> Told:
    issued = total(amount(one) for one in view.counted(action="issued") if not _over(one, view.now))
    revoked = total(amount(one) for one in view.counted(action="revoked") if not _over(one, view.now))
    return quantity((max(0, issued[0] - revoked[0]), total([issued, revoked])[1]))


def _expired(view: View) -> Told:
    return quantity(total(amount(one) for one in view.counted(action="issued") if _over(one, view.now)))


def _late(view: View) -> Told:
    """A tally knows the hour of a check, not its minute: late is what was over when that hour began."""

    def hour(one: Event) -> int:
        midnight = day_start(day_of(one.at, view.zone), view.zone)
        return midnight + (one.at - midnight) // HOUR * HOUR

    return quantity(total(amount(one) for one in view.counted(action="redeemed") if _over(one, hour(one))))


TALLIES = {
    "service": Feed(
        "item",
        {
            "lodging_minutes_longest": Kpi(_slowest),
            "services_handled": added(by="channel", measure=ROW),
            "services_online": added(measure=ROW, channel="online"),
            "services_on_site": added(measure=ROW, channel="on_site"),
            "services_enterprise": added(measure=ROW, kind="enterprise"),
            "people_served": added(measure="people"),
            "services_today": added(today=True, by="kind", measure=ROW),
        },
    ),
    "agriculture": Feed(
        "item",
        {
            "farm_sales": added(by="product", kind="sale"),
            "farm_points": added(kind="trading_point"),
            "farm_supplies": added(kind="supplies"),
        },
    ),
    "inspection": Feed(
        "enterprise",
        {
            "inspections_today": added(today=True, by="point", every_record_is_one=True),
            "inspections_failed": added(by="point", every_record_is_one=True, result="failed"),
            "inspections_total": added(every_record_is_one=True),
        },
    ),
    "legal_aid": Feed(
        "item",
        {
            "legal_consultations": added(kind="consultation"),
            "legal_applications": added(kind="application"),
            "legal_booklets": added(kind="booklet"),
            "legal_leaflets": added(kind="leaflet"),
            "legal_disputes": Kpi(_helped),
        },
    ),
    "venue": Feed(
        "venue",
        {
            "venue_checks": added(by="kind", result=("passed", "failed")),
            "venue_checks_today": added(today=True, result=("passed", "failed")),
            "venue_problems": added(by="kind", result="failed"),
            "hospital_teams": Kpi(_teams),
        },
    ),
    "permit": Feed(
        "item",
        {
            "permits_issued": added(by="kind", action="issued"),
            "permits_today": added(today=True, action="issued"),
            "permits_refused": added(action="refused"),
            "permits_revoked": added(action="revoked"),
            "permits_valid": Kpi(_valid),
            "permits_expired": Kpi(_expired),
            "permits_redeemed": added(by="checkpoint", action="redeemed"),
            "permits_redeemed_today": added(today=True, action="redeemed"),
            "permits_redeemed_late": Kpi(_late),
        },
    ),
}

# --- rosters ----------------------------------------------------------------------------------------------------------


def _whole(item: Case) -> bool:
    target = item.value("houses_target")
    if target is None or not item.value("evidence"):
        return False
    return stated(item.value("houses") or 0)[0] >= stated(target)[0]


def _proven(view: View) -> Told:
    items = view.lives()
    return ratio(sum(1 for item in items if _whole(item)), len(items))


def _unproven(view: View) -> Told:
    bare = [one for one in view.lives() if one.value("houses_target") is None or not one.value("evidence")]
    return quantity((len(bare), "exact"))


ROSTERS = {
    "census": Feed(
        "grid",
        {
            "census_houses": listed("houses"),
            "census_residents": listed("residents"),
            "census_rentals": listed("rentals"),
            "census_floating": listed("floating"),
            "census_progress": reached("houses", "houses_target"),
            "census_omissions": missing("houses_target", "houses"),
            "census_grids": listed(),
            "census_unproven": Kpi(_unproven),
            "census_proven": Kpi(_proven),
        },
    ),
    "deployment": Feed("squad", {"deployed": listed("people", by="kind"), "deployed_squads": listed(kind="squad")}),
    "liaison": Feed(
        "person",
        {
            "stewards": listed(by="kind"),
            "above_checked": listed("above_checked"),
            "below_checked": listed("below_checked"),
            "liaison_screened": listed("screened"),
            "liaison_visits": listed("visits", daily=True),
        },
    ),
    "shift": Feed(
        "community",
        {
            "services_worked": listed("worked"),
            "volunteers": listed("people", by="kind"),
            "communities": listed(by="kind"),
            "communities_served": listed(has="worked"),
            "claimed_share": reached("claimed", "published"),
            "worked_share": reached("worked", "published"),
            "services_unclaimed": missing("published", "claimed"),
            "services_unworked": missing("claimed", "worked"),
            "on_duty_today": listed("on_duty", daily=True, today=True),
        },
    ),
}

FURTHER: Mapping[str, Feed] = CASES | TALLIES | ROSTERS


def further(
    feed: str, versions: Iterable[tuple[int, Event]], pack: RegionPack, now: int, upto_seq: int | None = None
) -> dict[tuple[str, str], Told]:
    """Every figure of a further feed by (kpi, town), breakdowns as ``kpi[field=value]``."""
    subject, kpis = FURTHER[feed]
    records = [one for one in current(versions, upto_seq) if one.feed == feed]
    view = View(feed, subject, records, pack, now)
    heard = [one for one in records if one.at < view.tomorrow] if feed in TALLIES else view.heard()
    ever = {one.town for one in heard}
    today = {one.town for one in heard if one.at >= view.midnight}
    listed_towns = [town.code for town in pack.towns]
    found: dict[tuple[str, str], Told] = {}
    for name, kpi in kpis.items():
        reporting = [town for town in listed_towns if town in (ever if kpi.standing else today)]
        for town, of in (*((town, [town]) for town in listed_towns), ("all", reporting)):
            of = [one for one in of if one in reporting]
            if not of:
                found[name, town] = NOBODY
                continue
            found[name, town] = kpi.told(view.of(of))
            if kpi.mix is not None:
                for value, told in kpi.mix(view.of(of)).items():
                    found[f"{name}[{kpi.by}={value}]", town] = told
    for town in listed_towns:
        found["reporting_rate", town] = ratio(int(town in today), 1)
    found["reporting_rate", "all"] = ratio(len(today & set(listed_towns)), len(listed_towns))
    return found


def figures_of(feeds: Sequence[str]) -> set[str]:
    """Which figures the oracle knows of some feeds."""
    return {name for feed in feeds for name in FURTHER[feed].kpis}
