"""Label maps with the grid of the scan they belong to, be it in a file or open."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from napari.layers import Image, Layer

import medseg
from napari_medseg.layers.conversion import record_of, volume_of


def label_maps_of(
    path: Path, open_layers: Iterable[Layer]
) -> tuple[medseg.Segmentation, ...]:
    """The label map in a file; several where structures in it overlap.

    Args:
        path: The file.
        open_layers: Where the scan that a DICOM file refers to is not beside it, it may
            be among these.

    Raises:
        MedSegError: When it cannot be read.
    """
    try:
        return medseg.read_segments(path)
    except medseg.UnusableInput as error:
        if error.code is not medseg.ErrorCode.NOT_FOUND or not path.exists():
            raise
        for layer in open_layers:
            record = record_of(layer)
            if isinstance(layer, Image) and record is not None and record.source:
                with suppress(medseg.MedSegError):  # another patient's
                    return medseg.read_segments(path, source=volume_of(layer))
        raise
