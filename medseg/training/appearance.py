"""Changes of intensity that leave a scan a plausible scan."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from medseg.training.domain import biased, draw_bias, remapped

Images = Float32[Tensor, "batch channel i j k"]
_REMAP_CHANCE = 1 / 2
_BIAS_CHANCE = 1 / 3
_BLUR_REACH = 3  # voxels either side; SDs are at most 1


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Changes of intensity of one patch, in their order; the defaults change nothing.

    Attributes:
        remap_share: Of the intensities sent through a random network, 0 to 1.
        remap_seed: Of that network.
        bias: Coefficients of a bias field; none when there is no such field.
        noise_sd: Of Gaussian noise.
        noise_seed: Of its generator.
        blur_sd_voxels: Of a Gaussian blur.
        zoom: Resolution left, 1 is all.
        gain: Factor on the intensities.
        shift: Added to the intensities.
        contrast: Factor on the distance from the mean; the range is kept.
        gamma: Exponent on the intensities scaled to 0..1, mean and SD then restored.
        invert: Whether gamma works on the negative.
    """

    remap_share: float = 0.0
    remap_seed: int = 0
    bias: tuple[float, ...] = ()
    noise_sd: float = 0.0
    noise_seed: int = 0
    blur_sd_voxels: float = 0.0
    zoom: float = 1.0
    gain: float = 1.0
    shift: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    invert: bool = False


UNCHANGED = Appearance()


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
        contrast=sometimes(0.15, 0.75, 1.25, 1.0),
    )


def draw_foreign_appearance(rng: np.random.Generator) -> Appearance:
    """The same changes, and such as another scanner or contrast makes.

    Half of the patches are remapped, a third shaded; the others keep the contrast that
    the network is for.
    """
    usual = draw_appearance(rng)
    share, seed = float(rng.uniform()), int(rng.integers(2**31))
    bias = draw_bias(rng)
    return replace(
        usual,
        remap_share=share if rng.random() < _REMAP_CHANCE else 0.0,
        remap_seed=seed,
        bias=bias if rng.random() < _BIAS_CHANCE else (),
    )


def with_appearances(images: Images, appearances: Sequence[Appearance]) -> Images:
    """Apply to each image its changes of intensity, in place.

    Each change works on all images that have it at once; what it does to one does not
    depend on the others.
    """
    for n, appearance in enumerate(appearances):
        if appearance.remap_share:
            images[n] = remapped(
                images[n], appearance.remap_seed, appearance.remap_share
            )
        if appearance.bias:
            images[n] = biased(images[n], appearance.bias)
        if appearance.noise_sd:
            images[n] += appearance.noise_sd * _noise(images[n], appearance.noise_seed)
    _change(
        images,
        [n for n, a in enumerate(appearances) if a.blur_sd_voxels or a.zoom < 1],
        lambda some, chosen: _resolved(some, [appearances[n] for n in chosen]),
    )
    if any(a.gain != 1 or a.shift for a in appearances):
        images *= _column((a.gain for a in appearances), images)
        images += _column((a.shift for a in appearances), images)
    _change(
        images,
        [n for n, a in enumerate(appearances) if a.contrast != 1],
        lambda some, chosen: _with_contrast(
            some, _column((appearances[n].contrast for n in chosen), some)
        ),
    )
    _change(
        images,
        [n for n, a in enumerate(appearances) if a.gamma != 1],
        lambda some, chosen: _with_gamma(some, [appearances[n] for n in chosen]),
    )
    return images


def _change(
    images: Images,
    chosen: list[int],
    change: Callable[[Images, list[int]], Images],
) -> None:
    """Replace the chosen images by changed ones."""
    if chosen:
        images[chosen] = change(images[chosen], chosen)


def _column(
    values: Iterable[float], images: Images
) -> Float32[Tensor, "batch 1 1 1 1"]:
    """One number an image, ready to be combined with the images."""
    column = torch.tensor(list(values), dtype=torch.float32)
    return column.view(-1, 1, 1, 1, 1).to(images.device)


def _noise(
    image: Float32[Tensor, "channel i j k"], seed: int
) -> Float32[Tensor, "channel i j k"]:
    """Standard normal numbers that follow from the seed and the shape alone."""
    generator = torch.Generator(image.device).manual_seed(seed)
    return torch.randn(image.shape, generator=generator, device=image.device)


def _resolved(images: Images, appearances: Sequence[Appearance]) -> Images:
    """Blur, then loss of resolution.

    Both are linear along each axis, and so one matrix an axis and image does both.
    """
    for axis in (2, 3, 4):
        size = images.shape[axis]
        maps = torch.stack([_resolution_map(size, a) for a in appearances])
        images = _along(images, maps.to(images.device), axis)
    return images


def _resolution_map(voxels: int, appearance: Appearance) -> Float32[Tensor, "out in"]:
    resolution = torch.eye(voxels)
    if appearance.blur_sd_voxels:
        resolution = _blur_map(voxels, appearance.blur_sd_voxels)
    if appearance.zoom < 1:
        resolution = _zoom_map(voxels, appearance.zoom) @ resolution
    return resolution


def _blur_map(voxels: int, sd_voxels: float) -> Float32[Tensor, "out in"]:
    """Gaussian weights; the outermost voxels are repeated outside the image."""
    offsets = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1)
    weights = torch.exp(-0.5 * (offsets / sd_voxels) ** 2)
    weights = weights / weights.sum()
    out = torch.arange(voxels)
    blur = torch.zeros(voxels, voxels)
    for offset, weight in zip(offsets.tolist(), weights, strict=True):
        blur[out, (out + offset).clamp(0, voxels - 1)] += weight
    return blur


def _zoom_map(voxels: int, zoom: float) -> Float32[Tensor, "out in"]:
    """Linear interpolation onto a coarser grid and back; nothing moves by it."""
    coarse = max(1, round(voxels * zoom))
    return _linear_map(coarse, onto=voxels) @ _linear_map(voxels, onto=coarse)


def _linear_map(voxels: int, *, onto: int) -> Float32[Tensor, "onto voxels"]:
    """Linear interpolation at the centres of so many voxels of the same extent."""
    out = torch.arange(onto)
    place = ((out + 0.5) * voxels / onto - 0.5).clamp(0, voxels - 1)
    low = place.floor().long()
    high = (low + 1).clamp(max=voxels - 1)
    rows = torch.zeros(onto, voxels)
    rows[out, low] += 1 - (place - low)
    rows[out, high] += place - low
    return rows


def _along(images: Images, maps: Float32[Tensor, "batch out in"], axis: int) -> Images:
    """Apply a linear map of its own to each image along one axis."""
    batch, channels, i, j, k = images.shape
    if axis == 4:
        lines = images.reshape(batch, channels * i * j, k) @ maps.mT
    elif axis == 3:
        lines = maps[:, None] @ images.reshape(batch, channels * i, j, k)
    else:
        lines = maps[:, None] @ images.reshape(batch, channels, i, j * k)
    return lines.view(images.shape)


def _with_contrast(
    images: Images, contrast: Float32[Tensor, "batch 1 1 1 1"]
) -> Images:
    dims = (2, 3, 4)
    low, high = images.amin(dims, keepdim=True), images.amax(dims, keepdim=True)
    mean = images.mean(dims, keepdim=True)
    return ((images - mean) * contrast + mean).clamp(low, high)


def _with_gamma(images: Images, appearances: Sequence[Appearance]) -> Images:
    sign = _column((-1.0 if a.invert else 1.0 for a in appearances), images)
    gamma = _column((a.gamma for a in appearances), images)
    images = images * sign
    dims = (2, 3, 4)
    low = images.amin(dims, keepdim=True)
    span = images.amax(dims, keepdim=True) - low + 1e-6
    bent = ((images - low) / span) ** gamma
    before_sd, before_mean = torch.std_mean(images, dims, keepdim=True)
    bent_sd, bent_mean = torch.std_mean(bent, dims, keepdim=True)
    return sign * ((bent - bent_mean) / (bent_sd + 1e-6) * before_sd + before_mean)
