"""Saving a Labels layer on the grid of the scan it belongs to."""

from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels

import medseg
from napari_medseg._layers import segmentation_of


def write_labels(path: str, data: np.ndarray, meta: dict[str, Any]) -> list[str]:
    """Write a label map with its place in the patient, and say what was written.

    Args:
        path: File to write; its suffix gives the format. Napari has asked before
            whether to replace it.
        data: The layer's labels.
        meta: The layer's other properties, as napari hands them on.
    """
    viewer = napari.current_viewer()
    neighbours = () if viewer is None else tuple(viewer.layers)
    segmentation = segmentation_of(Labels(data, **meta), neighbours)
    medseg.write_segmentation(segmentation, Path(path), overwrite=True)
    return [path]
