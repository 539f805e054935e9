"""GPX as it comes: the track points of a file with what is written in them, read without trusting the file.

No document type is read, so nothing expands and nothing outside is asked for; GB encodings are read although the XML
parser knows none. What a point's texts mean is for those who use them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.parsers import expat

import msgspec

from dashboard.errors import ConfigurationError

MOST_POINTS = 200_000
"""Fifty-five hours at one fix a second."""
_LONGEST = 64
"""No value of a point is longer; what is, is cut and will not be readable."""
_VALUES = frozenset({"time", "speed", "course", "hdop"})
_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"'][^>]*\?>")
_GB = {"gb18030", "gbk", "gb2312", "cp936", "gb_2312-80", "hz-gb-2312"}


class Point(msgspec.Struct, frozen=True):
    """One track point; texts as they stand in the file, empty where there is none. ``speed`` is in metres a second."""

    number: int
    """Place among all track points of the file, from 1."""
    segment: int
    """Which segment of the file, from 1."""
    lon: str
    lat: str
    time: str = ""
    speed: str = ""
    course: str = ""
    hdop: str = ""


class TrackFile(msgspec.Struct, frozen=True):
    """What a GPX file holds. Waypoints and points of planned routes are counted and not kept."""

    points: list[Point]
    tracks: int
    segments: int
    waypoints: int
    route_points: int


def read_track_file(data: bytes) -> TrackFile:
    """The track points of a GPX file, in the order of the file, repeated and disordered times and all.

    Takes GPX 1.0 and 1.1, any or no namespace, speed and course in the point itself or in its extensions.

    Raises:
        ConfigurationError: it is no GPX file, or not one that may be read; one sentence says why.
    """
    if not data.strip():
        raise ConfigurationError("文件是空的：请选一个有内容的 GPX 文件 · the file is empty")
    declared = _DECLARED.match(data[:400])
    encoding = declared[1].decode("ascii", "replace").lower() if declared else ""
    if encoding in _GB:
        text = _gb(data)
        if text is None:
            raise ConfigurationError(
                f"文件写明编码是 {encoding}，内容却不是：请从设备重新导出 · the content is not in its declared encoding"
            )
        return _read(text, "utf-8")
    try:
        return _read(data, None)
    except expat.ExpatError as error:
        # A device that wrote its Chinese names in GB under a declaration of UTF-8: coordinates and times are whole.
        text = None if _is_utf8(data) else _gb(data)
        if text is not None:
            try:
                return _read(text, "utf-8")
            except expat.ExpatError as second:
                raise _broken(second) from None
        raise _broken(error) from None


def instant(text: str) -> datetime | None:
    """A time of a GPX file; without an offset it is UTC, as the format says. ``None`` when it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _broken(error: expat.ExpatError) -> ConfigurationError:
    said = expat.errors.messages.get(error.code, str(error))
    return ConfigurationError(
        f"文件不是完整的 GPX（第 {error.lineno} 行：{said}），请从设备重新导出"
        f" · the file is no GPX file that can be read (line {error.lineno}: {said}): export it again"
    )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _gb(data: bytes) -> bytes | None:
    try:
        return data.decode("gb18030").encode()
    except UnicodeDecodeError:
        return None


def _read(data: bytes, encoding: str | None) -> TrackFile:
    found = _Reader()
    # The blank that divides namespace from name stands in no name.
    parser = expat.ParserCreate(encoding, " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    try:
        parser.Parse(data, True)
    except (ValueError, LookupError) as error:
        # Encodings of several bytes that the parser does not know.
        raise ConfigurationError(
            f"文件的编码不认识（{error}），请另存为 UTF-8 · the encoding is not known: save the file as UTF-8"
        ) from None
    return TrackFile(found.points, found.tracks, found.segments, found.waypoints, found.route_points)


def _refuse_doctype(*_: object) -> None:
    raise ConfigurationError(
        "GPX 文件里有 DOCTYPE 声明，出于安全不读：请从设备重新导出 · it declares a document type, which is not read"
    )


class _Reader:
    """Collects track points while the parser walks through the file."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.tracks = self.segments = self.waypoints = self.route_points = 0
        self._root = True
        self._depth = 0
        """Below a track point: 1 is its own child, more is inside extensions."""
        self._at: tuple[str, str] | None = None
        self._said: dict[str, tuple[int, str]] = {}
        self._open: str | None = None
        self._heard = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = _local(name)
        if self._root:
            self._root = False
            if name != "gpx":
                raise ConfigurationError(
                    f"文件不是 GPX（最外层是“{name[:40]}”），请选 .gpx 文件 · the file is XML but no GPX"
                )
        if self._at is not None:
            self._depth += 1
            self._open, self._heard = (name, "") if name in _VALUES else (None, "")
            return
        if name == "trk":
            self.tracks += 1
        elif name == "trkseg":
            self.segments += 1
        elif name == "wpt":
            self.waypoints += 1
        elif name == "rtept":
            self.route_points += 1
        elif name == "trkpt":
            if len(self.points) >= MOST_POINTS:
                raise ConfigurationError(
                    f"轨迹超过 {MOST_POINTS} 个点，请按天拆开再导入 · more than {MOST_POINTS} points: split it by day"
                )
            self._at = attributes.get("lon", "").strip()[:_LONGEST], attributes.get("lat", "").strip()[:_LONGEST]
            self._depth, self._said, self._open = 0, {}, None

    def text(self, data: str) -> None:
        """Text of the element that is open."""
        if self._open is not None:
            self._heard = (self._heard + data)[: 2 * _LONGEST]

    def end(self, name: str) -> None:
        """An element ends."""
        if self._at is None:
            return
        if self._depth == 0:
            lon, lat = self._at
            values = {key: value for key, (_, value) in self._said.items()}
            self.points.append(Point(len(self.points) + 1, self.segments, lon, lat, **values))
            self._at = None
            return
        if self._open is not None:
            value = self._heard.strip()[:_LONGEST]
            before = self._said.get(self._open)
            # What the point itself says counts before what its extensions say.
            if value and (before is None or self._depth <= before[0]):
                self._said[self._open] = (self._depth, value)
            self._open = None
        self._depth -= 1


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
