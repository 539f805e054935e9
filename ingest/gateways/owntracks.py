"""OwnTracks in HTTP mode: one JSON message a request (or a list), told apart by ``_type``; ``vel`` is in km/h.

Who it is may stand in the headers, in the topic or only in the two letters of the tracker id. Pure decoding: request →
fixes, refusals, messages left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.decode import Unreadable
from ingest.device import Fix, Heard, LeftOut, Refusal, moment, names, placed, scaled, unreadable

PROTOCOL = "owntracks"
LEFT_OUT = frozenset(
    {
        *("beacon", "card", "cmd", "configuration", "dump", "lwt", "request", "status", "steps", "tour", "tours"),
        *("transition", "waypoint", "waypoints"),
    }
)
"""Kinds of message that are answered and not kept: visits are derived from fixes here, not from the phone's regions."""
_decoder = msgspec.json.Decoder()


def hear(body: bytes, user: str | None, device: str | None, mode: str | None, officers: str | None) -> list[Heard]:
    """What a request says; an empty body (a deleted friend) says nothing.

    ``user`` and ``device`` are what stands outside the body: ``X-Limit-U`` and ``X-Limit-D``, the address, Basic.
    Never raises: what cannot be read is a refusal.
    """
    if not body.strip():
        return []
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        size = Unreadable.of(body)
        got = f"{size.size} 字节（摘要 {size.digest}）"
        sentence = "消息读不出来，应为 OwnTracks 的 JSON · the message is not JSON"
        return [unreadable(got, "OwnTracks 的 JSON 消息", sentence, names(user, device))]
    messages = found if isinstance(found, list) else [found]
    return [_message(message, user, device, mode, officers) for message in messages]


def _message(message: Any, user: str | None, device: str | None, mode: str | None, officers: str | None) -> Heard:
    if not isinstance(message, dict):
        sentence = "消息不是 JSON 对象 · the message is no JSON object"
        return unreadable(type(message).__name__, "OwnTracks 的 JSON 消息", sentence, names(user, device))
    of_topic = _topic(message.get("topic"))
    who = names(user, of_topic[0], device, of_topic[1], message.get("tid"))
    kind = message.get("_type")
    if kind == "encrypted":
        sentence = (
            "OwnTracks 消息已加密，服务器没有密钥，读不出位置：请在手机上清空“加密密钥”"
            " · the message is encrypted: clear the encryption key on the phone"
        )
        return Refusal(who, "_type", "encrypted", "不加密的 location 消息（传输由 HTTPS 保护）", sentence)
    if isinstance(kind, str) and kind in LEFT_OUT:
        return LeftOut(kind)
    if kind != "location":
        shown = kind[:40] if isinstance(kind, str) else "（没有）"
        sentence = f"OwnTracks 消息的 _type 是“{shown}”，应为 location · unknown kind of message"
        return Refusal(who, "_type", shown, "location", sentence)
    if message.get("lon") is None and message.get("lat") is None:
        return LeftOut("heartbeat")
    at = message.get("tst")
    return placed(
        Fix(
            who,
            # The protocol has a time in every location: one without is not taken for one of now.
            "（没有 tst）" if at is None or at == "" else moment(at),
            message.get("lon"),
            message.get("lat"),
            scaled(message.get("vel")),
            scaled(message.get("cog")),
            scaled(message.get("acc")),
            mode,
            officers,
        )
    )


def _topic(topic: Any) -> tuple[str | None, str | None]:
    """User and device of ``owntracks/user/device``, the shape that the apps write."""
    parts = topic.split("/") if isinstance(topic, str) else []
    return (parts[1], parts[2]) if len(parts) >= 3 else (None, parts[-1] if parts else None)
