"""Facts of a case on disk."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from medseg.io import written_whole
from medseg.io.numpy_files import read_npz
from medseg.planning import CaseFacts

_NAMES = ("spacing_mm", "shape", "foreground", "structure_volumes_ml")
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile)


def write_facts(facts: CaseFacts, path: Path) -> None:
    """Write facts whole, over earlier ones."""
    with written_whole(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            spacing_mm=facts.spacing_mm,
            shape=facts.shape,
            foreground=facts.foreground,
            structure_volumes_ml=facts.structure_volumes_ml,
        )


def opened_facts(path: Path) -> CaseFacts | None:
    """Facts on disk; None when they are not there or damaged."""
    try:
        spacing, shape, foreground, volumes = read_npz(path, _NAMES)
        x, y, z = spacing.tolist()
        i, j, k = shape.tolist()
        return CaseFacts(
            spacing_mm=(x, y, z),
            shape=(i, j, k),
            foreground=foreground,
            structure_volumes_ml=tuple(volumes.tolist()),
        )
    except _UNREADABLE:
        return None
