"""One self-contained HTML page about one case."""

from dataclasses import dataclass

from medseg.core.provenance import Provenance
from medseg.core.scores import Scores
from medseg.core.versions import package_versions
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.report.definitions import DEFINITIONS, RESEARCH_ONLY
from medseg.report.panels import Panels, draw_panels
from medseg.report.structures import Row, report_rows
from medseg.report.templates import rendered

_TIMES = " \N{MULTIPLICATION SIGN} "


@dataclass(frozen=True, kw_only=True)
class _Page:
    title: str
    research_only: str
    remarks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    scores: Scores | None
    has_reference: bool
    panels: Panels
    provenance: tuple[tuple[str, str], ...]
    definitions: tuple[tuple[str, str], ...]

    @property
    def has_hu(self) -> bool:
        return any(row.score and row.score.mean_hu is not None for row in self.rows)

    @property
    def averaged(self) -> int:
        return sum(bool(row.score and row.score.dice is not None) for row in self.rows)


def render_report(
    scan: Volume,
    prediction: Segmentation,
    *,
    reference: Segmentation | None = None,
    scores: Scores | None = None,
    title: str = "Segmentation report",
    remarks: tuple[str, ...] = (),
) -> str:
    """Table, slices with outlines, and provenance as one HTML text.

    It needs no network and no other file, and holds no path and no patient's name
    unless `title` or `remarks` give one.

    Args:
        scan: What was segmented; its first channel is shown.
        prediction: The result, on the scan's grid.
        reference: Outlined beside it, on the same grid.
        scores: From `score`; without them the table holds volumes only.
        title: Heading of the page.
        remarks: Sentences below it ("Synthetic phantom: not a patient.").

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same.
    """
    where = f"scan and label maps of {scan.case_id}"
    require_same_grid(scan.geometry, prediction.geometry, where=where)
    if reference is not None:
        require_same_grid(scan.geometry, reference.geometry, where=where)
    rows = report_rows(prediction, reference, scores)
    page = _Page(
        title=title,
        research_only=RESEARCH_ONLY,
        remarks=remarks,
        facts=_facts(scan),
        rows=rows,
        scores=scores,
        has_reference=reference is not None,
        panels=draw_panels(scan, prediction, reference, rows),
        provenance=_provenance(scan, prediction.provenance),
        definitions=DEFINITIONS,
    )
    return rendered("report.html.jinja", page)


def _facts(scan: Volume) -> tuple[tuple[str, str], ...]:
    geometry = scan.geometry
    named = scan.channels != ("image",)  # the format did not say
    return (
        ("Case", scan.case_id),
        *((("Modality", ", ".join(scan.channels)),) if named else ()),
        ("Voxels", _TIMES.join(str(size) for size in geometry.shape)),
        ("Spacing", _TIMES.join(f"{mm:.3g}" for mm in geometry.spacing_mm) + " mm"),
        ("Orientation", geometry.orientation),
    )


def _provenance(scan: Volume, made: Provenance | None) -> tuple[tuple[str, str], ...]:
    if made is None:
        known = [("Scan SHA-256", scan.sha256)] if scan.sha256 else []
        return (*known, ("Versions", _listed(package_versions())))
    items = [
        ("Model", made.model),
        ("Model SHA-256", made.model_sha256),
        ("Scan SHA-256", made.input_sha256),
        ("Settings", _listed(made.settings)),
        ("Versions", _listed(made.versions)),
        ("Trained on this scan", "yes" if made.is_trained_on else ""),
        ("Notes", "; ".join(made.notes)),
    ]
    return tuple((name, text) for name, text in items if text)


def _listed(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs)
