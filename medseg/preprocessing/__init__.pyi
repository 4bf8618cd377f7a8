from .expectation import Expectation
from .instances import prepare_instances
from .label_resampling import resample_nearest
from .mapping import AxisMapping, grid_mapping
from .out_of_memory import is_out_of_memory, spoils_thread, typed_memory_errors
from .prepare import (
    prepare,
    prepare_first_stage,
    prepare_reference,
)
from .region import margin_voxels, prepare_region
from .restore import LABELS_ONLY, Restored, Wanted, labels_of, restored
from .slabs import LogitsSlab

__all__ = [
    "LABELS_ONLY",
    "AxisMapping",
    "Expectation",
    "LogitsSlab",
    "Restored",
    "Wanted",
    "grid_mapping",
    "is_out_of_memory",
    "labels_of",
    "margin_voxels",
    "prepare",
    "prepare_first_stage",
    "prepare_instances",
    "prepare_reference",
    "prepare_region",
    "resample_nearest",
    "restored",
    "spoils_thread",
    "typed_memory_errors",
]
