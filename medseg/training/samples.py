"""The patches drawn from training cases.

All chance is in `draw_patch`, which depends on (seed, step, sample) and nothing else;
`raw_batch` has none. So a run can stop and resume at any step, with any number of
threads, and see the same data.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch

from medseg.core.plan import Plan
from medseg.training.appearance import (
    UNCHANGED,
    Appearance,
    draw_appearance,
    draw_foreign_appearance,
)
from medseg.training.batch import RawBatch
from medseg.training.cases import TrainingCase, Voxels
from medseg.training.deformation import UNDEFORMED, Deformation, draw_deformation

_MARGIN_VOXELS = 1  # an interpolation and its rounding reach this far
_WATCHED_PATCHES = 8
_WATCHED_STEP = 2**40


@dataclass(frozen=True, kw_only=True)
class Chances:
    """How patches are chosen and changed.

    Attributes:
        foreground_share: Of the patches, those centred on a structure.
        randomises_domain: Whether patches look as if from other scanners, too.
    """

    foreground_share: float = 0.5
    randomises_domain: bool = False


USUAL = Chances()


@dataclass(frozen=True, eq=False, kw_only=True)
class PatchDraw:
    """What was drawn for one patch.

    Attributes:
        case: Place in the list of cases.
        centre: Voxel of the case the patch is centred on; between two along an even
            edge, so that the patch's voxels are the case's where it is not deformed.
        deformation: Offset from the patch's centre -> offset in the case, in voxels.
        appearance: Changes of intensity, with the seed of their noise.
    """

    case: int
    centre: np.ndarray
    deformation: Deformation
    appearance: Appearance


@dataclass(frozen=True, eq=False)
class PatchSource:
    """Batches of patches, step after step.

    Attributes:
        cases: What they are cut from; only the boxes needed are read.
        plan: Size of a patch and of a batch.
        seed: Of every random choice.
        chances: How patches are chosen and changed.
        workers: Threads that read ahead; they change nothing but the time it takes.
        samples: Which patches of each step's batch this process draws; all when None.
        pinned: Whether batches lie where a GPU can fetch them meanwhile.
    """

    cases: Sequence[TrainingCase]
    plan: Plan
    seed: int
    chances: Chances = USUAL
    workers: int = 1
    samples: range | None = None
    pinned: bool = False

    def batch(self, step: int) -> RawBatch:
        """What is drawn for one step."""
        samples = range(self.plan.batch_size) if self.samples is None else self.samples
        return self._cut(
            [
                draw_patch(
                    counter_rng(self.seed, step, n), self.cases, self.plan, self.chances
                )
                for n in samples
            ]
        )

    def batches(self, first_step: int = 0) -> Generator[RawBatch, None, None]:
        """The batches of every step from one on, without end, read ahead.

        At most one batch a thread and one more are kept waiting. Close the iterator to
        end the threads.
        """
        waiting: deque[Future[RawBatch]] = deque()
        step = first_step
        with ThreadPoolExecutor(self.workers, "patches") as pool:
            try:
                while True:
                    while len(waiting) <= self.workers:
                        waiting.append(pool.submit(self.batch, step))
                        step += 1
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def watched(self) -> RawBatch:
        """A few fixed patches as the scanner made them, for pseudo-Dice."""
        rngs = [
            counter_rng(self.seed, _WATCHED_STEP, n) for n in range(_WATCHED_PATCHES)
        ]
        return self._cut([plain_draw(rng, self.cases, self.plan) for rng in rngs])

    def _cut(self, draws: Sequence[PatchDraw]) -> RawBatch:
        batch = raw_batch(self.cases, draws, self.plan)
        return batch.pinned() if self.pinned else batch


def counter_rng(seed: int, step: int, sample: int) -> np.random.Generator:
    """Generator for one sample: the same for the same three numbers, on any machine."""
    return np.random.Generator(np.random.Philox(key=[seed, step * 2**20 + sample]))


def draw_patch(
    rng: np.random.Generator,
    cases: Sequence[TrainingCase],
    plan: Plan,
    chances: Chances = USUAL,
) -> PatchDraw:
    """Choose case, place, deformation and appearance of one training patch."""
    is_foreign = chances.randomises_domain
    return replace(
        plain_draw(rng, cases, plan, chances),
        deformation=draw_deformation(rng, plan),
        appearance=(draw_foreign_appearance if is_foreign else draw_appearance)(rng),
    )


def plain_draw(
    rng: np.random.Generator,
    cases: Sequence[TrainingCase],
    plan: Plan,
    chances: Chances = USUAL,
) -> PatchDraw:
    """Choose case and place only: a patch as the scanner made it, for pseudo-Dice."""
    case = int(rng.integers(len(cases)))
    return PatchDraw(
        case=case,
        centre=_draw_centre(rng, cases[case], plan, chances.foreground_share),
        deformation=UNDEFORMED,
        appearance=UNCHANGED,
    )


def raw_batch(
    cases: Sequence[TrainingCase], draws: Sequence[PatchDraw], plan: Plan
) -> RawBatch:
    """Read the box that each patch touches; outside its case it is 0, background.

    All boxes have the shape of the largest one.
    """
    centres = np.array([draw.centre for draw in draws], dtype=np.float64)
    reach = np.array(
        [draw.deformation.half_extent_voxels(plan.patch_shape) for draw in draws]
    )
    first = np.floor(centres - reach).astype(int) - _MARGIN_VOXELS
    last = np.ceil(centres + reach).astype(int) + _MARGIN_VOXELS
    i, j, k = (last - first + 1).max(0).tolist()
    image = np.zeros((len(draws), len(plan.channels), i, j, k), np.float32)
    labels = np.zeros((len(draws), i, j, k), np.uint8)
    instances = None if plan.head is None else np.zeros(labels.shape, np.int32)
    for n, draw in enumerate(draws):
        case = cases[draw.case]
        _copy_box(case.image, image[n], first[n], last[n])
        _copy_box(case.labels, labels[n], first[n], last[n])
        if instances is not None and case.instances is not None:
            _copy_box(case.instances, instances[n], first[n], last[n])
    return RawBatch(
        image=torch.from_numpy(image),
        labels=torch.from_numpy(labels),
        centres=torch.from_numpy((centres - first).astype(np.float32)),
        deformations=tuple(draw.deformation for draw in draws),
        appearances=tuple(draw.appearance for draw in draws),
        instances=None if instances is None else torch.from_numpy(instances),
    )


def _copy_box(
    voxels: Voxels, into: np.ndarray, first: np.ndarray, last: np.ndarray
) -> None:
    """Copy the voxels from first to last, as far as there are any."""
    start = np.maximum(first, 0)
    stop = np.minimum(last + 1, voxels.shape[-3:])
    if (stop <= start).any():
        return
    lead = (slice(None),) * (len(voxels.shape) - 3)
    source = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    target = tuple(
        slice(int(a), int(b)) for a, b in zip(start - first, stop - first, strict=True)
    )
    into[(*lead, *target)] = voxels[(*lead, *source)]


def _draw_centre(
    rng: np.random.Generator, case: TrainingCase, plan: Plan, foreground_share: float
) -> np.ndarray:
    """A share of the patches is centred on a voxel of a structure, each as likely.

    Elsewhere anywhere that somebody looked at; the patch stays inside the case as far
    as it fits, give or take two voxels.
    """
    shape, patch = np.array(case.labels.shape), np.array(plan.patch_shape)
    middle = (shape - 1) / 2
    room = np.maximum(shape - patch, 0) / 2 + 2
    voxels = case.annotated
    if case.centres and rng.random() < foreground_share:
        voxels = case.centres[int(rng.integers(len(case.centres)))]
    if voxels is None or not len(voxels):
        chosen = middle + rng.uniform(-1, 1, 3) * room
    else:
        chosen = voxels[int(rng.integers(len(voxels)))]
    reach = (patch - 1) / 2
    first = np.floor(np.clip(chosen, middle - room, middle + room) - reach + 0.5)
    return np.asarray(first + reach)
