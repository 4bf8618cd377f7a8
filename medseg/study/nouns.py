"""A whole study: who took part, what was asked and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from medseg.core.scores import Scores
from medseg.study import frames
from medseg.study.cases import Excluded, StudyCase
from medseg.study.results import (
    Calibration,
    Comparison,
    LesionDetection,
    ModelRiskCoverage,
    Ranking,
    ReaderAgreement,
    Subgroup,
    Summary,
    VolumeAgreement,
    WorstCase,
)
from medseg.study.settings import StudySettings


@dataclass(frozen=True, kw_only=True)
class Study:
    """Models compared on the same cases.

    Attributes:
        models: Names, in the order given.
        structures: Names, by ascending label.
        cases: Those that every model was scored on, by ascending id.
        excluded: All others, with the reason.
        scores: By model, of the cases in their order.
        settings: What was asked for.
        summaries: Every measure of every structure by every model.
        comparisons: Of each pair of models.
        rankings: Of two models or more.
        volumes: Agreement of volumes.
        subgroups: The primary measure by centre and other columns.
        detections: Of structures that are things.
        readers: Agreement of readers with one another and with the models.
        calibrations: Where probabilities were given.
        risks: Likewise.
        worst: Cases to look at, the worst first.
        trained_on: By model, cases that it was trained on.
        remarks: What a reader of the figures must know.
        scoring: What was asked for when the cases were scored, name and value.
    """

    models: tuple[str, ...]
    structures: tuple[str, ...]
    cases: tuple[StudyCase, ...]
    excluded: tuple[Excluded, ...]
    scores: Mapping[str, tuple[Scores, ...]] = field(repr=False)
    settings: StudySettings
    summaries: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    rankings: tuple[Ranking, ...]
    volumes: tuple[VolumeAgreement, ...]
    subgroups: tuple[Subgroup, ...]
    detections: tuple[LesionDetection, ...]
    worst: tuple[WorstCase, ...]
    readers: tuple[ReaderAgreement, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    risks: tuple[ModelRiskCoverage, ...] = ()
    trained_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    scoring: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> dict[str, int]:
        """Number of each structure in the label maps, which may name it otherwise."""
        return {
            row.structure: row.label
            for cases in self.scores.values()
            for case in cases
            for row in case.rows
        }

    @property
    def patients(self) -> int:
        """How many patients the cases are of."""
        return len({case.patient for case in self.cases})

    @property
    def centres(self) -> tuple[str, ...]:
        """Centres, where the case table names them."""
        return tuple(sorted({case.stratum for case in self.cases} - {""}))

    def frame(self) -> pd.DataFrame:
        """Tidy scores: one row a model, case and structure."""
        return frames.scores_frame(self.scores, self.cases, self.trained_on)

    def summary_frame(self) -> pd.DataFrame:
        """One row a model, structure and measure, with mean and interval."""
        return frames.results_frame(self.summaries)

    def comparison_frame(self) -> pd.DataFrame:
        """One row a pair of models, structure and measure, with test and interval."""
        return frames.results_frame(self.comparisons)
