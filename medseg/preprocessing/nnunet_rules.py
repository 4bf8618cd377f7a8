"""nnU-Net's own rules of resampling (Isensee et al., 2021), for models it trained.

Images by cubic splines, clipped to their own range, without smoothing where they get
coarser. An axis of voxels more than three times as long as the shortest is apart: the
others are resampled slice by slice, and along it each new slice is the nearest old one.
`nnunet_labels` has the rules of label maps.
"""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from medseg.core.geometry import Shape3, Spacing

_ANISOTROPIC = 3.0
_CUBIC = 3


def resampled_shape(shape: Shape3, spacing_mm: Spacing, target_mm: Spacing) -> Shape3:
    """Voxels of a grid at another spacing, at least one an axis."""
    sizes = [
        max(1, round(edge / target * n))
        for n, edge, target in zip(shape, spacing_mm, target_mm, strict=True)
    ]
    return sizes[0], sizes[1], sizes[2]


def separate_axis(first_mm: Spacing, second_mm: Spacing) -> int | None:
    """The axis that is resampled apart from the others, if there is one.

    Args:
        first_mm: Spacing of the grid it goes from; decides when it is anisotropic.
        second_mm: Spacing of the grid it goes to; decides otherwise.
    """
    for spacing_mm in (first_mm, second_mm):
        if max(spacing_mm) / min(spacing_mm) > _ANISOTROPIC:
            longest = [n for n in range(3) if spacing_mm[n] == max(spacing_mm)]
            return longest[0] if len(longest) == 1 else None
    return None


def filled_mask(image: np.ndarray) -> Bool[np.ndarray, "i j k"]:
    """Voxels that are not 0 in a channel, and the holes they enclose."""
    mask: np.ndarray = ndimage.binary_fill_holes(np.any(image, axis=0))
    return mask


def nearest_rows(size: int, new_size: int) -> np.ndarray:
    """For each new slice the index of the old one nearest to its centre."""
    places = size / new_size * (np.arange(new_size) + 0.5) - 0.5
    nearest: np.ndarray = np.clip(np.floor(places + 0.5), 0, size - 1)
    return nearest.astype(np.int64)


def resampled_image(
    image: Float32[np.ndarray, "channel i j k"], shape: Shape3, apart: int | None
) -> Float32[np.ndarray, "channel i2 j2 k2"]:
    """An image on the same box with other numbers of voxels.

    Args:
        image: The image.
        shape: Voxels wanted.
        apart: From `separate_axis`.
    """
    if image.shape[1:] == shape:
        return image
    return np.stack([_resampled(each, shape, apart) for each in image])


def _resampled(
    array: Float32[np.ndarray, "i j k"], shape: Shape3, apart: int | None
) -> Float32[np.ndarray, "i2 j2 k2"]:
    """Cubic splines, axis by axis, which is what they are over several."""
    within = tuple(axis for axis in range(3) if axis != apart)
    result = array
    for axis in sorted(within, key=lambda axis: shape[axis] / array.shape[axis]):
        if shape[axis] != array.shape[axis]:
            result = _along(result, _matrix(array.shape[axis], shape[axis]), axis)
    lowest = array.min(within, keepdims=True)
    result = np.clip(result, lowest, array.max(within, keepdims=True))
    if apart is not None:
        rows = nearest_rows(array.shape[apart], shape[apart])
        result = np.take(result, rows, apart)
    return np.ascontiguousarray(result, np.float32)


def _matrix(size: int, new_size: int) -> Float32[np.ndarray, "new old"]:
    """Spline interpolation along one axis, which is linear, as a matrix.

    Its columns are what becomes of single voxels of value 1.
    """
    unit = np.eye(size)
    columns = ndimage.zoom(
        unit, (new_size / size, 1), order=_CUBIC, mode="nearest", grid_mode=True
    )
    return np.ascontiguousarray(columns, np.float32)


def _along(array: np.ndarray, matrix: np.ndarray, axis: int) -> np.ndarray:
    """Multiply along an axis, by products of matrices without copies."""
    if axis == 0:
        first, *rest = array.shape
        product = (matrix @ array.reshape(first, -1)).reshape(len(matrix), *rest)
    else:
        product = matrix @ array if axis == 1 else array @ matrix.T
    result: np.ndarray = product
    return result
