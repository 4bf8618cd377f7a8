from .composing import segment_all, segment_with_ready
from .overlapping import Outcome, overlapped
from .ready import Prediction, ReadyModel, Request
from .segmenting import (
    predict,
    segment,
    segment_with_probabilities,
)

__all__ = [
    "Outcome",
    "Prediction",
    "ReadyModel",
    "Request",
    "overlapped",
    "predict",
    "segment",
    "segment_all",
    "segment_with_probabilities",
    "segment_with_ready",
]
