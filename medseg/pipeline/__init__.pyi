from .composing import segment_all, segment_with_ready
from .estimating import estimate
from .fitting import Misfit, misfits
from .lesions import own_rules, segment_instances, with_instances
from .overlapping import Outcome, overlapped
from .ready import Answer, Prediction, ReadyModel, Request
from .segmenting import (
    predict,
    segment,
    segment_with_probabilities,
)
from .uncertainty import uncertainty_of

__all__ = [
    "Answer",
    "Misfit",
    "Outcome",
    "Prediction",
    "ReadyModel",
    "Request",
    "estimate",
    "misfits",
    "overlapped",
    "own_rules",
    "predict",
    "segment",
    "segment_all",
    "segment_instances",
    "segment_with_probabilities",
    "segment_with_ready",
    "uncertainty_of",
    "with_instances",
]
