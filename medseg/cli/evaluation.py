"""The command that scores label maps against references."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.scans import Json, Overwrite

EXIT_PARTLY_DONE = 3

DEFAULT_EVALUATION = medseg.EvaluationSettings()


def evaluate(  # noqa: PLR0913 - the options of design's command
    prediction: Path,
    reference: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    images: Path | None = None,
    settings: Annotated[
        medseg.EvaluationSettings, Parameter(name="*", negative_iterable=())
    ] = DEFAULT_EVALUATION,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> int:
    """Score a label map, or a folder of them, against references.

    For folders, the same command with the same -o continues an interrupted run.

    Example: medseg evaluate predictions/ labelsTr/ -o scores.csv --tolerance-mm 2

    Args:
        prediction: Label map or folder of label maps.
        reference: The same; files in folders belong together by name.
        out: Table to write: .csv, .parquet or .json.
        images: CT scan or folder of them, for Hounsfield units per structure; with
            --model any scans, to recognise its training cases.
        settings: How they are compared.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        medseg.require_writable_scores(out, overwrite=overwrite)
    if settings.workers is None:
        settings = replace(settings, workers=medseg.processor_count())
    with shown_progress() as progress:
        evaluation = medseg.evaluate(
            prediction,
            reference,
            images=images,
            settings=settings,
            journal=None if out is None else medseg.journal_path(out),
            on_progress=progress,
        )
    _warn(evaluation)
    print(medseg.scores_json(evaluation) if as_json else evaluation.table())
    if out is not None:
        medseg.write_scores(evaluation, out, overwrite=overwrite)
        _end_journal(evaluation, out)
    return 0 if evaluation.is_complete else EXIT_PARTLY_DONE


def _warn(evaluation: medseg.Evaluation) -> None:
    for note in evaluation.notes:
        print(f"note: {note}", file=sys.stderr)
    if evaluation.trained_on:
        print(
            f"warning: {len(evaluation.trained_on)} of {len(evaluation.cases)} cases "
            "were trained on; their scores do not count as validation",
            file=sys.stderr,
        )


def _end_journal(evaluation: medseg.Evaluation, out: Path) -> None:
    """Keep the journal only while some case has to be tried again."""
    if not evaluation.failed:
        medseg.remove_journal(out)
    elif (journal := medseg.journal_path(out)).exists():
        print(
            f"note: {journal} keeps the finished cases; the same command with "
            "--overwrite tries the others again",
            file=sys.stderr,
        )
