"""What follows from the scores of several models on the same cases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64

from medseg.core.lesions import LesionRules
from medseg.core.metric import Metric
from medseg.core.scores import MaskState, Scores, StructureScore
from medseg.study.cases import StudyCase
from medseg.study.results import (
    ALL_STRUCTURES,
    Comparison,
    LesionDetection,
    Ranking,
    Subgroup,
    Summary,
    VolumeAgreement,
    WorstCase,
)
from medseg.study.settings import StudySettings
from medseg.study.statistics.agreement import volume_agreement
from medseg.study.statistics.bootstrap import (
    Resampling,
    median_interval,
    structure_mean_interval,
)
from medseg.study.statistics.comparison import Question, compare_pair, with_holm
from medseg.study.statistics.detection import lesion_detection
from medseg.study.statistics.ranking import rank_models

Table = Float64[np.ndarray, "case structure"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Findings:
    """The scores of all models in tables, and what follows from them.

    Attributes:
        scores: By model, of the cases in their order.
        structures: Names, by ascending label.
        cases: In the same order.
        settings: What was asked for.
        resampling: The draws of patients that all intervals share.
        rows: Of each case, by model and structure; None where a case has none.
        tables: What means count, by model and measure; not a number where there is no
            value.
    """

    scores: Mapping[str, tuple[Scores, ...]]
    structures: tuple[str, ...]
    cases: tuple[StudyCase, ...]
    settings: StudySettings
    resampling: Resampling
    rows: Mapping[tuple[str, str], Sequence[StructureScore | None]]
    tables: Mapping[tuple[str, str], Table]

    @classmethod
    def of(
        cls,
        scores: Mapping[str, tuple[Scores, ...]],
        structures: tuple[str, ...],
        cases: tuple[StudyCase, ...],
        settings: StudySettings,
        resampling: Resampling,
    ) -> "Findings":
        """Lay the scores out as one table for each model and measure."""
        rows = {
            (model, structure): [_row(case, structure) for case in of_model]
            for model, of_model in scores.items()
            for structure in structures
        }
        return cls(
            scores=scores,
            structures=structures,
            cases=cases,
            settings=settings,
            resampling=resampling,
            rows=rows,
            tables={
                (model, metric.name): np.array(
                    [
                        [_counted(row, metric, settings) for row in rows[model, name]]
                        for name in structures
                    ],
                    dtype=np.float64,
                ).T
                for model in scores
                for metric in settings.all_metrics
            },
        )

    def questions(self, table: Table) -> Iterator[tuple[str, Table]]:
        """Each structure that has a value, and all together where there are several."""
        for place, structure in enumerate(self.structures):
            column = table[:, place : place + 1]
            if not np.isnan(column).all():
                yield structure, column
        if len(self.structures) > 1 and not np.isnan(table).all():
            yield ALL_STRUCTURES, table

    def metrics(self) -> list[Metric]:
        """Those asked for that any model has a value of."""
        return [
            metric
            for metric in self.settings.all_metrics
            if any(not np.isnan(self.tables[m, metric.name]).all() for m in self.scores)
        ]

    def summaries(self) -> Iterator[Summary]:
        """Mean, median and spread of every measure."""
        for metric in self.metrics():
            for model in self.scores:
                for structure, table in self.questions(self.tables[model, metric.name]):
                    yield self._summary(model, structure, metric, table)

    def comparisons(self) -> tuple[Comparison, ...]:
        """Each later model against each earlier one, corrected within a measure."""
        found: list[Comparison] = []
        for metric in self.metrics():
            is_primary = metric.name == self.settings.primary
            margin = self.settings.margin if is_primary else None
            asked = (
                compare_pair(
                    Question(
                        first=first,
                        second=second,
                        structure=structure,
                        metric=metric,
                        margin=margin,
                    ),
                    ours,
                    dict(self.questions(self.tables[second, metric.name]))[structure],
                    self.resampling,
                )
                for second, first in combinations(self.scores, 2)
                for structure, ours in self.questions(self.tables[first, metric.name])
                if structure in dict(self.questions(self.tables[second, metric.name]))
            )
            found += with_holm([each for each in asked if each is not None])
        return tuple(found)

    def rankings(self) -> Iterator[Ranking]:
        """Of every measure and structure that all models have."""
        for metric in self.metrics():
            by_model = {
                model: dict(self.questions(self.tables[model, metric.name]))
                for model in self.scores
            }
            for structure in (*self.structures, ALL_STRUCTURES):
                if all(structure in tables for tables in by_model.values()):
                    ranking = rank_models(
                        {model: each[structure] for model, each in by_model.items()},
                        self.resampling,
                        structure=structure,
                        metric=metric,
                    )
                    if ranking is not None:
                        yield ranking

    def volumes(self) -> Iterator[VolumeAgreement]:
        """Agreement of volumes over the cases in which either mask holds a voxel."""
        for model in self.scores:
            for structure in self.structures:
                pairs = np.array(
                    [_volumes(row) for row in self.rows[model, structure]],
                    dtype=np.float64,
                )
                agreement = volume_agreement(
                    pairs[:, 0],
                    pairs[:, 1],
                    self.resampling,
                    model=model,
                    structure=structure,
                )
                if agreement is not None:
                    yield agreement

    def subgroups(self) -> Iterator[Subgroup]:
        """The primary measure within the cases that share a value of a column."""
        for column in self.settings.groupings:
            values = np.array([dict(case.columns)[column] for case in self.cases])
            for group in sorted(set(values.tolist())):
                yield from self._subgroup(column, group, values == group)

    def detections(self) -> Iterator[LesionDetection]:
        """Of every structure whose lesions were told apart in all cases."""
        for model, cases in self.scores.items():
            for structure in self.structures:
                lesions = [
                    each
                    for case in cases
                    for each in case.lesions
                    if each.structure == structure
                ]
                if cases and len(lesions) == len(cases):
                    yield lesion_detection(
                        lesions,
                        self.resampling,
                        model=model,
                        volume_bins_ml=LesionRules().volume_bins_ml,
                    )

    def worst(self) -> Iterator[WorstCase]:
        """Of each model the cases to look at, the worst first."""
        metric = self.settings.primary_metric
        sign = 1 if metric.is_higher_better else -1
        for model, cases in self.scores.items():
            values = [
                WorstCase(
                    model=model,
                    case_id=case.case_id,
                    structure=row.structure,
                    metric=metric.name,
                    value=value,
                    state=row.state,
                )
                for case in cases
                for row in case.rows
                if (value := row.counted(metric, self.settings.missed)) is not None
            ]
            values.sort(key=lambda each: sign * each.value)
            yield from values[: self.settings.worst]

    def _subgroup(
        self, column: str, group: str, inside: Bool[np.ndarray, " case"]
    ) -> Iterator[Subgroup]:
        metric = self.settings.primary_metric
        for model in self.scores:
            whole = self.tables[model, metric.name]
            kept = np.where(inside[:, None], whole, np.nan)
            for structure, table in self.questions(kept):
                yield Subgroup(
                    model=model,
                    structure=structure,
                    metric=metric.name,
                    column=column,
                    group=group,
                    mean=structure_mean_interval(table, self.resampling),
                )

    def _summary(
        self, model: str, structure: str, metric: Metric, table: Table
    ) -> Summary:
        names = self.structures if structure == ALL_STRUCTURES else (structure,)
        rows = [row for name in names for row in self.rows[model, name] if row]
        values = table[~np.isnan(table)]
        is_one = structure != ALL_STRUCTURES
        quartiles = np.quantile(values, (0.25, 0.75)).tolist()
        return Summary(
            model=model,
            structure=structure,
            metric=metric.name,
            mean=structure_mean_interval(table, self.resampling),
            median=median_interval(table[:, 0], self.resampling) if is_one else None,
            sd=float(values.std(ddof=1)) if is_one and len(values) > 1 else None,
            quartiles=(quartiles[0], quartiles[1]) if is_one else None,
            imputed=sum(row.is_imputed(metric, self.settings.missed) for row in rows),
            missed=_count(rows, MaskState.PREDICTION_EMPTY),
            spurious=_count(rows, MaskState.REFERENCE_EMPTY),
            absent=_count(rows, MaskState.BOTH_EMPTY),
        )


def _row(case: Scores, structure: str) -> StructureScore | None:
    return next((row for row in case.rows if row.structure == structure), None)


def _volumes(row: StructureScore | None) -> tuple[float, float]:
    """Prediction and reference; not a number where neither has a voxel."""
    if row is None or row.state is MaskState.BOTH_EMPTY:
        return np.nan, np.nan
    return row.volume_ml, row.reference_volume_ml


def _counted(
    row: StructureScore | None, metric: Metric, settings: StudySettings
) -> float:
    value = None if row is None else row.counted(metric, settings.missed)
    return np.nan if value is None else value


def _count(rows: Sequence[StructureScore], state: MaskState) -> int:
    return sum(row.state is state for row in rows)
