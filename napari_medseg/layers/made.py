"""Whether labels still are what their provenance tells of."""

import zlib
from dataclasses import replace

import numpy as np

import medseg

_EDITED = "edited"
_BY_HAND = f"{_EDITED} by hand after it was made"


def checksum_of(labels: np.ndarray) -> int:
    """A number that nearly every edit changes, whatever type the labels have."""
    smallest = np.uint8 if labels.max(initial=0) < 256 else np.uint16
    return zlib.crc32(np.ascontiguousarray(labels, dtype=smallest).data)


def provenance_now(
    made: medseg.Provenance | None, checksum: int | None, labels: np.ndarray
) -> medseg.Provenance | None:
    """How labels were made, and that they were edited since.

    Args:
        made: What is told so far; an edit that is noted in it is not noted again.
        checksum: Of the labels when they were made; None where it is not known.
        labels: As they are.
    """
    if made is None or checksum is None or checksum == checksum_of(labels):
        return made
    if any(note.startswith(_EDITED) for note in made.notes):
        return made
    return replace(made, notes=(*made.notes, _BY_HAND), is_interactive=True)
