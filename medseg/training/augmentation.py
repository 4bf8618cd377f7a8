"""Changes that leave a patient a plausible patient.

Ranges and probabilities follow nnU-Net (Isensee et al., 2021) with gentler rotation
and scaling, which suited short trainings better.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from medseg.core.plan import Plan

_ANISOTROPIC = 3.0


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Changes of intensity of one patch; the defaults change nothing.

    Attributes:
        noise_sd: Of Gaussian noise.
        noise_seed: Of its generator.
        blur_sd_voxels: Of a Gaussian blur.
        zoom: Resolution left, 1 is all.
        gain: Factor on the intensities.
        shift: Added to the intensities.
        gamma: Exponent on the intensities scaled to 0..1, mean and SD then restored.
        invert: Whether gamma works on the negative.
    """

    noise_sd: float = 0.0
    noise_seed: int = 0
    blur_sd_voxels: float = 0.0
    zoom: float = 1.0
    gain: float = 1.0
    shift: float = 0.0
    gamma: float = 1.0
    invert: bool = False


def draw_deformation(rng: np.random.Generator, plan: Plan) -> np.ndarray:
    """Rotation, scaling and left-right mirroring as a 3 x 3 matrix on voxel offsets.

    Rotations are about the patient's axes in millimetres; only in the fine plane where
    the third spacing is over three times coarser.
    """
    spacing = np.array(plan.spacing_mm)
    angles = np.zeros(3)
    if rng.random() < 0.5:
        angles = np.deg2rad(rng.uniform(-20, 20, 3))
        coarse = spacing > _ANISOTROPIC * spacing.min()
        if coarse.any():
            angles[~coarse] = 0.0
    scale = np.ones(3)
    if rng.random() < 0.5:
        scale *= np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    if rng.random() < 0.3:
        scale *= np.exp(rng.uniform(-0.15, 0.15, 3))
    mirror = np.ones(3)
    for axis in plan.mirror_axes:
        mirror[axis] = -1.0 if rng.random() < 0.5 else 1.0
    turned = _rotation(angles) * (scale * mirror)
    return np.asarray(turned * spacing / spacing[:, None])


def draw_appearance(rng: np.random.Generator) -> Appearance:
    """Changes of intensity, most of them absent most of the time."""

    def sometimes(chance: float, low: float, high: float, otherwise: float) -> float:
        value = float(rng.uniform(low, high))
        return value if rng.random() < chance else otherwise

    return Appearance(
        noise_sd=sometimes(0.15, 0.0, 0.3, 0.0),
        noise_seed=int(rng.integers(2**31)),
        blur_sd_voxels=sometimes(0.2, 0.5, 1.0, 0.0),
        zoom=sometimes(0.2, 0.5, 1.0, 1.0),
        gain=sometimes(0.3, 0.75, 1.25, 1.0),
        shift=sometimes(0.3, -0.2, 0.2, 0.0),
        gamma=sometimes(0.3, 0.7, 1.5, 1.0),
        invert=bool(rng.random() < 0.25),
    )


def with_appearance(
    image: Float32[Tensor, "channel i j k"], appearance: Appearance
) -> Float32[Tensor, "channel i j k"]:
    """Apply the changes of intensity."""
    if appearance.noise_sd:
        rng = np.random.Generator(np.random.Philox(key=appearance.noise_seed))
        noise = rng.standard_normal(tuple(image.shape), dtype=np.float32)
        image = image + appearance.noise_sd * torch.from_numpy(noise)
    if appearance.blur_sd_voxels:
        image = _blurred(image, appearance.blur_sd_voxels)
    if appearance.zoom < 1:
        image = _coarsened(image, appearance.zoom)
    image = image * appearance.gain + appearance.shift
    if appearance.gamma != 1:
        image = _with_gamma(image, appearance.gamma, -1.0 if appearance.invert else 1.0)
    return image


def _rotation(angles_rad: np.ndarray) -> np.ndarray:
    """Rotations about the three axes, one after the other."""
    (ci, cj, ck), (si, sj, sk) = np.cos(angles_rad), np.sin(angles_rad)
    about_i = np.array([[1, 0, 0], [0, ci, -si], [0, si, ci]])
    about_j = np.array([[cj, 0, sj], [0, 1, 0], [-sj, 0, cj]])
    about_k = np.array([[ck, -sk, 0], [sk, ck, 0], [0, 0, 1]])
    return np.asarray(about_i @ about_j @ about_k)


def _blurred(
    image: Float32[Tensor, "channel i j k"], sd_voxels: float
) -> Float32[Tensor, "channel i j k"]:
    offsets = torch.arange(-2, 3, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sd_voxels) ** 2)
    weights = weights / weights.sum()
    batch = image[:, None]
    for axis in range(3):
        kernel = weights.view([5 if axis == other else 1 for other in range(3)])
        padding = [2 if axis == other else 0 for other in range(3)]
        batch = functional.conv3d(batch, kernel[None, None], padding=padding)
    return batch[:, 0]


def _coarsened(
    image: Float32[Tensor, "channel i j k"], zoom: float
) -> Float32[Tensor, "channel i j k"]:
    i, j, k = image.shape[1:]
    small = [max(1, round(n * zoom)) for n in (i, j, k)]
    coarse = functional.interpolate(image[None], size=small, mode="nearest")
    return functional.interpolate(coarse, size=(i, j, k), mode="trilinear")[0]


def _with_gamma(
    image: Float32[Tensor, "channel i j k"], gamma: float, sign: float
) -> Float32[Tensor, "channel i j k"]:
    image = image * sign
    low, span = image.min(), image.max() - image.min() + 1e-6
    bent = ((image - low) / span) ** gamma
    bent = (bent - bent.mean()) / (bent.std() + 1e-6)
    return sign * (bent * image.std() + image.mean())
