"""The lesions of all cases in one table, and counted case by case."""

from collections.abc import Iterable, Mapping, Sequence

from medseg.cohort.gathered.case_results import CaseResult
from medseg.report.instance_table import INSTANCE_COLUMNS

Row = Sequence[object]


def lesion_rows(results: Iterable[CaseResult]) -> tuple[Sequence[str], list[Row]]:
    """Columns and rows of all lesions, as in the tables of the single cases.

    Where scans name their channels otherwise, as files and DICOM do, each has the
    intensities in columns of its own.
    """
    rows = [row for result in results for row in result.lesions]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    columns = columns or INSTANCE_COLUMNS
    return columns, [[row.get(name) for name in columns] for row in rows]


def lesion_counts(
    results: Iterable[CaseResult],
) -> tuple[Sequence[str], Mapping[str, Row]]:
    """Number and volume of the lesions of each structure: columns, values by case."""
    counted = {
        result.case_id: {
            name: value
            for each in result.volumes
            if each.lesions is not None
            for name, value in (
                (f"lesions_{each.structure}", each.lesions),
                (f"lesion_ml_{each.structure}", each.volume_ml),
            )
        }
        for result in results
    }
    columns = tuple(dict.fromkeys(name for row in counted.values() for name in row))
    rows = {
        case_id: [row.get(name) for name in columns] for case_id, row in counted.items()
    }
    return columns, rows
