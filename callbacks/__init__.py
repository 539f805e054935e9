"""What pages ask of the server by a click: one module a page, with ``register(app, queries, hub, actions)``."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output
from dash.backends._fastapi import get_current_request

from dashboard.access.viewer import Viewer
from dashboard.live import Hub


async def asker(hub: Hub) -> Viewer | None:
    """Who makes the request that is being answered."""
    found = hub.identify(get_current_request())
    return await found if inspect.isawaitable(found) else found


def answering(app: Dash, hub: Hub, page: str, reply: Callable[[Viewer | None, dict[str, Any]], dict[str, Any]]) -> None:
    """Answer what the page's script puts into ``<page>-ask``; ``townwatch_<page>.answer`` hears it.

    ``reply`` runs off the event loop.
    """

    @app.callback(Output(f"{page}-answer", "data"), Input(f"{page}-ask", "data"), prevent_initial_call=True)
    async def answer(asked: dict[str, Any] | None) -> dict[str, Any]:
        return await asyncio.to_thread(reply, await asker(hub), asked or {})

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction(f"townwatch_{page}", "answer"),
        Output(f"{page}-heard", "data"),
        Input(f"{page}-answer", "data"),
        prevent_initial_call=True,
    )


__all__ = ["answering", "asker"]
