"""What a person is asked when a record is entered by hand: a form, derived from the feed's declaration alone.

Plain data for layouts, the read side and tests. What a value may be is decided by the decoder and nowhere else; the
sentences here are help, not rules.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dashboard.domain.feed import CaseSpec, Feed, Field, TrackSpec, Words
from dashboard.domain.privacy import PSEUDONYM

Control = Literal["chips", "number", "text", "time", "place", "unit", "case"]
"""``chips``: one of a few choices; ``place``, ``unit``, ``case``: picked from what is known, or typed."""


class FormField(msgspec.Struct, frozen=True):
    """One declared field as a form asks for it."""

    field: Field
    control: Control
    inputmode: str
    """HTML's hint for the keyboard: ``decimal``, ``numeric``, ``text`` or ``none``."""
    when: tuple[tuple[str, str], ...] = ()
    """(field, value) pairs under which it is required, beside ``field.required``."""

    @property
    def name(self) -> str:
        """The field's name in a record."""
        return self.field.name

    @property
    def folded(self) -> bool:
        """Whether it is among the fields that devices state, which nobody types without need."""
        return self.field.edge and not self.field.required


class Form(msgspec.Struct, frozen=True):
    """A feed's form. ``fields`` are in declared order, the person's pseudonym left out."""

    feed: Feed
    fields: tuple[FormField, ...]
    position_when: tuple[tuple[str, str], ...]
    """(field, value) pairs under which a position is required."""

    @property
    def stage(self) -> str:
        """The field that a case's stage stands in; empty for feeds that have no cases."""
        spec = self.feed.archetype
        return spec.stage_field if isinstance(spec, CaseSpec) else ""

    @property
    def kept(self) -> tuple[str, ...]:
        """Fields that stay for the next record: where somebody stands and who is asked about, not what was said."""
        return tuple(one.name for one in self.fields if one.control in ("place", "unit"))


def form_of(feed: Feed) -> Form:
    """The form of a feed."""
    fields = tuple(
        FormField(
            field,
            control_of(feed, field),
            _inputmode(field),
            tuple((rule.when, rule.equals) for rule in feed.required if field.name in rule.fields),
        )
        for field in feed.fields
        if field.name != PSEUDONYM
    )
    positions = tuple((rule.when, rule.equals) for rule in feed.required if "lon" in rule.fields)
    return Form(feed, fields, positions)


def control_of(feed: Feed, field: Field) -> Control:
    """How a field is asked for."""
    if field.kind == "choice":
        return "chips"
    if field.kind == "time":
        return "time"
    if field.kind in ("integer", "number"):
        return "number"
    if field.name == feed.subject and isinstance(feed.archetype, CaseSpec):
        return "case"
    if field.name == feed.subject and isinstance(feed.archetype, TrackSpec):
        return "unit"
    if field.name == "place" or field.name == feed.place_field:
        return "place"
    return "text"


def _inputmode(field: Field) -> str:
    if field.kind not in ("integer", "number"):
        return "text"
    # Keyboards of numbers have no minus on some phones.
    if field.low is None or field.low < 0:
        return "text"
    return "numeric" if field.kind == "integer" else "decimal"


_UNITS = {"人": "people", "户": "households", "套": "sets", "件": "cases", "次": "times", "天": "days", "家": "firms"}


def unit_of(field: Field, lang: str) -> str:
    """A field's unit in the reader's language; symbols stay as they are."""
    return _UNITS.get(field.unit, field.unit) if lang == "en" else field.unit


def plain(number: float) -> str:
    """A bound as people write it: no exponent, no trailing zeros."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def allowed_words(field: Field) -> Words:
    """What a field may hold, as help beside it and as the English half of a decoder's sentence."""
    if field.kind == "choice":
        return Words("选一项", "one of the choices")
    if field.kind == "time":
        return Words("日期，或日期和时间", "a day, or a day and a time")
    if field.kind == "text":
        return Words(f"1 到 {field.max_length} 个字", f"1 to {field.max_length} characters")
    if field.kind == "quantity":
        return Words("整数，可带余、多、近、约", "a whole number, with 余, 多, 近 or 约 where it is not exact")
    what = Words("整数", "a whole number") if field.kind == "integer" else Words("数", "a number")
    unit, unit_en = (f" {unit_of(field, lang)}" if field.unit else "" for lang in ("zh", "en"))
    if field.low is not None and field.high is not None:
        return Words(
            f"{plain(field.low)} 到 {plain(field.high)} 之间的{what.zh}{unit}",
            f"{what.en} from {plain(field.low)} to {plain(field.high)}{unit_en}",
        )
    return Words(what.zh + unit, what.en + unit_en)


__all__ = ["Control", "Form", "FormField", "allowed_words", "control_of", "form_of", "plain", "unit_of"]
