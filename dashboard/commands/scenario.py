"""``./townwatch scenario``: the reports' days replayed and held against the reports' own figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard.commands.common import Bar, Data

scenario = typer.Typer(no_args_is_help=True, help="场景 · scenarios.")


@scenario.command("list")
def scenario_list(data: Data = None) -> None:
    """有哪些场景 · which scenarios there are."""
    from geodata.library import bundled_pack
    from geodata.pack import load_pack
    from ingest.scenarios import SCENARIOS, scenario_named

    for name, (region, _) in SCENARIOS.items():
        path = bundled_pack(region)
        if path is not None:
            found = scenario_named(name, load_pack(path).pack)
            typer.echo(f"{name}\t{found.words.zh} · {found.words.en}")


@scenario.command("check")
def scenario_check(
    names: Annotated[list[str] | None, typer.Argument(help="场景名 · scenarios.")] = None,
    every: Annotated[bool, typer.Option("--all", help="全部场景 · every scenario.")] = False,
    drop: Annotated[float, typer.Option(min=0, max=0.5, help="丢掉多大一部分记录 · share of records dropped.")] = 0.0,
    shuffle: Annotated[bool, typer.Option(help="打乱到达次序 · arrive in another order.")] = False,
    twice: Annotated[float, typer.Option(min=0, max=0.5, help="重复多大一部分 · share sent twice.")] = 0.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="结果写入文件 · write results.")] = None,
    data: Data = None,
) -> None:
    """重放场景，逐条核对报告里的数 · replays scenarios and checks every figure of their reports."""
    from geodata.library import BUNDLED_PACK, bundled_pack
    from geodata.pack import load_pack
    from ingest.scenarios import SCENARIOS, scenario_named
    from ingest.scenarios import check as checker

    chosen = list(SCENARIOS) if every or not names else names
    results: list[dict[str, Any]] = []
    missed = 0
    for name in chosen:
        path = bundled_pack(SCENARIOS[name][0]) if name in SCENARIOS else None
        region = load_pack(path or BUNDLED_PACK)
        scenario = scenario_named(name, region.pack)
        with Bar(f"{name}") as bar:
            expected = scenario.expected(scenario.warm_from, scenario.end)
            done = 0

            def tell(count: int, bar: Bar = bar, expected: int = expected) -> None:
                nonlocal done
                done += count
                bar(min(done, expected), expected)

            verdicts = checker.check(scenario, region, drop=drop, shuffle=shuffle, twice=twice, tell=tell, beside=data)
        for one in verdicts:
            mark = "达到 met" if one.met else "未达到 MISSED"
            computed = "—" if one.computed is None else f"{one.computed:g}"
            typer.echo(f"{one.report}\t{one.operation}\t{one.unit}\t{one.qualifier} {one.stated}\t{computed}\t{mark}")
        missed += sum(1 for one in verdicts if not one.met)
        results += checker.as_results(verdicts)
    if json_file is not None:
        json_file.write_text(json.dumps(results, ensure_ascii=False, indent=1), encoding="utf-8")
    typer.echo(f"{len(results) - missed} / {len(results)} 达到 met")
    if missed:
        raise typer.Exit(1)
