"""Who may do what: one table, asked by everybody. What is not granted here is refused.

Pages, routes and views declare the permission that they need (``Page.needs``, :func:`needs`, ``View.needs``); one that
declares none is refused at run time, and ``tests/engine/test_matrix.py`` finds it before that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from dashboard.errors import NotAllowed

ALL = "all"


class Role(StrEnum):
    """Roles of DOMAIN.md §1."""

    WALL = "wall"
    CLERK = "clerk"
    OFFICER = "officer"
    CHIEF = "chief"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"
    API = "api"


class Permission(StrEnum):
    """What a page, a route, a view or an act may need."""

    WALL = "wall"
    """Look at the wall: aggregates of the region, and nothing else."""
    FIGURES = "figures"
    """Figures of the towns one sees."""
    CASES = "cases"
    """Single records of those towns."""
    RECORD = "record"
    """Enter records by hand."""
    IMPORT = "import"
    """Import tables."""
    ACT = "act"
    """Acknowledge, finish, postpone and hand over what is to be done."""
    ASSIGN = "assign"
    """Give it to somebody else."""
    POST_HOURS = "post_hours"
    """Change the duty hours of a town's own checkpoints."""
    GOVERN = "govern"
    """Change every rule and place."""
    EXPORT = "export"
    """Take tables away as files."""
    RELEASE = "release"
    """Publish a snapshot."""
    ADMINISTER = "administer"
    """Accounts, devices, tokens, sessions."""
    AUDIT = "audit"
    """Read the audit."""
    REVEAL = "reveal"
    """Open a contact of a case; the vault asks besides whose case it is."""
    SYSTEM = "system"
    """The state of the machine itself."""


P = Permission
_LOOKING = frozenset({P.WALL, P.FIGURES, P.EXPORT})
_CLERK = _LOOKING | {P.CASES, P.RECORD, P.IMPORT}
_OFFICER = _CLERK | {P.ACT, P.REVEAL}
_LEADING = frozenset({P.ACT, P.ASSIGN, P.GOVERN, P.POST_HOURS, P.RELEASE, P.SYSTEM})

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.WALL: frozenset({P.WALL}),
    Role.CLERK: _CLERK,
    Role.OFFICER: _OFFICER,
    Role.CHIEF: _OFFICER | _LEADING,
    # Leaders see how it stands and whose turn it is, not the single records (DOMAIN.md §9).
    Role.LEADER: _LOOKING | _LEADING,
    # A contact is opened by those who have the case, and running the machine is no case.
    Role.ADMINISTRATOR: _CLERK | _LEADING | {P.ADMINISTER, P.AUDIT},
    Role.API: _LOOKING | {P.CASES, P.SYSTEM},
}
"""The table. Whatever a role is not given here, it may not do."""

WHOLE = frozenset({P.GOVERN, P.ADMINISTER, P.AUDIT, P.SYSTEM, P.WALL})
"""Permissions that are of the region as one: viewers of some towns only do not have them."""


class HasRoles(Protocol):
    """What the policy asks of a viewer."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def roles(self) -> frozenset[Role]:
        """What it is."""
        ...

    @property
    def towns(self) -> frozenset[str] | None:
        """Where; ``None``: everywhere."""
        ...


def allows(viewer: HasRoles | None, permission: Permission | None, town: str | None = None) -> bool:
    """Whether a viewer may do something, in a town if one is named (``all``: in every town).

    Nobody may do what nobody has declared: ``None`` for the viewer or for the permission is refused.
    """
    if viewer is None or permission is None:
        return False
    if viewer.towns is not None and (permission in WHOLE or (town is not None and town not in viewer.towns)):
        return False
    return any(permission in _granted(role, viewer) for role in viewer.roles)


def _granted(role: Role, viewer: HasRoles) -> frozenset[Permission]:
    granted = GRANTS.get(role, frozenset())
    # A chief's own posts are the chief's; a leader of some towns governs none of them.
    if viewer.towns is not None and role is not Role.CHIEF:
        return granted - {P.POST_HOURS}
    return granted


def require(viewer: HasRoles | None, permission: Permission | None, town: str | None = None) -> None:
    """Raise unless :func:`allows`.

    Raises:
        NotAllowed: one sentence that says what is missing.
    """
    if allows(viewer, permission, town):
        return
    if viewer is None:
        raise NotAllowed("请先登录 · Sign in first.")
    if permission is None:
        raise NotAllowed("这里没有声明谁可以使用，因此谁也不能用 · Nobody may use what declares no permission.")
    zh, en = WORDS[permission]
    where = "" if town is None else f"（{'全部镇（街道）' if town == ALL else town}）"
    who = [words for role, words in ROLE_WORDS.items() if permission in GRANTS[role] and role is not Role.API]
    raise NotAllowed(
        f"你没有“{zh}”的权限{where}，{'、'.join(one[0] for one in who)}才有，需要时请找管理员"
        f" · You may not {en} here: that is for {', '.join(one[1].lower() for one in who)}; ask the administrator."
    )


WORDS: Mapping[Permission, tuple[str, str]] = {
    P.WALL: ("看大屏", "look at the wall"),
    P.FIGURES: ("看数字", "see figures"),
    P.CASES: ("看单条记录", "see single records"),
    P.RECORD: ("登记", "enter records"),
    P.IMPORT: ("导入", "import tables"),
    P.ACT: ("签收和办结", "take and finish what is to be done"),
    P.ASSIGN: ("派单", "assign work"),
    P.POST_HOURS: ("改值守时段", "change duty hours"),
    P.GOVERN: ("改规则和地点", "change rules and places"),
    P.EXPORT: ("导出", "export"),
    P.RELEASE: ("发布简报", "publish snapshots"),
    P.ADMINISTER: ("管理账号", "administer accounts"),
    P.AUDIT: ("查审计", "read the audit"),
    P.REVEAL: ("看联系方式", "open contacts"),
    P.SYSTEM: ("看系统状态", "see the system"),
}
"""Each permission in Chinese and English, as pages and refusals call it."""

ROLE_WORDS: Mapping[Role, tuple[str, str]] = {
    Role.WALL: ("大屏", "Wall"),
    Role.CLERK: ("内勤", "Clerk"),
    Role.OFFICER: ("民警", "Officer"),
    Role.CHIEF: ("所长", "Chief"),
    Role.LEADER: ("领导", "Leader"),
    Role.ADMINISTRATOR: ("管理员", "Administrator"),
    Role.API: ("读取令牌", "Reader's token"),
}
"""Each role as pages call it."""


class Open(StrEnum):
    """Doors that ask nobody for a permission, each for its reason."""

    PUBLIC = "public"
    """Answers everybody, and holds nothing of the region: sign-in, health, assets."""
    SIGNED = "signed"
    """Answers whoever is known at all: one's own account, the frame of pages."""
    WRITER = "writer"
    """Asks for a writer's token itself, record by record."""
    MIXED = "mixed"
    """Takes a writer's token or a viewer, and asks for the permission itself."""
    MACHINE = "machine"
    """Answers programs of this very machine, and others with the permission ``system``."""


Needs = Permission | Open
F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__needs__"


def needs(what: Needs) -> Callable[[F], F]:
    """Declare what a route needs; written directly above the function, below ``@routes.get(...)``."""

    def mark(function: F) -> F:
        setattr(function, _MARK, what)
        return function

    return mark


def needed(function: object) -> Needs | None:
    """What a route's function declares; ``None``: nothing, so that nobody may."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Permission | Open) else None


def permits(viewer: HasRoles | None, what: Needs | None) -> bool:
    """Whether a door with this declaration opens for a viewer at all."""
    if what is None:
        return False
    if isinstance(what, Permission):
        return allows(viewer, what)
    if what is Open.MACHINE:
        return allows(viewer, Permission.SYSTEM)
    return viewer is not None if what is Open.SIGNED else True
