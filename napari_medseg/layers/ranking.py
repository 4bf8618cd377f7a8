"""Which Labels layer suits as the result to look at, to judge or to correct."""

from napari.layers import Layer

import medseg
from napari_medseg.layers.conversion import record_of

LESIONS_KEY = "medseg-lesions"  # marks lesions told apart, each with a label of its own


def is_lesions(layer: Layer) -> bool:
    """Whether the labels of a layer are lesions told apart."""
    return LESIONS_KEY in layer.metadata


def is_derived(layer: Layer) -> bool:
    """Whether a layer shows errors or single lesions, not structures."""
    record = record_of(layer)
    is_errors = record is not None and record.labels == medseg.AGREEMENT_LABELS
    return is_errors or is_lesions(layer)


def suits_as_prediction(layer: Layer) -> int:
    """More for what a model made, less for errors; what was read lies between."""
    if is_derived(layer):
        return -1
    record = record_of(layer)
    return int(record is not None and record.provenance is not None)
