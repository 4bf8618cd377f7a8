"""A network run over a whole scan, window by window."""

from collections.abc import Sequence
from itertools import combinations

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import InferenceSettings
from medseg.inference.devices import (
    memory_format,
    place,
    resolved_device,
    resolved_dtype,
)
from medseg.inference.windows import gaussian_weights, window_corners


def predict_logits(
    networks: Sequence[nn.Module],
    prepared: Prepared,
    plan: Plan,
    settings: InferenceSettings,
    on_progress: ProgressCallback = ignore_progress,
) -> Float32[Tensor, "label i j k"]:
    """Mean logits of the networks over the prepared image.

    Windows of the plan's patch size overlap and are blended with Gaussian weights; an
    image smaller than a window is padded on both sides with 0, the mean intensity, as
    training patches are. Mirrored copies are averaged along the plan's mirror axes if
    the settings say so. The networks are moved to the device and left in evaluation
    mode.

    Raises:
        WrongUse: NO_SUCH_DEVICE.
        Cancelled: From `on_progress`, called after every window.
    """
    device = resolved_device(settings.device)
    for network in networks:
        place(network, device).eval()
    image, inside = _padded(torch.from_numpy(prepared.image), plan.patch_shape)
    corners = window_corners(_shape3(image), plan.patch_shape, settings.overlap)
    weights = gaussian_weights(plan.patch_shape).to(device)
    mirrors = _mirrors(plan.mirror_axes if settings.mirror else ())
    total = torch.zeros((len(plan.output_names), *_shape3(image)), device=device)
    weight_sum = torch.zeros(_shape3(image), device=device)
    dtype = resolved_dtype(settings.precision, device)
    for done, corner in enumerate(corners, start=1):
        box = tuple(
            slice(c, c + p) for c, p in zip(corner, plan.patch_shape, strict=True)
        )
        window = image[:, *box][None].to(device)
        total[:, *box] += _window_logits(networks, window, mirrors, dtype) * weights
        weight_sum[box] += weights
        on_progress(Progress(stage="segmenting", done=done, total=len(corners)))
    return total.div_(weight_sum)[:, *inside].cpu()


@torch.no_grad()
def _window_logits(
    networks: Sequence[nn.Module],
    window: Float32[Tensor, "1 channel i j k"],
    mirrors: Sequence[tuple[int, ...]],
    dtype: torch.dtype,
) -> Float32[Tensor, "label i j k"]:
    """Mean logits of one window over networks and mirrored copies."""
    device = window.device
    runs = []
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        for axes in mirrors:
            mirrored = window.flip(axes).contiguous(memory_format=memory_format(device))
            runs += [network(mirrored).float().flip(axes) for network in networks]
    return torch.stack(runs).mean(0)[0]


def _mirrors(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """Every combination of the axes, as dimensions of a batch; () is no mirroring."""
    dims = [axis + 2 for axis in axes]
    return [some for n in range(len(dims) + 1) for some in combinations(dims, n)]


def _padded(
    image: Float32[Tensor, "channel i j k"], least: Shape3
) -> tuple[Float32[Tensor, "channel i2 j2 k2"], tuple[slice, ...]]:
    """The image in the middle of zeros where it is smaller than a window, and where."""
    padding: list[int] = []
    inside = []
    for size, edge in zip(_shape3(image), least, strict=True):
        missing = max(0, edge - size)
        before = missing // 2
        padding = [before, missing - before, *padding]  # last axis first
        inside.append(slice(before, before + size))
    return functional.pad(image, padding), tuple(inside)


def _shape3(image: Tensor) -> Shape3:
    i, j, k = image.shape[-3:]
    return i, j, k
