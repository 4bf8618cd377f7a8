"""Prediction and reference with their instances -> panoptic quality."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.instance_match import InstanceMatch, JudgedInstances
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
    return _Compared.of(prediction, reference).scores()


def match_instances(
    prediction: Panoptic, reference: Panoptic
) -> tuple[InstanceMatch, ...]:
    """Which lesions are found, false and missed, as `score_panoptic` counts them.

    Args:
        prediction: To judge.
        reference: To compare with; what is counted in one is to be counted in both.

    Returns:
        The predicted lesions by ascending number, then those missed.

    Raises:
        UnusableInput: As `score_panoptic`; LABEL_MISMATCH where a structure is counted
            in one of them only.
    """
    both = _Compared.of(prediction, reference)
    _require_counted_in_both(prediction, reference)
    return both.matches()


def judge_instances(prediction: Panoptic, reference: Panoptic) -> JudgedInstances:
    """Both `score_panoptic` and `match_instances`, while overlaps are found once.

    Args:
        prediction: To judge.
        reference: To compare with; what is counted in one is to be counted in both.

    Raises:
        UnusableInput: As `match_instances`.
    """
    both = _Compared.of(prediction, reference)
    _require_counted_in_both(prediction, reference)
    return JudgedInstances(scores=both.scores(), matches=both.matches())


def _require_counted_in_both(prediction: Panoptic, reference: Panoptic) -> None:
    kinds = {each.id: each.kind for each in prediction.labels}
    for each in reference.labels:
        if kinds.get(each.id, each.kind) is not each.kind:
            raise UnusableInput(
                ErrorCode.LABEL_MISMATCH,
                f"{each.name} is counted in one of prediction and reference only",
                where=prediction.case_id,
                remedy="Count the same structures in both.",
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Compared:
    """Both maps in segments, and which of them overlap.

    Attributes:
        prediction: The map to judge.
        reference: The one to compare with.
        predicted: The prediction's segments.
        wanted: The reference's.
        pairs: Those that share a voxel.
        is_same: Whether a pair is of one structure.
        is_match: Whether it is one segment.
        names: Of the structures by label, ascending.
    """

    prediction: Panoptic
    reference: Panoptic
    predicted: "_Segments"
    wanted: "_Segments"
    pairs: OverlappingPairs
    is_same: Bool[np.ndarray, " pair"]
    is_match: Bool[np.ndarray, " pair"]
    names: dict[int, str]

    @classmethod
    def of(cls, prediction: Panoptic, reference: Panoptic) -> "_Compared":
        both = f"prediction and reference of {prediction.case_id}"
        require_same_grid(prediction.geometry, reference.geometry, where=both)
        require_same_meaning(prediction.labels, reference.labels, where=both)
        predicted, wanted = _Segments.of(prediction), _Segments.of(reference)
        pairs = OverlappingPairs.of(
            predicted.numbers, wanted.numbers, predicted.voxels, wanted.voxels
        )
        labels = predicted.labels[pairs.numbers[:, 0]]
        is_same = labels == wanted.labels[pairs.numbers[:, 1]]
        found = {*predicted.labels.tolist(), *wanted.labels.tolist()} - {0}
        return cls(
            prediction=prediction,
            reference=reference,
            predicted=predicted,
            wanted=wanted,
            pairs=pairs,
            is_same=is_same,
            is_match=is_same & (pairs.ious > _MATCH),
            names=names_by_label(prediction.labels, reference.labels, found),
        )

    def scores(self) -> PanopticScores:
        """Panoptic quality of every structure."""
        labels = *self.prediction.labels, *self.reference.labels
        kinds = {each.id: each.kind for each in labels}
        rows = (
            PanopticScore(
                structure=name,
                label=label,
                kind=kinds.get(label, StructureKind.STUFF),
                detection=self.detection(label),
            )
            for label, name in self.names.items()
        )
        return PanopticScores(case_id=self.prediction.case_id, rows=tuple(rows))

    def matches(self) -> tuple[InstanceMatch, ...]:
        """The predicted lesions by ascending number, then those missed."""
        pairs = self.pairs.numbers[self.is_match]
        partners = {int(a): int(b) for a, b in pairs}
        best = self.best_ious()
        missed = dict.fromkeys(each.number for each in self.reference.instances)
        matches = []
        for each in self.prediction.instances:
            partner = partners.get(each.number + self.predicted.stuff, 0)
            number = partner - self.wanted.stuff
            if number > 0:
                del missed[number]
            matches.append(
                InstanceMatch(
                    structure=self.names[each.structure_id],
                    label=each.structure_id,
                    prediction=each.number,
                    reference=number if number > 0 else None,
                    iou=float(best[0][each.number + self.predicted.stuff]),
                    confidence=each.confidence,
                )
            )
        matches += [
            InstanceMatch(
                structure=self.names[each.structure_id],
                label=each.structure_id,
                prediction=None,
                reference=each.number,
                iou=float(best[1][each.number + self.wanted.stuff]),
            )
            for each in self.reference.instances
            if each.number in missed
        ]
        return tuple(matches)

    def detection(self, label: int) -> Detection:
        """Segments of one structure found, missed and spurious."""
        labels = self.predicted.labels[self.pairs.numbers[:, 0]]
        is_match = self.is_match & (labels == label)
        found = int(np.count_nonzero(is_match))
        return Detection(
            iou_threshold=_MATCH,
            found=found,
            missed=int(np.count_nonzero(self.wanted.labels == label)) - found,
            spurious=int(np.count_nonzero(self.predicted.labels == label)) - found,
            summed_iou=float(self.pairs.ious[is_match].sum()),
        )

    def best_ious(
        self,
    ) -> tuple[Float64[np.ndarray, " predicted"], Float64[np.ndarray, " wanted"]]:
        """The largest IoU of each segment with one of its structure, on each side."""
        sides = self.predicted, self.wanted
        best = np.zeros(len(sides[0].voxels)), np.zeros(len(sides[1].voxels))
        for side in (0, 1):
            numbers = self.pairs.numbers[self.is_same, side]
            np.maximum.at(best[side], numbers, self.pairs.ious[self.is_same])
        return best


@dataclass(frozen=True, eq=False, kw_only=True)
class _Segments:
    """What one map is made of: its instances, and each stuff as a whole.

    Attributes:
        numbers: Of the segment at each voxel, 0 for background.
        voxels: Of each segment, the first place for background.
        labels: Structure of each segment; 0 for numbers that no voxel has.
        stuff: Numbers up to this one are structures, those above it instances.
    """

    numbers: Integer[np.ndarray, " voxel"]
    voxels: Int64[np.ndarray, " segment"]
    labels: Int64[np.ndarray, " segment"]
    stuff: int

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
        return cls(numbers=numbers, voxels=voxels, labels=labels, stuff=largest)
