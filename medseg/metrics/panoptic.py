"""Prediction and reference with their instances -> panoptic quality."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer

from medseg.core.labels import StructureKind
from medseg.core.lesions import Detection
from medseg.core.panoptic import Panoptic
from medseg.core.panoptic_scores import PanopticScore, PanopticScores
from medseg.core.volume import require_same_grid
from medseg.metrics.naming import names_by_label, require_same_meaning
from medseg.metrics.overlapping_pairs import OverlappingPairs
from medseg.metrics.runs import label_runs

_MATCH = 0.5  # above it, no segment has two partners (Kirillov et al., 2019)


def score_panoptic(prediction: Panoptic, reference: Panoptic) -> PanopticScores:
    """Panoptic quality of every structure (Kirillov et al., 2019).

    Structures are matched by their number, segments by their IoU above 0.5. There is a
    row for every structure of the reference's label set, and for every other that has a
    voxel. Instances may be numbered in any way.

    Args:
        prediction: To judge.
        reference: To compare with; its names and kinds are used.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same; LABEL_MISMATCH
            when one name stands for different numbers.
    """
    both = f"prediction and reference of {prediction.case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=both)
    require_same_meaning(prediction.labels, reference.labels, where=both)
    predicted, wanted = _Segments.of(prediction), _Segments.of(reference)
    pairs = OverlappingPairs.of(
        predicted.numbers, wanted.numbers, predicted.voxels, wanted.voxels
    )
    labels = predicted.labels[pairs.numbers[:, 0]]
    is_match = labels == wanted.labels[pairs.numbers[:, 1]]
    is_match &= pairs.ious > _MATCH
    found = {*predicted.labels.tolist(), *wanted.labels.tolist()} - {0}
    kinds = {each.id: each.kind for each in (*prediction.labels, *reference.labels)}
    names = names_by_label(prediction.labels, reference.labels, found)
    rows = (
        PanopticScore(
            structure=name,
            label=label,
            kind=kinds.get(label, StructureKind.STUFF),
            detection=_detection(
                pairs,
                is_match & (labels == label),
                predictions=int(np.count_nonzero(predicted.labels == label)),
                references=int(np.count_nonzero(wanted.labels == label)),
            ),
        )
        for label, name in names.items()
    )
    return PanopticScores(case_id=prediction.case_id, rows=tuple(rows))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Segments:
    """What one map is made of: its instances, and each stuff as a whole.

    Attributes:
        numbers: Of the segment at each voxel, 0 for background.
        voxels: Of each segment, the first place for background.
        labels: Structure of each segment; 0 for numbers that no voxel has.
    """

    numbers: Integer[np.ndarray, " voxel"]
    voxels: Int64[np.ndarray, " segment"]
    labels: Int64[np.ndarray, " segment"]

    @classmethod
    def of(cls, panoptic: Panoptic) -> "_Segments":
        label_map = panoptic.segmentation.array.reshape(-1)
        instances = panoptic.instance_map.reshape(-1)
        largest = max(panoptic.labels.ids, default=0)
        of_things = instances.astype(np.int32) + largest
        numbers = np.where(instances > 0, of_things, label_map)
        runs = label_runs(numbers)
        voxels = np.bincount(runs.labels, runs.lengths).astype(np.int64)
        labels = np.zeros(len(voxels), np.int64)
        labels[runs.labels] = label_map[runs.starts]
        return cls(numbers=numbers, voxels=voxels, labels=labels)


def _detection(
    pairs: OverlappingPairs,
    is_match: Bool[np.ndarray, " pair"],
    *,
    predictions: int,
    references: int,
) -> Detection:
    found = int(np.count_nonzero(is_match))
    return Detection(
        iou_threshold=_MATCH,
        found=found,
        missed=references - found,
        spurious=predictions - found,
        summed_iou=float(pairs.ious[is_match].sum()),
    )
