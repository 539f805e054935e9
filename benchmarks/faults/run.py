"""Carries the faults out one after another and tells what became of each; ``docs/faults.md`` is made here.

Faults that need the same ground share one. A row that cannot be carried out says why and does not make the others fail.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.faults import away, clocks, cut, full, killed, poison, pressure, shared, stalled, stopped, unsynced
from benchmarks.faults.fault import Blow, Fault, Row
from benchmarks.faults.ground import Ground
from benchmarks.faults.load import Load
from benchmarks.faults.recount import in_figures, in_store, screened
from benchmarks.faults.watch import Watch
from benchmarks.stage import NotMeasured
from dashboard.clock import machine_ms
from dashboard.errors import TownwatchError
from geodata.library import open_library

FAULTS: tuple[Fault, ...] = (
    *killed.FAULTS,
    *unsynced.FAULTS,
    *stopped.FAULTS,
    *away.FAULTS,
    *full.FAULTS,
    *poison.FAULTS,
    *stalled.FAULTS,
    *clocks.FAULTS,
    *shared.FAULTS,
    *cut.FAULTS,
    *pressure.FAULTS,
)
PATIENCE_S = 180.0
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def main(quick: bool, only: Sequence[str], json_path: Path | None, document_too: bool = False) -> int:
    """Carry out, print, write. With a JSON file that is there its other rows stay; ``document_too`` writes
    docs/faults.md.

    Returns 1 when something was lost, doubled, wrong, or could not be carried out.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=max(Console().width, 150))
    wanted = [fault for fault in FAULTS if not only or fault.code in only]
    unknown = sorted(set(only) - {fault.code for fault in FAULTS})
    if unknown:
        raise TownwatchError(
            f"没有名为 {'、'.join(unknown)} 的故障，可用的有：{'、'.join(fault.code for fault in FAULTS)}"
        )
    rows: list[Row] = []
    for lay, faults in groupby(sorted(wanted, key=lambda one: repr(one.lay)), key=lambda one: one.lay):
        for row in _on_one_ground(Ground(lay, quick), list(faults), quick, console):
            rows.append(row)
            # Whoever is ended half-way keeps what was carried out.
            _keep(rows, json_path)
    order = [fault.code for fault in FAULTS]
    rows.sort(key=lambda row: order.index(row.code))
    console.print(_table(rows))
    for row in rows:
        for line in (*row.wrong, *filter(None, [row.note])):
            console.print(f"{row.code}: {line}", highlight=False, markup=False)
    every = _keep(rows, json_path)
    if document_too:
        # Sentences may name the directory of the run: of no use to a reader, and another one each time.
        DOCUMENT.write_text(re.sub(r"/tmp/[\w.-]+/", "DATA/", document(every)), "utf-8")
    return 0 if all(row.good for row in rows) else 1


def _keep(rows: Sequence[Row], path: Path | None) -> list[Row]:
    """These rows and, of a file that is there, its others, in the order of the faults; the file then holds them all."""
    known = {row.code: row for row in _read(path)} | {row.code: row for row in rows}
    every = [known[fault.code] for fault in FAULTS if fault.code in known]
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode([row.document() for row in every])) + b"\n")
    return every


def _read(path: Path | None) -> list[Row]:
    """Rows of earlier runs: one fault after another may be carried out, and told of together."""
    if path is None or not path.exists():
        return []
    return msgspec.json.decode(path.read_bytes(), type=list[Row])


def _on_one_ground(ground: Ground, faults: list[Fault], quick: bool, console: Console) -> Iterator[Row]:
    done: set[str] = set()
    kept: dict[tuple[str, str], object] = {}
    try:
        with ground:
            for fault in faults:
                start = time.monotonic()
                row = carry_out(ground, fault, quick, kept)
                done.add(row.code)
                yield row
                told = "好 · good" if row.good else "坏 · BROKEN"
                console.print(
                    f"[镇哨] {fault.code}: {told}，{time.monotonic() - start:.0f} s", highlight=False, markup=False
                )
                for line in (*row.wrong, *row.said, *row.found):
                    console.print(f"    {line}", highlight=False, markup=False)
    except TownwatchError as error:
        for fault in faults:
            if fault.code not in done:
                yield Row(fault.code, fault.chinese, fault.english, note=error.sentence)


def carry_out(ground: Ground, fault: Fault, quick: bool, kept: dict) -> Row:  # type: ignore[type-arg]
    """One fault under load, and the count after it. ``kept`` is what earlier faults of the ground were promised.

    Raises:
        NotMeasured: the product did not come back; nothing further can be done on this ground.
    """
    library, code = open_library(ground.settings.data_dir, ground.settings.region)
    region = library.at(code, 0)
    reader = ground.token(None)
    load = Load(ground, region, f"fault-{fault.code}", fault.rate, fault.behind_ms)
    watch = Watch(ground, reader)
    before = screened(ground, reader) or 0
    load.start()
    watch.begin()
    blow = Blow(ground, load, quick, watch.note_from_now)
    try:
        ground.until(lambda: (screened(ground, reader) or 0) > before + 200, "故障前的流量", 30)
        fault.strike(blow)
        lifted = blow.lifted or time.monotonic()
        sent, base = load.accepted(), _readings_of(kept)
        ground.until(lambda: load.accepted() > sent, "恢复接收", PATIENCE_S)
        target = base + load.readings()
        ground.until(lambda: (screened(ground, reader) or 0) >= target, "恢复显示", PATIENCE_S)
        recovery = time.monotonic() - lifted
        load.finish()
    except BaseException:
        load.abandon()
        load.finish(5)
        watch.end()
        raise
    kept |= load.kept
    ground.until(lambda: _road_empty(ground), "路上清空", PATIENCE_S)
    try:
        ground.until(lambda: not _differs(ground, reader, kept), "数字一致", 20)
        differences: list[str] = []
    except NotMeasured:
        differences = in_figures(ground, reader, kept)
    said = watch.end()
    lost, doubled = in_store(ground, kept)
    return Row(
        fault.code,
        fault.chinese,
        fault.english,
        load.promised,
        lost,
        doubled,
        round(recovery, 1),
        dict(load.answers),
        {status: told for status, told in load.sentences.items() if status != "202"},
        said,
        blow.found,
        [*differences[:5], *load.wrong[:5], *blow.broken],
        lasted_s=round(blow.lasted_s, 1),
        quick=quick,
        at_ms=machine_ms(),
    )


def _readings_of(kept: dict) -> int:  # type: ignore[type-arg]
    return sum(1 for one in kept.values() if one.feed == "temperature")


def _differs(ground: Ground, reader: str, kept: dict) -> bool:  # type: ignore[type-arg]
    try:
        return bool(in_figures(ground, reader, kept))
    except (OSError, ValueError):
        return True


def _road_empty(ground: Ground) -> bool:
    import redis

    try:
        with ground.redis() as client:
            keys = [key for key in client.scan_iter("tw:*events") if client.type(key) == b"stream"]
            return not any(int(client.xlen(key)) for key in keys)
    except redis.RedisError:
        return False


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title=f"镇哨故障表 · Townwatch under faults ({os.cpu_count()} cores)")
    table.add_column("故障 · fault")
    for heading in ("接收 · accepted", "丢失 · lost", "重复 · doubled", "恢复 · recovery"):
        table.add_column(heading, justify="right")
    table.add_column("当时的页面 · said meanwhile")
    for row in rows:
        if row.note:
            table.add_row(row.chinese, "—", "—", "—", "—", row.note)
            continue
        table.add_row(
            row.chinese,
            f"{row.accepted:,}",
            str(row.lost),
            str(row.doubled),
            f"{row.recovery_s} s",
            "\n".join(row.said),
        )
    return table


def document(rows: Sequence[Row]) -> str:
    """``docs/faults.md``."""
    days = sorted({f"{datetime.fromtimestamp(row.at_ms / 1000, UTC):%d %B %Y}" for row in rows if row.at_ms})
    quick = any(row.quick for row in rows)
    command = f"./townwatch bench --faults{' --quick' if quick else ''} --document"
    lines = [
        "# 故障 · Faults",
        "",
        f"Made by `{command}` on {', '.join(days)}: {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}. Do not edit by hand.",
        "",
        "Real processes under `./townwatch up`; a sender of some hundred records a second, some corrected, some sent",
        "twice, keeps what was answered 202 and sends again what was not. Afterwards every accepted version must be in",
        "the event store exactly once and in force as it should be, and the figures must be those of a plain count of",
        "what was accepted. Recovery is the time from the end of the fault (or from the kill) until a record accepted",
        "after it, and everything accepted before, is in the figures.",
        "",
        "`--json FILE` keeps the rows of earlier runs, so a table may be of several runs with `--only`.",
        *(["Faults were shortened (`--quick`); without it they last a minute, the database's five."] if quick else []),
        "",
        "| fault | lasted | accepted | lost | doubled | recovery | `/readyz` and `/system` meanwhile |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        if row.note:
            lines.append(f"| {row.chinese}<br>{row.english} | — | — | — | — | — | not carried out: {_cell(row.note)} |")
            continue
        said = "<br>".join(_cell(one) for one in row.said) or "—"
        lines.append(
            f"| {row.chinese}<br>{row.english} | {_lasted(row)} | {row.accepted:,} | {row.lost} | {row.doubled} "
            f"| {row.recovery_s} s | {said} |"
        )
    lines += ["", "## 应答 · What senders were told", "", "| fault | answers | sentence |", "| --- | --- | --- |"]
    for row in rows:
        told = ", ".join(f"{status} × {count}" for status, count in sorted(row.answers.items()))
        sentences = "<br>".join(
            f"{status}: {_cell(text)}" for status, text in row.sentences.items() if status.isdigit()
        )
        if told:
            lines.append(f"| {row.english} | {told} | {sentences or '—'} |")
    notes = [(row, line) for row in rows for line in (*row.found, *row.wrong)]
    if notes:
        lines += ["", "## 另外 · Besides", "", *(f"- {row.english}: {_cell(line)}" for row, line in notes)]
    return "\n".join(lines) + "\n"


def _lasted(row: Row) -> str:
    return f"{row.lasted_s:g} s" if row.lasted_s else "—"


def _cell(text: str) -> str:
    # The addresses of the namespaces that were made for the cut are nobody's.
    text = re.sub(r"10\.213\.\d+\.\d+", "the other side", text)
    return " ".join(text.split()).replace("|", "\\|")[:240]
