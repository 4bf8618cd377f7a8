"""Tables and labels of lesions, to the clipboard and to files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari.layers import Labels, Layer

import medseg
from napari_medseg.lesions.contents import Followed, Lesions
from napari_medseg.saving.dicom import DicomLabels

TABLE_KINDS = "Comma-separated values (*.csv)"
LABEL_KINDS = "Labels and lesions (*.nii.gz *.nii *.nrrd *.mha *.dcm)"
LABEL_SUFFIXES = (".nii.gz", ".gz", ".nii", ".nrrd", ".mha", ".dcm")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table to copy or save.

    Attributes:
        name: Proposed for its file.
        csv: As comma-separated values.
    """

    name: str
    csv: str


def table_of(lesions: Lesions, followed: Followed | None) -> Table:
    """The lesions, or what became of them where that is given."""
    if followed is not None:
        return Table(name="follow-up.csv", csv=medseg.follow_up_csv(followed.found))
    case_id = lesions.panoptic.case_id
    rows = medseg.instances_csv(lesions.measures, case_id)
    return Table(name="lesions.csv", csv=rows)


def write_table(table: Table, path: Path) -> None:
    """Write a table; the user has been asked whether it may replace another.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with medseg.written_whole(path, overwrite=True) as part:
        part.write_text(table.csv, encoding="utf-8")


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


def write_lesions(lesions: Lesions, path: Path, source: medseg.Volume | None) -> Path:
    """Write the label map with its lesions.

    Args:
        lesions: What to write.
        path: Where; its ending gives the format. Where it is there, the user has been
            asked whether to replace it, but not for what lies beside a new file.
        source: The DICOM series it was made of, for DICOM-SEG.

    Returns:
        The path.

    Raises:
        MedSegError: As `medseg.write_panoptic`.
    """
    medseg.write_panoptic(
        lesions.panoptic, path, source=source, overwrite=path.exists()
    )
    return path
