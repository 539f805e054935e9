"""The second, plain implementation of the figures of the core feeds (EXACTNESS 24).

A loop over raw events, sharing no code with the product but the event type and the pack types. It must never import a
feed, an archetype, a store or a query: a checker that shares code with what it checks shares its errors. Clarity
comes before speed. Times are ms since 1970 UTC, coordinates WGS-84 degrees, lengths integer millimetres.
"""

from tests.oracle.figures import Row, figures, figures_over
from tests.oracle.records import admitted, current

__all__ = ["Row", "admitted", "current", "figures", "figures_over"]
