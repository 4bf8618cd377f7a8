"""Where axes point, in words."""

from medseg.core.plan import PatientAxes, StoredAxes

_SIDES = {
    "R": "right",
    "L": "left",
    "A": "anterior",
    "P": "posterior",
    "S": "superior",
    "I": "inferior",
}


def sides_in_words(codes: str) -> str:
    """Of "RAS": "right, anterior, superior"."""
    return ", ".join(_SIDES[code] for code in codes)


def axes_in_words(axes: PatientAxes | StoredAxes) -> str:
    """Where a network's axes point."""
    if isinstance(axes, PatientAxes):
        return sides_in_words(axes.codes)
    names = ", ".join("ijk"[axis] for axis in axes.order)
    return f"the axes {names} as they lie in the file"


def stored_axes_in_words(orientation: str) -> str:
    """A sentence on a scan whose voxels a model takes as they lie in the file.

    Args:
        orientation: Where the scan's axes i, j, k point, as `Geometry.orientation`.
    """
    return (
        "the model takes voxels as they lie in the file, and here i, j, k run to "
        f"{sides_in_words(orientation)}: if they ran elsewhere in the scans it was "
        "trained on, its labels are wrong"
    )
