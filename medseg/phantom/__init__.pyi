from .dataset import case_seed, write_phantom_dataset
from .make import SAMPLE_SEED, Phantom, make_phantom
from .series import write_phantom_series
from .touching import make_touching_tumours
from .touching_dataset import write_touching_dataset

__all__ = [
    "SAMPLE_SEED",
    "Phantom",
    "case_seed",
    "make_phantom",
    "make_touching_tumours",
    "write_phantom_dataset",
    "write_phantom_series",
    "write_touching_dataset",
]
