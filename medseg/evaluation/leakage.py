"""Which scored cases the model had been trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg.core.model_info import ModelInfo
from medseg.evaluation.scoring import ScoredCase
from medseg.models import list_models, model_folder, read_model_info


@dataclass(frozen=True)
class Leakage:
    """What is known of the scored cases.

    Attributes:
        trained_on: Cases the model had been trained on.
        unchecked: Cases of which that cannot be told, where a model was named.
    """

    trained_on: tuple[str, ...]
    unchecked: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say about cases that could not be checked."""
        if not self.unchecked:
            return ()
        return (
            f"{len(self.unchecked)} cases could not be checked for being trained on, "
            "as the hash of their scan is not known; --images gives the scans",
        )


def named_model(model: str | Path | None) -> ModelInfo | None:
    """Description of a model given by name or folder.

    Raises:
        WrongUse: UNKNOWN_MODEL.
        UnusableInput: DAMAGED_MODEL.
    """
    return None if model is None else read_model_info(model_folder(model))


def leakage_of(cases: Sequence[ScoredCase], model: ModelInfo | None) -> Leakage:
    """Look each scan up in what its model was trained on.

    That is: what the prediction itself says; the list of the shipped model it names,
    unless its weights were others; the list of the model given.
    """
    shipped = list_models()

    def is_known(case: ScoredCase) -> bool:
        makers = [info for info in shipped if _may_be_of(case, info)]
        known = [*makers, *([] if model is None else [model])]
        return any(info.training.has_seen(case.input_sha256) for info in known)

    return Leakage(
        trained_on=tuple(
            case.scores.case_id
            for case in cases
            if case.is_trained_on or is_known(case)
        ),
        unchecked=tuple(
            case.scores.case_id
            for case in cases
            if model is not None and not case.input_sha256
        ),
    )


def _may_be_of(case: ScoredCase, info: ModelInfo) -> bool:
    if case.model != info.name:
        return False
    # A prediction's hash covers a first stage too, which a description does not know.
    return bool(info.first_stage) or case.model_sha256 in {"", info.sha256}
