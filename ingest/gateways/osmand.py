"""The OsmAnd protocol of phones and trackers: Traccar Client (all versions), OsmAnd, and what speaks like them.

A request is one fix in the address or in a form (speed in knots), or the JSON of Traccar Client 9 and newer (speed in
metres per second, −1 for unknown), one location or many. Pure decoding: request → fixes, refusals, messages left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ingest.decode import Unreadable
from ingest.device import (
    KMH_PER_KNOT,
    KMH_PER_MS,
    Fix,
    Heard,
    LeftOut,
    Refusal,
    accuracy_of,
    moment,
    names,
    placed,
    said,
    scaled,
    unreadable,
)

PROTOCOL = "osmand"
MOST_PARAMETERS = 100
SPEED_UNITS: Mapping[str, float] = {"kn": KMH_PER_KNOT, "ms": KMH_PER_MS, "kmh": 1.0}
"""``speed_unit`` in the address: the app OsmAnd itself sends metres per second."""
_ALLOWED = "OsmAnd 协议的请求：id、lat、lon、timestamp，或 Traccar Client 的 JSON"
_decoder = msgspec.json.Decoder()


def hear(query: bytes, body: bytes) -> list[Heard]:
    """What a request says. The address may hold what the body leaves out: ``id``, ``mode``, ``officers``.

    Never raises: what cannot be read is a refusal.
    """
    address = _parameters(query)
    if isinstance(address, Refusal):
        return [address]
    stripped = body.strip()
    if stripped[:1] in (b"{", b"["):
        try:
            found = _decoder.decode(stripped)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return [_garbled(body)]
        return _of_json(found, address)
    form = _parameters(stripped)
    if isinstance(form, Refusal):
        return [form]
    return [_of_parameters({**address, **form})]


def _parameters(text: bytes) -> dict[str, str] | Refusal:
    """The parameters of an address or a form; of several with one name the last one counts."""
    if text.count(b"&") >= MOST_PARAMETERS:
        got = f"{text.count(b'&') + 1} 个参数"
        return unreadable(got, f"不超过 {MOST_PARAMETERS} 个参数", f"请求有 {got}，内容未被读取 · too many parameters")
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return _garbled(text)
    return {name: value.strip() for name, value in pairs if value.strip()}


def _garbled(data: bytes) -> Refusal:
    size = Unreadable.of(data)
    got = f"{size.size} 字节（摘要 {size.digest}）"
    return unreadable(got, _ALLOWED, "请求的内容读不出来，应为 UTF-8 的参数或 JSON · the request cannot be read")


def _of_parameters(given: Mapping[str, str]) -> Heard:
    who = names(given.get("id"), given.get("deviceid"), given.get("device_id"))
    lon, lat = given.get("lon"), given.get("lat")
    if "location" in given:
        lat, _, lon = given["location"].partition(",")
    if lon is None and lat is None:
        if not who:
            return unreadable("没有 id", _ALLOWED, "请求里没有设备标识，也没有位置 · neither a device nor a position")
        return LeftOut("heartbeat")
    factor = SPEED_UNITS.get(given.get("speed_unit", "kn"), KMH_PER_KNOT)
    accuracy = scaled(given.get("accuracy"))
    fix = Fix(
        who,
        moment(given["timestamp"]) if "timestamp" in given else None,
        lon,
        lat,
        scaled(given.get("speed"), factor),
        scaled(given.get("bearing", given.get("heading"))),
        accuracy_of(given.get("hdop")) if accuracy is None else accuracy,
        given.get("mode"),
        given.get("officers"),
    )
    return placed(fix, said(given.get("mock")) is True, said(given.get("valid", "true")) is not False)


def _of_json(found: Any, address: Mapping[str, str]) -> list[Heard]:
    heard: list[Heard] = []
    for message in found if isinstance(found, list) else [found]:
        if not isinstance(message, dict):
            heard.append(_malformed(message, names(address.get("id"))))
            continue
        who = names(message.get("device_id"), address.get("id"), address.get("deviceid"))
        # A batch holds its locations under one device; a list of bare locations has its device in the address.
        locations = message.get("location", message if "coords" in message else None)
        several = locations if isinstance(locations, list) else [locations]
        heard += [_of_location(location, who, address) for location in several]
    return heard or [_malformed(found, names(address.get("id")))]


def _of_location(location: Any, who: tuple[str, ...], address: Mapping[str, str]) -> Heard:
    if not isinstance(location, dict):
        return _malformed(location, who)
    coords = location.get("coords")
    if coords is None:
        return LeftOut("heartbeat")
    if not isinstance(coords, dict):
        return _malformed(coords, who)
    lon, lat = coords.get("longitude"), coords.get("latitude")
    if lon is None and lat is None:
        return LeftOut("heartbeat")
    at = location.get("timestamp")
    fix = Fix(
        who,
        None if at is None else moment(at),
        lon,
        lat,
        scaled(coords.get("speed"), KMH_PER_MS),
        scaled(coords.get("heading")),
        scaled(coords.get("accuracy")),
        address.get("mode"),
        address.get("officers"),
    )
    return placed(fix, location.get("mock") is True)


def _malformed(got: Any, who: tuple[str, ...]) -> Refusal:
    sentence = "JSON 里没有 location，应为 Traccar Client 的格式 · the JSON holds no location"
    return unreadable(type(got).__name__, '{"location": {"timestamp", "coords"}, "device_id"}', sentence, who)
