"""Measured lesions as CSV, JSON and plain text."""

import csv
import io
import json
from collections.abc import Sequence

from medseg.core.instance_measure import InstanceMeasure
from medseg.core.text_table import aligned, number

Cell = str | int | float | None

_DIGITS = 6

INSTANCE_COLUMNS = (
    *("case", "instance", "structure", "label", "confidence", "voxels", "volume_ml"),
    *("longest_axial_mm", "perpendicular_mm", "axial_slice", "sphericity"),
    *("centre_r_mm", "centre_a_mm", "centre_s_mm", "organ"),
    *("first_i", "last_i", "first_j", "last_j", "first_k", "last_k"),
    *("tracking_id", "tracking_uid"),
)
"""Of a table without lesions; others have the intensities of their channels, too."""


def instance_row(measure: InstanceMeasure, case_id: str) -> dict[str, Cell]:
    """One lesion as a row: names carry the units; indices of voxels are from 0.

    Args:
        measure: From `measure_instances`.
        case_id: Name of the case.
    """
    structure, box = measure.structure, measure.box
    row: dict[str, Cell] = {
        "case": case_id,
        "instance": measure.number,
        "structure": structure.name,
        "label": structure.id,
        "confidence": measure.confidence,
        "voxels": measure.voxels,
        "volume_ml": measure.volume_ml,
        "longest_axial_mm": measure.longest_axial_mm,
        "perpendicular_mm": measure.perpendicular_mm,
        "axial_slice": measure.diameters.slice_index,
        "sphericity": measure.sphericity,
    }
    for each in measure.intensities:
        row[f"mean_{each.channel}"] = each.mean
        row[f"min_{each.channel}"] = each.minimum
        row[f"max_{each.channel}"] = each.maximum
    right, anterior, superior = measure.centre_ras_mm
    row |= {"centre_r_mm": right, "centre_a_mm": anterior, "centre_s_mm": superior}
    row["organ"] = None if measure.organ is None else measure.organ.name
    for axis, start, size in zip("ijk", box.start, box.shape, strict=True):
        row |= {f"first_{axis}": start, f"last_{axis}": start + size - 1}
    row |= {"tracking_id": measure.tracking_id, "tracking_uid": measure.tracking_uid}
    return {name: rounded(value) for name, value in row.items()}


def instances_csv(measures: Sequence[InstanceMeasure], case_id: str) -> str:
    """Tidy table, one row a lesion; only a line of names without any."""
    rows = [instance_row(each, case_id) for each in measures]
    return rows_csv(rows, INSTANCE_COLUMNS)


def instances_json(measures: Sequence[InstanceMeasure], case_id: str) -> str:
    """The same rows as a JSON list."""
    return rows_json([instance_row(each, case_id) for each in measures])


def instances_table(measures: Sequence[InstanceMeasure]) -> str:
    """The figures one looks at first, for a terminal."""
    header = (
        *("instance", "structure", "organ", "volume_ml", "longest_axial_mm"),
        *("perpendicular_mm", "sphericity", "confidence"),
    )
    lines = [
        (
            str(each.number),
            each.structure.name,
            "-" if each.organ is None else each.organ.name,
            number(each.volume_ml, 3),
            number(each.longest_axial_mm, 1),
            number(each.perpendicular_mm, 1),
            number(each.sphericity, 3),
            number(each.confidence, 3),
        )
        for each in measures
    ]
    return aligned(header, lines, left=3)


def rows_csv(rows: Sequence[dict[str, Cell]], names: Sequence[str]) -> str:
    """Rows of like names as CSV.

    Args:
        rows: Each with all columns.
        names: Of the columns where there is no row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0] if rows else names)
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def rows_json(rows: Sequence[dict[str, Cell]]) -> str:
    """Rows as a JSON list."""
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def rounded(value: Cell) -> Cell:
    """A figure of a table to six digits; anything else as it is."""
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
