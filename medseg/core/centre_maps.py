"""Where a network sees the centres of things, and which of them a voxel belongs to."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from medseg.core.geometry import Geometry


@dataclass(frozen=True, eq=False, kw_only=True)
class CentreMaps:
    """What a network's instance head says of a scan, on the network's own grid.

    Attributes:
        heat: About 1 at the centre of a thing, falling to 0 away from it.
        offsets_mm: From each voxel to the centre of its thing, along the grid's axes;
            anything outside things.
        geometry: Place of the voxels.
        things: Names of the structures it learned to tell apart.
        sigma_mm: Standard deviation of the Gaussian it learned to draw.
    """

    heat: Float[np.ndarray, "i j k"]
    offsets_mm: Float[np.ndarray, "3 i j k"]
    geometry: Geometry
    things: tuple[str, ...]
    sigma_mm: float

    def __post_init__(self) -> None:
        shapes = {self.heat.shape, self.offsets_mm.shape[1:], self.geometry.shape}
        if len(shapes) != 1:
            raise ValueError(f"heat-map, offsets and grid differ in shape: {shapes}")

    def aims_ras_mm(
        self, places_ras_mm: Float[np.ndarray, "voxel 3"]
    ) -> Float64[np.ndarray, "voxel 3"]:
        """Where the voxels nearest to some places put the centre of their thing."""
        nearest = np.rint(self.geometry.to_index(places_ras_mm)).astype(np.int64)
        i, j, k = np.clip(nearest, 0, np.array(self.geometry.shape) - 1).T
        along = self.offsets_mm[:, i, j, k].astype(np.float64)
        there = self.geometry.to_world(np.stack([i, j, k], axis=-1))
        aims: np.ndarray = there + along.T @ self.geometry.directions.T
        return aims
