"""What a form needs to know: how each feed stands today, what may be picked, and a decoder's sentence in words.

The sentence about a value is the decoder's (``ingest.decode``); here it is only put beside the field it belongs to, in
the reader's language. No person stands in any list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.access.viewer import FORM, Viewer
from dashboard.domain.day import iso
from dashboard.domain.event import Event, Rejected
from dashboard.domain.feed import CaseSpec, Feed, Words
from dashboard.domain.form import allowed_words, control_of, form_of
from dashboard.domain.place import Place, PlaceKind
from dashboard.domain.privacy import PERSONAL_WORDS, PSEUDONYM
from dashboard.domain.summary import CaseNow, CaseSummary
from dashboard.queries import wording
from dashboard.queries.board import Board
from dashboard.queries.records import Found, Records, may, person, shown, told, value_text
from dashboard.stores import records as stored

NOT_ALLOWED = Words(
    "这个账号只能看，不能登记；请找本镇内勤、派出所或管理员",
    "This account may only read; ask your clerk or an administrator",
)
KINDS: Mapping[str, Words] = {
    PlaceKind.CHECKPOINT: Words("卡点", "Checkpoint"),
    PlaceKind.PATROL_POINT: Words("必巡点", "Patrol point"),
    PlaceKind.ENTERPRISE: Words("企业", "Enterprise"),
    PlaceKind.VENUE: Words("重点场所", "Venue"),
    PlaceKind.STATION: Words("派出所、警务室", "Station"),
    PlaceKind.RENTAL: Words("出租房", "Rental"),
}
_ENVELOPE: Mapping[str, tuple[Words, Words]] = {
    "at": (Words("时间", "the time"), Words("不晚于现在 10 分钟的时间", "a time no later than ten minutes from now")),
    "town": (Words("镇（街道）", "the town"), Words("你登记的镇（街道）之一", "one of your towns")),
    "lon": (Words("位置", "the position"), Words("本地区的经度", "a longitude in this region")),
    "lat": (Words("位置", "the position"), Words("本地区的纬度", "a latitude in this region")),
    "crs": (Words("坐标系", "the coordinates"), Words("WGS-84、GCJ-02 或 BD-09", "WGS-84, GCJ-02 or BD-09")),
    "reason": (Words("理由", "a reason"), Words("1 到 200 个字", "1 to 200 characters")),
}
"""Field of the envelope -> (its name, what it may be)."""
_EMPTY = "（空）"


def problem(feed: Feed, wrong: Rejected, lang: str) -> str:
    """A decoder's sentence beside its field."""
    zh, field = lang != "en", feed.field(wrong.field)
    if wrong.code == "personal":
        if PERSONAL_WORDS["name"][0] in wrong.allowed:
            return "不能写姓名，请写编号或代号" if zh else "no names here: a number or a pseudonym"
        return "不能写手机号或身份证号" if zh else "no phone or ID numbers here"
    if wrong.code == "forbidden_town":
        return "这个账号不能为这个镇（街道）登记" if zh else "this account may not enter records of this town"
    if field is None:
        if wrong.field not in _ENVELOPE:
            return wrong.message if zh else f"{wrong.field} was not accepted"
        name, allowed = (words.of(lang) for words in _ENVELOPE[wrong.field])
        verb = "请给出" if zh else "please give "
    else:
        name, allowed = field.words.of(lang), allowed_words(field).of(lang)
        picked = control_of(feed, field) not in ("number", "text", "time")
        if zh:
            verb = "请选" if picked else "请填"
        else:
            name = name.lower()
            verb = "please choose " if picked else "please fill in "
    if wrong.got == _EMPTY:
        return f"{verb}{name}"
    if zh:
        gap = " " if allowed[:1].isascii() else ""
        return f"得到“{wrong.got}”，应为{gap}{allowed}"
    return f"got “{wrong.got}”, should be {allowed}"


def today(reader: Records, viewer: Viewer, town: str, lang: str) -> dict[str, Any]:
    """How each feed stands in a town today, and what the viewer entered by hand.

    Raises:
        NotAllowed: the viewer may not see single records of the town.
    """
    board, mine = reader.mine(viewer)
    feeds = []
    for feed in board.feeds:
        reader.check(viewer, feed.name, town)
        with reader.history.reading() as connection:
            records, _ = stored.counts(connection, feed.name, board.day).get(town, (0, 0))
            reports = stored.reports(connection, feed.name, board.day, town)
        feeds.append(
            {
                "feed": feed.name,
                "name": feed.short.of(lang),
                "title": feed.words.of(lang),
                "icon": feed.icon,
                "colour": feed.colour,
                "records": records,
                "nothing": _report(board, viewer, reports[0], lang) if reports else None,
                "state": _state(board, feed, town, records, reports[0].at if reports else None, lang),
            }
        )
    return {
        "town": town,
        "town_name": value_text(board, None, "town", town, lang),
        "day": wording.day(board.day, lang),
        "seq": board.seq,
        "feeds": feeds,
        "mine": [_row(one, board, viewer, lang) for one in mine],
    }


def _state(board: Board, feed: Feed, town: str, records: int, reported: int | None, lang: str) -> str:
    zh = lang != "en"
    if records:
        received = board.freshness(feed.name, town)[1]
        last = wording.moment(received, board.day, board.zone, lang) if received is not None else ""
        count = wording.count(records, lang)
        if zh:
            return f"今天已报 {count} 条" + (f"，最近 {last}" if last else "")
        return f"{count} today" + (f", last {last}" if last else "")
    if reported is not None:
        at = wording.clock(reported, board.zone)
        return f"已报零 {at}" if zh else f"nothing to report, {at}"
    return "今天还没报" if zh else "not reported today"


def _report(board: Board, viewer: Viewer, event: Event, lang: str) -> dict[str, Any]:
    found = Found(0, event, "effective", ())
    by = person(event.source, lang) if event.source.startswith(FORM) else event.source
    return {
        "id": event.id,
        "source": event.source,
        "rev": event.rev,
        "by": by,
        "at": wording.clock(event.at, board.zone),
        "may": may(found, viewer, lang),
    }


def _row(found: Found, board: Board, viewer: Viewer, lang: str) -> dict[str, Any]:
    return {**told(found, board.zone), "shown": shown(found, board, viewer, lang)}


# -- pickers ---------------------------------------------------------------------------------------------------------


def choices(board: Board, feed: Feed, town: str, lang: str) -> dict[str, Any]:
    """What may be picked in a town, field by field; a code that no list knows may be typed as well."""
    found: dict[str, list[dict[str, Any]]] = {}
    for asked in form_of(feed).fields:
        if asked.control == "place":
            kind = feed.place_kind if asked.name == feed.place_field else None
            found[asked.name] = _places(board, town, kind, lang)
        elif asked.control == "unit":
            found[asked.name] = _units(board, town, lang)
        elif asked.control == "case":
            found[asked.name] = _cases(board, feed, town, lang)
    return {"town": town, "fields": found}


def _places(board: Board, town: str, kind: str | None, lang: str) -> list[dict[str, Any]]:
    places = [place for place in board.pack.places if place.town == town and kind in (None, place.kind)]
    known = {place.code for place in places}
    places += [
        place
        for place in board.provisional.values()
        if place.town == town and place.code not in known and kind in (None, place.kind)
    ]
    return [_place(board, place, lang) for place in places]


def _place(board: Board, place: Place, lang: str) -> dict[str, Any]:
    beat = board.pack.beat_by_code.get(place.beat) if place.beat else None
    sub = [place.code if place.name != place.code else "", KINDS[place.kind].of(lang)]
    if beat is not None:
        sub.append(beat.name_en if lang == "en" and beat.name_en else beat.name)
    if place.provisional:
        sub.append("清单里没有" if lang != "en" else "on no list")
    return {"code": place.code, "name": place.name, "sub": wording.join(sub, lang), "lon": place.lon, "lat": place.lat}


def _units(board: Board, town: str, lang: str) -> list[dict[str, Any]]:
    found = []
    for unit in board.pack.units:
        if unit.town == town:
            name = unit.name_en if lang == "en" and unit.name_en else unit.name
            found.append({"code": unit.code, "name": name, "sub": wording.join([unit.leader, unit.code], lang)})
    known = {unit.code for unit in board.pack.units}
    track = board.track(town)
    unlisted = "清单里没有" if lang != "en" else "on no list"
    seen = [now.unit for now in track.units if now.unit not in known] if track else []
    return [*found, *({"code": unit, "name": unit, "sub": unlisted} for unit in seen)]


def _cases(board: Board, feed: Feed, town: str, lang: str) -> list[dict[str, Any]]:
    spec = feed.archetype
    if not isinstance(spec, CaseSpec):
        return []
    summary = board.summaries(feed.name).get(town)
    cases = list(summary.cases) if isinstance(summary, CaseSummary) else []
    cases.sort(key=lambda case: (bool(case.ends), -case.last_at, case.case))
    found = [_case(board, feed, spec, case, lang) for case in cases]
    if feed.place_field == feed.subject:
        known = {case.case for case in cases}
        begin = _next(spec, None, lang)
        for one in _places(board, town, feed.place_kind, lang):
            if one["code"] not in known:
                sub = wording.join([one["code"], "还没有登记" if lang != "en" else "not registered yet"], lang)
                found.append({**one, "sub": sub, "next": begin, "fields": {}, "stage": "", "now": ""})
    return found


def _case(board: Board, feed: Feed, spec: CaseSpec, case: CaseNow, lang: str) -> dict[str, Any]:
    zh = lang != "en"
    place = board.place(case.case) or board.place(str(case.value("place") or ""))
    name = str(case.value("name") or (place.name if place else "") or case.case)
    kind = feed.field("kind")
    if kind is not None and case.value("kind") and not case.value("name"):
        words = kind.choices.get(str(case.value("kind")))
        where = place.name if place and place.name != place.code else ""
        name = wording.join([words.of(lang) if words else "", where], lang) or case.case
    stage = spec.stage(case.stage)
    stood = stage.words.of(lang) if stage else case.stage
    since = wording.moment(case.since, board.day, board.zone, lang)
    return {
        "code": case.case,
        "name": name,
        "sub": wording.join([case.case if name != case.case else "", stood], lang),
        "stage": case.stage,
        "now": f"现在：{stood}，{since} 起" if zh else f"now {stood.lower()}, since {since}",
        "ended": bool(case.ends),
        "next": _next(spec, case.stage, lang),
        "fields": {
            name: value_text(board, feed.field(name), name, value, lang)
            for name, value in case.fields.items()
            if name != PSEUDONYM
        },
    }


def _next(spec: CaseSpec, stage: str | None, lang: str) -> list[dict[str, Any]]:
    """Stages in the order in which they are likely: where it stands, what follows, then what lies before."""
    at = next((place for place, one in enumerate(spec.stages) if one.code == stage), -1)
    # An ended case goes nowhere by itself: whatever is said of it then is a return, and all stages are equally likely.
    after = spec.stages[at + 1 :] if at < 0 or not spec.stages[at].ends else ()
    here = spec.stages[at : at + 1] if at >= 0 else ()
    rest = [one for one in spec.stages if one not in after and one not in here]
    return [
        *({"code": one.code, "text": one.words.of(lang), "kind": "here"} for one in here),
        *({"code": one.code, "text": one.words.of(lang), "kind": "next"} for one in after),
        *({"code": one.code, "text": one.words.of(lang), "kind": "back"} for one in rest),
    ]


def who(board: Board, viewer: Viewer, lang: str) -> dict[str, Any]:
    """Who is at the form, for which towns, and whether records may be entered at all."""
    name = (viewer.name_en or viewer.name) if lang == "en" else viewer.name
    return {
        "name": name,
        "source": viewer.source,
        "may": viewer.records,
        "reason": "" if viewer.records else NOT_ALLOWED.of(lang),
        "towns": [{"code": town.code, "name": town.name} for town in board.pack.towns if town.code in board.towns],
        "now": iso(board.now, board.zone),
    }


__all__ = ["choices", "problem", "today", "who"]
