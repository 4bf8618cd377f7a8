"""Lesions told apart, matched one to one and counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer
from scipy.ndimage import generate_binary_structure, label

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
from medseg.metrics.brats import SAME_VOLUME, brats_score
from medseg.metrics.overlapping_pairs import OverlappingPairs
from medseg.metrics.runs import centroids, label_runs

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
    pairs = OverlappingPairs.of(
        predicted.numbers, wanted.numbers, predicted.voxels, wanted.voxels
    )
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


def overlapping_lesions(
    predicted: Numbers, wanted: Numbers, iou_threshold: float
) -> Int64[np.ndarray, "pair 2"]:
    """Numbers of every predicted and reference lesion that could be a match.

    Args:
        predicted: Number of the lesion at each voxel, 0 for none.
        wanted: The same of the reference, on the same grid.
        iou_threshold: A match has more; 0 asks for a shared voxel only.
    """
    voxels = [
        np.bincount(each.ravel()).astype(np.int64) for each in (predicted, wanted)
    ]
    pairs = OverlappingPairs.of(predicted, wanted, *voxels)
    return pairs.numbers[pairs.ious > iou_threshold]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Lesions:
    """The connected pieces of one mask, numbered from 1.

    Attributes:
        numbers: 0 outside, and in the last column.
        voxels: Of each lesion, the first place for what is none.
        geometry: Of the whole image.
    """

    numbers: Numbers
    voxels: Int64[np.ndarray, " lesion"]
    geometry: Geometry

    @classmethod
    def of(cls, mask: Mask, rules: LesionRules, geometry: Geometry) -> "_Lesions":
        numbers, _ = label(mask, _NEIGHBOURHOODS[rules.connectivity])
        runs = label_runs(numbers.reshape(-1))
        voxels = np.bincount(runs.labels, runs.lengths)
        volumes_mm3 = 1000 * geometry.voxel_volume_ml * voxels
        is_kept = volumes_mm3 >= rules.minimum_mm3 * (1 - SAME_VOLUME)
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


def _detection(
    pairs: OverlappingPairs, predictions: int, references: int, threshold: float
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
    pairs: OverlappingPairs,
    origin: Int64[np.ndarray, "3"],
) -> Iterator[Lesion]:
    """The lesions of one side; `partners` has their own numbers in the first column."""
    partner = {int(own): int(other) for own, other in partners}
    is_prediction = side is Side.PREDICTION
    ious = pairs.iou_of(partners if is_prediction else partners[:, ::-1])
    centres = lesions.geometry.to_world(centroids(lesions.numbers)[1:] + origin)
    voxel_ml = lesions.geometry.voxel_volume_ml
    for number, centre_ras_mm in enumerate(centres.tolist(), start=1):
        other = partner.get(number)
        predicted = number if is_prediction else other
        right, anterior, superior = centre_ras_mm
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

    What lies outside the box is background in both, as what lies outside the image is.
    A column of it is kept at the end, so that no run goes on into the next row.
    """
    either = prediction | reference
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(either.any(axis=others))
        box.append(slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1))
    i, j, k = (each.start for each in box)
    column = ((0, 0), (0, 0), (0, 1))
    cut = tuple(box)
    return (i, j, k), np.pad(prediction[cut], column), np.pad(reference[cut], column)
