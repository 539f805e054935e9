"""Who can see what: every page, route, view and export of the application itself, for every role. Nothing is listed
by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from dashboard.access.policy import ROLE_WORDS, WORDS, Needs, Open, Permission, Role, allows, permits
from dashboard.access.viewer import Viewer
from dashboard.api.guard import Door
from dashboard.queries.view import View

ROLES = (Role.ADMINISTRATOR, Role.CHIEF, Role.OFFICER, Role.CLERK, Role.LEADER, Role.WALL, Role.API)
KINDS = {
    "page": ("页面", "Page"),
    "route": ("接口", "Route"),
    "view": ("实时视图", "Live view"),
    "export": ("导出", "Export"),
    "cases": ("单条个案", "Single cases"),
}
OPEN_WORDS: Mapping[Open, tuple[str, str]] = {
    Open.PUBLIC: ("不需要（不含本地区的任何数据）", "nothing (it holds nothing of the region)"),
    Open.SIGNED: ("登录", "being signed in"),
    Open.WRITER: ("写入令牌", "a writer's token"),
    Open.MIXED: ("写入令牌，或“导入”权限", "a writer's token, or the permission to import"),
    Open.MACHINE: ("本机程序，或“看系统状态”权限", "a program of this machine, or the permission to see the system"),
}
REACH = {"all": ("须管全部", "all towns only"), "own": ("所管镇街", "their towns"), "no": ("—", "—")}
"""How far a thing opens: only for accounts of every town, for the towns that the account is for, not at all."""


class PageLike(Protocol):
    """What the matrix asks of a page."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def path(self) -> Any:
        """Its path, a compiled pattern."""
        ...

    @property
    def needs(self) -> Needs | None:
        """What it needs."""
        ...

    def lets(self, viewer: Viewer | None) -> bool:
        """Whether it opens."""
        ...


class Line(msgspec.Struct, frozen=True):
    """One thing, what it needs, and for each role how far it opens: ``all``, ``own``, ``no``."""

    kind: str
    name: str
    needs: str
    reach: dict[str, str]


def sample(role: Role, towns: Iterable[str] | None) -> Viewer:
    """Somebody of a role and scope."""
    return Viewer("?", frozenset({role}), None if towns is None else frozenset(towns))


def lines(pages: Sequence[PageLike], doors: Sequence[Door], views: Mapping[str, View]) -> Iterator[Line]:
    """Every line, pages first."""
    here = "-"

    for page in pages:
        found = {role.value: reach(page.lets(sample(role, None)), page.lets(sample(role, {here}))) for role in ROLES}
        yield Line("page", _path(page.path.pattern), declared(page.needs), found)
    for door in doors:
        found = {
            role.value: reach(permits(sample(role, None), door.needs), permits(sample(role, {here}), door.needs))
            for role in ROLES
        }
        yield Line("route", f"{' '.join(sorted(door.methods - {'HEAD'}))} {door.path}", declared(door.needs), found)
    for view in views.values():
        found = {
            role.value: reach(view.lets(sample(role, None), "all"), view.lets(sample(role, {here}), here))
            for role in ROLES
        }
        yield Line("view", view.name, declared(view.needs), found)
    for view in views.values():
        if view.tables is not None:
            yield _both("export", f"{view.name}.csv / .xlsx", view, Permission.EXPORT, here)
    for view in views.values():
        if view.cases:
            yield _both("cases", view.name, view, Permission.CASES, here)


def reach(whole: bool, some: bool) -> str:
    """How far a role's right goes, by what one with every town and one with a single town may do."""
    return "own" if some else "all" if whole else "no"


def _both(kind: str, name: str, view: View, further: Permission, here: str) -> Line:
    """What needs a permission besides the view's own."""
    found = {}
    for role in ROLES:
        whole, some = sample(role, None), sample(role, {here})
        found[role.value] = reach(
            allows(whole, further) and view.lets(whole, "all"), allows(some, further) and view.lets(some, here)
        )
    return Line(kind, name, f"{declared(view.needs)} + {further.value}", found)


def declared(what: Needs | None) -> str:
    """A declaration as a word of the table."""
    return "undeclared" if what is None else what.value


def needs_words(code: str, lang: str) -> str:
    """A declaration in words."""
    at = 1 if lang == "en" else 0
    parts = []
    for one in code.split(" + "):
        if one in {permission.value for permission in Permission}:
            parts.append(WORDS[Permission(one)][at])
        elif one in {door.value for door in Open}:
            parts.append(OPEN_WORDS[Open(one)][at])
        else:
            parts.append("没有声明，谁也不能用" if at == 0 else "declares nothing: nobody")
    return ("、" if at == 0 else ", ").join(parts)


def as_csv(found: Iterable[Line], lang: str) -> bytes:
    """The table as CSV with a BOM."""
    at = 1 if lang == "en" else 0
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = ("种类", "名称", "需要的权限") if at == 0 else ("kind", "name", "needs")
    writer.writerow([*head, *(ROLE_WORDS[role][at] for role in ROLES)])
    for line in found:
        reach = (REACH[line.reach[role.value]][at] for role in ROLES)
        writer.writerow([KINDS[line.kind][at], line.name, needs_words(line.needs, lang), *reach])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def document(found: Iterable[Line], lang: str) -> dict[str, Any]:
    """The table as the page draws it."""
    at = 1 if lang == "en" else 0
    return {
        "roles": [{"role": role.value, "name": ROLE_WORDS[role][at]} for role in ROLES],
        "reach": {key: words[at] for key, words in REACH.items()},
        "lines": [
            {
                "kind": line.kind,
                "kind_name": KINDS[line.kind][at],
                "name": line.name,
                "needs": line.needs,
                "needs_name": needs_words(line.needs, lang),
                "reach": line.reach,
            }
            for line in found
        ],
    }


def _path(pattern: str) -> str:
    """A page's pattern as an address."""
    for name in ("code", "feed"):
        start = pattern.find(f"(?P<{name}>")
        if start < 0:
            continue
        end, depth = start, 0
        while True:
            depth += {"(": 1, ")": -1}.get(pattern[end], 0)
            end += 1
            if not depth:
                break
        return (pattern[:start] + f"{{{name}}}" + pattern[end:]).replace("(?:", "").replace(")?", "")
    return pattern
