"""Lesion-wise Dice and HD95 by the rules of the BraTS 2023 challenges.

The rules are those of the challenges' evaluation (github.com/rachitsaluja/
BraTS-2023-Metrics): reference lesions that lie close together are one, every predicted
piece that touches a lesion's surroundings belongs to it, and a missed or spurious
lesion counts as Dice 0 and a distance of 374 mm.
"""

from dataclasses import dataclass
from functools import cached_property

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
from medseg.metrics.runs import label_runs
from medseg.metrics.surface_elements import areas_mm2, surface_elements

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]
Box = tuple[slice, slice, slice]

PENALTY_MM = 374.0

SAME_VOLUME = 1e-6
"""How far volumes that are the same may differ, relatively.

Files keep affines as 32-bit floats: turned voxels of 1 mm3 rarely have exactly that.
"""

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


class _Pieces:
    """The numbered pieces of one mask, no two of which touch, with their surfaces.

    Every node of the surface lies among voxels of one piece only. So the surface of
    several pieces is all of theirs together, and one pass finds them all.

    Attributes:
        numbers: From 1, with a margin of background.
        boxes: Of each piece.
        voxels: Of each piece, the first place for what is none.
    """

    def __init__(self, numbers: Numbers, spacing_mm: Spacing) -> None:
        runs = label_runs(numbers.reshape(-1))
        self.numbers = numbers
        self.boxes: list[Box] = find_objects(numbers)
        self.voxels = np.bincount(runs.labels, runs.lengths).astype(np.int64)
        self._elements = surface_elements(numbers)
        self._spacing_mm = spacing_mm

    def surface(self, pieces: list[int]) -> "_Surface":
        """Of several pieces together."""
        elements = [self._elements[piece] for piece in pieces]
        nodes = np.concatenate([each.nodes for each in elements])
        codes = np.concatenate([each.codes for each in elements])
        places = np.stack(np.unravel_index(nodes, self.numbers.shape), axis=1)
        return _Surface(
            points_mm=places * np.array(self._spacing_mm),
            areas_mm2=areas_mm2(self._spacing_mm)[codes],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Surface:
    """Nodes of a surface and the area at each."""

    points_mm: Float64[np.ndarray, "point 3"]
    areas_mm2: Float64[np.ndarray, " point"]

    def directed_hd95_mm(self, other: "_Surface") -> float:
        """Distance to the other that 95 % of the area of this one does not exceed.

        The area-weighted percentile of DeepMind's surface-distance, without
        interpolation, which the challenge uses; not the HD95 of `METRICS`.
        """
        distances, _ = other.tree.query(self.points_mm)
        order = np.argsort(distances, kind="stable")
        share = np.cumsum(self.areas_mm2[order]) / self.areas_mm2.sum()
        place = min(int(np.searchsorted(share, 0.95)), len(order) - 1)
        return float(distances[order[place]])

    @cached_property
    def tree(self) -> cKDTree:
        """Finds the nearest node."""
        return cKDTree(self.points_mm)


@dataclass(frozen=True)
class _LesionResult:
    dice: float
    hd95_mm: float
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
    pieces, _ = label(np.pad(prediction, margin), _CORNERS)
    lesions = _joined(np.pad(reference, margin), parameters.dilation)
    predicted, wanted = _Pieces(pieces, spacing_mm), _Pieces(lesions, spacing_mm)
    results = [
        _lesion(number, wanted, predicted, parameters.dilation)
        for number in range(1, len(wanted.boxes) + 1)
    ]
    volumes_mm3 = wanted.voxels[1:] * np.prod(spacing_mm)
    is_counted = volumes_mm3 > parameters.ignored_mm3 * (1 + SAME_VOLUME)
    touched = frozenset[int]().union(*(each.touched for each in results))
    spurious = len(predicted.boxes) - len(touched)
    counted = [each for each, counts in zip(results, is_counted, strict=True) if counts]
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


def _lesion(
    number: int, wanted: _Pieces, predicted: _Pieces, dilation: int
) -> _LesionResult:
    """Compare one reference lesion with all of the predicted pieces that it touches."""
    box = _grown(wanted.boxes[number - 1], dilation)
    lesion, around = wanted.numbers[box] == number, predicted.numbers[box]
    touched = _numbers(around[binary_dilation(lesion, _EDGES, dilation)])
    if not touched:
        return _LesionResult(0.0, PENALTY_MM, frozenset())
    # All that the prediction has within the lesion is of pieces that it touches.
    shared = np.count_nonzero(lesion & (around > 0))
    voxels = wanted.voxels[number] + predicted.voxels[touched].sum()
    own, united = wanted.surface([number]), predicted.surface(touched)
    return _LesionResult(
        dice=float(2 * shared / voxels),
        hd95_mm=max(own.directed_hd95_mm(united), united.directed_hd95_mm(own)),
        touched=frozenset(touched),
    )


def _grown(box: Box, voxels: int) -> Box:
    """The box, wider on every side by voxels that the margin has."""
    i, j, k = (slice(s.start - voxels, s.stop + voxels) for s in box)
    return i, j, k
