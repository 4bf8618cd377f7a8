"""Several scans of one channel each as one scan of several channels."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from medseg.core.volume import Volume, require_same_grid
from medseg.io.checks import sha256_of_hashes


def stack_channels(scans: Mapping[str, Volume]) -> Volume:
    """One scan whose channels are those of several, on the grid of the first.

    Args:
        scans: Name of each channel and the scan it comes from, in order.

    Raises:
        UnusableInput: GRID_MISMATCH when they do not lie on one grid.
    """
    first, *others = scans.values()
    for name, scan in scans.items():
        require_same_grid(first.geometry, scan.geometry, where=f"{name} of the scan")
    if not others:
        return replace(first, channels=tuple(scans))
    return replace(
        first,
        array=np.concatenate([scan.array for scan in scans.values()]),
        channels=tuple(scans),
        sha256=sha256_of_hashes(scan.sha256 for scan in scans.values()),
        notes=tuple(note for scan in scans.values() for note in scan.notes),
        source=(),
    )
