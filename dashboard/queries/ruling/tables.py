"""What the page of rules shows, as tables for export: every part under the filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.queries.asked import Asked
from dashboard.queries.export import Column, Kind, Table
from dashboard.queries.rules import TABLES, told, value_text
from dashboard.queries.ruling.changes import told_change
from dashboard.queries.ruling.picture import PARTS, Picture
from geodata.revise import THRESHOLDS


def tables(asked: Asked, scope: str) -> Sequence[Table]:
    """What the page shows, as tables: every part under the filters."""
    picture = Picture(asked)
    lang = asked.lang
    return [
        Table("rules", PARTS["rules"].of(lang), *_rule_table(picture)),
        Table("duty", PARTS["duty"].of(lang), *_hour_table(picture, "duty")),
        Table("visits", PARTS["visits"].of(lang), *_hour_table(picture, "visits")),
        Table("risks", PARTS["risks"].of(lang), *_risk_table(picture)),
        Table("changes", PARTS["changes"].of(lang), *_change_table(picture)),
    ]


Made = tuple[tuple[Column, ...], list[list[Any]]]


def _heads(lang: str, *given: tuple[str, str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(zh if lang != "en" else en, kind) for zh, en, kind in given)


def _rule_table(picture: Picture) -> Made:
    lang = picture.lang
    columns = (
        *_heads(lang, ("键", "Key", "text"), ("数据", "Feed", "text"), ("规则", "Rule", "text")),
        Column("现值" if picture.zh else "In force", "number", 3),
        *_heads(lang, ("单位", "Unit", "text"), ("本地设定", "Set here", "text"), ("自", "Since", "day")),
        *_heads(lang, ("下次生效", "Next from", "day"), ("下次的值", "Next value", "text")),
    )
    declared = {one.key: (feed, one) for feed in picture.board.feeds for one in feed.rules}
    rows: list[list[Any]] = []
    for line in picture.under("rules"):
        feed, one = declared[line.key]
        own = picture.rows(THRESHOLDS, line.key)
        later = picture.next(THRESHOLDS, line.key)
        value = float(own[0]["value"]) if own else one.default
        rows.append(
            [
                line.key,
                feed.short.of(lang),
                line.name,
                value,
                value_text(0, one.unit, lang).partition(" ")[2],
                ("是" if picture.zh else "yes") if own else ("否" if picture.zh else "no"),
                picture.since(THRESHOLDS, line.key),
                later[0] if later else None,
                told(THRESHOLDS, line.key, later[1], lang) if later else None,
            ]
        )
    return columns, rows


def _hour_table(picture: Picture, part: str) -> Made:
    lang = picture.lang
    columns = _heads(
        lang, ("代码", "Code", "text"), ("名称", "Name", "text"), ("镇（街道）", "Town", "text"),
        ("种类", "Kind", "text"),
        ("现在", "In force", "text"), ("自", "Since", "day"), ("下次生效", "Next from", "day"),
        ("下次的值", "Next value", "text"),
    )  # fmt: skip
    rows: list[list[Any]] = []
    for line in picture.under(part):
        town = picture.pack.town_by_code.get(line.town)
        later = picture.next(line.table, line.key)
        rows.append(
            [
                line.key,
                line.name,
                town.name if town else "",
                TABLES[line.table].of(lang),
                picture.value(line.table, line.key),
                picture.since(line.table, line.key),
                later[0] if later else None,
                told(line.table, line.key, later[1], lang, picture.pack) if later else None,
            ]
        )
    return columns, rows


def _risk_table(picture: Picture) -> Made:
    lang = picture.lang
    columns = _heads(
        lang, ("地区代码", "Region code", "text"), ("地区", "Region", "text"), ("风险等级", "Risk level", "text"),
        ("自", "Since", "day"), ("下次生效", "Next from", "day"), ("下次的值", "Next value", "text"),
    )  # fmt: skip
    rows: list[list[Any]] = []
    for line in picture.under("risks"):
        own = picture.rows("risks", line.key)
        later = picture.next("risks", line.key)
        rows.append(
            [
                line.key,
                own[0].get("name", "") if own else "",
                picture.value("risks", line.key),
                picture.since("risks", line.key),
                later[0] if later else None,
                told("risks", line.key, later[1], lang) if later else None,
            ]
        )
    return columns, rows


def _change_table(picture: Picture) -> Made:
    lang = picture.lang
    columns = _heads(
        lang, ("改动号", "Change", "count"), ("时间", "When", "time"), ("谁", "Who", "text"), ("种类", "Kind", "text"),
        ("键", "Key", "text"), ("规则", "Rule", "text"), ("镇（街道）", "Town", "text"), ("原来", "Before", "text"),
        ("改为", "After", "text"), ("自", "Valid from", "day"), ("状态", "State", "text"), ("原因", "Reason", "text"),
        ("撤销的改动号", "Takes back", "count"), ("版本", "Version", "text"), ("开始计入", "Counts since", "time"),
    )  # fmt: skip
    rows: list[list[Any]] = []
    for line in picture.under("changes"):
        one = line.change
        if one is None:
            continue
        said = told_change(picture, line)
        rows.append(
            [
                one.change,
                one.at,
                one.who,
                said["kind"],
                one.key,
                line.name,
                said["town_name"],
                said["before"],
                said["after"],
                one.valid_from,
                said["state"],
                one.reason,
                one.undoes,
                one.version,
                one.known_at,
            ]
        )
    return columns, rows
