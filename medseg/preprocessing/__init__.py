"""Volume -> Prepared, and its exact inverse beside it."""

from medseg.preprocessing.prepare import prepare, prepare_reference, restore_labels

__all__ = ["prepare", "prepare_reference", "restore_labels"]
