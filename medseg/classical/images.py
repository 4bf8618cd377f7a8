"""Voxels between numpy and SimpleITK, in millimetres.

Arrays go to ITK without origin and direction: methods need distances only, and results
come back onto the same voxels.
"""

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by
from jaxtyping import Bool, Float, Integer, Shaped

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.geometry import Geometry, Points, Spacing
from medseg.core.volume import Volume

Intensities = Float[np.ndarray, "i j k"]
Mask = Bool[np.ndarray, "i j k"]
Index = tuple[int, int, int]

# ITK's recursive filters need as many voxels along every axis.
_FEWEST_FOR_RECURSION = 4


def intensities(volume: Volume) -> Intensities:
    """The one channel of a scan, as float32.

    Raises:
        UnusableInput: CHANNEL_MISMATCH, where there are several.
    """
    if len(volume.channels) != 1:
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"the scan has {len(volume.channels)} channels, the method takes one",
            where=volume.case_id,
            remedy=f"Choose one of {', '.join(volume.channels)}.",
        )
    values: np.ndarray = volume.array[0].astype(np.float32)
    return values


def to_itk(array: Shaped[np.ndarray, "i j k"], spacing_mm: Spacing) -> sitk.Image:
    """An image of the same voxels; booleans become 0 and 1."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(spacing_mm)
    return image


def from_itk(image: sitk.Image) -> Shaped[np.ndarray, "i j k"]:
    """The voxels of an image, axes i, j, k."""
    array: np.ndarray = sitk.GetArrayFromImage(image).T
    return array


def steepness(volume: Volume, sigma_mm: float) -> Intensities:
    """Length of the gradient, intensity per mm, after a Gaussian of sigma."""
    padded, inner = _padded(intensities(volume))
    image = to_itk(padded, volume.geometry.spacing_mm)
    return from_itk(sitk.GradientMagnitudeRecursiveGaussian(image, sigma_mm))[inner]


def smoothed(array: Intensities, spacing_mm: Spacing, sigma_mm: float) -> Intensities:
    """The array after a Gaussian of sigma."""
    padded, inner = _padded(array)
    image = sitk.SmoothingRecursiveGaussian(to_itk(padded, spacing_mm), sigma_mm)
    return from_itk(image)[inner]


def gradient(volume: Volume, sigma_mm: float) -> Float[np.ndarray, "i j k 3"]:
    """Gradient along i, j, k, intensity per mm, after a Gaussian of sigma."""
    padded, inner = _padded(intensities(volume))
    image = to_itk(padded, volume.geometry.spacing_mm)
    found = sitk.GetArrayFromImage(sitk.GradientRecursiveGaussian(image, sigma_mm))
    turned: np.ndarray = found.transpose(2, 1, 0, 3)[inner].astype(np.float32)
    return turned


def seed_indices(geometry: Geometry, seeds_ras_mm: Points) -> list[Index]:
    """The voxels that hold the seeds.

    Raises:
        WrongUse: INVALID_OPTION, when there is none, or one lies outside the scan.
    """
    points = np.atleast_2d(np.asarray(seeds_ras_mm, dtype=np.float64))
    if points.size == 0 or points.shape[1] != 3:
        raise _wrong_seed("there is no seed of three coordinates")
    indices = np.round(geometry.to_index(points)).astype(int)
    for point, index in zip(points, indices, strict=True):
        if (index < 0).any() or (index >= geometry.shape).any():
            place = ", ".join(f"{value:g}" for value in point)
            raise _wrong_seed(f"({place}) lies outside the scan")
    return [(int(i), int(j), int(k)) for i, j, k in indices]


def count_pieces(mask: Mask) -> tuple[Integer[np.ndarray, "i j k"], int]:
    """Connected pieces of a mask, 1 for the largest, and how many there are.

    Voxels that touch by a face, an edge or a corner are one piece.
    """
    components = sitk.ConnectedComponentImageFilter()
    components.FullyConnectedOn()
    pieces = components.Execute(to_itk(mask, (1.0, 1.0, 1.0)))
    ordered = from_itk(sitk.RelabelComponent(pieces))
    return ordered, int(ordered.max(initial=0))


def _padded(
    array: Shaped[np.ndarray, "i j k"],
) -> tuple[Shaped[np.ndarray, "i j k"], tuple[slice, slice, slice]]:
    """The array with its border repeated where an axis is too short for ITK."""
    lacking = [max(0, _FEWEST_FOR_RECURSION - size) for size in array.shape]
    i, j, k = (slice(0, size) for size in array.shape)
    if not any(lacking):
        return array, (i, j, k)
    return np.pad(array, [(0, more) for more in lacking], mode="edge"), (i, j, k)


def _wrong_seed(what: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="seed",
        remedy="Give R, A, S in mm, as napari's status line and other viewers show.",
    )
