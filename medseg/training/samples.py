"""Training cases, and the patches drawn from them.

All chance is in `draw_patch`, which depends on (seed, step, sample) and nothing else;
`cut_patch` has none. So a run can stop and resume at any step and see the same data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.plan import Plan
from medseg.core.volume import Segmentation, Volume
from medseg.preprocessing import prepare, prepare_reference
from medseg.training.augmentation import (
    Appearance,
    draw_appearance,
    draw_deformation,
    with_appearance,
)

_FOREGROUND_SHARE = 1 / 2
_MOST_CENTRES = 5000


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingCase:
    """One case, prepared.

    Attributes:
        id: Name of the case.
        sha256: Hash of its image file.
        image: Network input (channel, R, A, S).
        labels: Place in the label set, background 0.
        centres: Voxels of each structure that is present, a sample of them.
    """

    id: str
    sha256: str
    image: Float32[Tensor, "channel i j k"]
    labels: UInt8[Tensor, "i j k"]
    centres: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class PatchDraw:
    """What was drawn for one patch.

    Attributes:
        case: Place in the list of cases.
        centre: Voxel of the case the patch is centred on.
        deformation: Offset from the patch's centre -> offset in the case, in voxels.
        appearance: Changes of intensity.
    """

    case: int
    centre: np.ndarray
    deformation: np.ndarray
    appearance: Appearance


def training_case(
    case_id: str, volume: Volume, reference: Segmentation, plan: Plan
) -> TrainingCase:
    """Prepare one case and note where its structures are."""
    prepared = prepare(volume, plan)
    labels = prepare_reference(reference, prepared)
    centres = []
    for label in range(1, len(plan.labels) + 1):
        voxels = np.argwhere(labels == label)
        if len(voxels):
            centres.append(voxels[:: -(-len(voxels) // _MOST_CENTRES)])
    return TrainingCase(
        id=case_id,
        sha256=volume.sha256,
        image=torch.from_numpy(prepared.image),
        labels=torch.from_numpy(labels),
        centres=tuple(centres),
    )


def counter_rng(seed: int, step: int, sample: int) -> np.random.Generator:
    """Generator for one sample: the same for the same three numbers, on any machine."""
    return np.random.Generator(np.random.Philox(key=[seed, step * 2**20 + sample]))


def draw_patch(
    rng: np.random.Generator, cases: Sequence[TrainingCase], plan: Plan
) -> PatchDraw:
    """Choose case, place, deformation and appearance of one training patch."""
    return replace(
        plain_draw(rng, cases, plan),
        deformation=draw_deformation(rng, plan),
        appearance=draw_appearance(rng),
    )


def plain_draw(
    rng: np.random.Generator, cases: Sequence[TrainingCase], plan: Plan
) -> PatchDraw:
    """Choose case and place only: a patch as the scanner made it, for pseudo-Dice."""
    case = int(rng.integers(len(cases)))
    return PatchDraw(
        case=case,
        centre=_draw_centre(rng, cases[case], plan),
        deformation=np.eye(3),
        appearance=Appearance(),
    )


def cut_patch(
    cases: Sequence[TrainingCase], draw: PatchDraw, plan: Plan
) -> tuple[Float32[Tensor, "channel i j k"], Int64[Tensor, "i j k"]]:
    """Cut, deform and recolour one patch. Outside the case is 0 (mean, background)."""
    case = cases[draw.case]
    index = _sampled_index(draw, plan)
    box, start = _box_round(index, case)
    grid = _as_grid(index - start, case.labels[box])
    image = functional.grid_sample(case.image[:, *box][None], grid, align_corners=False)
    labels = functional.grid_sample(
        case.labels[box][None, None].float(), grid, mode="nearest", align_corners=False
    )
    return with_appearance(image[0], draw.appearance), labels[0, 0].long()


def _draw_centre(
    rng: np.random.Generator, case: TrainingCase, plan: Plan
) -> np.ndarray:
    """Half of the patches are centred on a voxel of a structure, each as likely.

    Elsewhere anywhere; the patch stays inside the case as far as it fits, give or take
    two voxels.
    """
    shape = np.array(case.labels.shape)
    middle = (shape - 1) / 2
    room = np.maximum(shape - np.array(plan.patch_shape), 0) / 2 + 2
    if case.centres and rng.random() < _FOREGROUND_SHARE:
        voxels = case.centres[int(rng.integers(len(case.centres)))]
        chosen = voxels[int(rng.integers(len(voxels)))]
        return np.asarray(np.clip(chosen, middle - room, middle + room))
    return np.asarray(middle + rng.uniform(-1, 1, 3) * room)


def _sampled_index(draw: PatchDraw, plan: Plan) -> Float32[Tensor, "i j k 3"]:
    """Where each voxel of the patch lies in the case, as a fractional index."""
    axes = [
        torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in plan.patch_shape
    ]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    matrix = torch.from_numpy(draw.deformation.astype(np.float32))
    return offsets @ matrix.T + torch.from_numpy(draw.centre.astype(np.float32))


def _box_round(
    index: Float32[Tensor, "i j k 3"], case: TrainingCase
) -> tuple[tuple[slice, ...], Float32[Tensor, "3"]]:
    """The part of the case that a patch can touch, and its first voxel."""
    last = torch.tensor(case.labels.shape) - 1
    zero = torch.zeros(3, dtype=torch.long)
    low = (index.amin((0, 1, 2)).floor().long() - 1).clamp(zero, last)
    high = (index.amax((0, 1, 2)).ceil().long() + 1).clamp(zero, last)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    return box, low.float()


def _as_grid(
    index: Float32[Tensor, "i j k 3"], part: Tensor
) -> Float32[Tensor, "1 i j k 3"]:
    """Indices as `grid_sample` wants them: -1 and 1 are the outer faces of the part."""
    size = torch.tensor(part.shape, dtype=torch.float32)
    return ((2 * index + 1) / size - 1).flip(-1)[None]
