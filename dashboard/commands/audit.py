"""``./townwatch audit``: is the chain whole, and the audit as a file."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.commands.common import Data, by_whom, now, ready
from dashboard.errors import ConfigurationError

if TYPE_CHECKING:
    from dashboard.access.audit import Audit, Entry

audit = typer.Typer(
    help="审计：谁做了什么，有没有被改过 · who did what, and whether it was tampered with.", no_args_is_help=True
)

HEADS = ("number", "at", "who", "kind", "what", "town", "outcome", "detail", "before", "hash")


@contextlib.contextmanager
def _audit(data: Path | None) -> Iterator[Audit]:
    from dashboard.access.audit import Audit
    from dashboard.stores.history import open_engine

    settings = ready(data)
    engine = open_engine(settings.database_url)
    try:
        yield Audit(engine, settings.data_dir)
    finally:
        engine.dispose()


@audit.command("verify")
def audit_verify(
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="NUMBER:HASH", help="另外记下的一条，应当还在 · a row written down elsewhere."),
    ] = None,
    data: Data = None,
) -> None:
    """逐条核对审计链，说出哪一条不对 · reads every row and says which one is wrong; exits with 1 when one is."""
    expected: tuple[int, str] | None = None
    if head is not None:
        number, _, digest = head.partition(":")
        if not number.isdecimal() or len(digest) != 64:
            raise ConfigurationError(
                f"--head 是“{head[:80]}”，应为 序号:摘要，就是 audit verify 最后一行"
                f" · --head is “{head[:80]}”: it must be NUMBER:HASH, as the last line of audit verify."
            )
        expected = (int(number), digest)
    with _audit(data) as found:
        verdict = found.verify(expected)
    for one in verdict.findings:
        typer.echo(one.sentence)
    if not verdict.whole:
        raise typer.Exit(1)
    typer.echo(f"审计链完整，共 {verdict.rows} 条 · the chain is whole, {verdict.rows} rows")
    typer.echo(f"{verdict.head[0]}:{verdict.head[1]}")


@audit.command("export")
def audit_export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="写入的文件，.csv 或 .jsonl · file to write.")],
    who: Annotated[str, typer.Option("--who", help="谁 · by whom.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="类型，如 view、reveal · kind of act.")] = "",
    what: Annotated[str, typer.Option("--what", help="对象里的字 · words in the object.")] = "",
    town: Annotated[str, typer.Option("--town", help="镇街代码 · town code.")] = "",
    first: Annotated[str, typer.Option("--from", metavar="D", help="从哪天起 · first day, yyyy-mm-dd.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="D", help="到哪天止 · last day, yyyy-mm-dd.")] = "",
    data: Data = None,
) -> None:
    """导出审计，最早的在前 · writes the audit to a file, oldest first; the export itself is audited."""
    from dashboard.access.audit import Kind, Wanted
    from dashboard.domain.day import day_end, day_start
    from dashboard.queries.export import safe

    if out.suffix not in (".csv", ".jsonl"):
        raise ConfigurationError(
            f"--out 是 {out}，应以 .csv 或 .jsonl 结尾 · --out is {out}: it must end in .csv or .jsonl."
        )
    if kind and kind not in [one.value for one in Kind]:
        raise ConfigurationError(
            f"--kind 是“{kind}”，应为 {'、'.join(Kind)} 之一 · --kind is “{kind}”: it must be one of {', '.join(Kind)}."
        )
    wanted = Wanted(
        who=who,
        kind=kind,
        what=what,
        town=town,
        first=day_start(_day("--from", first)) if first else 0,
        last=day_end(_day("--to", last)) if last else 0,
    )
    settings = ready(data)
    with _audit(data) as found:
        found.note(now(settings), by_whom(), Kind.EXPORT, f"audit → {out.name}", town)
        rows = list(_all(found, wanted))
    if out.suffix == ".jsonl":
        text = "".join(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in rows)
        out.write_text(text, "utf-8")
    else:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(HEADS)
        for row in rows:
            values = _plain(row) | {"detail": json.dumps(row.detail, ensure_ascii=False, sort_keys=True)}
            writer.writerow([safe(value) if isinstance(value, str) else value for value in (values[h] for h in HEADS)])
        out.write_bytes(stream.getvalue().encode("utf-8-sig"))
    typer.echo(f"写好 {len(rows)} 条：{out} · {len(rows)} rows written")


def _all(found: Audit, wanted: object) -> Iterator[Entry]:
    from dashboard.access.audit import Wanted

    assert isinstance(wanted, Wanted)  # noqa: S101 - told the type checker without loading it at start
    pages, below = [], 0
    while page := found.rows(wanted, 5000, below):
        pages.append(page)
        below = page[-1].number
    for page in reversed(pages):
        yield from reversed(page)


def _plain(row: Entry) -> dict[str, object]:
    from dashboard.domain.day import iso

    return {name: getattr(row, name) for name in HEADS} | {"at": iso(row.at)}


def _day(option: str, given: str) -> int:
    try:
        found = datetime.strptime(given, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise ConfigurationError(
            f"{option} 是“{given[:40]}”，应为日期，如 2020-02-18 · {option}: write a day as 2020-02-18."
        ) from None
    return found.year * 10000 + found.month * 100 + found.day
