"""A streamed answer put together, and the same computed with whole-volume sums."""

from itertools import product

import torch

from medseg.core.prepared import Prepared
from medseg.core.progress import ignore_progress
from medseg.inference import MEAN_EVERYWHERE, stream_logits
from medseg.inference.windows import gaussian_weights, window_starts
from tests.core.making import turned_geometry


def prepared_of(*shape, seed=0, channels=1, crop_shape=None) -> Prepared:
    generator = torch.Generator().manual_seed(seed)
    return Prepared(
        image=torch.randn(channels, *shape, generator=generator).numpy(),
        source=turned_geometry(crop_shape or shape, (1.0, 1.0, 1.0)),
        axes=(0, 1, 2),
        flipped=(False, False, False),
        crop_start=(0, 0, 0),
        crop_shape=crop_shape or shape,
    )


def joined(slabs) -> torch.Tensor:
    """Logits (member, output, i, j, k) of all slabs; they come in order."""
    slabs = list(slabs)
    stops = [0, *(slab.rows.stop for slab in slabs)]
    assert [slab.rows.start for slab in slabs] == stops[:-1]
    assert {slab.row_count for slab in slabs} == {stops[-1]}
    return torch.cat([slab.logits for slab in slabs], dim=2).movedim(
        2, 2 + slabs[0].axis
    )


def predict_logits(
    networks, prepared, plan, settings, on_progress=ignore_progress, asked=None
):
    """Mean logits over the prepared image."""
    slabs = stream_logits(
        networks, prepared, plan, settings, asked or MEAN_EVERYWHERE, on_progress
    )
    return joined(slabs)[0]


@torch.no_grad()
def whole_logits(networks, prepared, plan, settings) -> torch.Tensor:
    """The plainest way: sums as large as the image, one window after the other."""
    image = torch.from_numpy(prepared.image)
    shape = [max(n, p) for n, p in zip(image.shape[1:], plan.patch_shape, strict=True)]
    first = [(m - n) // 2 for m, n in zip(shape, image.shape[1:], strict=True)]
    inside = tuple(slice(f, f + n) for f, n in zip(first, image.shape[1:], strict=True))
    padded = torch.zeros(len(image), *shape)
    padded[:, *inside] = image
    weights = gaussian_weights(plan.patch_shape)
    sums = torch.zeros(len(plan.output_names), *shape)
    weight_sums = torch.zeros(shape)
    axes = plan.mirror_axes if settings.mirror else ()
    flips = [
        [axis + 2 for axis, flip in zip(axes, some, strict=True) if flip]
        for some in product([False, True], repeat=len(axes))
    ]
    starts = [
        window_starts(n, p, settings.overlap)
        for n, p in zip(shape, plan.patch_shape, strict=True)
    ]
    for corner in product(*starts):
        box = tuple(
            slice(c, c + p) for c, p in zip(corner, plan.patch_shape, strict=True)
        )
        window = padded[:, *box][None]
        answers = [net(window.flip(f)).flip(f)[0] for net in networks for f in flips]
        sums[:, *box] += torch.stack(answers).mean(0) * weights
        weight_sums[box] += weights
    return (sums / weight_sums)[:, *inside]
