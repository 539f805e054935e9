"""What an import says: a table for people, JSON for programs. Numbers are those on the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashboard.domain.place import PlaceKind
from geodata.checks import Finding
from geodata.columns import KIND_WORDS
from geodata.importing import Imported

LISTED = 60
"""Findings that a printed report lists; the rest are counted."""
_LEVELS: Mapping[str, tuple[str, str]] = {
    "error": ("◆ 错误", "bold red"),
    "warning": ("▲ 注意", "yellow"),
    "note": ("说明", "dim"),
}


def counts(found: Imported) -> dict[str, int]:
    """How many of what the pack holds."""
    pack = found.pack
    kinds = {kind.value: sum(1 for place in pack.places if place.kind == kind) for kind in PlaceKind}
    return {
        "towns": len(pack.towns),
        **kinds,
        "beats": len(pack.beats),
        "units": len(pack.units),
        "visit_rules": len(pack.visit_rules),
    }


def headline(found: Imported) -> str:
    """The outcome in one sentence."""
    pack = found.pack
    parts = [f"{len(pack.towns)} 个镇（街道）"]
    for kind, words in KIND_WORDS.items():
        count = sum(1 for place in pack.places if place.kind == kind)
        if count:
            parts.append(f"{words} {count}")
    if pack.beats:
        parts.append(f"巡段 {len(pack.beats)}")
    approximate = "（边界近似）" if pack.approximate else ""
    return f"{pack.name} {pack.region}{approximate}：{'、'.join(parts)}"


def outcome(found: Imported) -> str:
    """How many findings there are of each level."""
    errors, warnings = len(found.of("error")), len(found.of("warning"))
    if not errors and not warnings:
        return "没有问题 · no problems"
    return f"{errors} 处错误、{warnings} 处注意 · {errors} errors, {warnings} warnings"


def show(found: Imported, console: Console) -> None:
    """Print what was read, what was found, and the outcome."""
    for line in found.told:
        console.print(Text(f"· {line}"), soft_wrap=True)
    listed = list(found.findings)[:LISTED]
    if listed:
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("图上", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("什么 · what", overflow="fold")
        table.add_column("位置" if any(one.number for one in listed) else "", no_wrap=True)
        for finding in listed:
            words, style = _LEVELS[finding.level]
            place = f"{finding.lon:.5f}, {finding.lat:.5f}" if finding.lon is not None else ""
            said = Text.assemble(finding.zh, "\n", (finding.en, "dim"))
            table.add_row(str(finding.number or ""), Text(words, style=style), said, place)
        console.print()
        console.print(table)
        if len(found.findings) > LISTED:
            console.print(f"还有 {len(found.findings) - LISTED} 条未列出，全部在 --json · more in --json")
    console.print()
    console.print(Text(headline(found), style="bold"), soft_wrap=True)
    console.print(Text(outcome(found)), soft_wrap=True)


def document(found: Imported, installed: Mapping[str, Any] | None) -> dict[str, Any]:
    """The whole report for a program."""
    pack = found.pack
    return {
        "region": pack.region,
        "name": pack.name,
        "approximate": pack.approximate,
        "counts": counts(found),
        "errors": len(found.of("error")),
        "warnings": len(found.of("warning")),
        "files": list(found.told),
        "findings": [_plain(finding) for finding in found.findings],
        "installed": dict(installed) if installed else None,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(finding)
    return made
