from .composing import segment_all
from .overlapping import Outcome, overlapped
from .segmenting import (
    Prediction,
    Request,
    predict,
    segment,
    segment_with_probabilities,
)

__all__ = [
    "Outcome",
    "Prediction",
    "Request",
    "overlapped",
    "predict",
    "segment",
    "segment_all",
    "segment_with_probabilities",
]
