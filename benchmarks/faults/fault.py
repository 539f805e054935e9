"""What a fault is, what it is given, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.faults.ground import Ground, Lay
from benchmarks.faults.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Blow:
    """One fault being carried out: the ground it happens on, what is sent meanwhile, and what is found."""

    ground: Ground
    load: Load
    quick: bool
    struck: Callable[[], None]
    """Call it when the fault begins."""
    found: list[str] = field(default_factory=list)
    """What else is worth telling."""
    broken: list[str] = field(default_factory=list)
    """Promises that were broken beside the count."""
    lifted: float = 0.0
    """When the fault was over (monotonic): the kill itself, or what a person mended; else when ``strike`` returned."""

    lasted_s: float = 0.0
    """How long the fault was made to last, all in all."""

    def over(self) -> None:
        """The fault is over: from here on the product has to come back by itself."""
        self.lifted = time.monotonic()

    def seconds(self, whole: float, quick: float) -> float:
        """How long a fault lasts: in full, or in the quick run."""
        return quick if self.quick else whole

    def last(self, whole: float, quick: float) -> None:
        """Let the fault last. What is waited for here is nothing but time."""
        self.lasted_s += self.seconds(whole, quick)
        time.sleep(self.seconds(whole, quick))

    @contextmanager
    def promised(self, what: str) -> Iterator[None]:
        """Note an assertion that does not hold instead of ending the row."""
        try:
            yield
        except AssertionError as error:
            self.broken.append(f"{what}: {error}")


PLAIN = Lay()


@dataclass(frozen=True)
class Fault:
    """A way in which things break."""

    code: str
    chinese: str
    english: str
    strike: Callable[[Blow], None]
    """Breaks something and mends what a person would mend; returns when the fault is over."""
    lay: Lay = PLAIN
    rate: int = 200
    behind_ms: int = 0


class Row(msgspec.Struct, frozen=True):
    """What became of a fault."""

    code: str
    chinese: str
    english: str
    accepted: int = 0
    lost: int | None = None
    doubled: int | None = None
    recovery_s: float | None = None
    answers: dict[str, int] = {}
    sentences: dict[str, str] = {}
    said: list[str] = []
    found: list[str] = []
    wrong: list[str] = []
    """Figures that differ, promises that were broken."""
    note: str = ""
    """Why it could not be carried out."""
    lasted_s: float | None = None
    """How long the fault was made to last; 0 for one that is over at once."""
    quick: bool = False
    """Whether it was of the quick run."""
    at_ms: int = 0
    """When it was carried out."""

    @property
    def good(self) -> bool | None:
        """Whether nothing was lost, doubled or wrong; ``None`` when it was not carried out."""
        if self.note:
            return None
        return not (self.lost or self.doubled or self.wrong)

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {**msgspec.structs.asdict(self), "good": self.good}
