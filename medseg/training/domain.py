"""Patches as another scanner, sequence or modality might have shown them.

Domain randomisation: whoever has seen a structure in many contrasts learns its shape
and its surroundings, and not how bright it is in one of them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

_LAYERS = 4
_HIDDEN_CHANNELS = 2
_KERNELS = (1, 3)
_BIAS_ORDER = 3
_LARGEST_BIAS = 0.5

BIAS_TERMS = tuple(
    (a, b, c)
    for a in range(_BIAS_ORDER + 1)
    for b in range(_BIAS_ORDER + 1 - a)
    for c in range(_BIAS_ORDER + 1 - a - b)
    if a + b + c
)
"""Exponents along the three axes of each term of a bias field."""


def draw_bias(rng: np.random.Generator) -> tuple[float, ...]:
    """Coefficients of a bias field, one a term, as strong as TorchIO draws them."""
    drawn = rng.uniform(-_LARGEST_BIAS, _LARGEST_BIAS, len(BIAS_TERMS))
    return tuple(float(coefficient) for coefficient in drawn)


def remapped(
    image: Float32[Tensor, "channel i j k"], seed: int, share: float
) -> Float32[Tensor, "channel i j k"]:
    """Intensities sent through a shallow network of random weights.

    Global intensity non-linear augmentation (Ouyang et al., IEEE TMI 2023): four
    convolutions of kernel 1 or 3 with leaky ReLUs between them, weights and biases
    standard normal; mixed with the image, the root mean square kept. Each channel has
    a network of its own.

    Args:
        image: One patch.
        seed: The weights follow from it, on any device.
        share: Of the remapped image in the mix, 0 to 1.
    """
    rng = np.random.Generator(np.random.Philox(key=seed))
    channels = len(image)
    inputs = 1
    mapped = image[None]
    for layer in range(_LAYERS):
        is_last = layer == _LAYERS - 1
        outputs = 1 if is_last else _HIDDEN_CHANNELS
        edge = int(rng.choice(_KERNELS))
        shape = (channels * outputs, inputs, edge, edge, edge)
        mapped = functional.conv3d(
            mapped,
            _normal(rng, shape, image),
            _normal(rng, shape[:1], image),
            padding="same",
            groups=channels,
        )
        if not is_last:
            mapped = functional.leaky_relu(mapped)
        inputs = outputs
    mixed = share * mapped[0] + (1 - share) * image
    return mixed * (_rms(image) / (_rms(mixed) + 1e-5))


def biased(
    image: Float32[Tensor, "channel i j k"], coefficients: Sequence[float]
) -> Float32[Tensor, "channel i j k"]:
    """Intensities above the darkest, multiplied by a smooth field; mean and SD kept.

    The field is exp of a polynomial of order 3 in the place in the patch, -1 to 1 along
    each axis (Van Leemput et al., IEEE TMI 1999).

    Args:
        image: One patch.
        coefficients: One for each of BIAS_TERMS.
    """
    x, y, z = (torch.linspace(-1, 1, n, device=image.device) for n in image.shape[1:])
    exponent = torch.zeros(image.shape[1:], device=image.device)
    for coefficient, (a, b, c) in zip(coefficients, BIAS_TERMS, strict=True):
        plane = (x**a)[:, None, None] * (y**b)[:, None] * z**c
        exponent = exponent + coefficient * plane
    dims = (1, 2, 3)
    shaded = (image - image.amin(dims, keepdim=True)) * exponent.exp()
    before_sd, before_mean = torch.std_mean(image, dims, keepdim=True)
    sd, mean = torch.std_mean(shaded, dims, keepdim=True)
    return (shaded - mean) / (sd + 1e-6) * before_sd + before_mean


def _normal(
    rng: np.random.Generator, shape: tuple[int, ...], like: Tensor
) -> Float32[Tensor, "..."]:
    numbers = rng.standard_normal(shape).astype(np.float32)
    return torch.from_numpy(numbers).to(like.device)


def _rms(image: Float32[Tensor, "channel i j k"]) -> Float32[Tensor, "channel 1 1 1"]:
    return image.square().mean((1, 2, 3), keepdim=True).sqrt()
