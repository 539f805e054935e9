"""The file of a new feed, ready to run, and its test: what ``./townwatch feed new`` writes.

The texts are whole declarations, not fragments: a feed that is begun this way can be sent records at once, has
figures, a page, a form, an import template, obligations and alerts, and its author changes what is not so.
"""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"[a-z][a-z0-9_]{2,30}")


def begin(name: str, archetype: str, zh: str = "", en: str = "", out: Path | None = None) -> list[Path]:
    """Write the feed's file and its test; the paths written.

    Raises:
        ConfigurationError: a name that cannot be, or one that is taken.
    """
    from dashboard.feeds import STREAMS

    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"名称得到“{name}”，应为 3 到 31 个小写字母、数字和下划线，以字母开头"
            f" · name: got “{name}”, allowed are 3 to 31 lower-case letters, digits and underscores."
        )
    folder = out if out is not None else ROOT / "dashboard" / "feeds"
    tests = out / "tests" if out is not None else ROOT / "tests" / "unit"
    paths = [folder / f"{name}.py", tests / f"test_feed_{name}.py"]
    if name in STREAMS or any(path.exists() for path in paths):
        raise ConfigurationError(
            f"名称“{name}”已经有了，请换一个 · There is a feed “{name}” already: choose another name."
        )
    words = {"name": name, "NAME": name.upper(), "zh": zh or name, "en": en or name.replace("_", " ").capitalize()}
    texts = [_filled(HEAD + BODIES[archetype], words), _filled(TEST, words)]
    for place in (folder, tests):
        place.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def _filled(text: str, words: dict[str, str]) -> str:
    for key, value in words.items():
        text = text.replace(f"<{key}>", value.replace('"', "'"))
    return text


HEAD = '''"""<zh> <name>: say in one sentence what a record of it is."""

from __future__ import annotations

'''

CASE = """from dashboard.domain.feed import AlertRule, CaseSpec, DutyRule, Feed, Field, OnCase, Stage, Words
from dashboard.domain.fields import stage_field
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import cases, share

SPEC = CaseSpec(
    # In their usual order. A stage that ends a case says how; sla_hours is how long a case may stand there.
    stages=(
        Stage("opened", Words("已登记", "Opened"), sla_hours=24),
        Stage("handling", Words("办理中", "Being handled"), sla_hours=72),
        Stage("done", Words("已办结", "Done"), ends="done"),
        Stage("dropped", Words("已撤销", "Dropped"), ends="withdrawn"),
    ),
    owner_field="owner",
)
UNIT = Words("件", "cases")

FEED = Feed(
    name="<name>",
    words=Words("<zh>", "<en>"),
    short=Words("<zh>", "<en>"),
    icon="list",
    colour="other",
    archetype=SPEC,
    subject="case",
    natural_key=("case", "stage", "at"),
    fields=(
        Field("case", "text", Words("编号", "Case"), required=True, headers=("案件编号",), example="330421111-X001"),
        stage_field(SPEC),
        Field("owner", "text", Words("责任人", "Owner"), example="P-0417"),
    ),
    limits=DAILY,
    kpis=(
        cases(
            "<name>_open",
            Words("未办结", "Open"),
            Words("现在还没有办结的", "Not done yet"),
            UNIT,
            lambda case: not case.ends,
            by="stage",
        ),
        cases(
            "<name>_done",
            Words("已办结", "Done"),
            Words("累计办结的", "Done so far"),
            UNIT,
            lambda case: case.stage == "done",
        ),
        cases(
            "<name>_stuck",
            Words("超时限", "Stuck"),
            Words("在一个环节停留超过时限的", "In a stage longer than its limit"),
            UNIT,
            lambda case: case.stuck,
            watch_above=0,
        ),
        share(
            "<name>_done_share",
            Words("办结率", "Share done"),
            Words("登记的里面，已办结的占多少；撤销的不算", "Of those opened, the share done; dropped ones left out"),
            UNIT,
            lambda case: case.stage == "done",
            lambda case: case.ends != "withdrawn",
        ),
    ),
    # What is to be done today: a row on the town page, the phone and the handover sheet.
    duties=(DutyRule("limit"),),
    # When somebody is told; every number is a rule that a region may change from a day on.
    alerts=(
        AlertRule(
            name="stuck",
            words=Words("<zh>超时限", "<en>: stuck"),
            condition=OnCase("stuck"),
            limit=0,
            unit="h",
            high=720,
            owner="owner",
            help=Words("在一个环节停留超过时限", "In a stage longer than its limit"),
        ),
    ),
    headline=("<name>_open", "<name>_done", "<name>_stuck"),
    sample={
        "id": "<name>-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "case": "330421111-X001",
        "stage": "opened",
        "owner": "P-0417",
    },
)
"""

TALLY = """from dashboard.domain.feed import AlertRule, Feed, Field, OnFigure, TallySpec, Words
from dashboard.domain.fields import AMOUNT, REPORTED_BY
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import tallied

KINDS = {"first": Words("第一类", "First"), "second": Words("第二类", "Second"), "failed": Words("未成", "Failed")}

# Counted by day, hour and the fields of ``by``.
SPEC = TallySpec(amount_field="count", by=("kind",))
UNIT = Words("件", "items")

FEED = Feed(
    name="<name>",
    words=Words("<zh>", "<en>"),
    short=Words("<zh>", "<en>"),
    icon="list",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "kind", "at"),
    fields=(
        REPORTED_BY,
        Field("kind", "choice", Words("类别", "Kind"), required=True, choices=KINDS, example="first"),
        AMOUNT,
    ),
    limits=DAILY,
    kpis=(
        tallied(SPEC, "<name>_total", Words("累计", "Total"), Words("累计办理的", "So far"), UNIT, by="kind"),
        tallied(SPEC, "<name>_today", Words("今日", "Today"), Words("今天办理的", "Today"), UNIT, today=True),
        tallied(
            SPEC,
            "<name>_failed_today",
            Words("今日未成", "Failed today"),
            Words("今天没有办成的", "Not done today"),
            UNIT,
            only={"kind": "failed"},
            today=True,
        ),
    ),
    # When somebody is told; every number is a rule that a region may change from a day on.
    alerts=(
        AlertRule(
            name="failed",
            words=Words("<zh>未成", "<en>: failed"),
            condition=OnFigure("<name>_failed_today"),
            limit=10,
            low=1,
            high=100_000,
            help=Words("今天没有办成的太多", "Too many that were not done today"),
        ),
    ),
    headline=("<name>_total", "<name>_today"),
    sample={
        "id": "<name>-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-S1",
        "kind": "first",
        "count": 3,
    },
)
"""

ROSTER = """from dashboard.domain.feed import AlertRule, Feed, Field, OnFigure, RosterSpec, Words
from dashboard.domain.freshness import DAILY
from dashboard.domain.kpis import left_over, listed, progress

# Of each item the latest stated value of every field counts; ``daily`` fields are added up over days instead.
SPEC = RosterSpec(quantity_fields=("target", "done"), by=(), daily=("on_duty",))
UNIT = Words("件", "items")

FEED = Feed(
    name="<name>",
    words=Words("<zh>", "<en>"),
    short=Words("<zh>", "<en>"),
    icon="list",
    colour="other",
    archetype=SPEC,
    subject="item",
    natural_key=("item", "at"),
    fields=(
        Field("item", "text", Words("单位", "Item"), required=True, headers=("单位名称",), example="330421111-X01"),
        Field("target", "quantity", Words("目标", "Target"), example="60"),
        Field("done", "quantity", Words("完成", "Done"), example="45"),
        Field("on_duty", "quantity", Words("当班人数", "On duty"), example="4"),
    ),
    limits=DAILY,
    kpis=(
        listed("<name>_done", Words("完成", "Done"), Words("累计完成的", "Done so far"), UNIT, "done"),
        progress(
            "<name>_share",
            Words("完成率", "Share done"),
            Words("目标里已完成的占多少", "Of the target, the share done"),
            UNIT,
            "done",
            "target",
            lambda item: True,
        ),
        left_over(
            "<name>_left",
            Words("还差", "Left"),
            Words("离目标还差多少", "What is left of the targets"),
            UNIT,
            "target",
            "done",
        ),
    ),
    # When somebody is told; every number is a rule that a region may change from a day on.
    alerts=(
        AlertRule(
            name="left",
            words=Words("<zh>进度落后", "<en>: behind"),
            condition=OnFigure("<name>_left"),
            limit=100,
            low=1,
            high=1_000_000,
            help=Words("离目标还差得太多", "Too much is left of the target"),
        ),
    ),
    headline=("<name>_done", "<name>_share"),
    sample={
        "id": "<name>-0001",
        "town": "330421111",
        "at": "2020-02-18T09:20:00+08:00",
        "item": "330421111-X01",
        "target": 60,
        "done": 45,
    },
)
"""

BODIES = {"case": CASE, "tally": TALLY, "roster": ROSTER}

TEST = '''"""<zh>: what its figures say of a few records. What every feed keeps is in the contract suite."""

from __future__ import annotations

from dashboard.feeds import FEEDS
from tests.feeds_by_hand import figures_after

FEED = FEEDS["<name>"]


def test_its_first_record_is_counted() -> None:
    found = figures_after(FEED, [dict(FEED.sample)])
    assert found[FEED.kpis[0].key] in (1, FEED.sample.get("count"), FEED.sample.get("done"))
'''

__all__ = ["begin"]
