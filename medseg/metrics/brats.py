"""Lesion-wise Dice and HD95 by the rules of the BraTS 2023 challenges.

The rules are those of the challenges' evaluation (github.com/rachitsaluja/
BraTS-2023-Metrics): reference lesions that lie close together are one, every predicted
piece that touches a lesion's surroundings belongs to it, and a missed or spurious
lesion counts as Dice 0 and a distance of 374 mm.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Integer
from scipy.ndimage import (
    binary_dilation,
    find_objects,
    generate_binary_structure,
    label,
)
from scipy.spatial import cKDTree

from medseg.core.geometry import Spacing
from medseg.core.lesions import BratsRules, BratsScore
from medseg.metrics.surface_elements import areas_mm2, surface_elements

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]
Box = tuple[slice, slice, slice]

PENALTY_MM = 374.0

_EDGES = generate_binary_structure(3, 2)
_CORNERS = generate_binary_structure(3, 3)


@dataclass(frozen=True)
class _Parameters:
    """What differs between the challenges.

    Attributes:
        dilation: Steps of the 18-neighbourhood that join lesions and widen them.
        ignored_mm3: Reference lesions up to this volume do not count.
    """

    dilation: int
    ignored_mm3: float


_PARAMETERS = {
    BratsRules.GLIOMA: _Parameters(3, 50.0),
    BratsRules.SUB_SAHARAN: _Parameters(3, 50.0),
    BratsRules.PAEDIATRIC: _Parameters(3, 50.0),
    BratsRules.MENINGIOMA: _Parameters(1, 50.0),
    BratsRules.METASTASES: _Parameters(1, 2.0),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class _Maps:
    """Lesions of the reference and pieces of the prediction, numbered from 1.

    Attributes:
        wanted: The reference's, with a margin around.
        predicted: The prediction's, likewise.
        pieces: Box of each piece of the prediction.
        spacing_mm: Along the axes of both.
    """

    wanted: Numbers
    predicted: Numbers
    pieces: list[Box]
    spacing_mm: Spacing


@dataclass(frozen=True)
class _LesionResult:
    dice: float
    hd95_mm: float
    volume_mm3: float
    touched: frozenset[int]


def brats_score(
    prediction: Mask, reference: Mask, spacing_mm: Spacing, rules: BratsRules
) -> BratsScore:
    """Lesion-wise scores of one structure.

    Args:
        prediction: Mask to judge.
        reference: Mask to compare with, of the same shape.
        spacing_mm: Along the axes of both.
        rules: Which challenge's.
    """
    parameters = _PARAMETERS[rules]
    margin = parameters.dilation + 1
    predicted, _ = label(np.pad(prediction, margin), _CORNERS)
    maps = _Maps(
        wanted=_joined(np.pad(reference, margin), parameters.dilation),
        predicted=predicted,
        pieces=find_objects(predicted),
        spacing_mm=spacing_mm,
    )
    results = [
        _lesion(number, box, maps, parameters.dilation)
        for number, box in enumerate(find_objects(maps.wanted), start=1)
    ]
    touched = frozenset[int]().union(*(each.touched for each in results))
    spurious = len(maps.pieces) - len(touched)
    counted = [each for each in results if each.volume_mm3 > parameters.ignored_mm3]
    total = len(counted) + spurious
    distances_mm = sum(each.hd95_mm for each in counted) + PENALTY_MM * spurious
    found = sum(bool(each.touched) for each in counted)
    return BratsScore(
        rules=rules,
        dice=sum(each.dice for each in counted) / total if total else 1.0,
        hd95_mm=distances_mm / total if total else 0.0,
        found=found,
        missed=len(counted) - found,
        spurious=spurious,
    )


def _joined(reference: Mask, dilation: int) -> Numbers:
    """Numbers of the reference's lesions, those joined that meet when dilated."""
    wide, _ = label(binary_dilation(reference, _EDGES, dilation), _CORNERS)
    joined: np.ndarray = np.where(reference, wide, 0)
    return joined


def _numbers(numbered: Integer[np.ndarray, "..."]) -> list[int]:
    return [int(number) for number in np.unique(numbered) if number]


def _lesion(number: int, box: Box, maps: _Maps, dilation: int) -> _LesionResult:
    """Compare one reference lesion with all of the predicted pieces that it touches."""
    box = _grown(box, dilation)
    lesion = maps.wanted[box] == number
    near = binary_dilation(lesion, _EDGES, dilation)
    touched = _numbers(maps.predicted[box][near])
    volume_mm3 = float(np.count_nonzero(lesion) * np.prod(maps.spacing_mm))
    if not touched:
        return _LesionResult(0.0, PENALTY_MM, volume_mm3, frozenset())
    whole = _around([box, *(maps.pieces[piece - 1] for piece in touched)])
    own = maps.wanted[whole] == number
    united = np.isin(maps.predicted[whole], touched)
    shared = np.count_nonzero(own & united)
    return _LesionResult(
        dice=float(2 * shared / (np.count_nonzero(own) + np.count_nonzero(united))),
        hd95_mm=max(
            _directed_hd95_mm(own, united, maps.spacing_mm),
            _directed_hd95_mm(united, own, maps.spacing_mm),
        ),
        volume_mm3=volume_mm3,
        touched=frozenset(touched),
    )


def _grown(box: Box, voxels: int) -> Box:
    """The box, wider on every side but not below 0; an end too far does no harm."""
    i, j, k = (slice(max(0, s.start - voxels), s.stop + voxels) for s in box)
    return i, j, k


def _around(boxes: list[Box]) -> Box:
    i, j, k = (
        slice(min(s.start for s in along), max(s.stop for s in along))
        for along in zip(*boxes, strict=True)
    )
    return i, j, k


def _directed_hd95_mm(start: Mask, end: Mask, spacing_mm: Spacing) -> float:
    """Distance that 95 % of the area of one surface does not exceed.

    The area-weighted percentile of DeepMind's surface-distance, without interpolation,
    which the challenge uses; not the HD95 of `METRICS`.
    """
    points, areas = _surface(start, spacing_mm)
    targets, _ = _surface(end, spacing_mm)
    distances, _ = cKDTree(targets).query(points)
    order = np.argsort(distances, kind="stable")
    share = np.cumsum(areas[order]) / areas.sum()
    place = min(int(np.searchsorted(share, 0.95)), len(order) - 1)
    return float(distances[order[place]])


def _surface(
    mask: Mask, spacing_mm: Spacing
) -> tuple[Float64[np.ndarray, "point 3"], Float64[np.ndarray, " point"]]:
    """Nodes of a mask's surface in mm, and the area at each."""
    padded = np.pad(mask, 1).astype(np.uint8)
    elements = surface_elements(padded)[1]
    nodes = np.stack(np.unravel_index(elements.nodes, padded.shape), axis=1)
    return nodes * np.array(spacing_mm), areas_mm2(spacing_mm)[elements.codes]
