"""Volumes of structures as CSV."""

import csv
import io
from collections.abc import Iterable

from medseg.core.structure_measure import StructureMeasure

STRUCTURE_COLUMNS = (
    "case",
    "structure",
    "label",
    "kind",
    "volume_ml",
    "voxels",
    "lesions",
)


def structures_csv(measures: Iterable[StructureMeasure], case_id: str) -> str:
    """Tidy table, one row a structure; lesions are empty where none are counted.

    Args:
        measures: From `measure_structures`.
        case_id: Name of the case.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(STRUCTURE_COLUMNS)
    for each in measures:
        writer.writerow(
            (
                case_id,
                each.structure.name,
                each.structure.id,
                each.structure.kind.value,
                f"{each.volume_ml:.6g}",
                each.voxels,
                "" if each.lesions is None else each.lesions,
            )
        )
    return text.getvalue()
