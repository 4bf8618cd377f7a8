"""Commands for classical methods on a label map: corrections of one structure."""

from typing import Annotated

from medseg import classical
from medseg.cli.classical import app
from medseg.cli.classical_files import (
    LabelMap,
    Scan,
    StructureName,
    Writing,
    change_labels,
    change_labels_on_scan,
)
from medseg.cli.opening import DEFAULT_OPENED, Opening
from medseg.cli.scans import Flat

__all__ = ["app"]  # with the commands of both modules

_CONTOUR = classical.ContourSettings()
_HOLES = classical.HolesSettings()
_LARGEST = classical.LargestSettings()
_SMOOTH = classical.SmoothSettings()
_SPLIT = classical.SplitSettings()


@app.command
def smooth(
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    settings: Annotated[classical.SmoothSettings, Flat] = _SMOOTH,
) -> None:
    """Smooth a structure's surface.

    Example: medseg classical smooth old.nii.gz -o new.nii.gz --structure liver
    """
    change_labels(labels, written, lambda s: classical.smooth(s, structure, settings))


@app.command
def fill_holes(
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    settings: Annotated[classical.HolesSettings, Flat] = _HOLES,
) -> None:
    """Fill the background that a structure encloses.

    Example: medseg classical fill-holes old.nii.gz -o new.nii.gz --structure liver
    """
    change_labels(
        labels, written, lambda s: classical.fill_holes(s, structure, settings)
    )


@app.command
def keep_largest(
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    settings: Annotated[classical.LargestSettings, Flat] = _LARGEST,
) -> None:
    """Keep the largest connected pieces of a structure.

    Example: medseg classical keep-largest old.nii.gz -o new.nii.gz --structure liver
    """
    change_labels(
        labels, written, lambda s: classical.keep_largest(s, structure, settings)
    )


@app.command
def split_touching(
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    settings: Annotated[classical.SplitSettings, Flat] = _SPLIT,
) -> None:
    """Split touching blobs of a structure into labels of their own.

    Example: medseg classical split-touching old.nii.gz -o new.nii.gz --structure tumour
    """
    change_labels(
        labels, written, lambda s: classical.split_touching(s, structure, settings)
    )


@app.command
def cut_touching(
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    settings: Annotated[classical.SplitSettings, Flat] = _SPLIT,
) -> None:
    """Cut touching blobs of a structure apart by a gap.

    Example: medseg classical cut-touching old.nii.gz -o new.nii.gz --structure tumour
    """
    change_labels(
        labels, written, lambda s: classical.cut_touching(s, structure, settings)
    )


@app.command
def active_contour(
    scan: Scan,
    labels: LabelMap,
    /,
    *,
    structure: StructureName,
    written: Writing,
    read: Opening = DEFAULT_OPENED,
    settings: Annotated[classical.ContourSettings, Flat] = _CONTOUR,
) -> None:
    """Move the surface of a structure to edges of the scan.

    Example: medseg classical active-contour mr.nii.gz old.nii.gz -o new.nii.gz
    --structure liver
    """
    change_labels_on_scan(
        scan,
        labels,
        read,
        written,
        lambda v, s: classical.active_contour(v, s, structure, settings),
    )
