"""What single cases left behind -> tables and a page about the whole cohort."""

import csv
import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from medseg.cohort.folder.description import Description, read_description
from medseg.cohort.folder.locking import sole_run
from medseg.cohort.folder.places import Places
from medseg.cohort.gathered.case_results import CaseResult, read_result
from medseg.cohort.gathered.contact_sheet import Sheet, contact_sheet
from medseg.cohort.gathered.lesion_tables import lesion_counts, lesion_rows
from medseg.cohort.gathered.predicted import LOWEST, PREDICTED
from medseg.cohort.gathered.unusual import (
    missed_structures,
    predicted_of_case,
    unusualness,
)
from medseg.cohort.listing.manifest import read_written_manifest
from medseg.cohort.status import CohortStatus, status_of
from medseg.core.cohort import CaseFailure, CaseState, CohortCase
from medseg.core.errors import WrongUse
from medseg.core.evaluation import Evaluation, FailedCase
from medseg.evaluation.gathering import Left, gathered
from medseg.evaluation.writing import (
    lesions_path,
    require_writable_scores,
    write_scores,
)
from medseg.io.safe_writing import remove_leftovers, writing_errors, written_whole
from medseg.report.instance_table import INSTANCE_COLUMNS

VOLUME_COLUMNS = ("case", "structure", "label", "voxels", "volume_ml")
FAILURE_COLUMNS = ("case", "code", "what", "remedy")
CASE_COLUMNS: tuple[str, ...] = ("case", "patient", "centre", "state", "mean_dice")
_LESIONS = "lesions"


def merge_cohort(folder: Path | str, *, parquet: bool = False) -> CohortStatus:
    """Write the tables and the page of a cohort, as far as it is.

    A run that is not a part does so at its end; after parts it is called once.

    Args:
        folder: Of the cohort.
        parquet: Write scores, volumes and lesions in Parquet, too.

    Raises:
        UnusableInput: NOT_FOUND in a folder that is no cohort's; NOT_READABLE;
            DISK_FULL or NOT_WRITABLE.
        WrongUse: INVALID_OPTION for Parquet where pyarrow is not installed.
    """
    places = Places(Path(folder))
    if parquet:
        require_writable_scores(places.scores_parquet, overwrite=True)
    read_description(places)
    with suppress(WrongUse), sole_run(places, None):  # unless a part still runs
        remove_unfinished(places)
    return gather(places, parquet=parquet)


def remove_unfinished(places: Places) -> None:
    """Remove what processes that were killed had not finished writing.

    Only where nobody else can be writing.
    """
    for folder in places.folders:
        remove_leftovers(folder)


def gather(places: Places, *, parquet: bool = False) -> CohortStatus:
    """As `merge_cohort`. The same cases give the same bytes, rows sorted."""
    description = read_description(places)
    manifest = read_written_manifest(places.manifest)
    status = status_of(places, manifest.cases)
    results = [
        read_result(places.result(case_id))
        for case_id, state in status.states
        if state is CaseState.DONE
    ]
    has_scores = any(case.reference for case in manifest.cases)
    scored = [each.scored for each in results if each.scored is not None]
    _write_tables(places, results, description, parquet=parquet)
    _remove_others(places, description, has_scores=has_scores, parquet=parquet)
    _write_table(places.failures_table, FAILURE_COLUMNS, _failure_rows(status.problems))
    evaluation = None
    if has_scores:
        left = Left(failed=[_failed(each) for each in status.problems])
        evaluation = gathered(scored, left, description.evaluation, None)
        write_scores(evaluation, places.scores_table, overwrite=True)
        if parquet:
            write_scores(evaluation, places.scores_parquet, overwrite=True)
    columns, rows = CASE_COLUMNS, _case_rows(status, manifest.cases, evaluation)
    if description.has_quality:
        columns, rows = (*columns, LOWEST), _with_lowest(rows, results)
    if description.has_instances:
        more, counts = lesion_counts(results)
        columns = (*columns, *more)
        none = [None] * len(more)
        rows = [(*row, *counts.get(str(row[0]), none)) for row in rows]
    _write_table(places.cases_table, columns, rows)
    sheet = Sheet(
        models=description.models,
        status=status,
        results=results,
        evaluation=evaluation,
        has_thumbnails=description.has_thumbnails,
        has_quality=description.has_quality,
    )
    _write_text(places.contact_sheet, contact_sheet(sheet, places))
    return status


def _write_tables(
    places: Places,
    results: Sequence[CaseResult],
    description: Description,
    *,
    parquet: bool,
) -> None:
    """Volumes, and lesions where they are told apart."""
    tables = [
        (places.volumes_table, places.volumes_parquet, _volumes(results, description))
    ]
    if description.has_instances:
        lesions = lesion_rows(results)
        tables.append((places.instances_table, places.instances_parquet, lesions))
    for csv_path, parquet_path, (columns, rows) in tables:
        _write_table(csv_path, columns, rows)
        if parquet:
            frame = pd.DataFrame(rows, columns=list(columns))
            if _LESIONS in frame:  # a count, which organs have none of
                frame[_LESIONS] = frame[_LESIONS].astype("Int64")
            with written_whole(parquet_path, overwrite=True) as temporary:
                frame.to_parquet(temporary, index=False)


def _remove_others(
    places: Places, description: Description, *, has_scores: bool, parquet: bool
) -> None:
    """Tables of an earlier gathering that this one does not write."""
    left = [] if parquet else [places.volumes_parquet, places.scores_parquet]
    if not (parquet and description.has_instances):
        left.append(places.instances_parquet)
    if not description.has_instances and _is_of_instances(places.instances_table):
        left.append(places.instances_table)
    if not has_scores:
        scores = places.scores_table
        left += [scores, lesions_path(scores), places.scores_parquet]
    for path in left:
        with writing_errors(path):
            path.unlink(missing_ok=True)


def _is_of_instances(path: Path) -> bool:
    """Whether a table is there and is one of lesions, not another of that name."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith(",".join(INSTANCE_COLUMNS[:5]))
    except (OSError, UnicodeDecodeError):
        return False


def _volumes(
    results: Iterable[CaseResult], description: Description
) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Columns and rows; lesions and the predicted Dice only where asked for."""
    has_lesions, has_quality = description.has_instances, description.has_quality
    rows: list[Sequence[object]] = [
        (
            *(result.case_id, each.structure, each.label, each.voxels, each.volume_ml),
            *([each.lesions] if has_lesions else []),
            *([each.predicted_dice] if has_quality else []),
        )
        for result in results
        for each in result.volumes
    ]
    more = [*([_LESIONS] if has_lesions else []), *([PREDICTED] if has_quality else [])]
    return (*VOLUME_COLUMNS, *more), rows


def _with_lowest(
    rows: Sequence[Sequence[object]], results: Sequence[CaseResult]
) -> list[Sequence[object]]:
    """The rows of cases, each with its lowest predicted Dice."""
    missed = missed_structures(results, unusualness(results))
    lowest = {
        each.case_id: predicted_of_case(each, missed[each.case_id]) for each in results
    }
    return [(*row, lowest.get(str(row[0]))) for row in rows]


def _failure_rows(failures: Iterable[CaseFailure]) -> list[Sequence[object]]:
    return [(each.case_id, each.code, each.what, each.remedy) for each in failures]


def _case_rows(
    status: CohortStatus,
    cases: Iterable[CohortCase],
    evaluation: Evaluation | None,
) -> list[Sequence[object]]:
    scored = evaluation.cases if evaluation else ()
    dice = {each.case_id: each.mean_dice for each in scored}
    known = {case.case_id: case for case in cases}
    return [
        (
            case_id,
            known[case_id].patient,
            known[case_id].centre,
            state,
            "" if dice.get(case_id) is None else dice[case_id],
        )
        for case_id, state in status.states
    ]


def _failed(failure: CaseFailure) -> FailedCase:
    message = f"{failure.code}: {failure.what} {failure.remedy}"
    return FailedCase(
        case_id=failure.case_id, code=failure.code, what=failure.what, message=message
    )


def _write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    _write_text(path, text.getvalue())


def _write_text(path: Path, text: str) -> None:
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
