"""Distances compared with a tolerance, without rounding deciding.

Three steps of 0.1 mm are 0.30000000000000004 mm for a computer, and a file that keeps
its affine as 32-bit floats gives a tilted grid of 1 mm voxels a spacing of 1.0000000168
mm: no tolerance should turn on that. Distances within a relative 1e-6 of the tolerance
count as equal to it.
"""

_SLACK = 1e-6


def at_most(tolerance_mm: float) -> float:
    """What a distance must not exceed to be at most the tolerance."""
    return tolerance_mm * (1 + _SLACK)


def less_than(tolerance_mm: float) -> float:
    """What a distance must stay below to be less than the tolerance."""
    return tolerance_mm * (1 - _SLACK)
