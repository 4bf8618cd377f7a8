"""The windows of a scan as the networks take them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.prepared import Prepared
from medseg.inference.layout import Layout, Window


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """A prepared scan on a device.

    Attributes:
        image: Its intensities.
        first_stage: Label map of a coarser model, if there is one.
        structures: Channels that are made of it.
    """

    image: Float32[Tensor, "channel i j k"]
    first_stage: UInt8[Tensor, "i j k"] | None
    structures: int

    @classmethod
    def of(cls, prepared: Prepared) -> "Source":
        """On the CPU, where nothing is copied."""
        stage = prepared.first_stage
        return cls(
            image=torch.from_numpy(prepared.image),
            first_stage=None if stage is None else torch.from_numpy(stage),
            structures=prepared.first_stage_structures,
        )

    def to(self, device: torch.device) -> "Source":
        """The same on a device."""
        stage = self.first_stage
        return Source(
            image=self.image.to(device),
            first_stage=None if stage is None else stage.to(device),
            structures=self.structures,
        )

    def batch(
        self, windows: Sequence[Window], layout: Layout, device: torch.device
    ) -> Float32[Tensor, "window channel i j k"]:
        """What networks on a device take."""
        crops = torch.stack([self.crop(window, layout) for window in windows])
        if device.type == "cuda" and crops.device.type == "cpu":
            return crops.pin_memory().to(device, non_blocking=True)
        return crops.to(device)

    def crop(self, window: Window, layout: Layout) -> Float32[Tensor, "channel i j k"]:
        """The scan in a window, with zeros where the window is larger."""
        padding: list[int] = []
        for side, inside, within in zip(
            window.box, layout.inside, window.within, strict=True
        ):
            before = max(0, inside.start - side.start)
            missing = (side.stop - side.start) - (within.stop - within.start)
            padding = [before, missing - before, *padding]  # last axis first
        crop = self.image[:, *window.within]
        if self.first_stage is not None:
            labels = self.first_stage[window.within]
            places = torch.arange(1, self.structures + 1, device=labels.device)
            each = (labels == places.view(-1, 1, 1, 1)).to(crop.dtype)
            crop = torch.cat([crop, each])
        return functional.pad(crop, padding) if any(padding) else crop
