"""Region packs, boundaries and coordinate systems: which town a point is in, and what a region's places and rules are.

Everything outside this package holds WGS-84 degrees; conversion happens once, on entry. Imports of the product are
limited to ``dashboard.domain`` and ``dashboard.errors``.
"""
