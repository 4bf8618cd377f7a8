"""How well lesions are found: by overlap, by size, by confidence."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64

from medseg.core.froc import Froc
from medseg.core.lesions import Detection, Lesion, LesionScores, Side
from medseg.study.results import DetectionPoint, Estimate, LesionDetection, VolumeBin
from medseg.study.statistics.bootstrap import (
    Resampling,
    mean_interval,
    ratio_interval,
)


def lesion_detection(
    cases: Sequence[LesionScores],
    resampling: Resampling,
    *,
    model: str,
    volume_bins_ml: Sequence[float],
) -> LesionDetection:
    """Detection of one structure's lesions, pooled over cases.

    Sums are pooled before they are divided, so that a case with ten lesions counts ten
    times as much as one with one; intervals come from drawing patients.

    Args:
        cases: One a case, in the order of the resampling's design.
        resampling: The draws of patients.
        model: Name.
        volume_bins_ml: Upper ends of the bins, ascending; the last is open.
    """
    thresholds = zip(*(case.detections for case in cases), strict=True)
    return LesionDetection(
        model=model,
        structure=cases[0].structure,
        cases=len(cases),
        points=tuple(_point(at, resampling) for at in thresholds),
        volume_bins=tuple(_volume_bins(cases, resampling, volume_bins_ml)),
    )


def froc(
    confidence: Float[np.ndarray, " lesion"],
    is_match: Bool[np.ndarray, " lesion"],
    *,
    lesions: int,
    cases: int,
    structure: str = "",
    unnamed: tuple[str, ...] = (),
) -> Froc:
    """Sensitivity against false positives as predictions of less confidence count.

    Args:
        confidence: Of every predicted lesion of all cases.
        is_match: Whether it is matched with a lesion of the reference.
        lesions: Of all references, 1 or more.
        cases: Cases looked at.
        structure: What is looked for.
        unnamed: Cases whose reference does not name it.
    """
    points, group = np.unique(-confidence, return_inverse=True)
    spurious, found = (
        np.bincount(group[chosen], minlength=len(points)).cumsum()
        for chosen in (~is_match, is_match)
    )
    return Froc(
        confidence=-points.astype(np.float64),
        false_positives_per_case=spurious / cases,
        sensitivity=found / lesions,
        lesions=lesions,
        cases=cases,
        structure=structure,
        unnamed=unnamed,
    )


def _point(cases: Sequence[Detection], resampling: Resampling) -> DetectionPoint:
    found, missed, spurious, summed_iou = np.array(
        [(c.found, c.missed, c.spurious, c.summed_iou) for c in cases], dtype=np.float64
    ).T
    total = found + (missed + spurious) / 2
    return DetectionPoint(
        iou_threshold=cases[0].iou_threshold,
        sensitivity=_ratio(found, found + missed, resampling),
        precision=_ratio(found, found + spurious, resampling),
        f1=_ratio(found, total, resampling),
        segmentation_quality=float(summed_iou.sum() / found.sum())
        if found.any()
        else None,
        panoptic_quality=_ratio(summed_iou, total, resampling),
        false_positives_per_case=mean_interval(spurious, resampling),
    )


def _volume_bins(
    cases: Sequence[LesionScores],
    resampling: Resampling,
    upper_ends_ml: Sequence[float],
) -> Iterator[VolumeBin]:
    for from_ml, to_ml in pairwise([0.0, *upper_ends_ml, np.inf]):
        here = [
            [each for each in _wanted(case) if from_ml <= each.volume_ml < to_ml]
            for case in cases
        ]
        lesions = np.array([len(each) for each in here], dtype=np.float64)
        found = np.array(
            [sum(lesion.partner is not None for lesion in each) for each in here],
            dtype=np.float64,
        )
        yield VolumeBin(
            from_ml=float(from_ml),
            to_ml=None if to_ml == np.inf else float(to_ml),
            lesions=int(lesions.sum()),
            sensitivity=_ratio(found, lesions, resampling),
        )


def _wanted(case: LesionScores) -> list[Lesion]:
    return [each for each in case.lesions if each.side is Side.REFERENCE]


def _ratio(
    numerators: Float64[np.ndarray, " case"],
    denominators: Float64[np.ndarray, " case"],
    resampling: Resampling,
) -> Estimate | None:
    if not denominators.any():
        return None
    return ratio_interval(numerators, denominators, resampling)
