"""Which Labels layer suits as the result to look at, to judge or to correct."""

from napari.layers import Layer

import medseg
from napari_medseg.layers.conversion import record_of


def is_errors(layer: Layer) -> bool:
    """Whether a layer shows errors, not structures."""
    record = record_of(layer)
    return record is not None and record.labels == medseg.AGREEMENT_LABELS


def suits_as_prediction(layer: Layer) -> int:
    """More for what a model made, less for errors; what was read lies between."""
    record = record_of(layer)
    is_made = record is not None and record.provenance is not None
    return int(is_made) - int(is_errors(layer))
