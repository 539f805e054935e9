"""``./townwatch snapshot`` and ``export``: the daily snapshot and figures for analysts (docs/how-to/snapshots.md)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, folded, note, ready
from dashboard.commands.common import now as time_of
from dashboard.errors import ConfigurationError, TownwatchError
from dashboard.settings import Settings

if TYPE_CHECKING:
    from dashboard.snapshot.publish import Desk

snapshot = typer.Typer(
    help="日报：生成、发布、签发、校验 · the daily snapshot: build, publish, release, verify.", no_args_is_help=True
)

SnapshotDay = Annotated[str, typer.Option("--date", metavar="D", help="日期，如 2020-02-24 · the day.")]
Edition = Annotated[str, typer.Option("--town", metavar="CODE", help="镇街版的镇代码，默认全县 · one town's edition.")]


class SnapshotKind(StrEnum):
    """What a snapshot covers."""

    DAY = "day"
    WEEK = "week"
    CAMPAIGN = "campaign"


UpTo = Annotated[
    str | None, typer.Option("--to", metavar="D", help="末日，把 --date 起的每一天都做出来 · last day of a range.")
]
KindOption = Annotated[SnapshotKind, typer.Option("--kind", help="日、周或全程 · day, week or campaign.")]


@snapshot.command("build")
def snapshot_build(
    date: SnapshotDay,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪个目录 · folder for the forms.")],
    to: UpTo = None,
    town: Edition = "all",
    kind: KindOption = SnapshotKind.DAY,
    lang: Annotated[str, typer.Option("--lang", help="语言 · zh or en.")] = "zh",
    data: Data = None,
) -> None:
    """生成某日的六种格式而不发布；已发布的原样取出 · writes a day's six forms, published ones unchanged."""
    from dashboard.domain.day import as_date
    from dashboard.snapshot import forms

    settings = ready(data)
    days = range_of(date, to)
    with desk_at(settings) as (desk, now):
        for day, done in told(days):
            link = desk.archive.link(day, kind.value, town)
            if link is not None and lang == desk.office.lang:
                made = {name: desk.archive.read(link, name) for name in link.files}
            else:
                brief = desk.archive.brief(link) if link is not None else desk.brief(day, now, kind.value, town)
                made = forms.all_forms(brief, lang)
            stem = "-".join(
                ["snapshot", str(as_date(day)), *([] if town == "all" else [town]), *([] if kind == "day" else [kind])]
            )
            written = forms.write_all(made, out, stem)
            if to is None:
                for path in written:
                    typer.echo(f"已写 · written: {path} ({path.stat().st_size // 1024 + 1} KiB)")
            else:
                done(f"已写 · written: {out / stem}")


@snapshot.command("publish")
def snapshot_publish(
    date: SnapshotDay,
    to: UpTo = None,
    town: Edition = "all",
    kind: KindOption = SnapshotKind.DAY,
    data: Data = None,
) -> None:
    """发布某日的快照，从此不再改动 · publishes a day's snapshot, which never changes from then on."""
    from dashboard.snapshot.archive import AlreadyPublished

    days = range_of(date, to)
    with desk_at(ready(data)) as (desk, now):
        note(Settings.load(data), "snapshot", f"publish {date}{f'..{to}' if to else ''} {kind.value} {town}")
        for day, done in told(days):
            try:
                link, _ = desk.publish(day, now, kind.value, town)
            except AlreadyPublished as there:
                if to is None:
                    raise
                done(there.sentence)
            else:
                done(f"已发布第 {link.issue} 期（链上第 {link.number} 环） · published as number {link.issue}")


@snapshot.command("release")
def snapshot_release(
    date: SnapshotDay,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="签发人 · who releases it.")],
    town: Edition = "all",
    kind: KindOption = SnapshotKind.DAY,
    data: Data = None,
) -> None:
    """签发待发的草稿，数字不再改动 · releases a draft with the figures it has."""
    with desk_at(ready(data)) as (desk, now):
        note(Settings.load(data), "snapshot", f"release {date} {kind.value} {town}", by=by)
        link = desk.release(by, local_day(date), now, kind.value, town)
    typer.echo(f"已签发第 {link.issue} 期（链上第 {link.number} 环） · released as number {link.issue}")


@snapshot.command("verify")
def snapshot_verify(data: Data = None) -> None:
    """校验全部已发布的快照 · proves that every published snapshot is what was published."""
    from dashboard.snapshot.archive import Archive
    from dashboard.snapshot.publish import FOLDER

    archive = Archive(Settings.load(data).data_dir / FOLDER)
    wrong = archive.verify()
    for one in wrong:
        typer.echo(f"{one.file}：{one.zh} · {one.en}")
    if wrong:
        raise TownwatchError(
            f"{len(wrong)} 处与发布时不同，请从备份恢复上面列出的文件"
            f" · {len(wrong)} files are not as they were published: restore those named above from a backup."
        )
    links = archive.links()
    typer.echo(f"{len(links)} 期都与发布时一致，末环 {archive.head()} · {len(links)} published, all as they were.")


def export(
    first: Annotated[str, typer.Option("--from", metavar="D", help="首日，如 2020-02-18 · first day.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="末日，须已过完 · last day, which must be over.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="写到哪个目录 · folder.")],
    data: Data = None,
) -> None:
    """导出指标供分析：Parquet、CSV、GeoPackage 和数据字典 · figures for analysts, with a data dictionary."""
    from dashboard.domain.day import day_of
    from dashboard.snapshot import analysts

    days = local_day(first, "--from"), local_day(last, "--to")
    with desk_at(ready(data)) as (desk, now):
        if not days[0] <= days[1] < day_of(now, desk.past.zone):
            raise ConfigurationError(
                f"--from {first} --to {last} 应为先后两日，且末日已过完"
                f" · --from {first} --to {last}: give two days in order, the last one over."
            )
        for path in analysts.export(desk.past, *days, out):
            typer.echo(f"已写 · written: {path} ({path.stat().st_size // 1024 + 1} KiB)")


def range_of(first: str, last: str | None) -> list[int]:
    """The local days of ``--date`` and ``--to``.

    Raises:
        ConfigurationError: one is no day, or they are not in order.
    """
    from dashboard.domain.day import days_between

    start, end = local_day(first), local_day(first if last is None else last, "--to")
    if start > end:
        raise ConfigurationError(
            f"--to {last} 早于 --date {first}，应为同一天或之后"
            f" · --to {last} is before --date {first}: give a later day."
        )
    return days_between(start, end)


def told(days: list[int]) -> Iterator[tuple[int, Callable[[str], None]]]:
    """Each day, and how to say what became of it: of several also which one it is and how long all will take."""
    from dashboard.domain.day import as_date

    began = time.monotonic()
    for number, day in enumerate(days, start=1):

        def done(said: str, number: int = number, day: int = day) -> None:
            if len(days) == 1:
                typer.echo(said)
                return
            left = (time.monotonic() - began) / number * (len(days) - number)
            more = f"（约还要 {left:.0f} 秒 · about {left:.0f} s left）" if number < len(days) else ""
            typer.echo(f"{number}/{len(days)} {as_date(day)} {said}{more}")

        yield day, done


def local_day(given: str, option: str = "--date") -> int:
    """A local day from yyyy-mm-dd.

    Raises:
        ConfigurationError: it is none.
    """
    from datetime import datetime

    try:
        found = datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise ConfigurationError(
            f"{option} 是 {given!r}，应为日期，如 2020-02-24 · {option} is {given!r}: give a day such as 2020-02-24."
        ) from None
    return found.year * 10000 + found.month * 100 + found.day


@contextlib.contextmanager
def desk_at(settings: Settings) -> Iterator[tuple[Desk, int]]:
    """The snapshots of a data directory, and its world's time."""
    from dashboard.snapshot.desk import desk_of
    from dashboard.stores import history

    folded(settings)
    engine = history.open_engine(settings.database_url)
    try:
        yield desk_of(settings, history.History(engine)), time_of(settings)
    finally:
        engine.dispose()


__all__ = ["export", "snapshot"]
