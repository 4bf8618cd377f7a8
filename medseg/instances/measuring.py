"""Lesions told apart -> size, shape, looks and place of each."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from medseg.core.box import Box
from medseg.core.geometry import Geometry
from medseg.core.instance_measure import ChannelIntensity, InstanceMeasure
from medseg.core.labels import Structure, StructureKind
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.progress import ProgressCallback, ignore_progress, reported
from medseg.core.volume import Volume, require_same_grid
from medseg.instances.diameters import axial_diameters, point
from medseg.structures.surfaces import mask_surface

Mask = Bool[np.ndarray, "i j k"]


def measure_instances(
    panoptic: Panoptic,
    volume: Volume | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[InstanceMeasure, ...]:
    """Measure every lesion, by ascending number.

    Sphericity is that of the surface net of the lesion (`structure_surface`), by its
    own volume and area: a count of voxel faces would never come near 1 for a ball.

    Args:
        panoptic: From `separate_instances`.
        volume: The scan, for intensities; on the same grid.
        on_progress: Is told how many are done; what it raises stops the work.

    Raises:
        UnusableInput: GRID_MISMATCH.
    """
    if volume is not None:
        require_same_grid(volume.geometry, panoptic.geometry, where="scan")
    places = ndimage.find_objects(panoptic.instance_map)
    return tuple(
        _measured(
            panoptic, instance, Box.from_slices(places[instance.number - 1]), volume
        )
        for instance in reported(panoptic.instances, "measuring", on_progress)
    )


def _measured(
    panoptic: Panoptic, instance: Instance, box: Box, volume: Volume | None
) -> InstanceMeasure:
    grid = panoptic.geometry
    mask = panoptic.instance_map[box.slices] == instance.number
    voxels = int(np.count_nonzero(mask))
    return InstanceMeasure(
        number=instance.number,
        structure=panoptic.structure_of(instance),
        confidence=instance.confidence,
        voxels=voxels,
        volume_ml=voxels * grid.voxel_volume_ml,
        diameters=axial_diameters(mask, box.start, grid),
        sphericity=mask_surface(mask, box.start, grid).sphericity,
        intensities=() if volume is None else _intensities(volume, mask, box),
        centre_ras_mm=point(grid.to_world(_centre(mask) + np.array(box.start))),
        organ=_organ(panoptic, mask, box),
        box=box,
        tracking_uid=instance.tracking_uid,
        tracking_id=instance.tracking_id,
    )


def _centre(mask: Mask) -> np.ndarray:
    """Centre of mass, as positions along i, j, k."""
    return np.array([axis.mean() for axis in np.nonzero(mask)])


def _intensities(volume: Volume, mask: Mask, box: Box) -> tuple[ChannelIntensity, ...]:
    measured = []
    for channel, values in zip(volume.channels, volume.array, strict=True):
        inside = values[box.slices][mask].astype(np.float64)
        measured.append(
            ChannelIntensity(
                channel=channel,
                mean=float(inside.mean()),
                minimum=float(inside.min()),
                maximum=float(inside.max()),
            )
        )
    return tuple(measured)


def _organ(panoptic: Panoptic, mask: Mask, box: Box) -> Structure | None:
    """The stuff that most faces of the lesion touch; of two alike the smaller id."""
    wide, inner = _widened(box, panoptic.geometry)
    lesion = np.zeros(wide.shape, bool)
    lesion[inner.slices] = mask
    labels = panoptic.segmentation.array[wide.slices]
    touched = np.zeros(max(panoptic.labels.ids) + 1, np.int64)
    for axis in range(3):
        moved, beside = np.moveaxis(lesion, axis, 0), np.moveaxis(labels, axis, 0)
        for own, other, place in (
            (moved[:-1], moved[1:], beside[1:]),
            (moved[1:], moved[:-1], beside[:-1]),
        ):
            touched += np.bincount(place[own & ~other], minlength=len(touched))
    stuff = [s for s in panoptic.labels if s.kind is StructureKind.STUFF]
    organ = max(stuff, key=lambda s: (touched[s.id], -s.id), default=None)
    return organ if organ is not None and touched[organ.id] else None


def _widened(box: Box, grid: Geometry) -> tuple[Box, Box]:
    """The box with a voxel more on every side, within the scan, and itself in that."""
    low = [max(0, first - 1) for first in box.start]
    high = [
        min(size, first + extent + 1)
        for first, extent, size in zip(box.start, box.shape, grid.shape, strict=True)
    ]
    i, j, k = (slice(a, b) for a, b in zip(low, high, strict=True))
    m, n, o = (first - a for first, a in zip(box.start, low, strict=True))
    return Box.from_slices((i, j, k)), Box(start=(m, n, o), shape=box.shape)
