"""Volume -> Prepared, and its exact inverse beside it."""

from medseg.preprocessing.prepare import (
    prepare,
    prepare_reference,
    restore_labels,
    restore_probabilities,
)

__all__ = ["prepare", "prepare_reference", "restore_labels", "restore_probabilities"]
