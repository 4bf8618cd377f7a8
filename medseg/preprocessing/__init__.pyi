from .label_resampling import resample_nearest
from .prepare import (
    prepare,
    prepare_reference,
    restore_labels,
    restore_probabilities,
)

__all__ = [
    "prepare",
    "prepare_reference",
    "resample_nearest",
    "restore_labels",
    "restore_probabilities",
]
