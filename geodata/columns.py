"""What a list is and what its columns mean, told by the words that people use for them.

A header is known by its spelling without width, case, blanks and a unit in brackets. Nothing is guessed from a cell but
whether a list is one of towns. What cannot be told is asked for by a sentence that names the option which answers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from dashboard.domain.place import PlaceKind
from dashboard.domain.privacy import plain_header, private_header
from dashboard.errors import PackError

HEADER_WITHIN = 10
"""Rows that may stand above the header: a title, a date, who drew it up."""


class Role(StrEnum):
    """What a file is a list of."""

    TOWNS = "towns"
    PLACES = "places"
    BEATS = "beats"
    DUTY = "duty"
    VISITS = "visits"
    UNITS = "units"
    SHIFTS = "shifts"


ROLE_WORDS: Mapping[Role, str] = {
    Role.TOWNS: "镇街名录",
    Role.PLACES: "地点",
    Role.BEATS: "巡段",
    Role.DUTY: "值守时间",
    Role.VISITS: "巡查要求",
    Role.UNITS: "巡逻组",
    Role.SHIFTS: "班次",
}
KIND_WORDS: Mapping[PlaceKind, str] = {
    PlaceKind.CHECKPOINT: "卡点",
    PlaceKind.PATROL_POINT: "必巡点",
    PlaceKind.ENTERPRISE: "企业",
    PlaceKind.VENUE: "重点场所",
    PlaceKind.STATION: "派出所",
    PlaceKind.RENTAL: "出租房",
}
_KINDS: Mapping[PlaceKind, tuple[str, ...]] = {
    PlaceKind.CHECKPOINT: ("checkpoint", "卡点", "卡口", "检查点", "检疫点", "检查站", "查验点", "测温点", "防控点"),
    PlaceKind.PATROL_POINT: ("patrol_point", "patrolpoint", "patrol", "必巡点", "巡逻点", "巡查点", "巡防点", "签到点"),
    PlaceKind.ENTERPRISE: ("enterprise", "企业", "公司", "工厂", "厂", "单位", "复工"),
    PlaceKind.VENUE: (
        *("venue", "重点场所", "场所", "医院", "卫生院", "学校", "市场", "农贸市场", "集贸市场", "商场", "超市"),
        *("酒店", "宾馆", "养老院", "隔离点", "车站", "药店"),
    ),
    PlaceKind.STATION: ("station", "派出所", "警务室", "警务站"),
    PlaceKind.RENTAL: ("rental", "出租房", "出租屋", "租房", "群租房"),
}

_TOWN = (
    *("镇街", "乡镇", "镇（街道）", "乡镇（街道）", "乡镇街道", "镇街名称", "所属乡镇", "所属镇街", "所属街道"),
    *(
        "所属镇（街道）",
        "所在乡镇",
        "所在镇街",
        "属地",
        "属地镇街",
        "辖区",
        "镇街代码",
        "乡镇代码",
        "街道",
        "镇",
        "town",
    ),
)
_LON = (
    *("经度", "东经", "lon", "lng", "long", "longitude", "x", "x坐标", "经度wgs84", "lon_wgs84", "lng_wgs84"),
    *("驻地经度", "seat_lon", "经度gcj02", "lon_gcj02", "lng_gcj02", "经度bd09", "lon_bd09", "lng_bd09"),
)
_LAT = (
    *("纬度", "北纬", "lat", "latitude", "y", "y坐标", "纬度wgs84", "lat_wgs84"),
    *("驻地纬度", "seat_lat", "纬度gcj02", "lat_gcj02", "纬度bd09", "lat_bd09"),
)
_START = ("开始", "开始时间", "起", "起始时间", "值守开始", "上岗时间", "start", "from")
_END = ("结束", "结束时间", "止", "截止时间", "值守结束", "下岗时间", "end", "to")
_HOURS = ("值守时间", "值守时段", "值班时间", "执勤时间", "执勤时段", "开放时间", "在岗时间", "hours", "duty")
_WINDOW = ("时段", "巡查时段", "巡逻时段", "到访时段", "window")
_TIMES = ("每日次数", "每天次数", "巡查次数", "巡逻次数", "到访次数", "次数", "频次", "每日巡查次数", "times")
_UNITS = ("巡逻组", "责任组", "小组", "负责小组", "组", "units", "unit")
_EN = ("英文名", "英文名称", "英文", "拼音", "name_en", "english")

FIELDS: Mapping[Role, Mapping[str, tuple[str, ...]]] = {
    Role.TOWNS: {
        "code": (
            *("代码", "镇街代码", "乡镇代码", "街道代码", "区划代码", "行政区划代码", "统计用区划代码", "编码", "编号"),
            *("code", "adcode", "towncode", "town_code", "xzqdm", "xzqhdm", "xzdm", "gbcode", "pac", "id"),
        ),
        "name": (
            *(
                "zh",
                "名称",
                "镇街名称",
                "乡镇名称",
                "街道名称",
                "镇街",
                "乡镇",
                "镇（街道）",
                "乡镇（街道）",
                "街道",
                "镇",
            ),
            *("行政区名称", "name", "fullname", "town", "townname", "town_name", "xzqmc", "xzmc", "mc"),
        ),
        "name_en": _EN,
        "aliases": ("别名", "曾用名", "其他代码", "别称", "aliases", "alias"),
        "lon": _LON,
        "lat": _LAT,
        "county": ("区县", "区县代码", "县区", "上级代码", "所属区", "county", "areacode", "county_code", "parent"),
        "level": ("级别", "层级", "level"),
        "crs": ("坐标系", "crs"),
    },
    Role.PLACES: {
        "code": (
            *("编号", "代码", "点位编号", "卡点编号", "企业编号", "场所编号", "点位代码", "编码", "code", "id"),
            *("统一社会信用代码", "社会信用代码", "信用代码", "组织机构代码", "uscc"),
        ),
        "name": (
            *("名称", "点位名称", "卡点名称", "必巡点名称", "企业名称", "单位名称", "场所名称", "机构名称", "公司名称"),
            *("派出所名称", "派出所", "点位", "卡点", "必巡点", "企业", "name"),
        ),
        "name_en": _EN,
        "kind": ("类型", "类别", "点位类型", "场所类型", "地点类型", "种类", "kind", "type"),
        "town": _TOWN,
        "lon": _LON,
        "lat": _LAT,
        "point": ("经纬度", "坐标", "位置坐标", "经纬度坐标", "coordinates"),
        "crs": ("坐标系", "crs"),
        "address": ("地址", "单位地址", "详细地址", "企业地址", "所在地址", "住所", "位置", "address"),
        "beat": ("巡段", "所属巡段", "巡段编号", "巡段名称", "beat"),
        "units": _UNITS,
        "hours": _HOURS,
        "start": _START,
        "end": _END,
        "times": _TIMES,
        "window": _WINDOW,
    },
    Role.BEATS: {
        "code": ("巡段编号", "巡段代码", "编号", "代码", "code", "id"),
        "name": ("巡段名称", "巡段", "名称", "name", "beat"),
        "name_en": _EN,
        "town": _TOWN,
        "places": ("点位", "必巡点", "点位编号", "包含点位", "必巡点位", "places", "place"),
        "units": _UNITS,
    },
    Role.DUTY: {
        "checkpoint": ("卡点编号", "卡点代码", "卡点名称", "卡点", "编号", "名称", "checkpoint", "code", "name"),
        "hours": (*_HOURS, "时段"),
        "start": _START,
        "end": _END,
    },
    Role.VISITS: {
        "place": ("点位编号", "点位名称", "必巡点名称", "必巡点", "点位", "编号", "名称", "place", "code", "name"),
        "times": _TIMES,
        "window": (*_WINDOW, "时间"),
        "start": _START,
        "end": _END,
    },
    Role.UNITS: {
        "code": ("组编号", "小组编号", "组号", "编号", "代码", "code", "id"),
        "name": ("组名", "小组名称", "巡逻组", "小组", "名称", "unit", "name"),
        "name_en": _EN,
        "town": _TOWN,
        "leader": ("组长", "带队", "带班", "leader"),
        "devices": ("设备", "设备号", "设备编号", "设备名", "终端", "终端号", "device", "devices"),
    },
    Role.SHIFTS: {
        "code": ("班次编号", "班次代码", "code"),
        "name": ("班次名称", "班次", "名称", "name", "shift"),
        "name_en": _EN,
        "start": _START,
        "end": _END,
        "hours": ("时间", "时段", "hours"),
    },
}
"""Role -> field -> the headers that mean it, the most telling first."""

_PEOPLE = frozenset(
    plain_header(word)
    for word in (
        *(
            "责任人",
            "负责人",
            "法人",
            "法人代表",
            "法定代表人",
            "业主",
            "房东",
            "承租人",
            "联系人姓名",
            "户主",
            "经营者",
        ),
        *("负责人电话", "责任人电话", "责任人联系电话", "负责人联系电话", "联系人电话", "联系人手机", "固定电话"),
        *("座机", "邮箱", "contact", "phone", "telephone", "mobile", "email"),
    )
)
"""More columns about people, which no list of places needs."""
_TOWN_NAME = re.compile(r"(街道|街道办事处|镇|镇政府|乡|民族乡|苏木|办事处|开发区|农场|林场)$")


class Meaning(msgspec.Struct, frozen=True):
    """How one list is read: its header row and which column is which."""

    role: Role
    header: tuple[str, ...]
    line: int
    fields: dict[str, int]
    private: tuple[str, ...]
    kind: PlaceKind | None = None
    """The kind of all places of the list, where no column says it."""

    @property
    def unused(self) -> tuple[str, ...]:
        """Headers of which nothing is read."""
        taken = set(self.fields.values())
        return tuple(
            head for place, head in enumerate(self.header) if head and place not in taken and head not in self.private
        )

    @property
    def system(self) -> str:
        """The coordinate system that the longitude's header names, as in ``lon_gcj02``; empty where it does not."""
        head = plain_header(self.header[self.fields["lon"]]) if "lon" in self.fields else ""
        return next((name for name in ("wgs84", "gcj02", "bd09") if name in head), "")

    def told(self) -> str:
        """The mapping in words: ``名称←单位名称、镇←所属乡镇``."""
        order = list(FIELDS[self.role])
        pairs = sorted(self.fields.items(), key=lambda pair: order.index(pair[0]))
        return "、".join(f"{field}←{self.header[place]}" for field, place in pairs)


def plain(header: str) -> str:
    """A header as it is compared: also without a remark in brackets at its end, and without a star."""
    short = plain_header(header).strip("*:")
    bare = re.sub(r"[(\[【][^()\[\]【】]*[)\]】]$", "", short)
    return short if short in _ALL or not bare else bare


def _synonyms() -> dict[str, set[Role]]:
    found: dict[str, set[Role]] = {}
    for role, fields in FIELDS.items():
        for words in fields.values():
            for word in words:
                found.setdefault(plain_header(word), set()).add(role)
    return found


_ALL = _synonyms()


def header_of(
    rows: Sequence[tuple[int, Sequence[str]]], asked: Iterable[str] = ()
) -> tuple[int, tuple[str, ...], int] | None:
    """(place among the rows, header, its row number) of the row with the most known headers, if any."""
    wanted = {plain_header(word) for word in asked}
    best: tuple[int, int] = (0, 0)
    for place, (_, row) in enumerate(rows[:HEADER_WITHIN]):
        known = {plain(value) for value in row if value and len(value) <= 40}
        score = sum(1 for word in known if word in _ALL or private_header(word)) + 5 * len(known & wanted)
        if score > best[0]:
            best = (score, place)
    if not best[0]:
        return None
    number, row = rows[best[1]]
    return best[1], tuple(row), number


def kind_named(text: str) -> PlaceKind | None:
    """The kind of place that a word means: exactly, else by what it contains."""
    word = plain_header(text)
    for kind, words in _KINDS.items():
        if word in words or word == kind.value:
            return kind
    found = [(len(one), kind) for kind, words in _KINDS.items() for one in words if len(one) > 1 and one in word]
    return max(found)[1] if found else None


def role_named(text: str) -> tuple[Role, PlaceKind | None]:
    """What an ``--as FILE=…`` says: a role or a kind of place, in English or Chinese.

    Raises:
        PackError: it is neither.
    """
    word = plain_header(text)
    for role, words in ROLE_WORDS.items():
        if word in (role.value, plain_header(words)):
            return role, None
    for kind, words in KIND_WORDS.items():
        if word in (kind.value, plain_header(words)):
            return Role.PLACES, kind
    allowed = [*(kind.value for kind in KIND_WORDS), *(role.value for role in Role)]
    raise PackError(
        f"--as 是“{text[:40]}”，应为 {'、'.join(allowed)} 之一 · --as: got “{text[:40]}”, "
        f"allowed is one of {', '.join(allowed)}."
    )


def role_of(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Role, PlaceKind | None]:
    """What a list is, told by its headers, its name and, for towns, its cells; the kind where its name tells it."""
    words = {plain(head) for head in header if head}
    has = {
        role: {field for field, known in FIELDS[role].items() if words & {plain_header(one) for one in known}}
        for role in Role
    }
    placed = {"lon", "lat", "point", "town", "address"} & has[Role.PLACES]
    timed = "hours" in has[Role.DUTY] or {"start", "end"} <= has[Role.DUTY]
    stem = re.sub(r"\.\w+(?=$|/|:|「)", "", name)
    shifts = has[Role.SHIFTS]
    if words & {"班次", "班次名称", "shift"} and ("hours" in shifts or {"start", "end"} <= shifts):
        return Role.SHIFTS, None
    if words & {"组长", "带队", "leader"} and "name" in has[Role.UNITS] and not words & {"巡段", "巡段名称"}:
        return Role.UNITS, None
    named = "巡段" in stem or "beat" in stem.lower()
    of_beats = words & {"巡段", "巡段名称", "巡段编号", "beat"} and not {"lon", "point", "kind"} & has[Role.PLACES]
    if (of_beats and (named or {"places", "units"} & has[Role.BEATS])) or (named and "units" in has[Role.BEATS]):
        return Role.BEATS, None
    if "times" in has[Role.VISITS] and "place" in has[Role.VISITS] and not placed:
        return Role.VISITS, None
    if timed and "checkpoint" in has[Role.DUTY] and not placed:
        return Role.DUTY, None
    if _lists_towns(header, rows):
        return Role.TOWNS, None
    return Role.PLACES, kind_named(stem.rsplit("「", 1)[-1]) or kind_named(stem) or _kind_by_header(words)


def _kind_by_header(words: set[str]) -> PlaceKind | None:
    telling = {
        PlaceKind.ENTERPRISE: ("单位名称", "企业名称", "公司名称", "组织机构代码", "统一社会信用代码", "企业规模"),
        PlaceKind.CHECKPOINT: ("卡点名称", "卡点编号", "卡点"),
        PlaceKind.PATROL_POINT: ("必巡点名称", "必巡点"),
        PlaceKind.VENUE: ("场所名称", "场所编号"),
        PlaceKind.STATION: ("派出所名称", "派出所"),
        PlaceKind.RENTAL: ("房东", "出租房地址"),
    }
    return next((kind for kind, known in telling.items() if words & set(known)), None)


def _lists_towns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether nearly every row has a division code and the name of a town."""
    fields = _assign(FIELDS[Role.TOWNS], header, {})
    code, name = fields.get("code"), fields.get("name")
    places = _assign(FIELDS[Role.PLACES], header, {})
    if name is None or not rows or ("name" in places and places.get("town", places["name"]) != places["name"]):
        # What has a name and a town is not itself a town.
        return False
    sample = [row for row in rows[:2000] if len(row) > max(name, code or 0)]
    towns = sum(1 for row in sample if _TOWN_NAME.search(row[name]))
    coded = sum(1 for row in sample if code is not None and re.fullmatch(r"\d{6}|\d{9}|\d{12}", row[code]))
    # A list of county, town and village rows is one of towns, too: a level column tells them apart.
    if code is not None and coded >= 0.8 * len(sample):
        return towns >= 0.5 * len(sample) or "level" in fields or "county" in fields
    return len(sample) > 0 and towns >= 0.9 * len(sample) and len({row[name] for row in sample}) == len(sample)


def meaning(
    name: str,
    role: Role,
    kind: PlaceKind | None,
    header: Sequence[str],
    line: int,
    asked: Mapping[str, str],
    strict: bool = True,
) -> Meaning:
    """Which column of a list is which field; ``asked`` are the columns that a person has named.

    Unless ``strict``, the column that names things may be missing.

    Raises:
        PackError: a column that was named is not there, or one that is needed cannot be told.
    """
    fields = _assign(FIELDS[role], header, _asked(name, role, header, asked))
    private = tuple(
        head for head in header if head and (private_header(head) or (role != Role.UNITS and plain(head) in _PEOPLE))
    )
    needed = {
        Role.PLACES: ("name",), Role.TOWNS: ("name",), Role.BEATS: ("name",), Role.DUTY: ("checkpoint",),
        Role.VISITS: ("place",), Role.UNITS: ("name",), Role.SHIFTS: ("name",),
    }[role]  # fmt: skip
    for field in needed:
        if strict and field not in fields:
            columns = "、".join(head for head in header if head and head not in private)
            raise PackError(
                f"{name}（{ROLE_WORDS[role]}）看不出哪一列是 {field}，列有：{columns}；请加 --column {field}=列名"
                f" · {name}: no column means {field}; say which with --column {field}=HEADER."
            )
    return Meaning(role, tuple(header), line, fields, private, kind)


def _asked(name: str, role: Role, header: Sequence[str], asked: Mapping[str, str]) -> dict[str, int]:
    found = {}
    places = {plain_header(head): place for place, head in enumerate(header) if head}
    for field, wanted in asked.items():
        if field not in FIELDS[role]:
            continue
        place = places.get(plain_header(wanted))
        if place is None:
            columns = "、".join(head for head in header if head)
            raise PackError(
                f"{name} 里没有 --column {field}={wanted} 所说的列，列有：{columns}"
                f" · {name} has no column “{wanted}” (--column {field}={wanted})."
            )
        found[field] = place
    return found


def _assign(fields: Mapping[str, tuple[str, ...]], header: Sequence[str], given: Mapping[str, int]) -> dict[str, int]:
    """Field -> column: what was named, then for each field the most telling header that is still free."""
    places: dict[str, int] = {}
    for place, head in enumerate(header):
        if head and not private_header(head) and plain(head) not in _PEOPLE:
            places.setdefault(plain(head), place)
    found = dict(given)
    wanted = [(rank, field, plain_header(word)) for field, words in fields.items() for rank, word in enumerate(words)]
    # By how telling the word is, over all fields: 点位编号 beats 编号 for a code, and one column is one field.
    for _, field, word in sorted(wanted, key=lambda one: one[0]):
        column = places.get(word)
        if column is not None and field not in found and column not in found.values():
            found[field] = column
    return found
