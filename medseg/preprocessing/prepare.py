"""A scan made ready for the network, and its labels brought back."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from medseg.core.channels import channel_order, require_channels
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import IGNORED, NormalisationKind, Plan, Recipe
from medseg.core.prepared import Prepared
from medseg.core.volume import Segmentation, Volume, VoxelArray, require_same_grid
from medseg.preprocessing.boxes import box_round, box_slices
from medseg.preprocessing.monai_rules import prepared_by_steps
from medseg.preprocessing.nnunet_labels import resampled_labels
from medseg.preprocessing.nnunet_rules import (
    filled_mask,
    resampled_image,
    resampled_shape,
    separate_axis,
)
from medseg.preprocessing.normalisation import normalised
from medseg.preprocessing.orientation import network_axes, oriented
from medseg.preprocessing.resampling import (
    resample_image,
    resample_labels,
)


def prepare(volume: Volume, plan: Plan) -> Prepared:
    """Orient as the plan says; crop to non-zero; normalise; resample to its spacing.

    The plan of a MONAI bundle has steps of its own after the first one.

    Raises:
        UnusableInput: CHANNEL_MISMATCH when the scan has other channels than the plan;
            NOT_FINITE when an intensity is NaN or infinite.
    """
    axes, flipped = network_axes(volume.geometry, plan.axes)
    image = oriented(in_plan_order(volume, plan), axes, flipped)
    start, shape = _whole_box(image)
    if plan.recipe is not Recipe.MONAI:
        start, shape = nonzero_box(image)
    cropped = image[:, *box_slices(start, shape)].astype(np.float32)
    _require_finite(cropped, volume)
    prepared = Prepared(
        image=cropped,
        source=volume.geometry,
        axes=axes,
        flipped=flipped,
        crop_start=start,
        crop_shape=shape,
    )
    if plan.recipe is Recipe.MONAI:
        return prepared_by_steps(prepared, plan)
    _normalise(cropped, plan)
    return replace(prepared, image=_resampled(prepared, plan))


def _whole_box(image: np.ndarray) -> tuple[Shape3, Shape3]:
    _, i, j, k = image.shape
    return (0, 0, 0), (i, j, k)


def _require_finite(image: np.ndarray, volume: Volume) -> None:
    if not np.isfinite(image).all():
        raise UnusableInput(
            ErrorCode.NOT_FINITE,
            "the scan holds NaN or infinite intensities",
            where=volume.case_id,
            remedy="Replace them, with 0 outside the patient for example.",
        )


def _normalise(image: np.ndarray, plan: Plan) -> None:
    """In place, channel by channel."""
    kinds = {how.kind for how in plan.normalisation}
    is_masked = NormalisationKind.Z_SCORE_NONZERO in kinds
    filled = filled_mask(image) if is_masked else None
    for channel, how in zip(image, plan.normalisation, strict=True):
        channel[...] = normalised(channel, how, filled)


def _resampled(prepared: Prepared, plan: Plan) -> np.ndarray:
    """The image at the plan's spacing."""
    spacing_mm, shape = prepared.spacing_mm, prepared.crop_shape
    if plan.recipe is Recipe.NNUNET:
        wanted = resampled_shape(shape, spacing_mm, plan.spacing_mm)
        apart = separate_axis(spacing_mm, plan.spacing_mm)
        return resampled_image(prepared.image, wanted, apart)
    wanted = target_shape(shape, spacing_mm, plan.spacing_mm)
    result: np.ndarray = resample_image(
        torch.from_numpy(prepared.image), wanted
    ).numpy()
    return result


def prepare_first_stage(
    labels: Segmentation, prepared: Prepared, plan: Plan, volume: Volume
) -> Prepared:
    """A scan with a coarser model's label map, each structure a further channel.

    The channels are made window by window, from one label map on the scan's grid.

    Args:
        labels: On the scan's own grid.
        prepared: The scan as the finer model takes it.
        plan: The finer model's.
        volume: The scan itself.

    Raises:
        UnusableInput: GRID_MISMATCH when it is not on the grid of the scan.
    """
    if plan.recipe is Recipe.NNUNET:
        indices = _first_stage_by_nnunet(labels, prepared, plan, volume)
    else:
        indices = prepare_reference(labels, prepared)
    return replace(
        prepared, first_stage=indices, first_stage_structures=len(labels.labels)
    )


def _first_stage_by_nnunet(
    labels: Segmentation, prepared: Prepared, plan: Plan, volume: Volume
) -> UInt8[np.ndarray, "i j k"]:
    indices = _indices_in_box(labels, prepared)
    _, i, j, k = prepared.image.shape
    if indices.shape == (i, j, k):
        return indices
    image = oriented(in_plan_order(volume, plan), prepared.axes, prepared.flipped)
    box = box_slices(prepared.crop_start, prepared.crop_shape)
    apart = separate_axis(prepared.spacing_mm, plan.spacing_mm)
    return resampled_labels(indices, (i, j, k), apart, ~filled_mask(image[:, *box]))


def prepare_reference(
    reference: Segmentation, prepared: Prepared, ignore_id: int | None = None
) -> UInt8[np.ndarray, "i j k"]:
    """Label indices (place in the label set, background 0) on the prepared grid.

    Args:
        reference: The label map.
        prepared: The scan it belongs to.
        ignore_id: Label of voxels that nobody looked at; they become `IGNORED`, and
            its structure, if the label set has one for it, has no place.

    Raises:
        UnusableInput: GRID_MISMATCH when it is not on the grid of the scan.
    """
    cropped = _indices_in_box(reference, prepared, ignore_id)
    ignored_index = _ignored_index(reference, ignore_id)
    _, i, j, k = prepared.image.shape
    resampled: np.ndarray = resample_labels(
        torch.from_numpy(cropped), (i, j, k), ignored_index + 1
    ).numpy()
    if ignore_id is not None:
        resampled[resampled == ignored_index] = IGNORED
    return resampled


def _ignored_index(reference: Segmentation, ignore_id: int | None) -> int:
    """One more than the last structure's: resampled like any other label."""
    return 1 + sum(id_ != ignore_id for id_ in reference.labels.ids)


def _indices_in_box(
    reference: Segmentation, prepared: Prepared, ignore_id: int | None = None
) -> UInt8[np.ndarray, "i j k"]:
    """Label indices within the scan's box, before they are resampled."""
    require_same_grid(
        reference.geometry,
        prepared.source,
        where=f"scan and reference of {reference.case_id}",
    )
    indices = np.zeros(max(reference.labels.ids, default=0) + 1, dtype=np.uint8)
    structures = [id_ for id_ in reference.labels.ids if id_ != ignore_id]
    for place, id_ in enumerate(structures, start=1):
        indices[id_] = place
    if ignore_id in reference.labels.ids:
        indices[ignore_id] = _ignored_index(reference, ignore_id)
    array = oriented(reference.array, prepared.axes, prepared.flipped)
    box = array[box_slices(prepared.crop_start, prepared.crop_shape)]
    return np.ascontiguousarray(indices[box])


def in_plan_order(volume: Volume, plan: Plan) -> VoxelArray:
    """The scan's channels in the order the network takes them.

    Several channels are matched by name, in any order and case. The name of a single
    one does not matter, unless it says CT, MR, PT ... and the network takes another.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    require_channels(volume.channels, plan.channels, volume.case_id)
    order = channel_order(volume.channels, plan.channels)
    return volume.array if len(order) == 1 else volume.array[list(order)]


def nonzero_box(image: np.ndarray) -> tuple[Shape3, Shape3]:
    """First voxel and size of the box round all voxels that are not 0 in a channel.

    The whole grid when every voxel is 0.
    """
    return box_round(np.any(image, axis=0))


def target_shape(shape: Shape3, spacing_mm: Spacing, target_mm: Spacing) -> Shape3:
    """Voxels that fill the same box at another spacing, at least one an axis.

    A spacing within 1 % of the target counts as equal, so that rounding in a file's
    header does not cost a resampling.
    """
    sizes = [
        n if abs(a / b - 1) < 0.01 else max(1, round(n * a / b))
        for n, a, b in zip(shape, spacing_mm, target_mm, strict=True)
    ]
    return sizes[0], sizes[1], sizes[2]
