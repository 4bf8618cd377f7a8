"""The Dice that a cohort run predicts, read back from its tables."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medseg.cohort.folder.places import Places
from medseg.core.cohort import CaseState
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import reading_errors

PREDICTED = "predicted_dice"
LOWEST = "lowest_predicted_dice"


@dataclass(frozen=True, kw_only=True)
class PredictedDice:
    """What a model's quality scores predict for one case.

    Attributes:
        lowest: Of its structures; 0 where one was missed that should be there, None
            where nothing is predicted.
        structures: Of each that has a prediction.
    """

    lowest: float | None
    structures: Mapping[str, float]


def read_predicted_dice(folder: Path | str) -> dict[str, PredictedDice]:
    """What `medseg cohort run --quality` predicts for the cases that are done.

    Args:
        folder: Of the cohort; its `cases.csv` and `volumes.csv` are read.

    Returns:
        By case; nothing where no Dice was predicted, or it is no cohort's folder.

    Raises:
        UnusableInput: NOT_READABLE; INVALID_HEADER for a damaged table.
    """
    places = Places(Path(folder))
    cases = [
        row
        for row in _rows(places.cases_table, ("case", "state", LOWEST))
        if row["state"] == CaseState.DONE
    ]
    if not cases:
        return {}
    found: dict[str, dict[str, float]] = {row["case"]: {} for row in cases}
    volumes = places.volumes_table
    for row in _rows(volumes, ("case", "structure", PREDICTED)):
        dice = _number(row[PREDICTED], volumes)
        if dice is not None and row["case"] in found:
            found[row["case"]][row["structure"]] = dice
    return {
        row["case"]: PredictedDice(
            lowest=_number(row[LOWEST], places.cases_table),
            structures=found[row["case"]],
        )
        for row in cases
    }


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table; none where it is not there or lacks one of the columns."""
    if not path.is_file():
        return []
    with reading_errors(path), path.open(encoding="utf-8-sig", newline="") as file:
        try:
            table = csv.DictReader(file)
            is_ours = set(columns) <= set(table.fieldnames or ())
            rows = list(table) if is_ours else []
        except (csv.Error, UnicodeDecodeError):
            return []
    return [{name: row[name] or "" for name in columns} for row in rows]


def _number(text: str, path: Path) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            f"{text!r} is no predicted Dice",
            where=path,
            remedy="Write the tables anew with medseg cohort merge.",
        ) from None
