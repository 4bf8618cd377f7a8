"""Results of a study as pandas frames."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from medseg.core.evaluation import Evaluation
from medseg.core.scores import Scores
from medseg.evaluation import scores_frame as frame_of_scores
from medseg.study.cases import StudyCase


def scores_frame(
    scores: Mapping[str, Sequence[Scores]],
    cases: Sequence[StudyCase],
    trained_on: Mapping[str, tuple[str, ...]],
) -> pd.DataFrame:
    """Scores of all models below one another, with what is known about the cases."""
    parts = []
    for model, of_model in scores.items():
        evaluation = Evaluation(
            cases=tuple(of_model), trained_on=trained_on.get(model, ())
        )
        frame = frame_of_scores(evaluation)
        frame.insert(0, "model", model)
        parts.append(frame)
    whole = pd.concat(parts, ignore_index=True)
    facts = {
        each.case_id: {
            **dict(each.columns),
            "patient": each.patient,
            "centre": each.stratum or dict(each.columns).get("centre", ""),
        }
        for each in cases
    }
    names = list(dict.fromkeys(name for each in facts.values() for name in each))
    for place, name in enumerate(names, start=2):
        values = [facts[case].get(name, "") for case in whole["case"]]
        if name not in whole:
            whole.insert(place, name, values)
    return whole


def results_frame(results: Sequence[Any]) -> pd.DataFrame:
    """One row a result, the parts of its estimates as `mean`, `mean_low`, `mean_high`.

    Args:
        results: Frozen values of one kind from `medseg.study.results`.
    """
    return pd.DataFrame([dict(_flat(asdict(each))) for each in results])


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict) and "value" in value:
            yield name, value["value"]
            for part, content in value.items():
                if part != "value":
                    yield f"{name}_{part}", content
        elif isinstance(value, dict):
            yield from ((f"{name}_{part}", content) for part, content in value.items())
        else:
            yield name, value
