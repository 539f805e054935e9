"""States at hand: as many as weigh no more than they may, the last written ones."""

from __future__ import annotations

from dashboard.archetypes import State, engine_of
from dashboard.feeds import STREAMS
from ingest.held import Held, SubjectDay


def a_state() -> State:
    return engine_of(STREAMS["temperature"]).new()


def one(subject: str, day: int = 20200301) -> SubjectDay:
    return ("temperature", day, subject)


def held(most: int, **sizes: int) -> Held:
    """States written one after the other."""
    made = Held(most)
    for subject, size in sizes.items():
        made[one(subject)] = a_state()
        made.written({one(subject): b"x" * size})
    return made


def test_the_longest_unwritten_goes_first() -> None:
    made = held(10, a=4, b=4)
    made.written({one("a"): b"x" * 4})
    made[one("c")] = a_state()
    made.written({one("c"): b"x" * 4})
    assert list(made) == [one("a"), one("c")]


def test_a_state_that_grows_counts_as_large_as_it_is_now() -> None:
    made = held(10, a=4, b=4)
    made.written({one("b"): b"x" * 6})
    assert list(made) == [one("a"), one("b")]
    made.written({one("b"): b"x" * 7})
    assert list(made) == [one("b")]


def test_what_a_batch_wrote_stays_however_large() -> None:
    made = held(10, a=4)
    made[one("b")] = made[one("c")] = a_state()
    made.written({one("b"): b"x" * 40, one("c"): b"x" * 40})
    assert list(made) == [one("b"), one("c")]


def test_what_is_forgotten_weighs_nothing() -> None:
    made = held(10, a=6)
    made.forget(one("a"))
    made.forget(one("never there"))
    made[one("b")] = made[one("c")] = a_state()
    made.weigh(one("b"), 5)
    made.written({one("c"): b"x" * 5})
    assert list(made) == [one("b"), one("c")]
    made.clear()
    made[one("d")] = a_state()
    made.written({one("d"): b"x" * 10})
    assert list(made) == [one("d")]
