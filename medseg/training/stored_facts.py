"""Facts of a case on disk."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from medseg.io import written_whole
from medseg.planning import CaseFacts

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)


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
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            spacing = stored["spacing_mm"].tolist()
            i, j, k = stored["shape"].tolist()
            return CaseFacts(
                spacing_mm=(spacing[0], spacing[1], spacing[2]),
                shape=(i, j, k),
                foreground=stored["foreground"],
                structure_volumes_ml=tuple(stored["structure_volumes_ml"].tolist()),
            )
    except _UNREADABLE:
        return None
