"""Lesions told apart, matched one to one and counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer
from scipy.ndimage import generate_binary_structure, label
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medseg.core.geometry import Geometry
from medseg.core.lesions import (
    BratsScore,
    Connectivity,
    Detection,
    Lesion,
    LesionRules,
    LesionScores,
    Side,
)
from medseg.metrics.brats import brats_score

Mask = Bool[np.ndarray, "i j k"]
CutMask = Bool[np.ndarray, "i2 j2 k2"]
Numbers = Integer[np.ndarray, "i j k"]

DEFAULT_LESION_RULES = LesionRules()

_NEIGHBOURHOODS = {
    connectivity: generate_binary_structure(3, rank)
    for rank, connectivity in enumerate(Connectivity, start=1)
}


def score_lesions(
    prediction: Mask,
    reference: Mask,
    geometry: Geometry,
    rules: LesionRules,
    *,
    structure: str,
    label: int,
) -> LesionScores:
    """Compare the lesions of one structure.

    Lesions are the connected pieces of each mask. At each IoU threshold they are
    matched one to one such that as many pairs as possible have a greater IoU, and among
    such matchings with the greatest sum of IoUs (Kuhn, 1955).

    Args:
        prediction: Mask to judge.
        reference: Mask to compare with, of the same shape.
        geometry: Place of both.
        rules: What a lesion and a match are.
        structure: Name.
        label: Number in the label maps.
    """
    start, predicted_mask, reference_mask = _cropped(prediction, reference)
    predicted = _Lesions.of(predicted_mask, rules, geometry)
    wanted = _Lesions.of(reference_mask, rules, geometry)
    pairs = _Pairs.of(predicted, wanted)
    partners = pairs.matched(0.0)
    origin = np.array(start)
    return LesionScores(
        structure=structure,
        label=label,
        lesions=(
            *_listed(wanted, Side.REFERENCE, partners[:, ::-1], pairs, origin),
            *_listed(predicted, Side.PREDICTION, partners, pairs, origin),
        ),
        detections=tuple(
            _detection(pairs, predicted.count, wanted.count, threshold)
            for threshold in rules.iou_thresholds
        ),
        brats=_brats(predicted_mask, reference_mask, geometry, rules),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Lesions:
    """The connected pieces of one mask, numbered from 1.

    Attributes:
        numbers: 0 outside.
        voxels: Of each lesion, the first place for what is none.
        geometry: Of the whole image.
    """

    numbers: Numbers
    voxels: Int64[np.ndarray, " lesion"]
    geometry: Geometry

    @classmethod
    def of(cls, mask: Mask, rules: LesionRules, geometry: Geometry) -> "_Lesions":
        numbers, _ = label(mask, _NEIGHBOURHOODS[rules.connectivity])
        voxels = np.bincount(numbers.ravel())
        voxel_mm3 = 1000 * geometry.voxel_volume_ml
        is_kept = voxels * voxel_mm3 >= rules.minimum_mm3 * (1 - 1e-9)
        is_kept[0] = False
        renumbered = np.where(is_kept, np.cumsum(is_kept), 0).astype(numbers.dtype)
        kept_voxels = np.concatenate([[0], voxels[is_kept]]).astype(np.int64)
        return cls(
            numbers=numbers if is_kept[1:].all() else renumbered[numbers],
            voxels=kept_voxels,
            geometry=geometry,
        )

    @property
    def count(self) -> int:
        return len(self.voxels) - 1

    def centres(self) -> Float64[np.ndarray, "lesion 3"]:
        """Centre of mass of each, as voxel index; the first row means nothing."""
        where = np.nonzero(self.numbers)
        owner = self.numbers[where]
        sums = [np.bincount(owner, axis, minlength=len(self.voxels)) for axis in where]
        centres: np.ndarray = np.stack(sums, 1) / np.maximum(self.voxels, 1)[:, None]
        return centres


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pairs:
    """Every pair of a predicted and a reference lesion that share a voxel.

    Attributes:
        numbers: Prediction's and reference's.
        ious: Of each pair.
    """

    numbers: Int64[np.ndarray, "pair 2"]
    ious: Float64[np.ndarray, " pair"]

    @classmethod
    def of(cls, predicted: _Lesions, wanted: _Lesions) -> "_Pairs":
        both = (predicted.numbers > 0) & (wanted.numbers > 0)
        together = np.stack([predicted.numbers[both], wanted.numbers[both]], axis=1)
        numbers, shared = np.unique(together, axis=0, return_counts=True)
        numbers = numbers.astype(np.int64).reshape(-1, 2)
        union = predicted.voxels[numbers[:, 0]] + wanted.voxels[numbers[:, 1]] - shared
        return cls(numbers=numbers, ious=shared / union)

    def matched(self, threshold: float) -> Int64[np.ndarray, "match 2"]:
        """The best one-to-one matching of the pairs with an IoU above the threshold."""
        eligible = self.ious > threshold
        numbers, ious = self.numbers[eligible], self.ious[eligible]
        found = [numbers[:0]]
        for block in _independent(numbers):
            rows, row = np.unique(numbers[block, 0], return_inverse=True)
            columns, column = np.unique(numbers[block, 1], return_inverse=True)
            # A pair more outweighs any sum of IoUs, each of which is at most 1.
            worth = np.zeros((len(rows), len(columns)))
            worth[row, column] = ious[block] + min(worth.shape) + 1
            chosen = np.stack(linear_sum_assignment(worth, maximize=True), axis=1)
            chosen = chosen[worth[tuple(chosen.T)] > 0]
            found.append(np.stack([rows[chosen[:, 0]], columns[chosen[:, 1]]], axis=1))
        matches: np.ndarray = np.concatenate(found)
        return matches

    def iou_of(self, matches: Int64[np.ndarray, "match 2"]) -> dict[int, float]:
        """IoU of each match, by the number of its predicted lesion."""
        ious = {
            (int(a), int(b)): float(iou)
            for (a, b), iou in zip(self.numbers, self.ious, strict=True)
        }
        return {int(a): ious[int(a), int(b)] for a, b in matches}


def _independent(
    numbers: Int64[np.ndarray, "pair 2"],
) -> Iterator[Int64[np.ndarray, " pair"]]:
    """Groups of pairs that have no lesion in common with other groups."""
    if not len(numbers):
        return
    predictions = int(numbers[:, 0].max()) + 1
    nodes = numbers[:, 0], numbers[:, 1] + predictions
    size = int(nodes[1].max()) + 1
    graph = coo_array((np.ones(len(numbers)), nodes), shape=(size, size))
    _, groups = connected_components(graph, directed=False)
    group = groups[nodes[0]]
    order = np.argsort(group, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _detection(
    pairs: _Pairs, predictions: int, references: int, threshold: float
) -> Detection:
    matches = pairs.matched(threshold)
    return Detection(
        iou_threshold=threshold,
        found=len(matches),
        missed=references - len(matches),
        spurious=predictions - len(matches),
        summed_iou=float(sum(pairs.iou_of(matches).values())),
    )


def _listed(
    lesions: _Lesions,
    side: Side,
    partners: Int64[np.ndarray, "match 2"],
    pairs: _Pairs,
    origin: Int64[np.ndarray, "3"],
) -> Iterator[Lesion]:
    """The lesions of one side; `partners` has their own numbers in the first column."""
    partner = {int(own): int(other) for own, other in partners}
    is_prediction = side is Side.PREDICTION
    ious = pairs.iou_of(partners if is_prediction else partners[:, ::-1])
    centres = lesions.geometry.to_world(lesions.centres() + origin)
    voxel_ml = lesions.geometry.voxel_volume_ml
    for number in range(1, lesions.count + 1):
        other = partner.get(number)
        predicted = number if is_prediction else other
        right, anterior, superior = centres[number].tolist()
        yield Lesion(
            side=side,
            number=number,
            volume_ml=float(lesions.voxels[number] * voxel_ml),
            centre_ras_mm=(right, anterior, superior),
            partner=other,
            iou=0.0 if other is None or predicted is None else ious[predicted],
        )


def _brats(
    prediction: Mask, reference: Mask, geometry: Geometry, rules: LesionRules
) -> BratsScore | None:
    if rules.brats is None:
        return None
    return brats_score(prediction, reference, geometry.spacing_mm, rules.brats)


def _cropped(
    prediction: Mask, reference: Mask
) -> tuple[tuple[int, int, int], CutMask, CutMask]:
    """Both cut to the box around all that either holds, and where it starts.

    A lesion at the edge of the box is not at the edge of the image, but what lies
    outside the box is background in both, as what lies outside the image is.
    """
    either = prediction | reference
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(either.any(axis=others))
        box.append(slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1))
    i, j, k = (each.start for each in box)
    return (i, j, k), prediction[tuple(box)], reference[tuple(box)]
