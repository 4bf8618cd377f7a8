"""Tables and labels of lesions, to the clipboard and to files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from napari.layers import Labels, Layer
from qtpy.QtWidgets import QWidget

import medseg
from napari_medseg.controls.saving import ask_where
from napari_medseg.lesions.contents import Followed, Lesions, handed_on
from napari_medseg.lesions.judging import Judged, Page
from napari_medseg.saving.dicom import DicomLabels

_TABLE_KINDS = "Comma-separated values (*.csv)"
_LABEL_KINDS = "Labels and lesions (*.nii.gz *.nii *.nrrd *.mha *.dcm)"
_LABEL_SUFFIXES = (".nii.gz", ".gz", ".nii", ".nrrd", ".mha", ".dcm")


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Labels and lesions that were saved.

    Attributes:
        path: Where.
        words: What is told of them besides; empty for nothing.
    """

    path: Path
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table to copy or save.

    Attributes:
        name: Proposed for its file.
        csv: As comma-separated values.
    """

    name: str
    csv: str


def table_of(lesions: Lesions) -> Table:
    """The lesions, each with what was measured."""
    case_id = lesions.panoptic.case_id
    rows = medseg.instances_csv(lesions.measures, case_id)
    return Table(name="lesions.csv", csv=rows)


def table_of_followed(followed: Followed) -> Table:
    """What became of the lesions."""
    return Table(name="follow-up.csv", csv=medseg.follow_up_csv(followed.found))


def table_of_judged(judged: Judged, page: Page) -> Table:
    """What is looked at of a comparison with a reference."""
    match page:
        case Page.LESIONS:
            rows = medseg.instance_matches_csv({judged.scores.case_id: judged.matches})
            return Table(name="found.csv", csv=rows)
        case Page.STRUCTURES:
            rows = medseg.panoptic_csv([judged.scores])
            return Table(name="panoptic.csv", csv=rows)
        case Page.FROC:
            return Table(name="froc.csv", csv=medseg.froc_csv(judged.curves))
        case _:
            assert_never(page)


def save_table(parent: QWidget, table: Table) -> Path | None:
    """Ask where to save a table, and whether it may replace another, and write it.

    Returns:
        The path; None when the user thinks better of it.

    Raises:
        WrongUse: OUTPUT_EXISTS, as `ask_where`.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = ask_where(parent, "Save the table", table.name, _TABLE_KINDS, (".csv",))
    if path is not None:
        with medseg.written_whole(path, overwrite=True) as part:
            part.write_text(table.csv, encoding="utf-8")
    return path


def ask_where_labels(parent: QWidget, lesions: Lesions) -> Path | None:
    """Where to save labels and lesions; None when the user thinks better of it.

    Raises:
        WrongUse: OUTPUT_EXISTS, as `ask_where`.
    """
    proposed = f"{lesions.panoptic.case_id}.nii.gz"
    title = "Save labels and lesions"
    return ask_where(parent, title, proposed, _LABEL_KINDS, _LABEL_SUFFIXES)


def source_for(
    path: Path, labels: Labels, layers: Iterable[Layer]
) -> medseg.Volume | None:
    """The DICOM series that a file refers to; None for other formats.

    Raises:
        MedSegError: As `DicomLabels.of`.
    """
    if path.suffix.lower() != ".dcm":
        return None
    return DicomLabels.of(labels, layers).source


def write_lesions(
    lesions: Lesions,
    path: Path,
    source: medseg.Volume | None,
    followed: Followed | None = None,
) -> Saved:
    """Write the label map with its lesions, their table and boxes.

    Args:
        lesions: What to write.
        path: Where; its ending gives the format. Where it is there, the user has been
            asked whether to replace it, but not for what lies beside a new file.
        source: The DICOM series it was made of, for DICOM-SEG.
        followed: Where the lesions are to have the tracking UIDs of a baseline's: what
            became of these.

    Raises:
        MedSegError: As `medseg.write_instances`.
    """
    if followed is not None:
        lesions = handed_on(lesions, followed)
    found = medseg.MeasuredInstances(
        panoptic=lesions.panoptic, measures=lesions.measures
    )
    medseg.write_instances(found, path, source=source, overwrite=path.exists())
    words = "" if followed is None else _uid_words(lesions, followed.found)
    return Saved(path=path, words=words)


def _uid_words(lesions: Lesions, found: medseg.FollowUp) -> str:
    """How many lesions have a tracking UID of the baseline."""
    if not found.baseline_uids:
        return "The baseline has no Tracking UIDs: lesions have new ones."
    count = found.handed_on(each.tracking_uid for each in lesions.measures)
    total = len(lesions.measures)
    return f"{count} of {total} have the Tracking UID of the baseline."
