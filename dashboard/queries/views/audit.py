"""The page 审计: who did what, when, with what outcome; whether the chain is whole. Only for those who may audit.

Rows are searched in the database (``dashboard.access.audit``); the chain is read through from its start every few
minutes while somebody looks at the page.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashboard.access.audit import Audit, Entry, Kind, Verdict, Wanted
from dashboard.access.policy import Permission
from dashboard.clock import machine_ms
from dashboard.domain.day import day_end, day_start
from dashboard.domain.feed import Words
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked, Choice, Filter, Narrowed, town_choices
from dashboard.queries.export import Column, Table
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

SHOWN = 500
"""Rows that a page shows at most; a search finds the others."""
IN_A_FILE = 50_000
ROWS_MS, CHAIN_MS = 2_000, 300_000
"""How old what is shown may be: rows, and the verdict on the chain."""

KINDS = {
    Kind.SIGN_IN: Words("登录", "Sign-in"),
    Kind.SIGN_OUT: Words("退出", "Sign-out"),
    Kind.VIEW: Words("查看", "View"),
    Kind.CHANGE: Words("改动", "Change"),
    Kind.IMPORT: Words("导入", "Import"),
    Kind.EXPORT: Words("导出", "Export"),
    Kind.SNAPSHOT: Words("简报", "Snapshot"),
    Kind.REVEAL: Words("联系方式", "Contact"),
    Kind.TOKEN: Words("令牌", "Token"),
    Kind.ACCOUNT: Words("账号", "Account"),
    Kind.ERASE: Words("删除", "Erased"),
    Kind.REFUSED: Words("拒绝", "Refused"),
}
OUTCOMES = {
    "done": Words("已办", "Done"),
    "asked": Words("已提交", "Sent"),
    "refused": Words("被拒", "Refused"),
    "failed": Words("没办成", "Failed"),
}
SEARCH = Words("人、对象、编号", "People, objects, ids")
HEADS = (
    Words("序号", "No."),
    Words("时间", "When"),
    Words("谁", "Who"),
    Words("类型", "Kind"),
    Words("对象", "Object"),
    Words("镇（街道）", "Town"),
    Words("结果", "Outcome"),
)


class Trail:
    """The audit as this process last read it: pages that look at once read it once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[int, object], tuple[int, Any]] = {}

    def _told(self, audit: Audit, what: object, age_ms: int, read: Any) -> Any:
        key, now = (id(audit), what), machine_ms()
        with self._lock:
            held = self._held.get(key)
            if held is not None and now - held[0] < age_ms:
                return held[1]
        found = read()
        with self._lock:
            if len(self._held) > 100:
                self._held.clear()
            self._held[key] = (now, found)
        return found

    def rows(self, audit: Audit, wanted: Wanted) -> tuple[list[Entry], int]:
        """The newest rows, and how many there are."""
        found: tuple[list[Entry], int] = self._told(
            audit, wanted, ROWS_MS, lambda: (audit.rows(wanted, SHOWN), audit.count(wanted))
        )
        return found

    def whos(self, audit: Audit) -> list[str]:
        """Everybody who has a row."""
        found: list[str] = self._told(audit, "whos", ROWS_MS, audit.whos)
        return found

    def verdict(self, audit: Audit) -> tuple[Verdict, int]:
        """The verdict on the chain, and when (machine time) it was found."""
        found: tuple[Verdict, int] = self._told(audit, "chain", CHAIN_MS, lambda: (audit.verify(), machine_ms()))
        return found


TRAIL = Trail()


def _who_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(who, who) for who in TRAIL.whos(board.audit)] if board.audit else []


def _kind_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(kind.value, words.of(lang)) for kind, words in KINDS.items()]


def _outcome_choices(board: Board, lang: str) -> list[Choice]:
    return [Choice(key, words.of(lang)) for key, words in OUTCOMES.items()]


FILTERS = (
    Filter("town", Words("镇（街道）", "Town"), town_choices, lambda row: row.town),
    Filter("who", Words("谁", "Who"), _who_choices, lambda row: row.who),
    Filter("kind", Words("类型", "Kind"), _kind_choices, lambda row: row.kind),
    Filter("outcome", Words("结果", "Outcome"), _outcome_choices, lambda row: row.outcome),
)


def wanted_of(asked: Asked) -> Wanted:
    """What the page's query asks the database for; of several values of a filter the rows are chosen afterwards."""
    when, zone = asked.when, asked.live.zone
    first, last = (0, 0)
    if when.kind == "as_of":
        last = when.at + 1
    elif not when.live:
        first, last = day_start(when.first, zone), day_end(when.last, zone)
    return Wanted(
        who=asked.one("who") or "",
        kind=asked.one("kind") or "",
        town=asked.one("town") or "",
        outcome=asked.one("outcome") or "",
        what=asked.q,
        first=first,
        last=last,
    )


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    audit, lang, zh = asked.live.audit, asked.lang, asked.lang != "en"
    rows, total = TRAIL.rows(audit, wanted_of(asked)) if audit else ([], 0)
    narrowed = Narrowed(rows, asked, lambda row: f"{row.what} {row.who} {row.detail}")
    chain = _chain(asked)
    if chain["tone"] == "alert":
        headline = [{"text": chain["text"], "tone": "alert"}]
    else:
        headline = [{"text": "审计链完整" if zh else "The chain is whole", "tone": "plain"}]
    refused = sum(1 for row in narrowed.rows if row.outcome == "refused")
    if refused:
        headline.append({"text": f"{refused} 条被拒" if zh else f"{refused} refused", "tone": "watch"})
    shown = len(narrowed.rows)
    count = f"{wording.count(total, lang)} 条" if zh else f"{wording.count(total, lang)} rows"
    if total > len(rows):
        count = f"{count}，列出最新的 {shown} 条" if zh else f"{count}, the newest {shown} listed"
    document = desk.document(
        asked,
        narrowed,
        feed="temperature",
        headline=headline,
        sub=[wording.date_line(asked.board.day, lang), count],
        tables=[("audit", "审计" if zh else "Audit")],
        search=SEARCH,
        title="审计" if zh else "Audit",
        chain=chain,
        rows=[_row(asked, row) for row in narrowed.rows],
        heads=[words.of(lang) for words in HEADS],
        empty="没有符合的记录" if zh else "Nothing matches",
    )
    # No feed's records are shown here: their age says nothing about the audit.
    return document | {"source": None}


def _chain(asked: Asked) -> dict[str, Any]:
    audit, lang, zh = asked.live.audit, asked.lang, asked.lang != "en"
    if audit is None:
        return {"tone": "stale", "text": "这里没有审计" if zh else "There is no audit here", "note": "", "findings": []}
    verdict, at = TRAIL.verdict(audit)
    n, broken = wording.count(verdict.rows, lang), len(verdict.findings)
    ago = wording.ago(machine_ms() - at, lang)
    if verdict.whole:
        text = f"逐条核对 {n} 条，首尾相接" if zh else f"{n} rows read through: they join from first to last"
    else:
        text = f"审计链有 {broken} 处不对" if zh else f"{broken} fault{'' if broken == 1 else 's'} in the chain"
    note = f"{ago}核对" if zh else f"checked {ago}"
    return {
        "tone": "plain" if verdict.whole else "alert",
        "text": text,
        "note": note,
        "head": f"{verdict.head[0]} · {verdict.head[1][:16]}",
        "findings": [_own_words(one.sentence, zh) for one in verdict.findings[:20]],
    }


def _own_words(sentence: str, zh: bool) -> str:
    chinese, _, english = sentence.partition(" · ")
    return chinese if zh else english[:1].upper() + english[1:]


def _town(asked: Asked, code: str) -> str:
    town = asked.live.pack.town_by_code.get(code)
    return (town.name if asked.lang != "en" else town.name_en or town.name) if town else code


def _kind_text(row: Entry, lang: str) -> str:
    return KINDS[Kind(row.kind)].of(lang) if row.kind in KINDS else row.kind


def _outcome_text(row: Entry, lang: str) -> str:
    return OUTCOMES[row.outcome].of(lang) if row.outcome in OUTCOMES else row.outcome


def _row(asked: Asked, row: Entry) -> dict[str, Any]:
    lang = asked.lang
    return {
        "key": str(row.number),
        "label": f"{row.number} {row.who} {row.what}",
        "number": row.number,
        "at": wording.moment(row.at, asked.live.day, asked.live.zone, lang),
        "who": row.who,
        "kind": _kind_text(row, lang),
        "what": row.what,
        "town": _town(asked, row.town),
        "outcome": _outcome_text(row, lang),
        "tone": {"refused": "alert", "failed": "watch"}.get(row.outcome, ""),
    }


def detail(asked: Asked, scope: str) -> dict[str, Any]:
    """One row, whole."""
    audit, lang, zh = asked.live.audit, asked.lang, asked.lang != "en"
    number = int(asked.open) if asked.open.isdecimal() and len(asked.open) < 16 else 0
    found = audit.rows(Wanted(), 1, number + 1) if audit and number else []
    if not found or found[0].number != number:
        return {}
    row = found[0]
    facts = [
        (HEADS[1], wording.moment(row.at, asked.live.day, asked.live.zone, lang)),
        (HEADS[2], row.who),
        (HEADS[4], row.what),
        (HEADS[5], _town(asked, row.town)),
        (HEADS[6], _outcome_text(row, lang)),
        *((Words(key, key), str(value)) for key, value in row.detail.items()),
        (Words("本条摘要", "Its hash"), row.hash[:32]),
        (Words("上一条摘要", "Hash before"), row.before[:32]),
    ]
    return {
        "drawer": {
            "key": asked.open,
            "over": f"{HEADS[0].of(lang)} {row.number}",
            "title": _kind_text(row, lang),
            "facts": "",
            "rows": [{"head": words.of(lang), "text": text} for words, text in facts if text],
            "sections": [],
            "links": [],
            "foot": "审计记录只增不改" if zh else "Rows of the audit are added and never changed",
        }
    }


def tables(asked: Asked, scope: str) -> Sequence[Table]:
    """The rows under the filters."""
    audit, lang = asked.live.audit, asked.lang
    rows = audit.rows(wanted_of(asked), IN_A_FILE) if audit else []
    columns = (
        Column(HEADS[0].of(lang), "count"),
        Column(HEADS[1].of(lang), "time"),
        *(Column(words.of(lang)) for words in HEADS[2:]),
        Column("镇代码" if lang != "en" else "Town code"),
        Column("说明" if lang != "en" else "Detail"),
        Column("摘要" if lang != "en" else "Hash"),
    )
    lines = [
        [
            row.number,
            row.at,
            row.who,
            _kind_text(row, lang),
            row.what,
            _town(asked, row.town),
            _outcome_text(row, lang),
            row.town,
            "; ".join(f"{key}={value}" for key, value in row.detail.items()),
            row.hash,
        ]
        for row in Narrowed(rows, asked, lambda row: f"{row.what} {row.who} {row.detail}").rows
    ]
    return [Table("audit", "审计" if lang != "en" else "Audit", columns, lines)]


VIEW = View(
    "audit",
    build,
    clock_only=True,
    filters=FILTERS,
    detail=detail,
    tables=tables,
    title=Words("审计", "Audit"),
    needs=Permission.AUDIT,
)
