"""What networks expect their own Dice to be, summed up row by row."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Expectation:
    """Sums over all voxels, for each network and output. Added to in place.

    An output is found where it is the likeliest.

    Attributes:
        probability: Of the output.
        probability_found: Likewise, where it is found.
        voxels: Where it is found.
    """

    probability: Float64[np.ndarray, "network output"]
    probability_found: Float64[np.ndarray, "network output"]
    voxels: Int64[np.ndarray, "network output"]

    @classmethod
    def nothing_yet(cls, networks: int, outputs: int) -> "Expectation":
        """Sums over no voxels."""
        return cls(
            probability=np.zeros((networks, outputs)),
            probability_found=np.zeros((networks, outputs)),
            voxels=np.zeros((networks, outputs), np.int64),
        )

    def add(self, rows: "Expectation") -> None:
        """Sums over more voxels."""
        self.probability[...] += rows.probability
        self.probability_found[...] += rows.probability_found
        self.voxels[...] += rows.voxels

    def of_output(self, output: int) -> float | None:
        """Dice that a network expects, mean over those that find the output.

        2 sum(p m) / (sum(p) + sum(m)) with p the network's probabilities and m 1 where
        it finds the output; None where no network does.
        """
        finds = self.voxels[:, output] > 0
        if not finds.any():
            return None
        shared = 2 * self.probability_found[finds, output]
        total = self.probability[finds, output] + self.voxels[finds, output]
        return float((shared / total).mean())


def expectation_of(
    probabilities: Float32[Tensor, "network i j k output"],
) -> Expectation:
    """Sums over some rows.

    Args:
        probabilities: Of each network; those of all outputs add up to 1.
    """
    largest, found = probabilities.max(-1)
    nothing = largest.new_zeros(())
    inside, voxels = [], []
    for output in range(probabilities.shape[-1]):
        is_here = found == output
        here = torch.where(is_here, largest, nothing)
        inside.append(here.sum((1, 2, 3), dtype=torch.float64))
        voxels.append(is_here.sum((1, 2, 3)))
    summed = probabilities.sum((1, 2, 3), dtype=torch.float64)
    return Expectation(
        probability=summed.cpu().numpy(),
        probability_found=torch.stack(inside, -1).cpu().numpy(),
        voxels=torch.stack(voxels, -1).cpu().numpy(),
    )
