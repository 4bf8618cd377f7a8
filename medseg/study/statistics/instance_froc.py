"""How well lesions are found as fewer and fewer sure ones count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.froc import Froc
from medseg.core.labels import StructureKind
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.volume import require_same_grid
from medseg.metrics.lesions import overlapping_lesions
from medseg.study.statistics.detection import froc

_Case = tuple[Panoptic, Panoptic]


def instance_froc(
    cases: Iterable[_Case], structure: str, *, iou_threshold: float = 0.0
) -> Froc:
    """Sensitivity against false positives a case, over confidences.

    At each confidence, the predicted lesions at or above it, and no others, are matched
    with those of the reference: one to one, as many as possible. Those of no match are
    false; so is a second one on a lesion.

    A case that does not name the structure has none of it (`Froc.unnamed`).

    Args:
        cases: Prediction and reference of each; the predicted lesions with a confidence
            (`with_confidence`). Gone through once.
        structure: Name of the structure, in both.
        iou_threshold: A match has more; 0 asks for a shared voxel only.

    Raises:
        WrongUse: INVALID_OPTION, when a predicted lesion has no confidence, no
            reference holds a lesion, or the structure is not counted in one.
        UnusableInput: GRID_MISMATCH.
    """
    (curve,) = instance_frocs(cases, (structure,), iou_threshold=iou_threshold)
    return curve


def instance_frocs(
    cases: Iterable[_Case],
    structures: Sequence[str] = (),
    *,
    iou_threshold: float = 0.0,
) -> tuple[Froc, ...]:
    """The same for several structures, while each case is gone through once.

    Args:
        cases: As in `instance_froc`.
        structures: Names; those of which a reference holds a lesion if there are none.
        iou_threshold: As in `instance_froc`.

    Raises:
        MedSegError: As `instance_froc`.
    """
    if not 0 <= iou_threshold < 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"an IoU is 0 or more and below 1, got {iou_threshold:g}",
            where="--iou-threshold",
            remedy="Leave it out to ask for a shared voxel only.",
        )
    found: list[dict[str, _Detections]] = []
    unnamed: list[tuple[str, frozenset[str]]] = []
    for prediction, reference in cases:
        require_same_grid(
            prediction.geometry, reference.geometry, where=prediction.case_id
        )
        wanted = structures or _counted(prediction, reference)
        found.append(
            {n: _detections(prediction, reference, n, iou_threshold) for n in wanted}
        )
        unnamed.append((reference.case_id, frozenset(reference.labels.names)))
    return tuple(
        _curve(name, [case.get(name, _NOTHING) for case in found], unnamed)
        for name in structures or _with_lesions(found)
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Detections:
    """The lesions of one structure in one case.

    Attributes:
        confidence: Of the predicted ones, descending.
        is_match: Whether one match more is possible with it than without, among those
            of more confidence: added up, they are the matches at each confidence.
        lesions: Of the reference.
    """

    confidence: Float64[np.ndarray, " lesion"]
    is_match: Bool[np.ndarray, " lesion"]
    lesions: int


_NOTHING = _Detections(
    confidence=np.zeros(0, np.float64), is_match=np.zeros(0, bool), lesions=0
)


def _detections(
    prediction: Panoptic, reference: Panoptic, structure: str, iou_threshold: float
) -> _Detections:
    found = _lesions_of(prediction, structure)
    wanted = _lesions_of(reference, structure)
    confidence = np.array([_sure(e, prediction.case_id) for e in found], np.float64)
    order = np.argsort(-confidence, kind="stable")
    place = np.full(1 + max((each.number for each in found), default=0), -1)
    place[[found[n].number for n in order]] = np.arange(len(found))
    pairs = overlapping_lesions(
        _only(prediction, found), _only(reference, wanted), iou_threshold
    )
    ends = place[pairs[:, 0]], pairs[:, 1]
    return _Detections(
        confidence=confidence[order],
        is_match=_adds_a_match(ends, len(found)),
        lesions=len(wanted),
    )


def _adds_a_match(
    ends: tuple[np.ndarray, np.ndarray], count: int
) -> Bool[np.ndarray, " lesion"]:
    """For each of `count` candidates in turn, whether it makes one match more possible.

    Args:
        ends: Of each pair that may be a match: place of the candidate, and number of
            the lesion.
        count: Of all candidates.
    """
    adds = np.zeros(count, bool)
    if not len(ends[0]):
        return adds
    shape = (count, int(ends[1].max()) + 1)
    graph = csr_array((np.ones(len(ends[0]), bool), ends), shape=shape)
    matches = 0
    for place in np.unique(ends[0]):  # one that overlaps none adds none
        partners = maximum_bipartite_matching(graph[: place + 1], perm_type="column")
        now = int(np.count_nonzero(partners >= 0))
        adds[place] = now > matches
        matches = now
    return adds


def _curve(
    structure: str,
    cases: Sequence[_Detections],
    names: Sequence[tuple[str, frozenset[str]]],
) -> Froc:
    lesions = sum(each.lesions for each in cases)
    if not lesions:
        known = sorted(frozenset().union(*(each for _, each in names)))
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"no reference holds a lesion of {structure!r}",
            where="--structure",
            remedy="Sensitivity is a share of the references' lesions; they name "
            f"{', '.join(known) or 'nothing'}.",
        )
    return froc(
        np.concatenate([each.confidence for each in cases]),
        np.concatenate([each.is_match for each in cases]),
        lesions=lesions,
        cases=len(cases),
        structure=structure,
        unnamed=tuple(case_id for case_id, known in names if structure not in known),
    )


def _counted(*both: Panoptic) -> list[str]:
    """Names of all that is counted in either."""
    names = (
        structure.name
        for panoptic in both
        for structure in panoptic.labels
        if structure.kind is StructureKind.THING
    )
    return list(dict.fromkeys(names))


def _with_lesions(found: Sequence[dict[str, _Detections]]) -> list[str]:
    """Names of all structures of which a reference holds a lesion.

    Raises:
        WrongUse: INVALID_OPTION, when there is none.
    """
    names = {n: None for case in found for n, each in case.items() if each.lesions}
    if names:
        return list(names)
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "no reference holds a lesion",
        where="--structure",
        remedy="Say which structure to count; sensitivity is a share of its lesions.",
    )


def _lesions_of(panoptic: Panoptic, structure: str) -> tuple[Instance, ...]:
    """The lesions of a structure; none where it is not named.

    Raises:
        WrongUse: INVALID_OPTION, when it is not something that is counted.
    """
    if structure not in panoptic.labels:
        return ()
    if panoptic.labels[structure].kind is not StructureKind.THING:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the lesions of this label map were told apart without {structure!r}",
            where=panoptic.case_id,
            remedy=f"Tell them apart again: medseg instances separate --structure "
            f"{structure!r}; of predictions in Python, which gives confidences, too "
            "(medseg.counted, separate_instances, with_confidence).",
        )
    return panoptic.of_structure(structure)


def _only(panoptic: Panoptic, instances: tuple[Instance, ...]) -> np.ndarray:
    """The instance map with some of the instances."""
    if len(instances) == len(panoptic.instances):
        return panoptic.instance_map
    kept = np.zeros(1 + max(e.number for e in panoptic.instances), np.uint16)
    numbers = [each.number for each in instances]
    kept[numbers] = numbers
    only: np.ndarray = kept[panoptic.instance_map]
    return only


def _sure(instance: Instance, case_id: str) -> float:
    if instance.confidence is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"predicted lesion {instance.number} has no confidence",
            where=case_id,
            remedy="Segment with --instances --save-probabilities.",
        )
    return instance.confidence
