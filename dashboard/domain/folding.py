"""By how records are folded into states, as a number.

It stands by itself so that a start can compare it with what the database notes without loading what folds.
"""

from __future__ import annotations

FOLDING = 1
"""It grows whenever a state of the same records and rules becomes another one, in what it holds or in how it is
written: databases that were folded otherwise are folded again before anything is shown of them
(``ingest.rebuild.brought_up``). ``tests/engine/test_folding.py`` notices."""

__all__ = ["FOLDING"]
