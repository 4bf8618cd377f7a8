"""The canvas a phantom is painted on, structure after structure."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from medseg.phantom.palette import AIR_HU
from medseg.phantom.space import Field, Space

UNLABELLED = 0


@dataclass(frozen=True, eq=False)
class Canvas:
    """Hounsfield units and labels in the making; painting changes both in place.

    Attributes:
        hu: Mean HU of the tissue in each voxel, float32.
        labels: Label whose tissue holds the voxel's centre.
        edge_mm: Width over which a border fades: about one voxel (partial volume).
    """

    hu: Float[np.ndarray, "i j k"]
    labels: UInt8[np.ndarray, "i j k"]
    edge_mm: float

    @classmethod
    def blank(cls, shape: tuple[int, int, int], edge_mm: float) -> "Canvas":
        """All air."""
        hu = np.full(shape, AIR_HU, np.float32)
        return cls(hu, np.zeros(shape, np.uint8), edge_mm)

    def tint(self, space: Space, distance_mm: Field, hu: float | Field) -> None:
        """Colour a body, and leave the labels as they are."""
        share = np.clip(0.5 - distance_mm / self.edge_mm, 0, 1)
        part = self.hu[space.where]
        part += share * (hu - part)

    def paint(
        self,
        space: Space,
        distance_mm: Field,
        hu: float | Field,
        label: int = UNLABELLED,
    ) -> None:
        """Colour a body and give it a label, over whatever was there."""
        self.tint(space, distance_mm, hu)
        self.labels[space.where][distance_mm < 0] = label
