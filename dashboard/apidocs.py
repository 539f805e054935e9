"""The page ``/api/docs``: the OpenAPI schema as one plain document, with nothing fetched from another host."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#16191d;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid #e0e4e8;padding-bottom:.25rem}
details{border:1px solid #e0e4e8;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}
code,pre{font:13px/1.45 monospace}pre{background:#f5f6f8;padding:.6rem;border-radius:6px;overflow:auto}
.m{display:inline-block;min-width:4rem;font-weight:700;color:#1f5aa8}td,th{text-align:left;padding:.2rem .8rem .2rem 0;
vertical-align:top}
"""


def docs_page(schema: Mapping[str, Any]) -> str:
    """The document, grouped by tag in the order of the schema."""
    groups: dict[str, list[str]] = {}
    for path, operations in schema.get("paths", {}).items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    info = schema.get("info", {})
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(entries)}" for tag, entries in groups.items())
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(info.get('title', 'API'))} API</title>"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(info.get('title', 'API'))} API</h1><p>{escape(info.get('description', ''))}</p>"
        '<p>The same as a machine reads it: <a href="/api/openapi.json">/api/openapi.json</a>.</p>'
        f"{body}</body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(given['name'])}</code></td><td>{escape(given['in'])}</td>"
        f"<td>{'required' if given.get('required') else 'optional'}</td>"
        f"<td>{escape(_kind(given.get('schema', {})))}</td>"
        f"<td>{escape(given.get('description', ''))}</td></tr>"
        for given in operation.get("parameters", [])
    )
    answers = "".join(
        f"<tr><td><code>{escape(code)}</code></td><td>{escape(answer.get('description', ''))}</td></tr>"
        for code, answer in operation.get("responses", {}).items()
    )
    bodies = ", ".join(operation.get("requestBody", {}).get("content", {}))
    return (
        f'<details><summary><span class="m">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', '')).replace(chr(10), '<br>')}</p>"
        + (f"<p>Body: <code>{escape(bodies)}</code></p>" if bodies else "")
        + (f"<table>{rows}</table>" if rows else "")
        + (f"<table>{answers}</table>" if answers else "")
        + "</details>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return str(schema.get("format") or schema.get("type") or "")
