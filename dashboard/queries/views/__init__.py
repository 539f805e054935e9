"""The live views: each module of this package with a ``VIEW`` (or several ``VIEWS``). The hub serves them by name."""

from __future__ import annotations

import importlib
import pkgutil

from dashboard.queries.view import View


def _discover() -> dict[str, View]:
    views = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        found = importlib.import_module(f"{__name__}.{module.name}")
        for view in (getattr(found, "VIEW", None), *getattr(found, "VIEWS", ())):
            if isinstance(view, View):
                views[view.name] = view
    return views


VIEWS: dict[str, View] = _discover()
