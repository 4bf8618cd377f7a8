from .dataset import case_seed, write_phantom_dataset
from .make import SAMPLE_SEED, Phantom, make_phantom
from .series import write_phantom_series

__all__ = [
    "SAMPLE_SEED",
    "Phantom",
    "case_seed",
    "make_phantom",
    "write_phantom_dataset",
    "write_phantom_series",
]
