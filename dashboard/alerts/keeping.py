"""Alerts that have been over for long leave the database with their steps and what was told outside of them.

Alerts are no record and no figure is made of them: every figure of every day stays as it is. What is not over stays,
however old it is, and so does a message that has not arrived yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Select, delete, exists, select

from dashboard.access.audit import Audit, Kind
from dashboard.domain.day import HOUR
from dashboard.queries.alerting.life import State
from dashboard.stores import tables as t
from dashboard.stores.history import History

AT_ONCE = 500
"""Alerts, or messages, of one transaction: the engine that raises alerts writes to the same tables."""
BY = "system"


class Swept(msgspec.Struct, frozen=True):
    """How many left."""

    alerts: int = 0
    deliveries: int = 0


def sweep(history: History, audit: Audit, now: int, keep_days: int) -> Swept:
    """Let go of alerts that ended ``keep_days`` or longer ago, and of messages that are as old and told of no other.

    ``now`` is the world's clock, ms. What goes is noted in the audit first.

    Raises:
        StoreUnavailable: the database does not answer; what is gone is gone, and another run goes on.
    """
    before = now - keep_days * 24 * HOUR
    alerts = _alerts(history, audit, now, before)
    return Swept(alerts, _deliveries(history, audit, now, before))


def _alerts(history: History, audit: Audit, now: int, before: int) -> int:
    a = t.alert.c
    over = select(a.id).where(a.state == str(State.RESOLVED), a.holds.is_(None), a.changed_at < before)
    belongs = (t.alert_step.c.alert, t.delivery_alert.c.alert, a.id)
    return _let_go(history, audit, now, "alerts", over.order_by(a.changed_at), belongs)


def _deliveries(history: History, audit: Audit, now: int, before: int) -> int:
    d = t.delivery.c
    untold = ~exists().where(t.delivery_alert.c.delivery == d.id)
    over = select(d.id).where(d.state != "waiting", d.made_at < before, untold)
    return _let_go(history, audit, now, "deliveries", over.order_by(d.made_at), (t.delivery_try.c.delivery, d.id))


def _let_go(
    history: History, audit: Audit, now: int, what: str, over: Select[Any], belongs: Sequence[Column[Any]]
) -> int:
    """Delete the rows whose ids ``over`` selects, some at a time, each with what ``belongs`` to it: columns that hold
    its id, the last one its own."""
    own, gone = belongs[-1], 0
    while True:
        with history.reading() as connection:
            due = list(connection.scalars(over.limit(AT_ONCE)))
        if not due:
            return gone
        audit.note(now, BY, Kind.ERASE, what, detail={"why": "retention", "count": len(due)})
        with history.writing() as connection:
            # Asked again: what was raised anew meanwhile stays.
            due = list(connection.scalars(over.where(own.in_(due))))
            for column in belongs:
                connection.execute(delete(column.table).where(column.in_(due)))
        gone += len(due)
        if not due:
            return gone


__all__ = ["Swept", "sweep"]
