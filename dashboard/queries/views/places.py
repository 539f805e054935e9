"""The page 地点与巡段: places, beats and patrol units, what is scheduled for them, and who changed what.

What the page draws is the same until somebody changes something: it is made once and kept, whatever records come in.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from dashboard.access.policy import Permission
from dashboard.domain.day import shift_day
from dashboard.domain.feed import Words
from dashboard.domain.place import PlaceKind
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked
from dashboard.queries.export import Column, Table
from dashboard.queries.places import FILTERS, KINDS, PARTS, Line, Picture
from dashboard.queries.placewords import words
from dashboard.queries.rules import day_text, iso_day, told
from dashboard.queries.view import View

AHEAD_DAYS = 366
"""How far ahead a change may be scheduled (``ingest.revision.AHEAD_DAYS``)."""
KEPT = 24
RECENT = 6
LOG = ("at", "who", "kind", "name", "town", "before", "after", "from", "state", "reason")
SEARCH = Words("名称、编号、组长", "Names, codes, leaders")

_made: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    book = asked.board.rules
    if book is None or not asked.when.live:
        return _document(Picture(asked))
    versions = tuple(content.directory for _, content in book.timeline(None).versions)
    latest = book.changes()[:1]
    waiting = len(book.waiting())
    viewer = asked.live.viewer
    key = (
        versions,
        latest[0].number if latest else 0,
        waiting,
        asked.board.day,
        asked.params,
        asked.lang,
        viewer.scope,
    )
    with _lock:
        found = _made.get(key)
    if found is None:
        found = _document(Picture(asked))
        with _lock:
            _made[key] = found
            while len(_made) > KEPT:
                _made.popitem(last=False)
    return found


def _document(picture: Picture) -> dict[str, Any]:
    asked, lang = picture.asked, picture.lang
    today = asked.live.day
    part = picture.part
    document = desk.document(
        asked,
        picture.narrowed,
        feed="patrol",
        headline=headline(picture),
        sub=_sub(picture),
        tables=[(name, words.of(lang)) for name, words in PARTS.items()],
        search=SEARCH,
        title="地点与巡段" if lang != "en" else "Places and beats",
        part=part,
        rows=[_row(picture, line) for line in picture.shown(part)] if part != "changes" else [],
        points=_points(picture),
        bare=sum(1 for line in _mapped(picture) if not line.row.get("lon")),
        towns=[{"code": code, "name": picture.town(code)} for code in picture.board.towns],
        log=[picture.told(line.change) for line in picture.shown("changes") if line.change]
        if part == "changes"
        else [],
        recent=[picture.told(change) for change in picture.changes[:RECENT]],
        may=picture.may,
        approximate=picture.pack.approximate,
        base=picture.book.base() if picture.book else 0,
        today=iso_day(today),
        tomorrow=iso_day(shift_day(today, 1)),
        last=iso_day(shift_day(today, AHEAD_DAYS)),
        options=_options(picture),
        words=words(lang),
    )
    # No feed's records are shown here, and what is shown does not depend on them.
    return document | {"source": None, "seq": picture.book.base() if picture.book else 0}


def headline(picture: Picture) -> list[dict[str, str]]:
    """How many places there are, and what is about to change."""
    zh, lang = picture.zh, picture.lang
    own = [line for line in picture.lines if line.part == "places" and not line.added]
    parts = []
    for kind in (PlaceKind.CHECKPOINT, PlaceKind.PATROL_POINT, PlaceKind.ENTERPRISE):
        count = sum(1 for line in own if line.kind == kind.value)
        if count:
            unit = {"checkpoint": "个", "patrol_point": "处", "enterprise": "家"}[kind.value]
            number = wording.count(count, lang)
            english = KINDS[kind].en.lower()
            english = f"{english[:-1]}ies" if english.endswith("y") else f"{english}s"
            parts.append(f"{number} {unit}{KINDS[kind].zh}" if zh else f"{number} {english}")
    said = [{"text": ("、" if zh else ", ").join(parts) or ("还没有地点" if zh else "No places yet"), "tone": "plain"}]
    soon = [line for line in picture.lines if line.part != "changes" and line.next_day is not None]
    if soon:
        first = min(line.next_day for line in soon if line.next_day is not None)
        text = (
            f"{len(soon)} 处改动已排定，最早{picture.from_day(first)}"
            if zh
            else (f"{len(soon)} changes scheduled, the first {picture.from_day(first)}")
        )
        said.append({"text": text, "tone": "watch"})
    return said


def _sub(picture: Picture) -> list[str]:
    lang, day = picture.lang, picture.day
    since = day_text(picture.pack.valid_from, day, lang)
    version = f"现行版本自{since}起" if picture.zh else f"version in force since {since}"
    borders = ""
    if picture.pack.approximate:
        borders = "镇界近似" if picture.zh else "approximate borders"
    return [wording.date_line(day, lang), version, borders]


def _row(picture: Picture, line: Line) -> dict[str, Any]:
    row = line.row
    made: dict[str, Any] = {
        "key": f"{line.part}/{line.key}",
        "code": line.key,
        "name": line.name,
        "town": picture.town(line.town),
        "soon": picture.soon(line),
    }
    if line.part == "places":
        made |= {
            "kind": line.kind,
            "kind_name": picture.kind(line.kind),
            "beat": picture.beat(row.get("beat", "")),
            "bare": not row.get("lon"),
        }
    elif line.part == "beats":
        units = [one for one in row.get("units", "").split("|") if one]
        members = picture.members.get(line.key, [])
        made |= {"places": len(members), "units": ("、" if picture.zh else ", ").join(map(picture.unit, units))}
    else:
        made |= {
            "leader": row.get("leader", ""),
            "beats": ("、" if picture.zh else ", ").join(_beats_of(picture, line.key)),
            "devices": ("、" if picture.zh else ", ").join(picture.devices.get(line.key, [])),
        }
    return made


def _beats_of(picture: Picture, unit: str) -> list[str]:
    content = picture.ahead
    if content is None:
        return []
    return [rows[0]["name"] for rows in content.table("beats").values() if unit in rows[0].get("units", "").split("|")]


def _mapped(picture: Picture) -> list[Line]:
    """The places that the map shows: those of the list, or all beside a list of something else."""
    lines = picture.shown("places") if picture.part == "places" else picture.lines
    return [line for line in lines if line.part == "places"]


def _points(picture: Picture) -> list[list[Any]]:
    """[key, lon, lat, kind, name, whether a change is scheduled, beat] of the places on the map."""
    return [
        [
            line.key,
            float(line.row["lon"]),
            float(line.row["lat"]),
            line.kind,
            line.name,
            bool(line.next_day),
            line.row.get("beat", ""),
        ]
        for line in _mapped(picture)
        if line.row.get("lon")
    ]


def _options(picture: Picture) -> dict[str, Any]:
    content = picture.ahead
    beats = content.table("beats") if content else {}
    units = content.table("units") if content else {}
    return {
        "kinds": [[kind.value, words.of(picture.lang)] for kind, words in KINDS.items()],
        "towns": [[code, picture.town(code)] for code in picture.board.towns],
        "beats": [[key, rows[0]["name"], rows[0]["town"]] for key, rows in beats.items()],
        "units": [[key, picture.unit(key), rows[0]["town"]] for key, rows in units.items()],
    }


# -- the drawer ------------------------------------------------------------------------------------------------------


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """What the drawer shows of a place, beat or unit: its form as of tomorrow, what is scheduled, its changes."""
    picture = Picture(asked)
    part, _, key = asked.open.partition("/")
    if part == "new":
        return {"drawer": _empty(picture, key), "form": {"what": key, "key": "", "values": {}, "may": picture.may}}
    line = picture.line(part, key) if part in ("places", "beats", "units") else None
    if line is None:
        return {"drawer": None}
    content = picture.ahead
    rows = (content.rows(part, key) if content else ()) or ((line.row,) if line.row else ())
    # What has been closed from tomorrow on can still be seen, but not be edited.
    open_still = bool(content and content.rows(part, key)) or line.added
    history = [picture.told(one) for one in picture.changes if _about(one.kind, one.key, part, key)]
    kinds = {"beats": Words("巡段", "Beat").of(picture.lang), "units": Words("巡逻组", "Unit").of(picture.lang)}
    drawer = {
        "key": asked.open,
        "over": wording.join([kinds.get(part) or picture.kind(line.kind), key], picture.lang),
        "title": line.name,
        "facts": wording.join([picture.town(line.town), picture.soon(line)], picture.lang),
        "due": None,
        "rows": [],
        "sections": [
            {
                "title": Words("改动", "Changes").of(picture.lang),
                "empty": Words("还没有人改过", "Nobody has changed it").of(picture.lang),
                "items": [_item(one, picture) for one in history],
            }
        ],
        "links": [],
        "foot": "",
    }
    values = dict(rows[0]) if rows else {}
    form: dict[str, Any] = {
        "what": part[:-1],
        "key": key,
        "may": picture.may and open_still,
        "values": values,
        "from": iso_day(line.next_day) if line.added and line.next_day else "",
    }
    if part == "places" and content is not None:
        for field, table in (("hours", "duty_hours"), ("visits", "visit_rules")):
            found = content.rows(table, key)
            values[field] = _written(table, found)
            form[f"{field}_told"] = told(table, key, found, picture.lang, picture.pack)
    elif part == "beats":
        values["places"] = "|".join(sorted(_members(picture, key)))
        form["candidates"] = _candidates(picture, line.town)
    elif part == "units":
        values["devices"] = "、".join(picture.devices.get(key, []))
    return {"drawer": drawer, "form": form}


def _members(picture: Picture, beat: str) -> list[str]:
    content = picture.ahead
    return [code for code, rows in content.table("places").items() if rows[0].get("beat") == beat] if content else []


def _candidates(picture: Picture, town: str) -> list[list[str]]:
    """[code, name, kind, beat] of the places of a town that a beat may take in."""
    content = picture.ahead
    kinds = (PlaceKind.PATROL_POINT.value, PlaceKind.CHECKPOINT.value, PlaceKind.VENUE.value)
    return [
        [code, rows[0]["name"], picture.kind(rows[0]["kind"]), picture.beat(rows[0].get("beat", ""))]
        for code, rows in (content.table("places").items() if content else ())
        if rows[0].get("town") == town and (rows[0].get("kind") in kinds or rows[0].get("beat"))
    ]


def _written(table: str, rows: Sequence[Any]) -> str:
    """Rows as they are written in an edit field (:func:`geodata.revise.edit_of`)."""
    if not rows:
        return ""
    if table == "visit_rules":
        return "; ".join(f"{row['start']}-{row['end']} x{row['times']}" for row in rows)
    return "全天" if rows[0]["start"] == rows[0]["end"] else f"{rows[0]['start']}-{rows[0]['end']}"


def _about(kind: str, key: str, part: str, own: str) -> bool:
    """Whether a change is one of a place, beat or unit."""
    tables = {"places": ("places", "duty_hours", "visit_rules"), "beats": ("beats",), "units": ("units",)}[part]
    return kind in tables and key == own


def _item(one: dict[str, Any], picture: Picture) -> dict[str, Any]:
    arrow = f"{one['before']} → {one['after']}"
    since = f"自{one['from']}起" if picture.zh else f"from {one['from']}"
    text = wording.join([arrow, since, one["who"], one["reason"], one["state"]], picture.lang)
    return {"state": "", "time": one["at"], "text": text, "tone": "muted" if one["fate"] == "taken" else ""}


def _empty(picture: Picture, what: str) -> dict[str, Any]:
    words = {"place": ("新增地点", "New place"), "beat": ("新增巡段", "New beat"), "unit": ("新增巡逻组", "New unit")}
    zh, en = words.get(what, words["place"])
    return {
        "key": f"new/{what}",
        "over": picture.pack.name if picture.zh else picture.pack.name_en,
        "title": zh if picture.zh else en,
        "facts": "",
        "due": None,
        "rows": [],
        "sections": [],
        "links": [],
        "foot": "",
    }


# -- files -----------------------------------------------------------------------------------------------------------


def tables(asked: Asked, scope: str) -> list[Table]:
    """What the page shows, as tables."""
    picture = Picture(asked)
    lang = picture.lang

    def column(zh: str, en: str, kind: Any = "text") -> Column:
        return Column(zh if lang != "en" else en, kind, 6)

    code, name = column("编号", "Code"), column("名称", "Name")
    town, soon = column("镇（街道）", "Town"), column("已排定", "Scheduled")
    places = [
        [
            line.key,
            line.name,
            picture.kind(line.kind),
            picture.town(line.town),
            *_lonlat(line),
            picture.beat(line.row.get("beat", "")),
            picture.soon(line),
        ]
        for line in _under(picture, "places")
    ]
    beats, units = (
        [_row(picture, one) for one in _under(picture, "beats")],
        [_row(picture, one) for one in _under(picture, "units")],
    )
    log = [picture.told(line.change) for line in _under(picture, "changes") if line.change]
    return [
        Table(
            "places",
            PARTS["places"].of(lang),
            (
                code,
                name,
                column("类型", "Kind"),
                town,
                column("经度", "Longitude", "number"),
                column("纬度", "Latitude", "number"),
                column("巡段", "Beat"),
                soon,
            ),
            places,
        ),
        Table(
            "beats",
            PARTS["beats"].of(lang),
            (code, name, town, column("点位", "Places", "count"), column("巡逻组", "Units"), soon),
            [[row["code"], row["name"], row["town"], row["places"], row["units"], row["soon"]] for row in beats],
        ),
        Table(
            "units",
            PARTS["units"].of(lang),
            (code, name, town, column("组长", "Leader"), column("巡段", "Beats"), column("设备", "Devices"), soon),
            [[r["code"], r["name"], r["town"], r["leader"], r["beats"], r["devices"], r["soon"]] for r in units],
        ),
        Table(
            "changes",
            PARTS["changes"].of(lang),
            (
                column("时间", "When"),
                column("谁", "Who"),
                column("表", "Table"),
                column("对象", "What"),
                town,
                column("原来", "Before"),
                column("改为", "After"),
                column("生效", "Valid from"),
                column("状态", "State"),
                column("原因", "Reason"),
            ),
            [[one[key] for key in LOG] for one in log],
        ),
    ]


def _under(picture: Picture, part: str) -> list[Line]:
    """The lines of a part under all other filters, whichever part is open."""
    return [line for line in picture.narrowed.but("part") if line.part == part]


def _lonlat(line: Line) -> list[float | None]:
    return [float(line.row["lon"]), float(line.row["lat"])] if line.row.get("lon") else [None, None]


VIEW = View(
    "places",
    build,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("地点与巡段", "Places and beats"),
    needs=Permission.FIGURES,
)
