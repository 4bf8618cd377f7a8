"""A scan made ready for the network, and its labels brought back."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import IGNORED, Plan
from medseg.core.prepared import Prepared
from medseg.core.volume import Segmentation, Volume, VoxelArray, require_same_grid
from medseg.preprocessing.normalisation import normalised
from medseg.preprocessing.orientation import axes_to_ras, deoriented, oriented
from medseg.preprocessing.resampling import (
    argmax_resampled,
    probabilities_resampled,
    regions_painted,
    resample_image,
    resample_labels,
)

_MR_NAMES = (
    "MR",
    "MRI",
    "T1",
    "T1W",
    "T1GD",
    "T1C",
    "T2",
    "T2W",
    "FLAIR",
    "ADC",
    "DWI",
)
_MODALITIES = {
    **{code: code for code in ("CT", "PT", "NM", "US", "CR", "DX", "XA")},
    **dict.fromkeys(_MR_NAMES, "MR"),
}


def prepare(volume: Volume, plan: Plan) -> Prepared:
    """Orient to R, A, S; crop to non-zero; normalise; resample to the plan's spacing.

    Raises:
        UnusableInput: CHANNEL_MISMATCH when the scan has other channels than the plan;
            NOT_FINITE when an intensity is NaN or infinite.
    """
    axes, flipped = axes_to_ras(volume.geometry)
    image = oriented(in_plan_order(volume, plan), axes, flipped)
    start, shape = nonzero_box(image)
    cropped = image[:, *_box(start, shape)].astype(np.float32)
    if not np.isfinite(cropped).all():
        raise UnusableInput(
            ErrorCode.NOT_FINITE,
            "the scan holds NaN or infinite intensities",
            where=volume.case_id,
            remedy="Replace them, with 0 outside the patient for example.",
        )
    for channel, how in zip(cropped, plan.normalisation, strict=True):
        channel[...] = normalised(channel, how)
    spacing_mm = volume.geometry.permuted(axes, flipped).spacing_mm
    target = target_shape(shape, spacing_mm, plan.spacing_mm)
    resampled = resample_image(torch.from_numpy(cropped), target)
    return Prepared(
        image=resampled.numpy(),
        source=volume.geometry,
        axes=axes,
        flipped=flipped,
        crop_start=start,
        crop_shape=shape,
    )


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
    require_same_grid(
        reference.geometry,
        prepared.source,
        where=f"scan and reference of {reference.case_id}",
    )
    indices = np.zeros(max(reference.labels.ids, default=0) + 1, dtype=np.uint8)
    structures = [id_ for id_ in reference.labels.ids if id_ != ignore_id]
    for place, id_ in enumerate(structures, start=1):
        indices[id_] = place
    ignored_index = len(structures) + 1  # resampled like any other label
    if ignore_id in reference.labels.ids:
        indices[ignore_id] = ignored_index
    array = oriented(reference.array, prepared.axes, prepared.flipped)
    cropped = indices[array[_box(prepared.crop_start, prepared.crop_shape)]]
    _, i, j, k = prepared.image.shape
    labels = torch.from_numpy(np.ascontiguousarray(cropped))
    resampled: np.ndarray = resample_labels(
        labels, (i, j, k), ignored_index + 1
    ).numpy()
    if ignore_id is not None:
        resampled[resampled == ignored_index] = IGNORED
    return resampled


def restore_labels(
    logits: Float32[Tensor, "label i j k"], prepared: Prepared, plan: Plan
) -> np.ndarray:
    """Label map on the scan's own grid: the inverse of `prepare`, for labels.

    Exact where nothing was resampled; otherwise each voxel gets the label with the
    largest trilinearly resampled logit. Outside the non-zero box is background.

    A plan's regions are each where the resampled logit is above 0, and are painted in
    their order.
    """
    if plan.regions:
        painted_as = [region.painted_as for region in plan.regions]
        painted = regions_painted(logits.cpu(), prepared.crop_shape, painted_as)
        dtype = np.uint8 if max(plan.labels.ids) < 256 else np.uint16
        return _restored(painted.numpy().astype(dtype, copy=False), prepared, outside=0)
    inside = argmax_resampled(logits.cpu(), prepared.crop_shape).numpy()
    ids = np.array([0, *plan.labels.ids])
    ids = ids.astype(np.uint8 if ids.max() < 256 else np.uint16)
    return _restored(ids[inside], prepared, outside=0)


def restore_probabilities(
    logits: Float32[Tensor, "label i j k"], prepared: Prepared, plan: Plan
) -> Float32[np.ndarray, "label i2 j2 k2"]:
    """Probability of each of the plan's outputs on the scan's own grid.

    Those of background and every structure add up to 1, and where no two are equal the
    largest belongs to the label of `restore_labels`; outside the non-zero box
    background has 1. Those of regions are independent, and 0 outside it.
    """
    overlapping = bool(plan.regions)
    inside = probabilities_resampled(
        logits.cpu(), prepared.crop_shape, overlapping=overlapping
    ).numpy()
    return np.stack(
        [
            _restored(each, prepared, outside=int(output == 0 and not overlapping))
            for output, each in enumerate(inside)
        ]
    )


def _restored(inside: np.ndarray, prepared: Prepared, *, outside: int) -> np.ndarray:
    """The box in its place on the scan's own grid, the rest filled with `outside`."""
    grid = prepared.source.permuted(prepared.axes, prepared.flipped)
    whole = np.full(grid.shape, outside, dtype=inside.dtype)
    whole[_box(prepared.crop_start, prepared.crop_shape)] = inside
    back = deoriented(whole, prepared.axes, prepared.flipped)
    return np.ascontiguousarray(back)


def in_plan_order(volume: Volume, plan: Plan) -> VoxelArray:
    """The scan's channels in the order the network takes them.

    Several channels are matched by name, in any order and case. The name of a single
    one does not matter, unless it says CT, MR, PT ... and the network takes another.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    given = [name.upper() for name in volume.channels]
    wanted = [name.upper() for name in plan.channels]
    if len(wanted) == 1 and len(given) == 1:
        kinds = {_MODALITIES.get(given[0]), _MODALITIES.get(wanted[0])} - {None}
        if len(kinds) == 2:
            raise _other_channels(volume, plan, "Choose a model for this modality.")
        return volume.array
    if sorted(given) != sorted(wanted):
        raise _other_channels(
            volume, plan, "Give one file for each with --channel NAME=PATH."
        )
    return volume.array[[given.index(name) for name in wanted]]


def _other_channels(volume: Volume, plan: Plan, remedy: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.CHANNEL_MISMATCH,
        f"the scan's channels are {', '.join(volume.channels)}; the model takes "
        f"{', '.join(plan.channels)}",
        where=volume.case_id,
        remedy=remedy,
    )


def _box(start: Shape3, shape: Shape3) -> tuple[slice, slice, slice]:
    i, j, k = (slice(s, s + n) for s, n in zip(start, shape, strict=True))
    return i, j, k


def nonzero_box(image: np.ndarray) -> tuple[Shape3, Shape3]:
    """First voxel and size of the box round all voxels that are not 0 in a channel.

    The whole grid when every voxel is 0.
    """
    filled: np.ndarray = np.any(image, axis=0)
    start, size = [], []
    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
        where = np.flatnonzero(np.any(filled, axis=others))
        first, last = (
            (where[0], where[-1]) if len(where) else (0, filled.shape[axis] - 1)
        )
        start.append(int(first))
        size.append(int(last - first + 1))
    return (start[0], start[1], start[2]), (size[0], size[1], size[2])


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
