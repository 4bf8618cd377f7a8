"""Lesions that touch, split by a watershed."""

from typing import assert_never

import numpy as np
from jaxtyping import Bool, Integer

from medseg.classical.boxes import cropped_scan
from medseg.classical.images import contrasts, smoothed
from medseg.classical.memory import require_memory
from medseg.classical.splitting import basins_of, blobs_of
from medseg.core.box import Box
from medseg.core.geometry import Geometry, rounded_spacing
from medseg.core.instance_settings import (
    Components,
    DistanceWatershed,
    InstanceRules,
    IntensityWatershed,
    LearnedCentres,
    Shade,
)
from medseg.core.lesions import Connectivity
from medseg.core.volume import Volume
from medseg.instances.grouping import Centres, grouped
from medseg.instances.joining import with_small_ones_joined

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]

_REACH_SIGMAS = 4  # beyond it a Gaussian is nothing


def split_piece(
    mask: Mask,
    box: Box,
    rules: InstanceRules,
    grid: Geometry,
    volume: Volume | None,
    centres: Centres | None = None,
) -> Numbers:
    """Number of the lesion at each voxel of one connected piece, 0 outside it.

    Args:
        mask: The piece, in its box.
        box: Where that lies in the scan.
        rules: How lesions that touch are split.
        grid: Of the whole label map.
        volume: The scan, for a watershed of intensities.
        centres: What a model sees, for its own way.

    Raises:
        UnusableInput: OUT_OF_MEMORY; CHANNEL_MISMATCH; NOT_FINITE.
    """
    by_faces = rules.connectivity is Connectivity.FACES
    match rules.split:
        case Components():
            return mask.astype(np.int32)
        case DistanceWatershed(neck_mm=neck_mm):
            require_memory("split-touching", box.shape, "the label map")
            basins = blobs_of(mask, grid.spacing_mm, neck_mm, by_faces=by_faces)
        case IntensityWatershed() as split:
            require_memory("split-touching", box.shape, "the label map")
            if volume is None:
                raise ValueError("a watershed of intensities needs the scan")
            basins = basins_of(
                mask,
                _relief(volume, box, split),
                grid.spacing_mm,
                split.contrast,
                by_faces=by_faces,
            )
        case LearnedCentres():
            if centres is None:
                raise ValueError("learned centres need what a model sees")
            basins = grouped(mask, box, centres, grid, rules.connectivity)
        case _:
            assert_never(rules.split)
    smallest = rules.minimum_mm3 / (1000 * grid.voxel_volume_ml)
    return with_small_ones_joined(basins.astype(np.int32), smallest, rules.connectivity)


def _relief(volume: Volume, box: Box, split: IntensityWatershed) -> np.ndarray:
    """The scan in a box, smoothed and turned such that lesions are basins."""
    spacing_mm = rounded_spacing(volume.geometry.spacing_mm)
    reach = [int(_REACH_SIGMAS * split.sigma_mm / edge) + 1 for edge in spacing_mm]
    start, stop = [
        [max(0, first - more) for first, more in zip(box.start, reach, strict=True)],
        [
            min(size, first + extent + more)
            for first, extent, more, size in zip(
                box.start, box.shape, reach, volume.geometry.shape, strict=True
            )
        ],
    ]
    i, j, k = (slice(first, end) for first, end in zip(start, stop, strict=True))
    wide = Box.from_slices((i, j, k))
    values = smoothed(contrasts(cropped_scan(volume, wide)), spacing_mm, split.sigma_mm)
    inner = tuple(
        slice(here - first, here - first + size)
        for here, first, size in zip(box.start, wide.start, box.shape, strict=True)
    )
    relief: np.ndarray = values[inner]
    return -relief if split.shade is Shade.BRIGHT else relief
