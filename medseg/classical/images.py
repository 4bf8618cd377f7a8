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
_MOST = 1e15  # the square of more, summed up, is beyond float32
_AIR_HU = np.float32(-1024)


def intensities(volume: Volume) -> Intensities:
    """The one channel of a scan, as float32.

    Raises:
        UnusableInput: CHANNEL_MISMATCH, where there are several; NOT_FINITE.
    """
    if len(volume.channels) != 1:
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"the scan has {len(volume.channels)} channels, the method takes one",
            where=volume.case_id,
            remedy=f"Choose one of {', '.join(volume.channels)}.",
        )
    with np.errstate(over="ignore"):
        values: np.ndarray = volume.array[0].astype(np.float32)
    if not -_MOST < values.min() <= values.max() < _MOST:
        raise UnusableInput(
            ErrorCode.NOT_FINITE,
            "voxels are NaN, infinite, or beyond 1e15",
            where=volume.case_id,
            remedy="Replace them with the value of air or background first.",
        )
    return values


def contrasts(volume: Volume) -> Intensities:
    """As `intensities`; what lies outside the field of view of a CT counts as air.

    Scanners fill it with -2000 or -3024, which is neither tissue nor an edge of any.

    Raises:
        UnusableInput: CHANNEL_MISMATCH, where there are several; NOT_FINITE.
    """
    values = intensities(volume)
    if volume.is_ct:
        np.maximum(values, _AIR_HU, out=values)
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
    padded, inner = padded_for_itk(contrasts(volume))
    image = to_itk(padded, volume.geometry.spacing_mm)
    return from_itk(sitk.GradientMagnitudeRecursiveGaussian(image, sigma_mm))[inner]


def smoothed(array: Intensities, spacing_mm: Spacing, sigma_mm: float) -> Intensities:
    """The array after a Gaussian of sigma."""
    padded, inner = padded_for_itk(array)
    image = sitk.SmoothingRecursiveGaussian(to_itk(padded, spacing_mm), sigma_mm)
    return from_itk(image)[inner]


def gradient(volume: Volume, sigma_mm: float) -> Float[np.ndarray, "i j k 3"]:
    """Gradient along i, j, k, intensity per mm, after a Gaussian of sigma."""
    padded, inner = padded_for_itk(contrasts(volume))
    image = to_itk(padded, volume.geometry.spacing_mm)
    found = sitk.GetArrayFromImage(sitk.GradientRecursiveGaussian(image, sigma_mm))
    turned: np.ndarray = found.transpose(2, 1, 0, 3)[inner].astype(np.float32)
    return turned


def padded_for_itk(
    array: Shaped[np.ndarray, "i j k"],
) -> tuple[Shaped[np.ndarray, "_ _ _"], tuple[slice, slice, slice]]:
    """The array with its border repeated where an axis is too short for ITK.

    Returns:
        It, and where the array is in it.
    """
    lacking = [max(0, _FEWEST_FOR_RECURSION - size) for size in array.shape]
    i, j, k = (slice(0, size) for size in array.shape)
    if not any(lacking):
        return array, (i, j, k)
    return np.pad(array, [(0, more) for more in lacking], mode="edge"), (i, j, k)


def seed_indices(geometry: Geometry, seeds_ras_mm: Points) -> list[Index]:
    """The voxels that hold the seeds.

    Raises:
        WrongUse: INVALID_OPTION, when there is none, or one lies outside the scan.
    """
    points = np.atleast_2d(np.asarray(seeds_ras_mm, dtype=np.float64))
    if points.size == 0 or points.shape[1:] != (3,):
        raise _wrong_seed("there is no seed of three coordinates")
    indices = np.round(geometry.to_index(points))
    for point, index in zip(points, indices, strict=True):
        if not ((index >= 0) & (index < geometry.shape)).all():  # of NaN neither
            place = ", ".join(f"{value:g}" for value in point)
            raise _wrong_seed(f"({place}) lies outside the scan")
    return [(int(i), int(j), int(k)) for i, j, k in indices]


def outside_distance_mm(mask: Mask, spacing_mm: Spacing) -> Intensities:
    """Distance of every voxel's centre to the nearest of the mask; not above 0 in it.

    The exact Euclidean one (Maurer et al., 2003). The mask must not be empty.
    """
    return from_itk(
        sitk.SignedMaurerDistanceMap(
            to_itk(mask, spacing_mm),
            insideIsPositive=False,
            squaredDistance=False,
            useImageSpacing=True,
        )
    )


def count_pieces(mask: Mask) -> tuple[Integer[np.ndarray, "i j k"], int]:
    """Connected pieces of a mask, 1 for the largest, and how many there are.

    Voxels that touch by a face, an edge or a corner are one piece.
    """
    components = sitk.ConnectedComponentImageFilter()
    components.FullyConnectedOn()
    pieces = components.Execute(to_itk(mask, (1.0, 1.0, 1.0)))
    ordered = from_itk(sitk.RelabelComponent(pieces))
    return ordered, int(ordered.max(initial=0))


def _wrong_seed(what: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="seed",
        remedy="Give R, A, S in mm, as napari's status line and other viewers show.",
    )
