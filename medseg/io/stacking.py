"""Several scans of one channel each as one scan of several channels."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.volume import Volume, require_same_grid
from medseg.io.checks import sha256_of_hashes


def stack_channels(scans: Mapping[str, Volume]) -> Volume:
    """One scan whose channels are those of several, on the grid of the first.

    DICOM output of what is found in it refers to the series of the first.

    Args:
        scans: Name of each channel and the scan of one channel it comes from, in order.

    Raises:
        WrongUse: INVALID_OPTION when there is no scan.
        UnusableInput: CHANNEL_MISMATCH when one has several channels; GRID_MISMATCH
            when they do not lie on one grid.
    """
    if not scans:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "there is no scan to take channels from",
            where="channels",
            remedy="Give a scan for each channel.",
        )
    first, *others = scans.values()
    for name, scan in scans.items():
        if len(scan.channels) != 1:
            raise UnusableInput(
                ErrorCode.CHANNEL_MISMATCH,
                f"the scan has {len(scan.channels)} channels, not one",
                where=f"{name} of the scan",
                remedy="Give a scan of one channel for each.",
            )
        require_same_grid(first.geometry, scan.geometry, where=f"{name} of the scan")
    if not others:
        return replace(first, channels=tuple(scans))
    return replace(
        first,
        array=np.concatenate([scan.array for scan in scans.values()]),
        channels=tuple(scans),
        sha256=_sha256(scans.values()),
        notes=tuple(note for scan in scans.values() for note in scan.notes),
    )


def _sha256(scans: Iterable[Volume]) -> str:
    """Hash of all files read; empty where a scan was made in memory."""
    hashes = [scan.sha256 for scan in scans]
    return sha256_of_hashes(hashes) if all(hashes) else ""
