"""A snapshot in words: every text that its forms show, in one language, from the figures object alone.

Forms lay these texts out and add no figure of their own, so that all of them say the same. Wording: DESIGN-UI §6, §7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from dashboard.domain.day import as_date, day_of, shift_day
from dashboard.feeds import FEEDS, KPIS
from dashboard.queries import wording
from dashboard.queries.wording import MINUS, MISSING, decimal, rounded
from dashboard.snapshot.brief import Brief, Cell, Correction, Follow, Order, Point, Silence, Stage

STRIP = ("resumption_rate", "staff_return_rate", "patrol_coverage", "fever_count", "dispute_open", "checkpoints_online")
CORRECTED = (
    "enterprise_resumed",
    "resumption_rate",
    "staff_return_rate",
    "patrol_coverage",
    "screened",
    "fever_count",
    "dispute_open",
    "dispute_new",
    "dispute_resolved",
)
"""Corrections that the pages state; the others stand in the JSON and the workbook."""
SHOWN_CORRECTIONS = 6
RED_BELOW = {"resumption_rate": 0.8, "patrol_coverage": 0.85}


class Run(msgspec.Struct, frozen=True):
    """A stretch of text; ``bold`` where a figure is meant to be found at a glance."""

    text: str
    bold: bool = False


class Kpi(msgspec.Struct, frozen=True):
    """One of the six figures at the top."""

    kpi: str
    label: str
    value: str
    unit: str
    delta: str
    arrow: str
    week: str


class Entry(msgspec.Struct, frozen=True):
    """A cell of a table: its text, a smaller text behind it, and whether it is flagged or has a bar (0…1)."""

    text: str
    small: str = ""
    flag: bool = False
    bold: bool = False
    bar: float | None = None
    dark: float | None = None
    """The part of the bar, from its start, that is beyond a limit."""
    mark: str = ""
    kpi: str = ""


class Column(msgspec.Struct, frozen=True):
    """A column's head: words, unit below, and where its cells stand."""

    label: str
    unit: str = ""
    align: Literal["left", "right", "center"] = "right"


class Table(msgspec.Struct, frozen=True):
    """A table of a section."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    total: bool = False
    """Whether the last row sums up the others."""


class Section(msgspec.Struct, frozen=True):
    """A numbered section: heading, a remark at its right, a table, a note below; ``name`` for layouts and tests."""

    name: str
    title: str
    remark: str = ""
    table: Table | None = None
    note: str = ""
    lines: tuple[tuple[Run, ...], ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """All texts of one snapshot in one language."""

    lang: str
    title: str
    number: str
    date: str
    office: str
    signer: str
    as_of: str
    file: str
    foot: str
    prose: tuple[Run, ...]
    strip: tuple[Kpi, ...]
    sections: tuple[Section, ...]
    """In order; ``overview`` is the prose, ``trends`` the charts, ``map`` the map."""

    def section(self, name: str) -> Section | None:
        """A section by name."""
        return next((one for one in self.sections if one.name == name), None)


def sheet_of(brief: Brief, lang: str = "zh") -> Sheet:
    """The texts of a snapshot."""
    return _Writer(brief, lang).sheet()


NUMERALS = "一二三四五六七八九十"


def numeral(n: int) -> str:
    """1 … 19 in Chinese."""
    return NUMERALS[n - 1] if n <= 10 else f"十{NUMERALS[n - 11]}"


class _Writer:
    def __init__(self, brief: Brief, lang: str) -> None:
        self.b, self.lang, self.zh = brief, lang, lang != "en"
        self.names = {one.code: one.name if self.zh else one.name_en or one.name for one in brief.towns}
        self.own = brief.edition != "all"

    def t(self, zh: str, en: str) -> str:
        return zh if self.zh else en

    # -- numbers

    def cell(self, kpi: str, town: str = "all") -> Cell | None:
        return self.b.cell(kpi, town)

    def value(self, cell: Cell | None, value: float | int | None = None) -> str:
        """A value without its unit; percents without their sign."""
        number = value if value is not None else cell.value if cell is not None else None
        if cell is None or number is None:
            return MISSING
        text = decimal(number * 100, cell.decimals) if cell.unit == "ratio" else decimal(number, cell.decimals)
        return self.qualified(text, cell.qualifier)

    def qualified(self, text: str, qualifier: str) -> str:
        if qualifier == "at_least":
            return f"{text}余" if self.zh else f"{text}+"
        if qualifier in ("nearly", "about"):
            word = {"nearly": ("近", "nearly "), "about": ("约", "about ")}[qualifier]
            return f"{self.t(*word)}{text}"
        return text

    def plain(self, cell: Cell | None) -> str:
        """In sentences: no comma; from ten thousand on in 万 with two decimals."""
        if cell is None or cell.value is None:
            return MISSING
        if not self.zh:
            return self.qualified(decimal(cell.value, 0), cell.qualifier)
        text = f"{decimal(cell.value / 10000, 2)}万" if cell.value >= 10000 else f"{rounded(cell.value)}"
        return self.qualified(text, cell.qualifier)

    def shown(self, cell: Cell, value: float) -> float:
        scale = 100 if cell.unit == "ratio" else 1
        return float(rounded(value * scale, cell.decimals))

    def difference(self, cell: Cell | None, before: float | int | None) -> float | None:
        """The difference of the two displayed values."""
        if cell is None or cell.value is None or before is None:
            return None
        return float(rounded(self.shown(cell, cell.value) - self.shown(cell, before), cell.decimals))

    def unit(self, kpi: str) -> str:
        found = next((one for one in self.b.definitions if one.kpi == kpi), None)
        return found.measure[0 if self.zh else 1] if found else ""

    def name(self, kpi: str) -> str:
        found = next((one for one in self.b.definitions if one.kpi == kpi), None)
        return found.name[0 if self.zh else 1] if found else kpi

    def signed(self, number: float | None, decimals: int) -> str:
        return MISSING if number is None else wording.signed(number, decimals)

    def moved(self, cell: Cell | None) -> str:
        """较前一日提高2.2个百分点; nothing where yesterday is not known."""
        number = self.difference(cell, cell.before if cell else None)
        if cell is None or number is None:
            return ""
        rate = cell.unit == "ratio"
        if number == 0:
            return self.t("，较前一日同时段持平", ", as at the same time yesterday")
        amount = decimal(abs(number), cell.decimals)
        if self.zh:
            word = ("提高" if number > 0 else "下降") if rate else ("增加" if number > 0 else "减少")
            return f"，较前一日同时段{word}{amount}{'个百分点' if rate else self.unit(cell.kpi)}"
        unit = " pp" if rate else ""
        return f", {'up' if number > 0 else 'down'} {amount}{unit} on the same time yesterday"

    # -- the whole

    def sheet(self) -> Sheet:
        b = self.b
        place = b.region_name[0 if self.zh else 1] or b.region_name[0]
        if self.own:
            place = self.names.get(b.edition, b.edition)
        title = {
            "day": self.t(f"{place}疫情防控与复工复产日报", f"{place}: Daily Brief"),
            "week": self.t(f"{place}疫情防控与复工复产周报", f"{place}: Weekly Brief"),
            "campaign": self.t(f"{place}疫情防控与复工复产总结", f"{place}: Campaign Brief"),
        }[b.kind]
        stamp = wording.local(b.at, b.zone)
        file = f"{stamp:%Y%m%d-%H%M}"
        demo = self.t("·演示数据", " · demonstration data") if b.world == "replay" else ""
        date = as_date(b.day)
        weekday = wording.WEEKDAYS_ZH[date.weekday()]
        date_text = (
            f"{date.year}年{date.month}月{date.day}日 星期{weekday}"
            if self.zh
            else f"{wording.date_line(b.day, 'en')} {date.year}"
        )
        if b.first != b.day:
            first = as_date(b.first)
            date_text = self.t(
                f"{first.year}年{first.month}月{first.day}日至{date.month}月{date.day}日",
                f"{wording.day(b.first, 'en')} to {wording.day(b.day, 'en')} {date.year}",
            )
        return Sheet(
            lang=self.lang,
            title=title,
            number=self.t(f"第 {b.number} 期", f"No. {b.number}") + (f"　{b.document}" if b.document else ""),
            date=date_text,
            office=b.office or self.t(f"{place}指挥部办公室", f"{place} command office"),
            signer=self.t(f"签发人：{b.signer}", f"Signed: {b.signer}") if b.signer else "",
            as_of=self.t(f"数据截至 {self.when()}", f"Data as of {self.when()}"),
            file=file,
            foot=self.t(f"数据快照 {file}{demo}", f"Snapshot {file}{demo}"),
            prose=tuple(self.prose()),
            strip=tuple(self.kpi(kpi) for kpi in STRIP if self.cell(kpi) is not None),
            sections=tuple(self.sections()),
        )

    def when(self, at: int | None = None) -> str:
        """2月24日17时; with minutes where there are any."""
        moment = wording.local(at or self.b.at, self.b.zone)
        if not self.zh:
            return f"{moment.day} {wording.MONTHS_EN[moment.month - 1]} {moment:%H:%M}"
        minutes = f"{moment.minute:02d}分" if moment.minute else ""
        return f"{moment.month}月{moment.day}日{moment.hour}时{minutes}"

    def prose(self) -> list[Run]:
        b = self.b
        place = self.t("全镇（街道）" if self.own else "全县", "The town" if self.own else "The county")
        c = {one: self.cell(one) for one in (
            "enterprise_registered", "enterprise_resumed", "resumption_rate", "staff_back", "staff_return_rate",
            "screened", "fever_count", "patrol_coverage", "dispute_open", "dispute_overdue", "checkpoints_online",
        )}  # fmt: skip
        runs: list[Run] = []

        def say(text: str, bold: bool = False) -> None:
            runs.append(Run(text, bold))

        rate = c["resumption_rate"]
        if rate is not None and rate.value is not None:
            head = (
                f"截至{self.when()}，{place}纳入监测企业{self.whole(c['enterprise_registered'])}家，"
                f"已复工{self.whole(c['enterprise_resumed'])}家，复工率"
                if self.zh
                else f"As of {self.when()}, {self.whole(c['enterprise_resumed'])} of "
                f"{self.whole(c['enterprise_registered'])} enterprises have resumed: "
            )
            say(head)
            say(f"{self.value(rate)}%", True)
            say(self.moved(rate))
            back = c["staff_return_rate"]
            if back is not None and back.value is not None:
                say(
                    f"；返岗员工{self.plain(c['staff_back'])}人，返岗率"
                    if self.zh
                    else f"; {self.plain(c['staff_back'])} staff are back, "
                )
                say(f"{self.value(back)}%", True)
                say(self.moved(back))
            say(self.t("。", ". "))
        else:
            say(
                self.t(
                    f"截至{self.when()}，企业复工无报送。",
                    f"As of {self.when()}, nothing was reported on enterprises. ",
                )
            )
        fever, screened, online = c["fever_count"], c["screened"], c["checkpoints_online"]
        if fever is not None and fever.value is not None and screened is not None:
            posts = online.denominator if online is not None else None
            say(
                f"{f'{posts}个' if posts else ''}卡点当日查验{self.plain(screened)}人次，发现体温异常"
                if self.zh
                else f"{self.plain(screened)} readings at {posts or ''} checkpoints, of them "
            )
            say(f"{self.value(fever)}{self.t('人次', ' fevers')}", True)
            say(self.moved(fever))
            f = b.fevers
            fates = [
                (f.cleared, "排除", "cleared"),
                (f.confirmed, "复测仍高", "confirmed on recheck"),
                (f.transferred, "转诊", "transferred"),
                (f.pending + f.unresolved, "未复测", "not rechecked"),
            ]
            said = [self.t(f"{zh}{n}人次", f"{n} {en}") for n, zh, en in fates if n]
            if said:
                say(self.t("，其中" + "、".join(said), " (" + ", ".join(said) + ")"))
            say(self.t("。", ". "))
        elif fever is not None:
            say(self.t("卡点体温当日无报送。", "Nothing was reported by checkpoints. "))
        coverage = c["patrol_coverage"]
        if coverage is not None and coverage.value is not None:
            say(
                f"应巡点位（时段已过）{coverage.denominator}处次，已巡{coverage.numerator}处次，覆盖率"
                if self.zh
                else f"{coverage.numerator} of {coverage.denominator} visits whose window has closed were made: "
            )
            say(f"{self.value(coverage)}%", True)
            say(self.moved(coverage) + self.t("。", ". "))
        else:
            say(self.t("巡逻当日无已过时段的到访要求。", "No patrol window has closed. "))
        disputes = c["dispute_open"]
        if disputes is not None and disputes.value is not None:
            say(self.t("未结矛盾纠纷", "Open disputes: "))
            say(f"{self.value(disputes)}{self.t('件', '')}", True)
            say(self.moved(disputes))
            overdue = c["dispute_overdue"]
            if overdue is not None and overdue.value:
                say(self.t(f"，其中逾期{self.value(overdue)}件", f", {self.value(overdue)} overdue"))
            say(self.t("。", "."))
        silent = [self.names[code] for one in b.quality for code in one.missing if code in self.names]
        if silent:
            names = list(dict.fromkeys(silent))
            every = len(names) == len(self.names) and not self.own
            say(self.t(
                f"{'各镇（街道）都' if every else '、'.join(names)}有数据未报，未报的未计入{place}。",
                f" {'No town' if every else ', '.join(names)} {'reported' if every else 'did not report'} everything; "
                "what is missing is not counted.",
            ))  # fmt: skip
        return [run for run in runs if run.text]

    def whole(self, cell: Cell | None) -> str:
        if cell is None or cell.value is None:
            return MISSING
        return f"{rounded(cell.value)}" if self.zh else decimal(cell.value, 0)

    def kpi(self, key: str) -> Kpi:
        cell = self.cell(key)
        assert cell is not None  # noqa: S101 - the strip lists those that there are
        if key == "checkpoints_online" and cell.denominator:
            value, unit = (
                f"{cell.numerator}",
                self.t(f"/{cell.denominator} {self.unit(key) or '个'}", f"/{cell.denominator}"),
            )
            number = None if cell.before_numerator is None else (cell.numerator or 0) - cell.before_numerator
            decimals, measure = 0, self.t("个", "")
        else:
            value = self.value(cell)
            unit = "%" if cell.unit == "ratio" else wording.unit_for(value, self.unit(key))
            number, decimals = self.difference(cell, cell.before), cell.decimals
            measure = self.t("个百分点", "pp") if cell.unit == "ratio" else self.unit(key)
        arrow = "" if not number else "▲" if number > 0 else "▼"
        delta = MISSING if number is None else self.t("持平", "no change") if number == 0 else (
            f"{decimal(abs(number), decimals)} {measure}".rstrip()
        )  # fmt: skip
        week = self.difference(cell, cell.week)
        text = "" if week is None else self.t("较上周 ", "week ") + self.signed(week, cell.decimals)
        return Kpi(key, self.name(key), value, unit if value != MISSING else "", delta, arrow, text)

    def sections(self) -> list[Section]:
        b = self.b
        made = [
            Section(
                "overview",
                self.t("总体情况", "Summary"),
                self.t("▲▼ 为较昨日同时段变化", "▲▼ against the same time yesterday"),
            ),
            Section("points", self.t("需要关注", "Points for attention"), lines=self.points()),
            Section(
                "trends",
                self.t("走势", "Trends"),
                self.t(
                    f"近14日为{wording.day(shift_day(b.day, -13), 'zh')}至{as_date(b.day).day}日，"
                    f"末日截至{self.clock()}",
                    f"14 days to {wording.day(b.day, 'en')}, the last one up to {self.clock()}",
                ),
            ),
            Section(
                "follow",
                self.t("上期关注和交办事项", "Follow-up: last points and work given out"),
                self.t("交办按镇（街道）和类别计数", "work given out: counts by town and kind") if b.orders else "",
                self.follow(),
                "" if b.follow or b.orders else self.none(),
            ),
        ]
        if not self.own:
            made += [
                Section(
                    "towns",
                    self.t("各镇（街道）情况", "Towns"),
                    self.t(
                        "按复工率排序，箭头为位次较前一日变化，括号内为逾期件数",
                        "By resumption rate; arrows: rank since yesterday; in brackets: overdue",
                    ),
                    self.towns(),
                    self.t(
                        "下划线：复工率低于80%，或巡逻覆盖率低于85%。",
                        "Underlined: resumption below 80 %, or coverage below 85 %.",
                    ),
                ),
                Section(
                    "map",
                    self.t("复工率分布", "Resumption by town"),
                    self.t("边界为示意", "approximate borders") if b.approximate else "",
                ),
            ]
        made += [
            Section(
                "stages",
                self.t("未复工企业所处环节", "Where enterprises stand"),
                self.t(f"共 {decimal(b.firms_on_the_way, 0)} 家", f"{decimal(b.firms_on_the_way, 0)} in all"),
                self.stages(),
                self.stuck_note(),
            ),
            Section("patrol", self.t("分班次巡逻", "Patrols by shift"), "", self.shifts(), self.gaps()),
            Section("fevers", self.t("体温异常处置", "Fevers"), self.fever_rate(), self.fevers(), self.fever_points()),
            Section("disputes", self.t("矛盾纠纷研判", "Disputes"), "", self.disputes(), self.dispute_note()),
            Section(
                "corrections",
                self.t("对往期的更正", "Corrections to earlier days"),
                "",
                self.corrections(),
                self.correction_note(),
            ),
            *self.further(),
            Section("quality", self.t("数据说明", "Data"), lines=self.quality()),
        ]  # fmt: skip
        return [
            msgspec.structs.replace(one, title=f"{numeral(n)}、{one.title}" if self.zh else f"{n}. {one.title}")
            for n, one in enumerate(made, start=1)
        ]

    def clock(self, at: int | None = None) -> str:
        moment = wording.local(at or self.b.at, self.b.zone)
        if not self.zh:
            return f"{moment:%H:%M}"
        return f"{moment.hour}时{moment.minute:02d}分" if moment.minute else f"{moment.hour}时"

    def none(self) -> str:
        return self.t("无。", "None.")

    # -- points

    def points(self) -> tuple[tuple[Run, ...], ...]:
        if not self.b.points:
            return ((Run(self.t("无需要特别关注的事项。", "Nothing that needs special attention.")),),)
        return tuple((Run(f"{n}. "), *self.point(one)) for n, one in enumerate(self.b.points, start=1))

    def point(self, p: Point) -> tuple[Run, ...]:
        town, f = self.names.get(p.town, p.town), p.facts
        if p.kind == "fever":
            fates = [
                (f["waiting"], "未复测", "not rechecked"),
                (f["confirmed"], "复测仍高", "confirmed"),
                (f["transferred"], "转诊", "transferred"),
                (f["cleared"], "排除", "cleared"),
            ]
            said = [self.t(f"{zh}{n}人次", f"{n} {en}") for n, zh, en in fates if n]
            return (
                Run(self.t(f"{town}体温异常{p.value}人次", f"{town}: {p.value} fevers"), True),
                Run(self.t(f"，其中{'、'.join(said)}。", f", {', '.join(said)}.")),
            )
        if p.kind == "overdue":
            days = wording.decimal(int(f["worst_ms"]) / 86_400_000, 1)
            stuck = p.kpi.endswith("_stuck")
            what = (
                ("企业审批超时限", "enterprises beyond a stage's limit")
                if stuck
                else ("矛盾纠纷逾期", "disputes overdue")
            )
            unit = "家" if stuck else "件"
            place = self.t("全镇" if self.own else "全县", "in all")
            return (
                Run(self.t(f"{town}{what[0]}{p.value}{unit}", f"{town}: {p.value} {what[1]}"), True),
                Run(
                    self.t(
                        f"，{place}共{f['all']}{unit}，该镇（街道）最久的超期{days}天。",
                        f", {f['all']} in all; the longest by {days} days.",
                    )
                ),
            )
        return self.behind(p, town)

    def behind(self, p: Point, town: str) -> tuple[Run, ...]:
        f = p.facts
        cell = self.cell(p.kpi, p.town)
        whole = self.cell(p.kpi)
        below = self.difference(cell, whole.value if whole else None) or 0.0
        gap = decimal(abs(below), 1)
        head = self.t(
            f"{town}{self.name(p.kpi)}{self.value(cell)}%", f"{town}: {self.name(p.kpi).lower()} {self.value(cell)} %"
        )
        parts = [self.t(f"低于全县{gap}个百分点", f"{gap} pp below the county")]
        if p.kpi == "resumption_rate":
            left = int(f["denominator"]) - int(f["numerator"])
            text = self.t(f"未复工{left}家", f"{left} not resumed")
            if "stage" in f:
                stage = next((one for one in self.b.stages if one.stage == f["stage"]), None)
                name = stage.name[0 if self.zh else 1] if stage else str(f["stage"])
                text += self.t(
                    f"中{f['in_stage']}家在{name}环节、{f['stuck']}家超时限",
                    f", {f['in_stage']} at “{name}”, {f['stuck']} beyond the limit",
                )
            parts.append(text)
            unit = ("家", "")
            words = (("已复工", "resumed"), ("登记", "registered"))
        else:
            parts.append(
                self.t(
                    f"漏巡{f['lapsed']}处次（其中企业{f['lapsed_firms']}处次）",
                    f"{f['lapsed']} visits missed, {f['lapsed_firms']} at enterprises",
                )
            )
            unit = ("处次", "")
            words = (("已巡", "made"), ("应巡", "owed"))
        if "numerator_moved" in f:
            n, d = int(f["numerator_moved"]), int(f["denominator_moved"])
            parts.append(
                self.t(
                    f"较前一日同时段{words[0][0]}{self.change(n, unit[0])}、{words[1][0]}{self.change(d, unit[0])}",
                    f"since yesterday {words[0][1]} {wording.signed(n, 0)}, {words[1][1]} {wording.signed(d, 0)}",
                )
            )
        return (Run(head, True), Run(self.t("，" + "；".join(parts) + "。", ", " + "; ".join(parts) + ".")))

    def change(self, number: int, unit: str) -> str:
        if number == 0:
            return "不变"
        return f"{'增加' if number > 0 else '减少'}{abs(number)}{unit}"

    # -- tables

    def towns(self) -> Table:
        columns = (
            Column(self.t("位次", "Rank"), "", "center"),
            Column(self.t("镇（街道）", "Town"), "", "left"),
            Column(self.t("复工/应复工", "Resumed"), self.t("家", "")),
            Column(self.t("复工率", "Rate"), "%"),
            Column(self.t("较昨日", "vs yd."), self.t("百分点", "pp")),
            Column(self.t("返岗率", "Staff back"), "%"),
            Column(self.t("巡逻覆盖", "Patrol"), "%"),
            Column(self.t("体温异常", "Fevers"), self.t("人次", "")),
            Column(self.t("较昨日", "vs yd."), self.t("人次", "")),
            Column(self.t("未结纠纷", "Disputes"), self.t("件", "")),
            Column(self.t("较昨日", "vs yd."), self.t("件", "")),
        )
        ranked = sorted(self.b.towns, key=lambda one: self.rank_key(one.code, False))
        earlier = {
            one.code: n for n, one in enumerate(sorted(self.b.towns, key=lambda o: self.rank_key(o.code, True)), 1)
        }
        rows = []
        for n, town in enumerate(ranked, start=1):
            move = earlier[town.code] - n if self.known(town.code) else 0
            mark = f"↑{move}" if move > 0 else f"↓{-move}" if move < 0 else ""
            rows.append(self.town_row(town.code, str(n), mark))
        rows.append(self.town_row("all", "", ""))
        return Table(columns, tuple(rows), total=True)

    def known(self, town: str) -> bool:
        cell = self.cell("resumption_rate", town)
        return cell is not None and cell.value is not None and cell.before is not None

    def rank_key(self, town: str, before: bool) -> tuple[float, float, str]:
        cell = self.cell("resumption_rate", town)
        value = None if cell is None else cell.before if before else cell.value
        size = (cell.denominator if cell else 0) or 0
        return (1.0 if value is None else -float(value), -size, town)

    def town_row(self, town: str, rank: str, mark: str) -> tuple[Entry, ...]:
        rate, back = self.cell("resumption_rate", town), self.cell("staff_return_rate", town)
        patrol, fever = self.cell("patrol_coverage", town), self.cell("fever_count", town)
        disputes, overdue = self.cell("dispute_open", town), self.cell("dispute_overdue", town)
        name = self.t("全县", "All") if town == "all" else self.names[town]

        def count(number: float | int | None) -> str:
            return MISSING if number is None else decimal(number, 0)

        late = overdue.value if overdue is not None else None
        return (
            Entry(rank, mark),
            Entry(name),
            Entry(count(rate.numerator if rate else None), f"/{count(rate.denominator if rate else None)}"),
            Entry(
                self.value(rate), flag=self.red(rate, town), bold=True, kpi="resumption_rate",
                bar=float(rate.value) if rate is not None and rate.value is not None and town != "all" else None,
            ),
            Entry(self.signed(self.difference(rate, rate.before if rate else None), 1), kpi="resumption_rate.delta"),
            Entry(self.value(back), kpi="staff_return_rate"),
            Entry(self.value(patrol), flag=self.red(patrol, town), kpi="patrol_coverage"),
            Entry(self.value(fever), kpi="fever_count"),
            Entry(self.signed(self.difference(fever, fever.before if fever else None), 0), kpi="fever_count.delta"),
            Entry(self.value(disputes), f"({decimal(late, 0)})" if late else "", kpi="dispute_open"),
            Entry(
                self.signed(self.difference(disputes, disputes.before if disputes else None), 0),
                kpi="dispute_open.delta",
            ),
        )  # fmt: skip

    def red(self, cell: Cell | None, town: str) -> bool:
        return town != "all" and cell is not None and cell.value is not None and cell.value < RED_BELOW[cell.kpi]

    def stay(self, stage: Stage) -> str:
        if stage.median_ms is None:
            return MISSING
        return f"{decimal(stage.median_ms / 86_400_000, 1)} {self.t('天', 'd')}"

    def stages(self) -> Table:
        columns = (
            Column(self.t("环节", "Stage"), "", "left"),
            Column(self.t("企业 家", "Enterprises"), "", "left"),
            Column(self.t("中位停留", "Median stay")),
            Column(self.t("超时限", "Too long")),
        )
        most = max((one.count for one in self.b.stages), default=0) or 1
        rows = []
        for one in self.b.stages:
            unit = self.t(" 家", "")
            late = MISSING if one.limit_hours is None else f"{decimal(one.stuck, 0)}{unit}" if one.stuck else "0"
            rows.append(
                (
                    Entry(one.name[0 if self.zh else 1]),
                    Entry(
                        decimal(one.count, 0),
                        bar=one.count / most,
                        dark=one.stuck / most,
                        bold=True,
                        kpi=f"enterprise_stage.{one.stage}",
                    ),
                    Entry(self.stay(one)),
                    Entry(late, flag=bool(one.stuck), kpi=f"enterprise_stuck.{one.stage}"),
                )
            )
        return Table(columns, tuple(rows))

    def stuck_note(self) -> str:
        towns: dict[str, int] = {}
        for stage in self.b.stages:
            for town, count in stage.stuck_towns:
                towns[town] = towns.get(town, 0) + count
        total = sum(towns.values())
        if not total:
            return self.t("没有停留超过时限的企业。", "None has stayed beyond its limit.")
        worst = sorted(towns.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        named = "、".join(f"{self.names.get(t, t)}{n}家" for t, n in worst)
        english = ", ".join(f"{self.names.get(t, t)} {n}" for t, n in worst)
        block = max(self.b.stages, key=lambda one: one.stuck)
        return self.t(
            f"深色为停留超时限的，共{total}家"
            + (f"，其中{named}" if not self.own else "")
            + f"；最多的在{block.name[0]}环节。",
            f"Dark: beyond the limit, {total} in all ({english}); most at “{block.name[1]}”.",
        )

    def shifts(self) -> Table:
        columns = (
            Column(self.t("班次", "Shift"), "", "left"),
            Column(self.t("已巡", "Made")),
            Column(self.t("漏巡", "Missed")),
            Column(self.t("覆盖率", "Coverage")),
            Column(self.t("时段未过", "Still open")),
            Column(self.t("无法核实", "Unknown")),
        )
        rows = []
        for one in self.b.shifts:
            closed = one.met + one.lapsed
            rows.append(
                (
                    Entry(one.name[0 if self.zh else 1]),
                    Entry(decimal(one.met, 0)),
                    Entry(decimal(one.lapsed, 0)),
                    Entry(wording.percent(one.met / closed if closed else None), bold=True),
                    Entry(decimal(one.open, 0)),
                    Entry(decimal(one.unobservable, 0)),
                )
            )
        return Table(columns, tuple(rows))

    def gaps(self) -> str:
        def said(target: str, most: int) -> str:
            found = [g for g in self.b.gaps if (g.target == "patrol_point") == (target == "patrol_point")][:most]
            return self.t("、", ", ").join(
                f"{self.names.get(g.town, g.town)}{self.t('', ' ')}{g.name}"
                f"{self.t('（', ' (')}{wording.rough_span(self.b.at - g.since, self.lang)}{self.t('）', ')')}"
                for g in found
            )

        points, firms = said("patrol_point", 3), said("enterprise", 2)
        parts = [
            self.t(f"{zh}最久未到：{text}。", f"Longest unvisited {en}: {text}. ")
            for zh, en, text in (("必巡点", "points", points), ("企业", "enterprises", firms))
            if text
        ]
        return "".join(parts)

    def fevers(self) -> Table:
        f = self.b.fevers
        columns = tuple(
            Column(self.t(zh, en))
            for zh, en in (
                ("查验", "Read"), ("异常", "Fever"), ("排除", "Cleared"), ("复测仍高", "Confirmed"),
                ("转诊", "Referred"), ("待复测", "Waiting"), ("逾时未复测", "Overdue"),
            )
        )  # fmt: skip
        counts = (f.screened, f.fever, f.cleared, f.confirmed, f.transferred, f.pending, f.unresolved)
        row = tuple(Entry(MISSING if one is None else decimal(one, 0), bold=n == 1) for n, one in enumerate(counts))
        return Table(columns, (row,))

    def fever_rate(self) -> str:
        cell, f = self.cell("fever_rate"), self.b.fevers
        if cell is None or cell.value is None or f.low is None or f.high is None:
            return ""
        low, high = decimal(f.low * 100, 2), decimal(f.high * 100, 2)
        return self.t(
            f"异常率{decimal(cell.value * 100, 2)}%，95%区间{low}–{high}",
            f"rate {decimal(cell.value * 100, 2)} % (95 %: {low}–{high})",
        )

    def fever_points(self) -> str:
        if not self.b.fevers.points:
            return ""
        named = self.t("、", ", ").join(
            f"{self.names.get(town, town)}{self.t('', ' ')}{name}{self.t(f'{n}人次', f' {n}')}"
            for _, name, town, n in self.b.fevers.points
        )
        return self.t(f"异常出现在{named}。", f"At {named}.")

    def disputes(self) -> Table:
        names = [zh if self.zh else en for _, (zh, en), *_ in self.b.disputes.kinds]
        columns = (Column("", "", "left"), *(Column(name) for name in names), Column(self.t("合计", "All")))
        new = [n for *_, n, _ in self.b.disputes.kinds]
        held = [n for *_, n in self.b.disputes.kinds]
        label = self.t("当日新增" if self.b.kind == "day" else "当期新增", "New")
        return Table(
            columns,
            (
                (Entry(label), *(Entry(decimal(n, 0)) for n in new), Entry(decimal(sum(new), 0), bold=True)),
                (
                    Entry(self.t("未结", "Open")),
                    *(Entry(decimal(n, 0)) for n in held),
                    Entry(decimal(sum(held), 0), bold=True),
                ),
            ),
        )  # fmt: skip

    def dispute_note(self) -> str:
        d = self.b.disputes
        ages = self.t("、", ", ").join(
            f"{(zh if self.zh else en).replace(' ', '' if self.zh else ' ')}{self.t(f'{n}件', f' {n}')}"
            for _, (zh, en), n in d.ages
        )
        resolved = self.cell("dispute_resolved")
        done = self.value(resolved)
        base = d.opened - d.withdrawn
        share = self.t(
            f"新增的已化解{d.resolved}件、转司法{d.escalated}件、撤回{d.withdrawn}件，"
            f"化解率{wording.percent(d.resolved / base if base else None)}",
            f"of the new ones {d.resolved} resolved, {d.escalated} escalated, {d.withdrawn} withdrawn",
        )
        return self.t(
            f"当期办结{done}件；{share}。未结的按时长：{ages}。",
            f"{done} resolved in all; {share}. Open by age: {ages}.",
        )

    def follow(self) -> Table | None:
        if not self.b.follow and not self.b.orders:
            return None
        columns = (
            Column(self.t("事项", "Point"), "", "left"),
            Column(self.t("责任单位", "Town"), "", "left"),
            Column(self.t("状态", "State"), "", "left"),
            Column(self.t("进展", "Since"), "", "left"),
        )
        rows = [self.follow_row(one) for one in self.b.follow] + [self.order_row(one) for one in self.b.orders]
        return Table(columns, tuple(rows))

    def order_row(self, one: Order) -> tuple[Entry, ...]:
        feed = FEEDS.get(one.feed)
        what = self.t("告警", "Alerts") if feed is None else self.t(feed.short.zh, feed.short.en)
        left = one.given - one.closed
        words = (
            ("已办结", "closed", "●") if not left else ("逾期", "late", "◆") if one.late else ("办理中", "open", "◌")
        )
        text = self.t(f"办结{one.closed}件", f"{one.closed} closed")
        if left:
            text += self.t(f"，未办结{left}件", f", {left} open")
        if one.late:
            text += self.t(f"，其中逾期{one.late}件", f", {one.late} of them late")
        return (
            Entry(self.t(f"{what}交办{one.given}件", f"{what}: {one.given} given out")),
            Entry(self.names.get(one.town, one.town)),
            Entry(self.t(words[0], words[1]), mark=words[2], flag=bool(one.late)),
            Entry(text),
        )

    def follow_row(self, one: Follow) -> tuple[Entry, ...]:
        words = {
            "closed": ("已办结", "closed", "●"),
            "better": ("好转", "better", "◌"),
            "open": ("办理中", "open", "◌"),
            "worse": ("加重", "worse", "◆"),
        }[one.state]
        p = one.point
        cell = self.cell(p.kpi, p.town)
        ratio = cell is not None and cell.unit == "ratio"

        def show(value: float | int | None) -> str:
            return MISSING if value is None else wording.percent(value) if ratio else decimal(value, 0)

        if p.kind == "fever":
            was = self.t(f"体温异常{p.value}人次的后续", f"{p.value} fevers")
            text = self.t(
                f"当日待复测和逾时未复测{show(one.now)}人次", f"{show(one.now)} waiting or not rechecked today"
            )
        else:
            what = self.name(p.kpi)
            was = self.t(f"{what}{show(p.value)}{'' if ratio else self.unit(p.kpi)}", f"{what} {show(p.value)}")
            text = self.t(f"由{show(p.value)}到{show(one.now)}", f"from {show(p.value)} to {show(one.now)}")
        return (
            Entry(was),
            Entry(self.names.get(p.town, p.town)),
            Entry(self.t(words[0], words[1]), mark=words[2], flag=one.state == "worse"),
            Entry(text),
        )

    def stated(self) -> list[Correction]:
        found = [one for one in self.b.corrections if one.kpi in CORRECTED]
        return sorted(found, key=lambda one: (-one.day, CORRECTED.index(one.kpi)))

    def corrections(self) -> Table | None:
        found = self.stated()[:SHOWN_CORRECTIONS]
        if not found:
            return None
        columns = (
            Column(self.t("日期", "Day"), "", "left"),
            Column(self.t("指标", "Figure"), "", "left"),
            Column(self.t("原发布", "Published")),
            Column(self.t("更正为", "Now")),
            Column(self.t("增", "Up")),
            Column(self.t("减", "Down")),
            Column(self.t("净变化", "Net")),
            Column(self.t("原因", "Why")),
        )
        return Table(columns, tuple(self.correction(one) for one in found))

    def correction(self, one: Correction) -> tuple[Entry, ...]:
        cell = self.cell(one.kpi)
        kpi = KPIS[one.kpi][1]
        ratio = kpi.unit == "ratio"

        def show(value: float | int | None) -> str:
            return MISSING if value is None else f"{decimal(value * 100, 1)}%" if ratio else decimal(value, 0)

        net = MISSING
        if cell is not None and one.value is not None and one.published is not None:
            number = self.shown(cell, one.value) - self.shown(cell, one.published)
            net = wording.signed(number, cell.decimals)
        why = [
            self.t(f"迟报{one.late}条", f"{one.late} late") if one.late else "",
            self.t(f"更改{one.changed}条", f"{one.changed} changed") if one.changed else "",
            self.t(f"撤回{one.withdrawn}条", f"{one.withdrawn} withdrawn") if one.withdrawn else "",
        ]
        return (
            Entry(wording.day(one.day, self.lang)),
            Entry(self.name(one.kpi)),
            Entry(show(one.published)),
            Entry(show(one.value), bold=True),
            Entry(decimal(one.up, 0)),
            Entry(decimal(one.down, 0)),
            Entry(net),
            Entry(self.t("、", ", ").join(text for text in why if text)),
        )

    def correction_note(self) -> str:
        found = self.stated()
        if not self.b.corrected_days:
            return self.t("无往期快照可比。", "There is no earlier snapshot.")
        if not found:
            return self.none()
        more = len(found) - SHOWN_CORRECTIONS
        rest = self.t(f"另有{more}项见电子表格。", f"{more} more in the workbook. ") if more > 0 else ""
        return self.t(
            f"原因为发布后收到的记录；比率的增减为分子。{rest}",
            f"Records received after publication; of rates, up and down are of the numerator. {rest}",
        )

    # -- data

    def further(self) -> list[Section]:
        others = self.others()
        return [Section("others", self.t("其他工作", "Further work"), lines=(others,))] if others else []

    def others(self) -> tuple[Run, ...]:
        """The feeds without a section of their own, a few figures each, by their declaration (``Feed.headline``)."""
        parts = []
        for feed in FEEDS.values():
            if feed.core:
                continue
            said = []
            for key in feed.headlines:
                cell = self.cell(key)
                if cell is not None and cell.value is not None:
                    name, text = self.name(key), self.value(cell)
                    unit = "%" if cell.unit == "ratio" else self.unit(key)
                    said.append(f"{name}{text}{unit}" if self.zh else f"{name} {text} {unit}".strip())
            if said:
                words = feed.words.of(self.lang)
                parts.append(f"{words}：{'，'.join(said)}" if self.zh else f"{words}: {', '.join(said)}")
        if not parts:
            return ()
        return (Run("；".join(parts) + "。" if self.zh else "; ".join(parts) + "."),)

    def quality(self) -> tuple[tuple[Run, ...], ...]:
        parts = []
        for one in self.b.quality:
            name = one.name[0 if self.zh else 1]
            if one.received is None:
                parts.append(self.t(f"{name}没有数据", f"{name}: no data"))
                continue
            text = self.t(f"{name}数据截至{self.moment(one.received)}", f"{name}: up to {self.moment(one.received)}")
            text += self.t(
                f"，{one.reported}/{one.towns}个镇（街道）已报", f", {one.reported}/{one.towns} towns reported"
            )
            if one.missing and not one.reported and not self.own:
                text += self.t("（各镇均未报）", " (no town did)")
            elif one.missing:
                names = self.t("、", ", ").join(self.names.get(code, code) for code in one.missing)
                text += self.t(f"（{names}未报）", f" ({names} did not)")
            text += self.silences(one.silences)
            if one.rejected:
                text += self.t(f"，退回{one.rejected}条", f", {one.rejected} refused")
            parts.append(text)
        first = Run(self.t("；".join(parts) + "。", "; ".join(parts) + "."))
        words = []
        for kpi in ("resumption_rate", "staff_return_rate", "patrol_coverage", "fever_count"):
            definition = KPIS[kpi][1]
            if definition.numerator and definition.denominator:
                left, right = definition.numerator.of(self.lang), definition.denominator.of(self.lang)
                words.append(f"{self.name(kpi)}＝{left}÷{right}" if self.zh else f"{self.name(kpi)} = {left} ÷ {right}")
            else:
                words.append(f"{self.name(kpi)}{self.t('：', ': ')}{definition.definition.of(self.lang)}")
        return ((first,), (Run(self.t("；".join(words) + "。", "; ".join(words) + ".")),))

    def silences(self, gaps: Sequence[Silence]) -> str:
        """Who was silent since when: towns of the same moment together; of many moments only the longest is a span."""
        since: dict[str, list[Silence]] = {}
        for gap in gaps:
            since.setdefault(self.moment(gap.start), []).append(gap)

        def span(gap: Silence) -> str:
            text = wording.span(gap.end - gap.start, self.lang)
            return text.replace(" ", "") if self.zh else text

        def who(those: Sequence[Silence]) -> str:
            return self.t("、", ", ").join(self.names.get(gap.town, gap.town) for gap in those)

        if len(since) <= 2:
            return "".join(
                self.t(
                    f"，{who(those)}自{start}起无数据（{span(those[0])}）",
                    f", {who(those)} silent since {start} ({span(those[0])})",
                )
                for start, those in since.items()
            )
        longest = max(gaps, key=lambda gap: gap.end - gap.start)
        said = self.t("、", ", ").join(
            self.t(f"{who(those)}自{start}", f"{who(those)} since {start}") for start, those in since.items()
        )
        return self.t(f"，无数据的有{said}，最长{span(longest)}", f", silent: {said}, the longest {span(longest)}")

    def moment(self, at: int) -> str:
        same = day_of(at, self.b.zone) == self.b.day
        if same:
            return self.clock(at)
        return self.when(at)


__all__ = ["MINUS", "STRIP", "Column", "Entry", "Kpi", "Run", "Section", "Sheet", "Table", "numeral", "sheet_of"]
