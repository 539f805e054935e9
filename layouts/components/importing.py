"""What every part of the import page shares: its words, its state, how it writes times and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dash.development.base_component import Component

from dashboard.domain.day import iso
from dashboard.domain.feed import Feed, Words
from dashboard.domain.imports import PreviewRow, Run

FIRST_ERRORS, MORE_ERRORS = 6, 50
PAGE_ROWS = 60
Part = str | int | float | Component | None
"""What may stand in a component."""

WORDS: dict[str, tuple[str, str]] = {
    "choose": ("选一个表格，核对后入库", "Choose a table, check it, then import it"),
    "steps": ("步骤", "Steps"),
    "step1": ("选文件", "Choose file"),
    "step2": ("对列", "Match columns"),
    "step3": ("核对", "Check"),
    "step4": ("入库", "Import"),
    "feeds": ("导入到哪一路", "Import into"),
    "source": ("来源", "Source"),
    "source_note": ("同一来源的同一条记录只有一份", "one source has each record once"),
    "source_default": ("表格", "the usual one"),
    "town": ("镇（街道）", "Town"),
    "town_rows": ("每行自己写", "each row says"),
    "drop": ("把表格拖到这里", "Drop a table here"),
    "drop_or": ("或", "or"),
    "pick": ("选择文件", "Choose a file"),
    "limits": (
        "XLSX、XLS、ODS、CSV，不超过 {size}，一个工作表最多 100,000 行",
        "XLSX, XLS, ODS or CSV, up to {size} and 100,000 rows a sheet",
    ),
    "private_note": (
        "联系人、联系电话、身份证号等列在入口移除，不读、不存、不进错表；回访、隔离、密接的联系方式只加密存入联系方式库",
        "Columns of contacts, phone and ID numbers are removed at the door: not read, not kept, not in the error file; "
        "contacts of call-backs, isolation and tracing go into the sealed vault alone",
    ),
    "map": ("对列", "Columns"),
    "map_all": ("{n} 列全部认出", "all {n} columns known"),
    "map_again": ("沿用上次（{day}）的对照，", "as matched on {day}, "),
    "map_unknown": ("{n} 列没认出，请选字段或“不导入”", "{n} columns not known: choose a field or “not imported”"),
    "map_confirm": ("确认对照", "Confirm columns"),
    "map_once": ("同一来源、同样的列名，下次不再问", "remembered for this source and these headers"),
    "map_forget": ("忘掉对照", "Forget"),
    "left_out": ("不导入", "not imported"),
    "unknown": ("没认出，请选", "not known: choose"),
    "twin": ("不导入（重复）", "not imported (twice)"),
    "removed": ("入口移除", "Removed at the door"),
    "wrong_n": ("{n} 错", "{n} wrong"),
    "preview": ("预览", "Preview"),
    "preview_near": ("只看有错的前后行", "wrong rows and their neighbours"),
    "preview_first": ("前 {n} 行", "first {n} rows"),
    "preview_all": ("看全部 {n} 行", "All {n} rows"),
    "preview_wrong": ("只看有错的", "Wrong ones only"),
    "preview_page": ("{a}–{b} 行，共 {n} 行", "{a}–{b} of {n}"),
    "previous": ("上一页", "Previous"),
    "next": ("下一页", "Next"),
    "gone": ("保留时间已过，行已清除", "Kept for 24 hours only: the rows are gone"),
    "errors": ("错在哪里", "What is wrong"),
    "errors_n": ("{rows} 行 {places} 处，显示 {shown} 处", "{places} in {rows} rows, {shown} shown"),
    "more": ("再看 {n} 处", "{n} more"),
    "row": ("行", "Row"),
    "column": ("列", "Col"),
    "field": ("字段", "Field"),
    "got": ("得到", "Got"),
    "allowed": ("允许", "Allowed"),
    "fix": ("怎么改", "Fix"),
    "fix_file": ("下载后改", "Fix in the file"),
    "fix_rows": ("（{n} 行）", " ({n} rows)"),
    "commit": ("入库 {n} 行", "Import {n} rows"),
    "nothing": ("没有可以入库的行", "No row can go in"),
    "download": ("下载 {n} 行错表", "Download {n} wrong rows"),
    "errors_note": (
        "错表原样带“得到、允许”两列，改好再传；重复上传不重复入库",
        "The file has two more columns: Got, Allowed. Correct it and upload it again; nothing goes in twice",
    ),
    "kept_until": ("错表保留到 {at}，只有上传人能下载", "Kept until {at}, for its uploader only"),
    "clean_note": ("没有错；重复上传不重复入库", "Nothing is wrong; uploading again changes nothing"),
    "again": ("再导入一个", "Import another"),
    "cancel": ("换一个文件", "Another file"),
    "added": ("新增", "New"),
    "corrected": ("更正", "Corrected"),
    "unchanged": ("未变", "Unchanged"),
    "rejected": ("退回", "Rejected"),
    "history": ("导入记录", "Imports"),
    "history_none": ("还没有导入过", "Nothing was imported yet"),
    "withdraw": ("撤回", "Withdraw"),
    "withdrawn": ("已撤回", "Withdrawn"),
    "withdraw_sure": ("确定撤回", "Withdraw it"),
    "keep": ("不撤", "Keep"),
    "withdraw_note": (
        "新增的 {added} 条作废；更正过的 {corrected} 条保持现值；之后又被更正的不动。",
        "The {added} new records become void; the {corrected} corrected ones keep their present values, and what was "
        "corrected since is left alone.",
    ),
    "voided": ("作废 {voided} 条", "{voided} void"),
    "left": ("，{kept} 条之后已更正，未动", ", {kept} corrected since, left alone"),
    "restore": ("恢复", "Restore"),
    "open": ("看这次", "Open"),
    "template": ("模板", "Template"),
    "template_get": ("下载{feed}模板", "Download template: {feed}"),
    "needed": ("必须有的列", "Required columns"),
    "key": ("怎么认同一条", "How a record is known"),
    "key_id": ("有“编号”列按编号；没有按 ", "by its id column; without one by "),
    "key_whole": ("整行内容", "the whole row"),
    "also": ("也认", "also"),
    "denied": ("没有导入权限", "You may not import"),
    "denied_note": ("网格员、内勤、民警和管理员可以导入。", "Clerks, officers and administrators may import."),
    "sheet": ("工作表“{name}”", "sheet “{name}”"),
    "sheet_pick": ("工作表", "Sheet"),
    "claims": ("表上写 {claimed} 行，实有 {n} 行", "claims {claimed} rows, holds {n}"),
    "rows_n": ("{n} 行", "{n} rows"),
    "columns_n": ("{n} 列", "{n} columns"),
    "hidden_n": ("含隐藏 {n} 行", "{n} hidden"),
    "superseded": (
        "{n} 行与旧版本相同：现有的更正或撤回不变",
        "{n} rows say what an older version said: the newer one stays in force",
    ),
    "uploaded": ("{feed}登记表 · {at} 上传 · {who}", "{feed} · uploaded {at} · {who}"),
    "whole_row": ("整行", "Whole row"),
    "h_good": ("{rows} 行里 {good} 行可以入库", "{good} of {rows} rows can go in"),
    "h_all": ("{rows} 行都可以入库", "All {rows} rows can go in"),
    "h_bad": ("{n} 行有错", "{n} are wrong"),
    "h_none": ("没有可以入库的行", "No row can go in"),
    "h_same": ("{rows} 行都已在库里，没有变化", "All {rows} rows are in already, unchanged"),
    "h_unknown": ("{n} 列里 {unknown} 列没认出", "{unknown} of {n} columns are not known"),
    "h_problem": ("缺列，还不能入库", "Columns are missing, nothing can go in yet"),
    "h_done": ("{good} 行已入库", "{good} rows are in"),
    "h_left": ("{n} 行退回", "{n} rejected"),
    "h_withdrawn": ("这次导入已撤回", "This import was withdrawn"),
}


def word(key: str, lang: str, **values: object) -> str:
    """A text of this page in ``zh`` or ``en``."""
    zh, en = WORDS[key]
    return (en if lang == "en" else zh).format(**values)


@dataclass(frozen=True)
class State:
    """What the page shows. ``run`` is the import at hand, ``rows`` of it are previewed out of ``total``."""

    feed: Feed
    lang: str
    zone: str
    run: Run | None = None
    rows: Sequence[PreviewRow] | None = None
    total: int = 0
    everything: bool = False
    page: int = 0
    errors: int = FIRST_ERRORS
    confirmed: bool = False
    """The columns were confirmed although some are not known."""
    remembered_at: int | None = None
    """When these columns were matched before, ms."""
    fields: Sequence[tuple[str, Words]] = ()
    """Fields that a column may mean."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Uploader -> the name to show."""
    message: str = ""
    history: Sequence[Run] = field(default_factory=tuple)
    asking: str = ""
    """The import whose withdrawal waits to be confirmed."""


def step_of(state: State) -> int:
    """The step that the page is at, 1 to 4."""
    run = state.run
    if run is None:
        return 1
    if run.state in ("done", "withdrawn"):
        return 4
    if run.report.problem is not None or (run.report.unknown and not state.confirmed):
        return 2
    return 3


def moment(at: int, zone: str, lang: str, clock: bool = True) -> str:
    """A time as the page writes it: 2月24日 14:30; 24 Feb 14:30."""
    text = iso(at, zone)
    month, day, hours = int(text[5:7]), int(text[8:10]), text[11:16]
    shown = f"{month}月{day}日" if lang == "zh" else f"{day} {_MONTHS[month - 1]}"
    return f"{shown} {hours}" if clock else shown


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def amount(number: int) -> str:
    """A whole number with commas."""
    return f"{number:,}"
