"""Distances between the surfaces of two label maps, all structures at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from medseg.core.geometry import Spacing
from medseg.core.volume import LabelArray
from medseg.metrics.borders import border_voxels
from medseg.metrics.label_pairs import FlatIndex, LabelPair, in_memory_order, paired
from medseg.metrics.nearest import Distances, Grid, nearest_mm, shortest_steps
from medseg.metrics.rims import boundary_iou
from medseg.metrics.rounding import at_most
from medseg.metrics.runs import centroids
from medseg.metrics.surface_elements import Elements, areas_mm2, surface_elements

_PERCENT = 95


@dataclass(frozen=True, eq=False, kw_only=True)
class BorderDistances:
    """Distances in mm from each border voxel of one mask to the other's border.

    Attributes:
        to_reference: From the prediction's border voxels.
        to_prediction: From the reference's.
    """

    to_reference: Distances
    to_prediction: Distances

    @property
    def hd_mm(self) -> float:
        """Hausdorff distance."""
        return float(max(self.to_reference.max(), self.to_prediction.max()))

    @property
    def hd95_mm(self) -> float:
        """The larger of the two directed 95th percentiles, linear interpolation."""
        there, back = self.to_reference, self.to_prediction
        return float(max(np.percentile(there, _PERCENT), np.percentile(back, _PERCENT)))

    @property
    def assd_mm(self) -> float:
        """Mean over the border voxels of both."""
        voxels = len(self.to_reference) + len(self.to_prediction)
        return float(self.to_reference.sum() + self.to_prediction.sum()) / voxels

    @property
    def masd_mm(self) -> float:
        """Mean of the two directed means."""
        return float(self.to_reference.mean() + self.to_prediction.mean()) / 2


@dataclass(frozen=True, kw_only=True)
class SurfaceScore:
    """How far apart two masks of one structure are, neither of them empty.

    Attributes:
        hd_mm: Hausdorff distance.
        hd95_mm: Its 95th percentile.
        assd_mm: Average symmetric surface distance.
        masd_mm: Mean average surface distance.
        centroid_distance_mm: Between the centres of mass.
        nsd: Normalised surface distance; None without a tolerance.
        boundary_iou: IoU of the rims; None without a tolerance.
    """

    hd_mm: float
    hd95_mm: float
    assd_mm: float
    masd_mm: float
    centroid_distance_mm: float
    nsd: float | None
    boundary_iou: float | None


def surface_scores(
    prediction: LabelArray,
    reference: LabelArray,
    spacing_mm: Spacing,
    labels: Iterable[int],
    tolerances_mm: Mapping[int, float],
) -> dict[int, SurfaceScore]:
    """Compare the surfaces of every label asked for.

    Borders and surface elements of all labels are found in one pass over each map, and
    each distance is computed once and serves all measures. In an image of one slice
    borders and surfaces are those of the outline in the plane.

    Args:
        prediction: Label map to judge.
        reference: Label map to compare with, of the same shape.
        spacing_mm: Along the axes of both, which are at right angles.
        labels: Each has a voxel in both maps.
        tolerances_mm: By label, for nsd and boundary_iou.
    """
    wanted = tuple(labels)
    if not wanted:
        return {}
    laid_out = in_memory_order(prediction, reference, spacing_mm)
    i, j, k = shortest_steps(laid_out[-1]).reach
    pair = paired(*laid_out, margin=(i + 1, j + 1, k + 1))
    surfaces = _Surfaces(pair, with_elements=bool(tolerances_mm))
    return {label: surfaces.score(label, tolerances_mm.get(label)) for label in wanted}


class _Surfaces:
    """What the passes over the two maps found, kept for one label after the other."""

    def __init__(self, pair: LabelPair, *, with_elements: bool) -> None:
        maps = pair.prediction, pair.reference
        self._pair = pair
        self._borders = [border_voxels(each) for each in maps]
        self._centres = [centroids(each) for each in maps]
        self._elements = [surface_elements(each) for each in maps if with_elements]
        i, j, k = pair.reference.shape
        self._grid = Grid(
            shape=(i, j, k),
            spacing_mm=pair.spacing_mm,
            is_target=np.zeros(i * j * k, bool),
        )

    def score(self, label: int, tolerance_mm: float | None) -> SurfaceScore:
        prediction, reference = (self._border(label, side) for side in (0, 1))
        distances = BorderDistances(
            to_reference=nearest_mm(prediction, reference, self._grid),
            to_prediction=nearest_mm(reference, prediction, self._grid),
        )
        apart = self._centres[0][label] - self._centres[1][label]
        return SurfaceScore(
            hd_mm=distances.hd_mm,
            hd95_mm=distances.hd95_mm,
            assd_mm=distances.assd_mm,
            masd_mm=distances.masd_mm,
            centroid_distance_mm=float(np.linalg.norm(apart * self._pair.spacing_mm)),
            nsd=None if tolerance_mm is None else self._nsd(label, tolerance_mm),
            boundary_iou=None
            if tolerance_mm is None
            else self._boundary_iou(label, prediction, reference, tolerance_mm),
        )

    def _border(self, label: int, side: int) -> FlatIndex:
        points = self._borders[side][label]
        return points[self._pair.counts(points)] if self._pair.slices else points

    def _surface(self, label: int, side: int) -> Elements:
        elements = self._elements[side][label]
        if not self._pair.slices:
            return elements
        is_counted = self._pair.counts(elements.nodes)
        return Elements(
            nodes=elements.nodes[is_counted], codes=elements.codes[is_counted]
        )

    def _nsd(self, label: int, tolerance_mm: float) -> float:
        """(Area of both surfaces within the tolerance) / (area of both)."""
        prediction, reference = (self._surface(label, side) for side in (0, 1))
        near, whole = self._areas_mm2(prediction, reference, tolerance_mm)
        near_back, whole_back = self._areas_mm2(reference, prediction, tolerance_mm)
        return (near + near_back) / (whole + whole_back)

    def _areas_mm2(
        self, elements: Elements, others: Elements, tolerance_mm: float
    ) -> tuple[float, float]:
        """Area of one surface within the tolerance of the other, and all its area."""
        areas = areas_mm2(self._pair.spacing_mm)[elements.codes]
        limit_mm = at_most(tolerance_mm)
        distances = nearest_mm(elements.nodes, others.nodes, self._grid, limit_mm)
        return float(areas[np.isfinite(distances)].sum()), float(areas.sum())

    def _boundary_iou(
        self,
        label: int,
        prediction: FlatIndex,
        reference: FlatIndex,
        tolerance_mm: float,
    ) -> float:
        pair = self._pair
        a, b = pair.coordinates(prediction), pair.coordinates(reference)
        start = np.minimum(a.min(axis=0), b.min(axis=0))
        stop = np.maximum(a.max(axis=0), b.max(axis=0)) + 1
        box = tuple(slice(*ends) for ends in zip(start, stop, strict=True))
        masks = pair.prediction[box] == label, pair.reference[box] == label
        return boundary_iou(
            masks, (a - start, b - start), pair.spacing_mm, tolerance_mm
        )
