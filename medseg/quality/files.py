"""Quality scores written into a model folder, with tables and a figure."""

import csv
import io
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from medseg.core.model_quality import ModelQuality
from medseg.io.safe_writing import Saver, text_saver, write_together
from medseg.models import QUALITY_FILE, quality_bytes
from medseg.quality.judging import JudgedStructure
from medseg.quality.picture import curves_png

QUALITY_FOLDER = "quality"
CASES_FILE = "cases.csv"
CURVE_FILE = "risk_coverage.csv"
FIGURE_FILE = "risk_coverage.png"
CASE_COLUMNS = (
    *("case", "structure", "network", "dice", "predicted_dice"),
    *("voxels", "single_expected_dice", "single_entropy"),
)
CURVE_COLUMNS = ("structure", "coverage", "risk", "oracle_risk")


def write_quality(
    quality: ModelQuality, structures: Sequence[JudgedStructure], folder: Path
) -> None:
    """Write all files together, `quality.json` last.

    Args:
        quality: Its content.
        structures: Of the tables and the figure.
        folder: The model's.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    below = folder / QUALITY_FOLDER
    figure = curves_png(structures, quality.dataset)
    savers: dict[Path, Saver] = {
        below / CASES_FILE: text_saver(_csv(CASE_COLUMNS, _case_rows(structures))),
        below / CURVE_FILE: text_saver(_csv(CURVE_COLUMNS, _curve_rows(structures))),
        below / FIGURE_FILE: partial(Path.write_bytes, data=figure),
        folder / QUALITY_FILE: partial(Path.write_bytes, data=quality_bytes(quality)),
    }
    write_together(savers, overwrite=True)


def _case_rows(structures: Iterable[JudgedStructure]) -> list[Sequence[object]]:
    return [
        (
            *(each.case_id, judged.score.structure),
            "all" if each.network < 0 else each.network,
            *(_short(each.observed.dice), _short(each.predicted_dice)),
            each.observed.found.voxels,
            _short(each.observed.found.single_expected_dice),
            _short(each.observed.found.single_entropy),
        )
        for judged in structures
        for each in judged.cases
    ]


def _curve_rows(structures: Iterable[JudgedStructure]) -> list[Sequence[object]]:
    return [
        (judged.score.structure, *map(_short, at))
        for judged in structures
        for curve in [judged.curve]
        for at in zip(curve.coverage, curve.risk, curve.oracle_risk, strict=True)
    ]


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
