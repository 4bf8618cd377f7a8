"""How far a picture may lie from its slice of a regular grid, as rounding."""

_ROUNDING_MM = 0.2
_ROUNDING = 0.05  # of the distance between slices, for thick ones


def max_off_slice_mm(spacing_mm: float) -> float:
    """Largest distance from a slice that counts as rounding.

    Args:
        spacing_mm: Distance between slices.
    """
    return max(_ROUNDING_MM, _ROUNDING * spacing_mm)
