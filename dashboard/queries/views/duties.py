"""The list of what is to be done as files, ``/api/v1/export/duties.csv?scope=<town>``, and as a live list."""

from __future__ import annotations

from dashboard.access.policy import Permission
from dashboard.domain.feed import Words
from dashboard.queries.view import View
from dashboard.queries.worklist import build, tables

VIEW = View(
    "duties",
    build,
    filters=(),
    more=("who", "cat", "of"),
    tables=tables,
    title=Words("今日事项", "Due today"),
    needs=Permission.FIGURES,
    cases=True,
    open=True,
)
