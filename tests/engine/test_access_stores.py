"""Accounts, sessions, walls, tokens, throttling and the retention of alerts on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, insert, select

from dashboard.access.accounts import AccountStore
from dashboard.access.audit import Audit, Wanted
from dashboard.access.devices import CODE_MS, DeviceStore
from dashboard.access.policy import Permission, Role, allows
from dashboard.access.sessions import SessionStore
from dashboard.access.throttle import ACCOUNT, Throttle
from dashboard.access.tokens import TokenStore
from dashboard.alerts.keeping import sweep
from dashboard.domain.day import HOUR
from dashboard.errors import ConfigurationError
from dashboard.queries.alerting.life import State
from dashboard.stores import tables as t
from dashboard.stores.history import History, migrate, open_engine
from tests.engine.core import DAYUN, NOON, YAOZHUANG
from tests.engine.people import PASSWORD

NOW = 1_700_000_000_000
DAY = 24 * HOUR


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with all tables, of each kind in turn."""
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


def test_people_walls_and_programs_come_in_and_end(engine: Engine) -> None:
    accounts, sessions = AccountStore(engine), SessionStore(engine)
    accounts.create(NOW, "秦月", [Role.ADMINISTRATOR], None, password=PASSWORD)
    accounts.create(NOW, "沈立", [Role.CHIEF], [YAOZHUANG], staff="P-1")
    with pytest.raises(ConfigurationError):
        accounts.create(NOW, "沈立", [Role.CHIEF], [YAOZHUANG])
    with pytest.raises(ConfigurationError):
        accounts.disable(NOW, "秦月")
    assert accounts.check("秦月", PASSWORD) is not None
    assert accounts.check("秦月", PASSWORD + "x") is None
    assert accounts.linked(NOW, accounts.link(NOW, "沈立")) == "沈立"
    # Sessions: the one that a browser came with ends; other rights, and a new password, end them all.
    first = sessions.open(NOW, "沈立")
    second = sessions.open(NOW, "沈立", agent="Firefox/1 Linux", address="::1", instead=first)
    assert sessions.viewer(first, NOW) is None
    viewer = sessions.viewer(second, NOW)
    assert viewer is not None
    assert allows(viewer, Permission.CASES, YAOZHUANG)
    assert not allows(viewer, Permission.CASES, DAYUN)
    assert [one.key for one in sessions.all(NOW)] == [viewer.session]
    for change in (
        lambda: accounts.change(NOW, "沈立", roles=[Role.LEADER]),
        lambda: accounts.change(NOW, "沈立", towns=[DAYUN]),
        lambda: accounts.set_password(NOW, "沈立", PASSWORD),
        lambda: accounts.disable(NOW, "沈立"),
    ):
        secret = sessions.open(NOW, "沈立")
        accounts.change(NOW, "沈立", name_en="Shen Li")
        sessions.forget()
        assert sessions.viewer(secret, NOW) is not None
        change()
        sessions.forget()
        assert sessions.viewer(secret, NOW) is None
    assert sessions.end_key("%" * 16) == 0
    # Walls: a code that is shown, once, and until it is revoked.
    devices = DeviceStore(engine)
    secret, code = devices.ask(NOW, "127.0.0.1")
    with pytest.raises(ConfigurationError):
        devices.approve(NOW + CODE_MS, code, "大厅", "秦月")
    wall = devices.approve(NOW, code, "大厅", "秦月")
    shown = DeviceStore(engine).viewer(secret, NOW + 400 * DAY)
    assert shown is not None
    assert shown.roles == {Role.WALL}
    devices.revoke(NOW, wall.label)
    assert devices.viewer(secret, NOW) is None
    # Tokens: rotated with an overlap, over by time, revoked.
    tokens = TokenStore(engine)
    old = tokens.create(NOW, source="gate", towns=[YAOZHUANG], expires_at=NOW + DAY)
    grant = tokens.check(old, NOW)
    assert grant is not None
    new = tokens.rotate(grant.label, NOW, HOUR)
    fresh = TokenStore(engine)
    assert fresh.check(old, NOW + HOUR - 1) is not None
    assert TokenStore(engine).check(old, NOW + HOUR) is None
    follower = fresh.check(new, NOW + 2 * DAY)
    assert follower is not None
    assert (follower.source, follower.towns) == ("gate", frozenset({YAOZHUANG}))
    fresh.revoke(follower.label, NOW)
    assert TokenStore(engine).check(new, NOW) is None
    # Guessing.
    throttle = Throttle(engine)
    for _ in range(ACCOUNT.free + 1):
        throttle.failed(NOW, "沈立", "10.0.0.9")
    assert throttle.wait(NOW, "沈立", "10.0.0.8") > 0
    assert throttle.wait(NOW, "秦月", "10.0.0.8") == 0
    throttle.passed(NOW, "沈立")
    assert throttle.wait(NOW, "沈立", "10.0.0.8") == 0


def _alert(name: str, changed: int, state: State = State.RESOLVED, holds: str | None = None) -> dict[str, object]:
    return {
        "id": name, "holds": holds, "rule": "dispute.overdue", "feed": "dispute", "town": YAOZHUANG,
        "severity": "alert", "state": str(state), "changed_at": changed, "raised_at": changed, "body": b"",
    }  # fmt: skip


def test_alerts_that_are_long_over_leave_with_their_steps_and_messages(engine: Engine) -> None:
    history, audit, old = History(engine), Audit(engine), NOON - 401 * DAY
    alerts = [_alert(f"old{n}", old - n) for n in range(700)]
    alerts += [_alert("young", NOON - DAY), _alert("open", old, State.OPEN, "cause"), _alert("held", old, holds="x")]
    sent = {"channel": "desk", "kind": "raised", "about": "x", "town": YAOZHUANG, "tries": 1, "due_at": 0, "body": "{}"}
    messages = [("gone", old, "sent"), ("dead", old, "dead"), ("waiting", old, "waiting"), ("shared", old, "sent")]
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        connection.execute(insert(t.alert), alerts)
        steps = [{"alert": one["id"], "n": 1, "at": old, "what": "raised", "who": "", "detail": "{}"} for one in alerts]
        connection.execute(insert(t.alert_step), steps)
        connection.execute(
            insert(t.delivery), [{**sent, "id": name, "made_at": at, "state": state} for name, at, state in messages]
        )
        tried = {"n": 1, "at": old, "outcome": "sent", "told": "", "took_ms": 1}
        connection.execute(insert(t.delivery_try), [{**tried, "delivery": name} for name, *_ in messages])
        told = [("old1", name) for name, *_ in messages] + [("young", "shared")]
        connection.execute(insert(t.delivery_alert), [{"alert": one, "delivery": name} for one, name in told])
    assert sweep(history, audit, NOON, 402) == sweep(history, audit, NOON, 3650)
    done = sweep(history, audit, NOON, 400)
    assert (done.alerts, done.deliveries) == (700, 2)
    again = sweep(history, audit, NOON, 400)
    assert (again.alerts, again.deliveries) == (0, 0)
    with engine.connect() as connection:
        assert set(connection.scalars(select(t.alert.c.id))) == {"young", "open", "held"}
        assert set(connection.scalars(select(t.alert_step.c.alert))) == {"young", "open", "held"}
        assert set(connection.scalars(select(t.delivery.c.id))) == {"waiting", "shared"}
        assert set(connection.scalars(select(t.delivery_try.c.delivery))) == {"waiting", "shared"}
        assert connection.scalar(select(func.count()).select_from(t.delivery_alert)) == 1
    rows = audit.rows(Wanted(kind="erase"))
    assert sorted((one.what, one.detail["count"]) for one in rows) == [
        ("alerts", 200), ("alerts", 500), ("deliveries", 2),
    ]  # fmt: skip
    assert audit.verify().whole
