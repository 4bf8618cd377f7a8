"""What training minimises."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Spacing
from medseg.core.plan import IGNORED, Plan
from medseg.core.settings import Loss
from medseg.training.distances import signed_distances
from medseg.training.targets import coarsened, membership

_SMOOTH = 1e-5
_FOCUS = 2.0
_BOUNDARY_WEIGHT = 0.5
_BOUNDARY_LIMIT = 8.0  # in the finest spacing


@dataclass(frozen=True, eq=False, kw_only=True)
class SegmentationLoss:
    """Soft Dice (Milletari et al., 2016) plus a loss of single voxels.

    Dice is taken over the whole batch, background left out, as in nnU-Net. The voxels'
    part is cross-entropy; or focal cross-entropy, gamma 2 (Lin et al., 2017); or
    cross-entropy and half the boundary loss (Kervadec et al., 2019), whose distances
    end at eight voxels. Labels are one of several (softmax), regions each there or
    not (sigmoid). Ignored voxels are in none of it.

    The loss of a batch has two stages: sums over voxels, and their value. Sums of
    several parts of a batch may be added in between.

    Attributes:
        kind: Which one.
        members: Channels of each label, from `membership`.
        has_regions: Whether channels are regions.
        spacing: Of the voxels, the finest is 1.
    """

    kind: Loss
    members: Float32[Tensor, "256 channel"]
    has_regions: bool
    spacing: Spacing

    def sums(
        self, logits: Sequence[Tensor], labels: UInt8[Tensor, "batch i j k"]
    ) -> Float32[Tensor, "level quantity"]:
        """What the loss is made of, summed over the batch.

        Args:
            logits: Of each level (batch, channel, i, j, k), finest first.
            labels: On the finest level's grid.
        """
        return torch.stack(
            [
                self._level_sums(
                    each.float(),
                    coarsened(labels, each.shape[2:]),
                    with_boundary=self.kind is Loss.DICE_BOUNDARY and level == 0,
                )
                for level, each in enumerate(logits)
            ]
        )

    def value(self, sums: Float32[Tensor, "level quantity"]) -> Float32[Tensor, ""]:
        """The loss from its sums; each level has half the weight of the finer one."""
        losses = torch.stack([self._level_value(level) for level in sums])
        weights = 0.5 ** torch.arange(len(losses), device=losses.device)
        return (losses * weights).sum() / weights.sum()

    def _level_sums(
        self,
        logits: Float32[Tensor, "batch channel i j k"],
        labels: UInt8[Tensor, "batch i j k"],
        *,
        with_boundary: bool,
    ) -> Float32[Tensor, " quantity"]:
        """Overlap and size of each structure; voxels' loss, boundary loss, voxels."""
        counted = (labels != IGNORED)[:, None]
        targets = self.members[labels.long()].movedim(-1, 1)
        if self.has_regions:
            probabilities = logits.sigmoid()
            losses = functional.binary_cross_entropy_with_logits(
                logits, targets, reduction="none"
            )
        else:
            logarithms = logits.log_softmax(1)
            probabilities = logarithms.exp()[:, 1:]
            # not cross_entropy(), which has no deterministic form on a GPU
            losses = -(logarithms * targets).sum(1, keepdim=True)
            targets = targets[:, 1:]
        if self.kind is Loss.DICE_FOCAL:
            losses = losses * (1 - torch.exp(-losses)) ** _FOCUS
        probabilities = probabilities * counted
        dims = (0, 2, 3, 4)
        boundary = (
            (probabilities * self._distances(targets)).sum()
            if with_boundary
            else losses.new_zeros(())
        )
        return torch.cat(
            [
                (probabilities * targets).sum(dims),
                probabilities.sum(dims) + targets.sum(dims),
                torch.stack(
                    [(losses * counted).sum(), boundary, counted.sum().float()]
                ),
            ]
        )

    # a hundred small steps: minutes to compile, little to run
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    @torch.no_grad()
    def _distances(
        self, targets: Float32[Tensor, "batch structure i j k"]
    ) -> Float32[Tensor, "batch structure i j k"]:
        """Signed distances from the reference, -1 to 1."""
        limit = _BOUNDARY_LIMIT
        return signed_distances(targets > 0, self.spacing, limit) / limit

    def _level_value(self, sums: Float32[Tensor, " quantity"]) -> Float[Tensor, ""]:
        structures = (len(sums) - 3) // 2
        overlap, sizes = sums[:structures], sums[structures:-3]
        losses, boundary, voxels = sums[-3], sums[-2], sums[-1].clamp(min=1)
        dice = (2 * overlap + _SMOOTH) / (sizes + _SMOOTH)
        terms = structures if self.has_regions else 1
        return (
            (1 - dice).mean()
            + losses / (voxels * terms)
            + _BOUNDARY_WEIGHT * boundary / (voxels * structures)
        )


def make_loss(plan: Plan, kind: Loss, device: torch.device) -> SegmentationLoss:
    """The loss of a plan's labels or regions."""
    finest = min(plan.spacing_mm)
    r, a, s = (edge_mm / finest for edge_mm in plan.spacing_mm)
    return SegmentationLoss(
        kind=kind,
        members=membership(plan).to(device),
        has_regions=bool(plan.regions),
        spacing=(r, a, s),
    )
