"""A batch between the reading of its cases and its augmentation."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from medseg.training.appearance import Appearance
from medseg.training.deformation import Deformation


@dataclass(frozen=True, eq=False, kw_only=True)
class RawBatch:
    """Boxes of voxels, one a sample, and what is to become of them.

    The boxes have one shape and hold every voxel that any patch touches; outside a
    case they are 0 and background.

    Attributes:
        image: The boxes.
        labels: Place in the label set, background 0, or IGNORED.
        centres: Fractional index of each patch's centre inside its box.
        deformations: One a sample.
        appearances: One a sample.
        instances: Number of the thing at each voxel, where they are learned.
    """

    image: Float32[Tensor, "batch channel i j k"]
    labels: UInt8[Tensor, "batch i j k"]
    centres: Float32[Tensor, "batch 3"]
    deformations: tuple[Deformation, ...]
    appearances: tuple[Appearance, ...]
    instances: Int32[Tensor, "batch i j k"] | None = None

    def to(self, device: torch.device) -> "RawBatch":
        """The same batch on a device."""
        return replace(
            self,
            image=self.image.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            centres=self.centres.to(device, non_blocking=True),
            instances=None
            if self.instances is None
            else self.instances.to(device, non_blocking=True),
        )

    def pinned(self) -> "RawBatch":
        """The same batch where a GPU can fetch it meanwhile."""
        return replace(
            self,
            image=self.image.pin_memory(),
            labels=self.labels.pin_memory(),
            instances=None if self.instances is None else self.instances.pin_memory(),
        )
