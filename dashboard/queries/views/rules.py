"""The page 规则: every rule that may be changed, what it is and since when, what is scheduled, and who changed what.

The parts are in ``dashboard.queries.ruling``, the words of a single rule in ``dashboard.queries.rules``. Rules of the
whole region are shown to every viewer; duty hours, visits and changes of a town only to those who see it.
"""

from __future__ import annotations

from typing import Any

from dashboard.access.policy import Permission
from dashboard.domain.day import shift_day
from dashboard.domain.feed import Words
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked
from dashboard.queries.rules import day_text, iso_day
from dashboard.queries.ruling.changes import detail, scheduled, together, told_change
from dashboard.queries.ruling.lines import threshold, told_line, town_lines
from dashboard.queries.ruling.picture import FILTERS, PARTS, Picture
from dashboard.queries.ruling.tables import tables
from dashboard.queries.view import View
from geodata.revise import THRESHOLDS

AHEAD_DAYS = 366
"""How far ahead a change may be scheduled (``ingest.revision.AHEAD_DAYS``)."""
RECENT = 6
SEARCH = Words("规则、卡点、点位、人", "Rules, places, people")


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    picture = Picture(asked)
    lang, today = asked.lang, asked.live.day
    document = desk.document(
        asked,
        picture.narrowed,
        feed="temperature",
        headline=headline(picture),
        sub=_sub(picture),
        tables=[(name, words.of(lang)) for name, words in PARTS.items()],
        search=SEARCH,
        title="规则" if lang != "en" else "Rules",
        part=picture.part,
        groups=_groups(picture) if picture.part == "rules" else [],
        places=town_lines(picture) if picture.part in ("duty", "visits") else [],
        shifts=[told_line(picture, line) for line in picture.shown("visits") if line.table == "shifts"],
        risks=[told_line(picture, line) for line in picture.shown("risks")] if picture.part == "risks" else [],
        log=[told_change(picture, line) for line in picture.shown("changes")] if picture.part == "changes" else [],
        scheduled=scheduled(picture),
        recent=together(picture, [told_change(picture, line) for line in picture.under("changes")])[:RECENT],
        may=_may(picture),
        base=picture.book.base() if picture.book else 0,
        today=iso_day(today),
        tomorrow=iso_day(shift_day(today, 1)),
        last=iso_day(shift_day(today, AHEAD_DAYS)),
        words=_words(lang),
    )
    # No feed's records are shown here: their age says nothing about rules.
    return document | {"source": None}


def headline(picture: Picture) -> list[dict[str, str]]:
    """How many rules the region has set itself, and what is about to change."""
    zh, lang = picture.zh, picture.lang
    own = sum(1 for feed in picture.board.feeds for one in feed.rules if picture.rows(THRESHOLDS, one.key))
    text = f"{own} 条阈值由本地设定" if zh else f"{own} threshold{'' if own == 1 else 's'} set here"
    said = [{"text": text if own else ("阈值全部按默认" if zh else "All thresholds by default"), "tone": "plain"}]
    waiting = picture.book.waiting() if picture.book and picture.asked.when.live else []
    if any(one.valid_from <= picture.day for one in waiting):
        said.append({"text": "新改动正在生效" if zh else "a change is taking effect", "tone": "watch"})
    planned = scheduled(picture)
    if planned:
        day = planned[0]["day"]
        soon = day_text(day, picture.day, lang)
        if day == shift_day(picture.day, 1):
            soon = "明天" if zh else "tomorrow"
        n = len(planned)
        text = f"{n} 项已排定，最近一项{soon}起" if zh else f"{n} scheduled, the next from {soon}"
        said.append({"text": text, "tone": "watch"})
    elif not picture.changes:
        said.append({"text": "还没有人改过" if zh else "nobody has changed any", "tone": "plain"})
    return said


def _sub(picture: Picture) -> list[str]:
    lang, day = picture.lang, picture.day
    since = day_text(picture.pack.valid_from, day, lang)
    version = f"现行版本自{since}起" if picture.zh else f"version in force since {since}"
    return [wording.date_line(day, lang), version, picture.pack.version]


def _groups(picture: Picture) -> list[dict[str, Any]]:
    found = []
    for feed in picture.board.feeds:
        lines = [line for line in picture.shown("rules") if line.group == feed.name]
        declared = {one.key: one for one in feed.rules}
        if lines:
            found.append(
                {
                    "feed": feed.name,
                    "name": feed.words.of(picture.lang),
                    "icon": feed.icon,
                    "colour": feed.colour,
                    "lines": [threshold(picture, line, declared[line.key]) for line in lines],
                }
            )
    return found


def _may(picture: Picture) -> dict[str, Any]:
    live = picture.asked.when.live and picture.timeline is not None
    return {
        "all": live and picture.viewer.governs,
        "towns": [town for town in picture.board.towns if live and picture.viewer.posts(town)],
    }


def _words(lang: str) -> dict[str, Any]:
    zh = lang != "en"

    def say(chinese: str, english: str) -> str:
        return chinese if zh else english

    return {
        "rule": say("规则", "Rule"),
        "value": say("现值", "In force"),
        "default": say("默认", "Default"),
        "since": say("自", "Since"),
        "ever": say("一开始", "the start"),
        "next": say("接下来", "Next"),
        "edit": say("改", "Change"),
        "history": say("历史", "History"),
        "new": say("改为", "New value"),
        "from": say("生效日期", "Valid from"),
        "reason": say("原因", "Reason"),
        "save": say("保存", "Save"),
        "cancel": say("取消", "Cancel"),
        "reset": say("恢复默认", "Back to default"),
        "round": say("全天", "Round the clock"),
        "point": say("卡点", "Checkpoint"),
        "place": say("点位", "Place"),
        "hours": say("时段", "Hours"),
        "owed": say("到访要求", "Visits owed"),
        "allowed": say("允许", "Allowed"),
        "more": say("另有 {n} 条可以单独设，现在都没设", "{n} more can be set on their own; none is"),
        "less": say("收起", "Fewer"),
        "chosen": say("已选 {n} 个卡点", "{n} checkpoints chosen"),
        "bulk": say("一起改成", "Change all to"),
        "none": say("没有符合的规则", "No rule passes the filters"),
        "no_changes": say("还没有改动", "No changes yet"),
        "no_plans": say("没有排定的改动", "Nothing is scheduled"),
        "read_only": say("您可以查看，不能修改", "You may look, not change"),
        "take_back": say("取消这项改动", "Cancel this change"),
        "restore": say("恢复改动前的值", "Restore the former value"),
        "today_note": say("从今天起：今天 0 时以来的记录按新规则重算", "From today: today's records are counted anew"),
        "later_note": say("到那天 0 时自动生效，之前的日子不变", "Takes effect at midnight; earlier days stay"),
        "trying": say("正在试算…", "trying…"),
        "trial": say("按今天的数据", "With today's data"),
        "no_trial": say("这项改动不试算", "Not tried"),
        "no_effect": say("今天的数字不变", "Today's figures stay"),
        "saving": say("正在保存…", "saving…"),
        "shift": say("班次", "Shift"),
        "all_day_hint": say("写作 06:00-22:00，跨零点写 20:00-08:00", "As 06:00-22:00; 20:00-08:00 runs past midnight"),
        "region": say("地区", "Region"),
        "level": say("风险等级", "Risk level"),
        "new_region": say("加一个地区", "Add a region"),
        "risk_hint": say(
            "写作 高风险 湖北省；清空就是移出名单，按低风险", "As high 湖北省; empty takes it off the list: low risk"
        ),
        "risk_new_hint": say("写作 420000 高风险 湖北省", "As 420000 high 湖北省"),
        "risk_note": say(
            "二维码申报按这张表分类；没有列出的地区按低风险，下级地区没有单列的随上级",
            "QR declarations are sorted by this table; what is not listed is as the region above it, else at low risk",
        ),
        "visit_hint": say("写作 08:00-11:00 x1; 13:00-16:00 x2", "As 08:00-11:00 x1; 13:00-16:00 x2"),
        "heads": [
            say("时间", "When"),
            say("谁", "Who"),
            say("规则", "Rule"),
            say("原来", "Before"),
            say("改为", "After"),
            say("生效", "Valid from"),
            say("状态", "State"),
            say("原因", "Reason"),
        ],
    }


VIEW = View(
    "rules",
    build,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("规则", "Rules"),
    open=True,
    needs=Permission.FIGURES,
)
