"""The cases of a cohort with their files and scores; knows no Qt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import medseg
from napari_medseg.review.folders import CohortFolders

EVERY_STRUCTURE = ""
_ONE_EMPTY = (medseg.MaskState.REFERENCE_EMPTY, medseg.MaskState.PREDICTION_EMPTY)


class Measure(StrEnum):
    """What cases are sorted by; the values are what people call them."""

    DICE = "Dice"
    IOU = "IoU"
    NSD = "NSD"
    HD95 = "HD95 (mm)"
    PREDICTED = "predicted Dice"

    @property
    def of_all(self) -> str:
        """What a case has that has several structures."""
        return "lowest" if self is Measure.PREDICTED else "mean"

    @property
    def is_higher_better(self) -> bool:
        """Whether the worst case has the lowest value."""
        return self is not Measure.HD95

    def of(self, row: medseg.StructureScore) -> float | None:
        """Value of one structure; the diagonal where a missed one has no distance."""
        match self:
            case Measure.DICE:
                return row.dice
            case Measure.IOU:
                return row.iou
            case Measure.NSD:
                return row.nsd
            case Measure.HD95:
                missed = row.state in _ONE_EMPTY
                return row.diagonal_mm if missed else row.hd95_mm
            case Measure.PREDICTED:
                return None  # told without a reference, in other tables


@dataclass(frozen=True, eq=False, kw_only=True)
class CohortCase:
    """One case.

    Attributes:
        case_id: Name of the case.
        images: One file or folder with every channel, or one a channel.
        reference: Label map to compare with.
        predictions: Label map of each model.
        scores: Scores of each model.
        predicted: Dice that each model is expected to have, where that is told.
    """

    case_id: str
    images: tuple[Path, ...] = ()
    reference: Path | None = None
    predictions: Mapping[str, Path] = field(default_factory=dict)
    scores: Mapping[str, medseg.Scores] = field(default_factory=dict)
    predicted: Mapping[str, medseg.PredictedDice] = field(default_factory=dict)

    def value(self, model: str, measure: Measure, structure: str) -> float | None:
        """A measure of a structure, or its mean over the structures with a value.

        Of predicted Dice the lowest of the case, which is 0 where one was missed.
        """
        told = self.predicted.get(model)
        if measure is Measure.PREDICTED and structure == EVERY_STRUCTURE:
            return None if told is None else told.lowest
        values = [value for _, value in self._values(model, measure, structure)]
        return sum(values) / len(values) if values else None

    def worst_structure(self, model: str, measure: Measure) -> str:
        """The structure with the worst value; empty where there is none.

        So it is where the case counts as 0 for one that was missed.
        """
        values = self._values(model, measure, EVERY_STRUCTURE)
        if not values:
            return ""
        sign = 1 if measure.is_higher_better else -1
        worst, value = min(values, key=lambda named: sign * named[1])
        lowest = self.value(model, measure, EVERY_STRUCTURE)
        is_missed = measure is Measure.PREDICTED and value != lowest
        return "" if is_missed else worst

    def has_no_prediction(self, model: str) -> bool:
        """Whether others of its cohort have a predicted Dice and this case has none."""
        told = self.predicted.get(model)
        return told is not None and told.lowest is None

    def _values(
        self, model: str, measure: Measure, structure: str
    ) -> list[tuple[str, float]]:
        scores, told = self.scores.get(model), self.predicted.get(model)
        if measure is Measure.PREDICTED:
            named = [] if told is None else list(told.structures.items())
            return [each for each in named if structure in (EVERY_STRUCTURE, each[0])]
        return [
            (row.structure, value)
            for row in (scores.rows if scores else ())
            if structure in (EVERY_STRUCTURE, row.structure)
            and (value := measure.of(row)) is not None
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class Cohort:
    """Cases that are looked through together.

    Attributes:
        folders: Where they are.
        models: Names of the models, the first one to be judged, then another.
        channels: Names of the scans' channels, where a dataset gives them.
        labels: Names of the labels, where a dataset gives them.
        cases: By ascending id.
    """

    folders: CohortFolders
    models: tuple[str, ...]
    cases: tuple[CohortCase, ...]
    channels: tuple[str, ...] = ()
    labels: medseg.LabelSet | None = None

    @property
    def can_be_compared(self) -> bool:
        """Whether there are label maps of two models somewhere."""
        return any(len(case.predictions) > 1 for case in self.cases)

    @property
    def missing(self) -> tuple[str, ...]:
        """What no case has a file of, in the words of the form that names folders."""
        found = {
            "Scans": any(case.images for case in self.cases),
            "References": any(case.reference for case in self.cases),
            "Predictions": any(case.predictions for case in self.cases),
        }
        return tuple(name for name, is_found in found.items() if not is_found)

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures scored or predicted, in the order of the first table."""
        scored = (
            row.structure
            for case in self.cases
            for scores in case.scores.values()
            for row in scores.rows
        )
        predicted = (
            name
            for case in self.cases
            for told in case.predicted.values()
            for name in told.structures
        )
        return tuple(dict.fromkeys((*scored, *predicted)))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Measures with a value somewhere."""
        rows = [
            row
            for case in self.cases
            for scores in case.scores.values()
            for row in scores.rows
        ]
        scored = [
            measure
            for measure in Measure
            if any(measure.of(row) is not None for row in rows)
        ]
        is_predicted = any(case.predicted for case in self.cases)
        return (*scored, *([Measure.PREDICTED] if is_predicted else []))
