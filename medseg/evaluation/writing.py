"""Scores of an evaluation on disk."""

from importlib.util import find_spec
from pathlib import Path

from medseg import evaluation as frames
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.evaluation import Evaluation
from medseg.io.safe_writing import (
    require_absent,
    writing_errors,
    written_whole_together,
)
from medseg.report import lesions_csv, scores_csv, scores_json

_CSV, _JSON, _PARQUET = ".csv", ".json", ".parquet"


def write_scores(
    evaluation: Evaluation, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write scores as a tidy table, or with means, lesions and definitions (.json).

    Beside a table of cases with lesions a second one is written, `NAME.lesions.csv`,
    one row a lesion.

    Args:
        evaluation: From `evaluate`.
        path: Ends in .csv, .parquet or .json.
        overwrite: Replace an earlier table.

    Raises:
        WrongUse: UNKNOWN_FORMAT, OUTPUT_EXISTS, or INVALID_OPTION for Parquet where
            pyarrow is not installed.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    require_writable_scores(path, overwrite=overwrite)
    has_lesions = any(case.lesions for case in evaluation.cases)
    is_table = path.suffix.lower() != _JSON
    files = [lesions_path(path)] if has_lesions and is_table else []
    with written_whole_together((*files, path), overwrite=overwrite) as temporaries:
        for temporary in temporaries[:-1]:
            _write_text(lesions_csv(evaluation.cases), temporary)
        _write(evaluation, temporaries[-1])
    if is_table and not has_lesions:  # those of an earlier table
        with writing_errors(path):
            lesions_path(path).unlink(missing_ok=True)


def lesions_path(path: Path | str) -> Path:
    """Where the lesions of a table are: `scores.lesions.csv`."""
    path = Path(path)
    return path.with_name(f"{path.stem}.lesions.csv")


def require_writable_scores(path: Path | str, *, overwrite: bool = False) -> None:
    """Refuse, before any case is scored, a table that could not be written.

    Raises:
        WrongUse: As `write_scores`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (_CSV, _JSON, _PARQUET):
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"scores are not written as {path.suffix or 'a file without suffix'}",
            where=path,
            remedy="Use a name that ends in .csv, .json or .parquet.",
        )
    if suffix == _PARQUET and find_spec("pyarrow") is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "Parquet needs the package pyarrow, which is not installed",
            where=path,
            remedy="Install it (pip install pyarrow), or use .csv.",
        )
    for file in (path, *([] if suffix == _JSON else [lesions_path(path)])):
        require_absent(file, overwrite=overwrite)


def _write(evaluation: Evaluation, file: Path) -> None:
    match file.suffix.lower():
        case ".parquet":
            frames.scores_frame(evaluation).to_parquet(
                file, engine="pyarrow", index=False
            )
        case ".csv":
            _write_text(scores_csv(evaluation.cases, evaluation.trained_on), file)
        case _:
            _write_text(scores_json(evaluation), file)


def _write_text(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8", newline="")
