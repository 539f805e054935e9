"""``./townwatch bench``: every benchmark in turn, a table for people and a list for machines.

``--quick`` takes a few minutes; without it, as with ``--all``, everything is measured at full size, which takes half an
hour where the databases of many records have to be made first (``--keep DIR`` keeps them for the next run).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import (
    bench_gateway,
    bench_keeping,
    bench_latency,
    bench_micro,
    bench_scale,
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
    "memory": bench_workers.memory,
    "keeping": bench_keeping.measure,
}


def main(
    quick: bool, everything: bool, json_path: Path | None, only: str | None = None, keep: Path | None = None
) -> int:
    """Measure, print the table, write the JSON. Returns 1 when one failed, not for a missed goal.

    ``only``: names of benchmarks with commas between them; ``keep``: where databases of many records are kept.

    Raises:
        ConfigurationError: there is no benchmark of such a name.
    """
    chosen = _chosen(only)
    # Ended from outside it still ends its processes and removes its directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The table is read in log files too, where a console calls itself 80 columns wide.
    console = Console(width=max(Console().width, 140))
    size = msgspec.structs.replace(QUICK if quick and not everything else FULL, keep=keep)
    found: list[Outcome] = []
    failed = False
    for name, measure in chosen.items():
        start = time.monotonic()
        try:
            found += measure(size)
        except Exception as error:
            failed = True
            found.append(Outcome(name, None, "", note=_why(error)))
        console.print(f"[镇哨] {name}: {time.monotonic() - start:.0f} s", highlight=False)
    console.print(_table(found))
    for one in found:
        if one.note:
            console.print(f"{one.name}: {one.note}", highlight=False, markup=False)
        if one.met is False:
            console.print(
                f"没有达到 · missed: {one.name}: {_number(one.value)} {one.unit}", highlight=False, markup=False
            )
    if json_path is not None:
        json_path.write_bytes(msgspec.json.format(msgspec.json.encode([one.document() for one in found])) + b"\n")
    return 1 if failed else 0


def _chosen(only: str | None) -> dict[str, Benchmark]:
    if only is None:
        return BENCHMARKS
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names or [""]:
        if name not in BENCHMARKS:
            known = "、".join(BENCHMARKS)
            raise ConfigurationError(
                f"--only 里有“{name}”，可用的有 {known} · --only: there is no “{name}”; there are {', '.join(BENCHMARKS)}."
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
