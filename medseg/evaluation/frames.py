"""Scores as pandas frames."""

from collections.abc import Sequence

import pandas as pd

from medseg.core.evaluation import Evaluation
from medseg.core.scores import Scores
from medseg.report.tables import (
    LESION_COLUMNS,
    SCORE_COLUMNS,
    lesion_rows,
    score_rows,
)

_WHOLE = ("label", "number", "partner")
_TEXT = ("case", "structure", "state", "side")


def scores_frame(scores: Evaluation | Sequence[Scores]) -> pd.DataFrame:
    """Tidy table, one row a case and structure; a value that is not there is NaN."""
    evaluation = _evaluation(scores)
    rows = score_rows(evaluation.cases, evaluation.trained_on)
    return _frame(rows, SCORE_COLUMNS)


def lesions_frame(scores: Evaluation | Sequence[Scores]) -> pd.DataFrame:
    """Tidy table, one row a lesion of the reference or the prediction."""
    return _frame(lesion_rows(_evaluation(scores).cases), LESION_COLUMNS)


def _evaluation(scores: Evaluation | Sequence[Scores]) -> Evaluation:
    if isinstance(scores, Evaluation):
        return scores
    return Evaluation(cases=tuple(scores))


def _frame(rows: list[dict[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """The same types of columns whatever the rows hold, none included."""
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: _type_of(name) for name in columns})


def _type_of(column: str) -> str:
    if column in _TEXT:
        return "str"
    if column in _WHOLE:
        return "Int64"
    return "bool" if column == "trained_on" else "float64"
