from .composing import segment_all
from .estimating import estimate
from .fitting import Misfit, misfits
from .overlapping import Outcome, overlapped
from .segmenting import (
    Prediction,
    Request,
    predict,
    segment,
    segment_with_probabilities,
)

__all__ = [
    "Misfit",
    "Outcome",
    "Prediction",
    "Request",
    "estimate",
    "misfits",
    "overlapped",
    "predict",
    "segment",
    "segment_all",
    "segment_with_probabilities",
]
