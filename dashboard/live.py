"""The hub: Redis change -> view -> sockets. One per web process; every view is computed once, however many watch it.

The protocol is ``docs/explanation/live-views.md``. The hub knows nothing of Redis, Dash or any single view: it is told
that something changed, asks the board source for one consistent moment per viewer scope, lets each subscribed view
make a document of it in a thread, and gives every subscriber of a topic (view, scope, language, viewer scope) the same
string object. A slow subscriber has one slot per topic in which the latest wins: it never queues and never grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dashboard.access.viewer import LOCAL_VIEWER, Viewer
from dashboard.clock import Clock
from dashboard.queries.asked import BadParams, Moments, Params, canonical
from dashboard.queries.view import View

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dashboard.queries.board import Board

ROUND_S = 0.2
"""Least time between two computations of a topic: at once when idle, then five times a second."""
STALL_S = 30.0
"""A socket that takes nothing for this long is closed; its page reconnects if it still lives."""
MAX_SLOTS = 64
"""Subscriptions (and waiting texts) one socket may have; the largest page needs three."""
MAX_ASKED = 8
"""Parametrised subscriptions one socket may have: each is a computation of its own."""
PAST_AT_ONCE = 2
"""Past moments computed at the same time: they read the database, and the present must not wait for them."""
CLOSE_SESSION = 4401
CLOSE_ABUSE = 4408
LANGUAGES = ("zh", "en")

log = structlog.get_logger(__name__)


class BoardSource(Protocol):
    """Where boards come from; ``dashboard.queries.reader`` implements it on Redis."""

    async def board(self, viewer: Viewer) -> Board:
        """One consistent moment of everything that the viewer may see."""
        ...

    def changes(self) -> AsyncIterator[object]:
        """Yields whenever figures may have changed; may end or raise when the line is lost (the hub asks again)."""
        ...


Identify = Callable[[HTTPConnection], "Viewer | None | Awaitable[Viewer | None]"]
Recheck = Callable[[Viewer], "bool | Awaitable[bool]"]


class Request(msgspec.Struct, frozen=True):
    """What a page may say."""

    do: str
    view: str = ""
    scope: str = "all"
    lang: str = "zh"
    params: dict[str, str] = {}


class Envelope(msgspec.Struct, frozen=True, tag="view", tag_field="type", omit_defaults=True):
    """One view's document on its way; ``seq`` is the board's ``known_seq``, ``now`` its moment."""

    view: str
    scope: str
    lang: str
    seq: int
    now: int
    data: dict[str, Any]
    params: dict[str, str] = {}
    """The query that it answers, sorted by key; absent where a view takes none."""


_decode = msgspec.json.Decoder(Request)


def _text(document: object) -> str:
    return msgspec.json.encode(document).decode()


class Topic:
    """What one computation serves: a view of a scope in a language, for viewers who may see the same."""

    __slots__ = ("busy", "dirty", "fixed", "key", "lang", "params", "scope", "subscribers", "text", "view", "viewer")

    def __init__(self, view: View, scope: str, lang: str, viewer: Viewer, params: Params = ()) -> None:
        self.view = view
        self.scope = scope
        self.lang = lang
        self.viewer = viewer
        self.params = params
        self.key = topic_key(view.name, scope, lang, viewer, params)
        self.fixed = False
        """It shows a past moment: computed when it is asked for, not at every change."""
        self.subscribers: set[Subscriber] = set()
        self.text: str | None = None
        self.dirty = True
        self.busy = False


TopicKey = tuple[str, str, str, str, Params]


def topic_key(view: str, scope: str, lang: str, viewer: Viewer, params: Params = ()) -> TopicKey:
    """The hub's key; the viewer's scope is in it, so that two viewers of different scope never share a text."""
    return view, scope, lang, _reach(viewer), params


def _reach(viewer: Viewer) -> str:
    feeds = "*" if viewer.feeds is None else ",".join(sorted(viewer.feeds))
    return f"{viewer.scope}|{feeds}"


class Subscriber:
    """One socket: its viewer, its topics and one waiting text per topic."""

    def __init__(self, hub: Hub, socket: WebSocket, viewer: Viewer) -> None:
        self.hub = hub
        self.socket = socket
        self.viewer = viewer
        self.topics: set[TopicKey] = set()
        self.slots: dict[object, str] = {}
        self._filled = asyncio.Event()
        self.closing: tuple[int, str] | None = None

    def put(self, slot: object, text: str) -> None:
        """Leave a text to be sent; an older one in the same slot is overwritten."""
        if slot in self.slots:
            self.hub.dropped += 1
        elif len(self.slots) >= MAX_SLOTS + 8:
            self.close(CLOSE_ABUSE, "too much waiting")
            return
        self.slots[slot] = text
        self._filled.set()

    def close(self, code: int, reason: str) -> None:
        """Have the sender end the socket after what it is sending now."""
        self.closing = (code, reason)
        self._filled.set()

    async def send_forever(self) -> None:
        """Send what the slots hold, oldest slot first, until the socket ends or stalls."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self.slots:
                slot = next(iter(self.slots))
                text = self.slots.pop(slot)
                async with asyncio.timeout(STALL_S):
                    await self.socket.send_text(text)
                self.hub.sent += 1
            if self.closing is not None:
                await self.socket.close(*self.closing)
                return


class Hub:
    """Computes every subscribed view once per change and gives it to all who watch it.

    ``views`` maps names to views. ``identify`` says who connects (``None``: closed with 4401); ``recheck`` says on
    every beat whether a viewer's session still stands. ``open_views`` may be read with scope ``all`` by viewers of a
    few towns only, as may views that say so themselves: their documents hold nothing but what the viewer's own board
    holds. ``moments`` gives a viewer's boards of other moments to views that are asked for them.
    """

    def __init__(
        self,
        boards: BoardSource,
        views: Mapping[str, View] | Iterable[View],
        clock: Clock,
        build: str,
        heartbeat_s: float = 5,
        *,
        identify: Identify = lambda connection: None,
        recheck: Recheck | None = None,
        open_views: frozenset[str] = frozenset({"shell", "overview"}),
        round_s: float = ROUND_S,
        moments: Callable[[Viewer], Moments] | None = None,
    ) -> None:
        self.boards = boards
        self.views = dict(views) if isinstance(views, Mapping) else {view.name: view for view in views}
        self.clock = clock
        self.build = build
        self.heartbeat_s = heartbeat_s
        self.identify = identify
        self.recheck = recheck
        self.open_views = open_views
        self.round_s = round_s
        self.moments = moments

        self.opened: Callable[[Viewer, str, str, str], object] | None = None
        """Told who opens which row's details of which view and scope, before they are shown; see ``access.audit``."""
        self.refused: Callable[[Viewer | None, str], object] | None = None
        """Told who was refused what: a view's scope, or (without a viewer) a page of another site."""
        self.computed = 0
        self.sent = 0
        self.dropped = 0
        """Texts overwritten in a slot before they were sent: the sign of slow subscribers, not of lost figures."""
        self.troubles = 0
        self.first_board = False
        """Whether a board has ever been read: what ``/readyz`` waits for."""

        self._topics: dict[TopicKey, Topic] = {}
        self._subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self._past = asyncio.Semaphore(PAST_AT_ONCE)
        self._tasks: list[asyncio.Task[None]] = []
        self._computing: set[asyncio.Task[None]] = set()

    # -- metrics ---------------------------------------------------------------------------------------------------

    @property
    def subscribers(self) -> int:
        """Open sockets."""
        return len(self._subscribers)

    @property
    def topics(self) -> int:
        """Topics somebody watches."""
        return len(self._topics)

    @property
    def subscriptions(self) -> int:
        """Subscriptions over all sockets."""
        return sum(len(topic.subscribers) for topic in self._topics.values())

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to listen, compute and beat."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen(), name="hub-listen"),
                asyncio.create_task(self._compute_forever(), name="hub-compute"),
                asyncio.create_task(self._beat_forever(), name="hub-beat"),
            ]

    async def stop(self) -> None:
        """End every task and close every socket so that pages look for another process."""
        for subscriber in list(self._subscribers):
            subscriber.close(1012, "restart")
        tasks = [*self._tasks, *self._computing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks = []

    def attach(self, app: FastAPI) -> None:
        """Mount ``/live`` on the application."""
        app.add_api_websocket_route("/live", self.serve)

    def mark_dirty(self) -> None:
        """Something changed: compute every watched topic of the present again."""
        for topic in self._topics.values():
            topic.dirty = topic.dirty or not topic.fixed
        self._wake.set()

    async def _listen(self) -> None:
        wait = 0.2
        while True:
            try:
                # A change may have been missed while nobody listened, so a new connection counts as one.
                self.mark_dirty()
                async for _ in self.boards.changes():
                    wait = 0.2
                    self.mark_dirty()
            except Exception as error:
                log.warning("hub.changes_lost", error=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_s)
            try:
                await self._beat()
            except Exception:
                log.exception("hub.beat_failed")

    async def _beat(self) -> None:
        text = _text({"type": "beat", "clock": self.clock_document()})
        for subscriber in await self.check_sessions():
            subscriber.put("beat", text)
        for topic in self._topics.values():
            if topic.view.clock_only:
                topic.dirty = True
                self._wake.set()

    async def tell_clock(self) -> None:
        """The clock goes otherwise than before: pages learn it now and not at the next beat."""
        await self._beat()
        self.mark_dirty()

    async def check_sessions(self) -> list[Subscriber]:
        """Close every socket whose viewer's session has ended; returns those that stay."""
        standing: dict[Viewer, bool] = {}
        staying = []
        for subscriber in list(self._subscribers):
            viewer = subscriber.viewer
            if viewer not in standing:
                standing[viewer] = await self._still_stands(viewer)
            if standing[viewer]:
                staying.append(subscriber)
            else:
                subscriber.slots.clear()
                subscriber.put("bye", _text({"type": "bye", "reason": "session"}))
                subscriber.close(CLOSE_SESSION, "session")
        return staying

    async def _still_stands(self, viewer: Viewer) -> bool:
        if self.recheck is None:
            return True
        try:
            answer = self.recheck(viewer)
            return bool(await answer) if inspect.isawaitable(answer) else bool(answer)
        except Exception:
            # A check that cannot be made is not a session that has ended: closing every page because the
            # database is away would hide the very outage the page has to show.
            log.exception("hub.recheck_failed")
            return True

    def clock_document(self) -> dict[str, object]:
        """The clock as pages and ``/api/v1/clock`` carry it."""
        return {"now": self.clock.now(), "speed": self.clock.speed, "world": self.clock.world}

    # -- computing -------------------------------------------------------------------------------------------------

    async def warm(self) -> None:
        """Read one board, so that the process may call itself ready."""
        await self.boards.board(LOCAL_VIEWER)
        self.first_board = True

    async def _compute_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            begun = loop.time()
            boards: dict[str, asyncio.Task[Board]] = {}
            for topic in list(self._topics.values()):
                # A topic still being computed keeps its mark and comes round again when it is done: a view that
                # hangs holds up nothing but itself.
                if not topic.dirty or topic.busy:
                    continue
                topic.dirty, topic.busy = False, True
                reach = _reach(topic.viewer)
                board = boards.get(reach)
                if board is None:
                    board = boards[reach] = asyncio.create_task(self.boards.board(topic.viewer))
                task = asyncio.create_task(self._compute(topic, board))
                self._computing.add(task)
                task.add_done_callback(self._computing.discard)
            await asyncio.sleep(max(0.0, self.round_s - (loop.time() - begun)))

    async def _compute(self, topic: Topic, reading: asyncio.Task[Board]) -> None:
        try:
            board = await reading
            self.first_board = True
            if topic.scope != "all" and not set(topic.scope.split(",")) <= set(board.towns):
                self._refuse_topic(topic)
                return
            topic.text = await self._rendered(topic, board)
            # A change that came meanwhile is none to a moment that is past.
            topic.dirty = topic.dirty and not topic.fixed
            self.computed += 1
            for subscriber in topic.subscribers:
                subscriber.put(topic.key, topic.text)
        except Exception:
            self.troubles += 1
            topic.text = None
            log.exception("hub.view_failed", view=topic.view.name, scope=topic.scope)
            trouble = {"type": "trouble", "view": topic.view.name, "scope": topic.scope, "lang": topic.lang}
            text = _text({**trouble, **_told(topic.params), "now": self.clock.now()})
            for subscriber in topic.subscribers:
                subscriber.put(topic.key, text)
        finally:
            topic.busy = False
            if topic.dirty:
                self._wake.set()

    async def _rendered(self, topic: Topic, board: Board) -> str:
        moments = self.moments(topic.viewer) if self.moments is not None else None
        if not _PAST.isdisjoint(key for key, _ in topic.params):
            async with self._past:
                text, topic.fixed = await asyncio.to_thread(_render, topic, board, moments)
        else:
            text, topic.fixed = await asyncio.to_thread(_render, topic, board, moments)
        return text

    def _refuse_topic(self, topic: Topic) -> None:
        text = _refusal(topic.view.name, topic.scope, topic.lang, "scope", topic.params)
        for subscriber in list(topic.subscribers):
            self._unsubscribe(subscriber, topic.key)
            subscriber.put(("refused", topic.key), text)

    # -- sockets ---------------------------------------------------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        """One page's socket from connect to close."""
        if not same_origin(socket):
            # Before accept: the handshake itself is refused with 403, a foreign page learns nothing.
            await self._tell_refused(None, "/live: foreign origin")
            await socket.close(1008, "foreign origin")
            return
        found = self.identify(socket)
        viewer = await found if inspect.isawaitable(found) else found
        await socket.accept()
        if viewer is None:
            await socket.send_text(_text({"type": "bye", "reason": "session"}))
            await socket.close(CLOSE_SESSION, "session")
            return
        subscriber = Subscriber(self, socket, viewer)
        subscriber.put("hello", self._hello(viewer))
        self._subscribers.add(subscriber)
        sender = asyncio.create_task(subscriber.send_forever())
        receiver = asyncio.create_task(self._receive(subscriber))
        try:
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._subscribers.discard(subscriber)
            for key in list(subscriber.topics):
                self._unsubscribe(subscriber, key)
            subscriber.slots.clear()
            for task in (sender, receiver):
                task.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)
            if socket.application_state == WebSocketState.CONNECTED and socket.client_state == WebSocketState.CONNECTED:
                try:
                    async with asyncio.timeout(1):
                        await socket.close(CLOSE_ABUSE)
                except (RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
                    pass

    def _hello(self, viewer: Viewer) -> str:
        towns = None if viewer.towns is None else sorted(viewer.towns)
        who = {"name": viewer.name, "name_en": viewer.name_en or viewer.name, "towns": towns}
        return _text({"type": "hello", "build": self.build, "clock": self.clock_document(), "viewer": who})

    async def _receive(self, subscriber: Subscriber) -> None:
        while True:
            message = await subscriber.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                request = _decode.decode(message.get("text") or message.get("bytes") or b"")
            except msgspec.MsgspecError:
                subscriber.put("refused", _refusal("", "", "", "message"))
                continue
            if request.do == "subscribe":
                if await self._noted(subscriber, request):
                    self._subscribe(subscriber, request)
            elif request.do == "unsubscribe":
                with contextlib.suppress(BadParams):
                    params = canonical(request.params)
                    viewer = subscriber.viewer
                    self._unsubscribe(subscriber, topic_key(request.view, request.scope, request.lang, viewer, params))

    async def _tell_refused(self, viewer: Viewer | None, what: str) -> None:
        if self.refused is not None:
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self.refused, viewer, what)

    async def _noted(self, subscriber: Subscriber, request: Request) -> bool:
        """Whether opening a row's details has been noted, where it is to be; what cannot be noted is not shown."""
        view, row = self.views.get(request.view), request.params.get("open", "")
        if self.opened is None or view is None or view.detail is None or not row:
            return True
        try:
            await asyncio.to_thread(self.opened, subscriber.viewer, request.view, row, request.scope)
        except Exception as error:
            log.warning("hub.not_noted", error=str(error))
            trouble: dict[str, object] = {"type": "trouble", "view": request.view, "scope": request.scope}
            trouble["lang"] = request.lang
            with contextlib.suppress(BadParams):
                trouble |= _told(canonical(request.params))
            subscriber.put(("trouble", request.view), _text({**trouble, "now": self.clock.now()}))
            return False
        return True

    def _subscribe(self, subscriber: Subscriber, request: Request) -> None:
        viewer = subscriber.viewer
        view = self.views.get(request.view)
        reason = ""
        params: Params = ()
        try:
            params = canonical(request.params)
        except BadParams:
            reason = "params"
        key = topic_key(request.view, request.scope, request.lang, viewer, params)
        if view is None or request.lang not in LANGUAGES:
            reason = "view"
        elif params and view.filters is None:
            reason = "params"
        elif not view.lets(viewer, request.scope, params, own=request.view in self.open_views):
            reason = "scope"
        elif key not in subscriber.topics and _full(subscriber, params):
            reason = "limit"
        if view is None or reason:
            text = _refusal(request.view[:80], request.scope[:80], request.lang[:8], reason, params)
            subscriber.put(("refused", key), text)
            if reason not in ("limit", "params"):
                task = asyncio.create_task(self._tell_refused(viewer, f"/live: {request.view} {request.scope}"))
                self._computing.add(task)
                task.add_done_callback(self._computing.discard)
            return
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = Topic(view, request.scope, request.lang, viewer, params)
        topic.subscribers.add(subscriber)
        subscriber.topics.add(key)
        if topic.text is not None:
            subscriber.put(key, topic.text)
        elif not topic.busy:
            topic.dirty = True
            self._wake.set()

    def _unsubscribe(self, subscriber: Subscriber, key: TopicKey) -> None:
        subscriber.topics.discard(key)
        subscriber.slots.pop(key, None)
        topic = self._topics.get(key)
        if topic is not None:
            topic.subscribers.discard(subscriber)
            if not topic.subscribers:
                # An unwatched text would be old when the next one comes; it is made anew then.
                del self._topics[key]


_PAST = frozenset({"day", "as_of", "from", "to", "vs"})
"""Parameters for which the database may have to be read."""


def _full(subscriber: Subscriber, params: Params) -> bool:
    asked = sum(1 for topic in subscriber.topics if topic[4])
    return len(subscriber.topics) >= MAX_SLOTS or bool(params and asked >= MAX_ASKED)


def _render(topic: Topic, board: Board, moments: Moments | None) -> tuple[str, bool]:
    """A topic's text, and whether it shows a past moment."""
    view, scope, lang, fixed = topic.view, topic.scope, topic.lang, False
    if view.filters is None:
        data = view.build(board, scope, lang)
    else:
        asked = view.ask(board, lang, topic.params, moments)
        data, fixed = view.document(asked, scope), not asked.when.live
    return _text(Envelope(view.name, scope, lang, board.seq, board.now, data, dict(topic.params))), fixed


def _told(params: Params) -> dict[str, object]:
    return {"params": dict(params)} if params else {}


def _refusal(view: str, scope: str, lang: str, reason: str, params: Params = ()) -> str:
    return _text({"type": "refused", "view": view, "scope": scope, "lang": lang, "reason": reason, **_told(params)})


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a browser's ``Origin`` names the host that was asked; programs send none and pass."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    asked = connection.headers.get("host", "").lower()
    parts = urlsplit(origin)
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return bool(asked) and asked.removesuffix(port) == parts.netloc.lower().removesuffix(port)


def build_id(*folders: Path) -> str:
    """Twelve hex digits over the program's source and assets: a page of another build reloads itself."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".js", ".css", ".woff2", ".svg"} and path.is_file():
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
