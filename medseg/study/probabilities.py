"""What a model's probabilities are worth: calibration, and doubt against error."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from medseg.core.described_labels import DescribedLabels, all_labels_of
from medseg.core.errors import MedSegError
from medseg.core.progress import Progress, ProgressCallback
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io import read_segmentation
from medseg.io.probabilities import find_probabilities, read_probabilities
from medseg.metrics import compared_maps
from medseg.study.nouns import Study
from medseg.study.results import Calibration, ModelRiskCoverage
from medseg.study.statistics.calibration import CalibrationCounts
from medseg.study.statistics.risk_coverage import risk_coverage

Probability = Float32[np.ndarray, "i j k"]
Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True, kw_only=True)
class ProbabilityFiles:
    """Where one model's probabilities are.

    Attributes:
        model: Name.
        folder: Of the probabilities.
        predictions: Label maps by case.
        references: Likewise.
        described: What the labels mean; None for the names beside the files.
    """

    model: str
    folder: Path
    predictions: Mapping[str, Path]
    references: Mapping[str, Path]
    described: DescribedLabels | None


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """What the probabilities of one model tell.

    Attributes:
        calibrations: One a structure.
        risks: Likewise.
        remarks: Sentences about cases whose probabilities are missing or unusable.
    """

    calibrations: tuple[Calibration, ...]
    risks: tuple[ModelRiskCoverage, ...]
    remarks: tuple[str, ...]


def certainty_of(
    study: Study, files: ProbabilityFiles, on_progress: ProgressCallback
) -> Certainty:
    """Calibration and risk over coverage of one model, each structure by itself.

    A case whose files cannot be used is left out, and a remark says so.

    Args:
        study: Its cases, structures and scores.
        files: Where to read.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        Cancelled: From `on_progress`.
    """
    counts = {structure: CalibrationCounts() for structure in study.structures}
    confidence = {s: np.full(len(study.cases), np.nan) for s in study.structures}
    lacking: list[str] = []
    unusable: list[str] = []
    for number, case in enumerate(study.cases):
        try:
            read = _read(files, case.case_id)
        except MedSegError as error:
            unusable.append(f"{case.case_id}: {error.what}")
        else:
            if read is None:
                lacking.append(case.case_id)
            for structure, seen in read.structures(study.labels) if read else ():
                counts[structure] = counts[structure].plus(
                    seen.probability, seen.reference, seen.spacing_mm, seen.looked_at
                )
                confidence[structure][number] = confidence_of(
                    seen.probability, seen.prediction
                )
        stage = f"reading probabilities of {files.model}"
        on_progress(Progress(stage=stage, done=number + 1, total=len(study.cases)))
    calibrations = [
        each.result(model=files.model, structure=structure)
        for structure, each in counts.items()
    ]
    risks = [
        risk_coverage(
            each,
            _dice(study, files.model, structure),
            model=files.model,
            structure=structure,
        )
        for structure, each in confidence.items()
    ]
    return Certainty(
        calibrations=tuple(each for each in calibrations if each is not None),
        risks=tuple(each for each in risks if each is not None),
        remarks=tuple(_remarks(files.model, lacking, unusable)),
    )


def confidence_of(probability: Probability, prediction: Mask) -> float:
    """How sure a model is of a structure: mean probability where it puts it.

    Where it puts it nowhere: how sure it is that there is none, 1 minus the greatest
    probability anywhere.
    """
    if not prediction.any():
        return float(1 - probability.max())
    return float(probability[prediction].mean(dtype=np.float64))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Seen:
    """One structure of one case; where nobody looked it is in nothing."""

    probability: Probability
    prediction: Mask
    reference: Mask
    spacing_mm: tuple[float, float, float]
    looked_at: Mask | None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Case:
    """The files of one case, read, all on one grid."""

    prediction: Segmentation
    reference: Segmentation
    probabilities: Volume
    described: DescribedLabels | None

    def structures(self, labels: Mapping[str, int]) -> Iterator[tuple[str, _Seen]]:
        """Those that the reference knows and the model gives probabilities of.

        Args:
            labels: Number of each structure, which the files may name otherwise.
        """
        channels = self._channels()
        looked_at = self._looked_at()
        pairs = compared_maps(self.prediction, self.reference, self.described)
        for name, label in labels.items():
            for prediction, reference in pairs:
                if label not in reference.labels.ids:
                    continue
                if label not in prediction.labels.ids:
                    continue
                probability = self.probabilities.array[channels[label]]
                if looked_at is not None:
                    probability = np.where(looked_at, probability, 0)
                yield (
                    name,
                    _Seen(
                        probability=probability.astype(np.float32, copy=False),
                        prediction=prediction.array == label,
                        reference=reference.array == label,
                        spacing_mm=prediction.geometry.spacing_mm,
                        looked_at=looked_at,
                    ),
                )

    def _channels(self) -> dict[int, int]:
        """Place of each label's probabilities, and of each region's by its label."""
        if self.described is not None and self.described.regions:
            painted = [region.painted_as for region in self.described.regions]
            return {label: place for place, label in enumerate(painted)}
        ids = self.prediction.labels.ids
        return {label: place for place, label in enumerate(ids, start=1)}

    def _looked_at(self) -> Mask | None:
        """What the reference does not ignore; None for all of it."""
        if self.described is None or self.described.ignore_id is None:
            return None
        looked_at: Mask = self.reference.array != self.described.ignore_id
        return looked_at


def _read(files: ProbabilityFiles, case_id: str) -> _Case | None:
    """The files of a case; None when there are no probabilities.

    Raises:
        MedSegError: What keeps one from being used.
    """
    path = find_probabilities(files.folder, case_id)
    if path is None:
        return None
    described = files.described
    labels = None if described is None else described.labels
    prediction = read_segmentation(files.predictions[case_id], labels)
    reference = read_segmentation(files.references[case_id], all_labels_of(described))
    where = f"label maps of {case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=where)
    return _Case(
        prediction=prediction,
        reference=reference,
        probabilities=read_probabilities(
            path, prediction, described.regions if described else ()
        ),
        described=described,
    )


def _remarks(
    model: str, lacking: Sequence[str], unusable: Sequence[str]
) -> Iterator[str]:
    if lacking:
        yield (
            f"There are no probabilities by {model} of {_cases(len(lacking))} "
            f"({_some(lacking)}); calibration and uncertainty leave them out."
        )
    if unusable:
        yield (
            f"The probabilities by {model} of {_cases(len(unusable))} could not be "
            f"used and are left out ({_some(unusable)})."
        )


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _some(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
    return ", ".join(cases[:3]) + more


def _dice(study: Study, model: str, structure: str) -> np.ndarray:
    values = [
        next((row.dice for row in case.rows if row.structure == structure), None)
        for case in study.scores[model]
    ]
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
