"""``./townwatch bench``: every benchmark in turn, a table for people and a list for machines.

``--quick`` takes a few minutes; without it, as with ``--all``, everything is measured at full size, which takes half an
hour where the databases of many records have to be made first (``--keep DIR`` keeps them for the next run).
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import (
    bench_gateway,
    bench_keeping,
    bench_latency,
    bench_micro,
    bench_scale,
    bench_snapshot,
    bench_sockets,
    bench_whole,
    bench_worker,
    bench_workers,
)
from benchmarks.outcome import FULL, QUICK, Outcome, Size
from dashboard.errors import ConfigurationError, TownwatchError

Benchmark = Callable[[Size], Iterator[Outcome]]

BENCHMARKS: dict[str, Benchmark] = {
    "gateway": bench_gateway.measure,
    "worker": bench_worker.measure,
    "workers": bench_workers.measure,
    "whole": bench_whole.measure,
    "latency": bench_latency.measure,
    "sockets": bench_sockets.measure,
    "micro": bench_micro.measure,
    "scale": bench_scale.measure,
    "snapshot": bench_snapshot.measure,
    "memory": bench_workers.memory,
    "keeping": bench_keeping.measure,
}


def main(
    quick: bool, everything: bool, json_path: Path | None, only: str | None = None, keep: Path | None = None
) -> int:
    """Measure, print the table, write the JSON. Returns 1 when one failed, not for a missed goal.

    ``only``: names of benchmarks with commas between them; the lines of others stay in the JSON file as they are, so
    that a run can be carried on. ``keep``: where databases of many records are kept. At full size, the table in
    ``docs/benchmarks.md`` is made of the JSON file's lines, and names the benchmarks that it has none of.

    Raises:
        ConfigurationError: there is no benchmark of such a name, or the JSON file is another's.
    """
    chosen = _chosen(only)
    earlier = _lines(json_path) if only is not None and json_path is not None else []
    # Ended from outside it still ends its processes and removes its directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The table is read in log files too, where a console calls itself 80 columns wide.
    console = Console(width=max(Console().width, 140))
    size = msgspec.structs.replace(QUICK if quick and not everything else FULL, keep=keep)
    found: list[Outcome] = []
    lines: list[Line] = []
    failed = False
    for name, measure in chosen.items():
        start = time.monotonic()
        told: list[Outcome] = []
        try:
            told.extend(measure(size))
        except Exception as error:
            failed = True
            told.append(Outcome(name, None, "", note=_why(error)))
        found += told
        lines += [{"bench": name, **one.document()} for one in told]
        if json_path is not None:
            # At once: what was measured before something stops the run is not lost.
            _write(json_path, _merged(earlier, lines))
        console.print(f"[镇哨] {name}: {time.monotonic() - start:.0f} s", highlight=False)
    console.print(_table(found))
    for one in found:
        if one.note:
            console.print(f"{one.name}: {one.note}", highlight=False, markup=False)
        if one.met is False:
            console.print(
                f"没有达到 · missed: {one.name}: {_number(one.value)} {one.unit}", highlight=False, markup=False
            )
    whole = _merged(earlier, lines)
    if size.events == FULL.events and not failed:
        document(whole, DOCUMENT)
    return 1 if failed else 0


Line = dict[str, Any]
"""One line of the JSON file."""
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- made by ./townwatch bench: do not edit -->", "<!-- end -->"


def _lines(path: Path) -> list[Line]:
    if not path.exists():
        return []
    try:
        found: list[Line] = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"{path} 不是上次测试的结果（{error}），请换一个文件"
            f" · --json: {path} is no earlier result; name another file."
        ) from None
    return [line for line in found if line.get("bench") in BENCHMARKS]


def _merged(earlier: Sequence[Line], lines: Sequence[Line]) -> list[Line]:
    """Lines of this run in the place of an earlier run's, in the benchmarks' order."""
    measured = {line["bench"] for line in lines}
    every = [*(line for line in earlier if line["bench"] not in measured), *lines]
    order = list(BENCHMARKS)
    return sorted(every, key=lambda line: order.index(line["bench"]))


def _write(path: Path, lines: Sequence[Line]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(lines))) + b"\n")


def document(lines: Sequence[Line], path: Path) -> None:
    """Put the table of these lines into a page, between its two marks."""
    rows = [
        "| bench | what | value | goal | baseline | ratio | met |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    notes = []
    for line in lines:
        one = Outcome(**{name: line[name] for name in ("name", "value", "unit", "goal", "baseline", "at_most", "note")})
        met = {True: "yes", False: "**missed**", None: "—"}[one.met]
        ratio = "—" if one.ratio is None else f"{one.ratio:.2f}"
        goal = "—" if one.goal is None else f"{'≤' if one.at_most else '≥'} {_number(one.goal)}"
        value = f"{_number(one.value)} {one.unit}"
        rows.append(f"| {line['bench']} | {one.name} | {value} | {goal} | {_number(one.baseline)} | {ratio} | {met} |")
        if one.note:
            notes.append(f"- {one.name}: {one.note}")
    kind = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}."
    missing = ", ".join(name for name in BENCHMARKS if name not in {line["bench"] for line in lines})
    if missing:
        notes.append(f"- Not measured in these runs: {missing}.")
    made = "\n".join([BEGIN, "", kind, "", *rows, "", *notes, "", END])
    text = path.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    path.write_text(head + made + rest.partition(END)[2], "utf-8")


def _chosen(only: str | None) -> dict[str, Benchmark]:
    if only is None:
        return BENCHMARKS
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names or [""]:
        if name not in BENCHMARKS:
            raise ConfigurationError(
                f"--only 里有“{name}”，可用的有 {'、'.join(BENCHMARKS)}"
                f" · --only: there is no “{name}”; there are {', '.join(BENCHMARKS)}."
            )
    return {name: BENCHMARKS[name] for name in names}


def _why(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error.sentence if isinstance(error, TownwatchError) else f"{type(error).__name__}: {error}"


def _table(found: list[Outcome]) -> Table:
    table = Table(title=f"镇哨性能 · Townwatch benchmarks ({os.cpu_count()} cores)")
    table.add_column("项目 · what", no_wrap=True)
    for heading in ("结果 · value", "目标 · goal", "基线 · baseline", "比值 · ratio"):
        table.add_column(heading, justify="right")
    table.add_column("达标 · met")
    for one in found:
        goal = "" if one.goal is None else f"{'≤' if one.at_most else '≥'} {_number(one.goal)}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        met = {True: "是 · yes", False: "否 · missed", None: "—"}[one.met]
        table.add_row(one.name, f"{_number(one.value)} {one.unit}", goal, _number(one.baseline), ratio, met)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
