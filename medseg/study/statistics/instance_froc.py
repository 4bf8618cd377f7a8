"""How well lesions are found as fewer and fewer sure ones count."""

from collections.abc import Sequence

import numpy as np

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.volume import require_same_grid
from medseg.metrics.lesions import matched_lesions
from medseg.study.statistics.detection import Froc, froc


def instance_froc(
    cases: Sequence[tuple[Panoptic, Panoptic]],
    structure: str,
    *,
    iou_threshold: float = 0.0,
) -> Froc:
    """Sensitivity against false positives a case, over confidences.

    In each case predicted and reference lesions are matched one to one, as many as
    possible (`score_lesions`), whatever their confidence; those of no match are false.

    Args:
        cases: Prediction and reference of each; the predicted lesions with a confidence
            (`with_confidence`).
        structure: Name of the structure, in both.
        iou_threshold: A match has more; 0 asks for a shared voxel only.

    Raises:
        WrongUse: INVALID_OPTION, when a predicted lesion has no confidence, or no
            reference holds a lesion.
        UnusableInput: GRID_MISMATCH.
    """
    confidences: list[float] = []
    is_match: list[bool] = []
    lesions = 0
    for prediction, reference in cases:
        require_same_grid(
            prediction.geometry, reference.geometry, where=prediction.case_id
        )
        found = prediction.of_structure(structure)
        wanted = reference.of_structure(structure)
        pairs = matched_lesions(
            _only(prediction, found), _only(reference, wanted), iou_threshold
        )
        matched = {int(number) for number in pairs[:, 0]}
        confidences += [_sure(each, prediction.case_id) for each in found]
        is_match += [each.number in matched for each in found]
        lesions += len(wanted)
    if not lesions:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"no reference holds a lesion of {structure!r}",
            where="references",
            remedy="Give references with lesions: sensitivity is a share of them.",
        )
    return froc(
        np.array(confidences, np.float64),
        np.array(is_match, bool),
        lesions=lesions,
        cases=len(cases),
    )


def _only(panoptic: Panoptic, instances: tuple[Instance, ...]) -> np.ndarray:
    """The instance map with some of the instances."""
    kept = np.array([each.number for each in instances], np.int64)
    numbers = panoptic.instance_map.astype(np.int32)
    return np.where(np.isin(numbers, kept), numbers, 0)


def _sure(instance: Instance, case_id: str) -> float:
    if instance.confidence is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"predicted lesion {instance.number} has no confidence",
            where=case_id,
            remedy="Segment with --instances --save-probabilities.",
        )
    return instance.confidence
