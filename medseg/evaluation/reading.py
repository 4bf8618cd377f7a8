"""Scores read back from the tables that `medseg evaluate` and `medseg study` write."""

import csv
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.evaluation import Evaluation
from medseg.core.scores import Scores
from medseg.core.structure_score import MaskState, StructureScore
from medseg.io.checks import reading_errors, require_there

_TABLE_OF_A_STUDY = "scores.csv"
_NEEDED = ("case", "structure", "label", "state", "dice", "iou")
_NUMBERS = tuple(
    field.name
    for field in fields(StructureScore)
    if field.name not in ("structure", "label", "state")
)
_ALWAYS_THERE = ("volume_ml", "reference_volume_ml")
_Row = Mapping[str, object]


def read_scores(path: Path | str) -> dict[str, Evaluation]:
    """Read a table of scores, one evaluation a model, in the order of the table.

    Args:
        path: `.csv` or `.json` of `medseg evaluate`, whose one model has no name (""),
            or the folder or `scores.csv` of `medseg study`.

    Returns:
        The scores by model; without the lesions, which such a table does not hold.

    Raises:
        WrongUse: UNKNOWN_FORMAT.
        UnusableInput: NOT_FOUND, NOT_READABLE; INVALID_DATASET when it is another
            table, or damaged.
    """
    path = Path(path)
    if path.is_dir():
        path = path / _TABLE_OF_A_STUDY
    require_there(path)
    with reading_errors(path):
        try:
            return _evaluations(_rows(path))
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            if isinstance(error, WrongUse):
                raise
            raise _not_scores(path, error) from error


def _rows(path: Path) -> list[_Row]:
    match path.suffix.lower():
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                table = csv.DictReader(file)
                _require_columns(table.fieldnames or ())
                return list(table)
        case ".json":
            rows: list[_Row] = json.loads(path.read_text(encoding="utf-8"))["rows"]
            for row in rows:
                _require_columns(dict(row))
            return rows
        case _:
            raise WrongUse(
                ErrorCode.UNKNOWN_FORMAT,
                f"scores are not read from {path.suffix or 'a file without suffix'}",
                where=path,
                remedy="Give scores.csv or scores.json.",
            )


def _require_columns(names: Collection[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise KeyError(missing[0])


def _evaluations(rows: Iterable[_Row]) -> dict[str, Evaluation]:
    tables: dict[str, dict[str, list[StructureScore]]] = {}
    seen: dict[str, dict[str, None]] = {}
    for row in rows:
        model, case = str(row.get("model") or ""), str(row["case"])
        tables.setdefault(model, {}).setdefault(case, []).append(_score(row))
        if str(row.get("trained_on", "")).lower() == "true":
            seen.setdefault(model, {})[case] = None
    return {
        model: Evaluation(
            cases=tuple(
                Scores(case_id=case, rows=tuple(of_case))
                for case, of_case in cases.items()
            ),
            trained_on=tuple(seen.get(model, ())),
        )
        for model, cases in tables.items()
    }


def _score(row: _Row) -> StructureScore:
    numbers = {name: _number(row.get(name)) for name in _NUMBERS}
    volumes = {name: numbers.pop(name) or 0.0 for name in _ALWAYS_THERE}
    return StructureScore(
        structure=str(row["structure"]),
        label=int(str(row["label"])),
        state=MaskState(str(row["state"])),
        dice=numbers.pop("dice"),
        iou=numbers.pop("iou"),
        volume_ml=volumes["volume_ml"],
        reference_volume_ml=volumes["reference_volume_ml"],
        **numbers,
    )


def _number(cell: object) -> float | None:
    return None if cell is None or cell == "" else float(str(cell))


def _not_scores(path: Path, error: Exception) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_DATASET,
        f"it is no table of scores ({error!r})",
        where=path,
        remedy="Give a table that medseg evaluate or medseg study wrote.",
    )
