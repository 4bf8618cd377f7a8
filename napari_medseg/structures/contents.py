"""What the Structures panel knows of a label map; knows no Qt."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import medseg
from napari_medseg.layers.placement import Placement

Position = tuple[float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Structures:
    """The structures of one label map, measured.

    Attributes:
        measures: One a structure, by ascending label.
        shown: The label map on the axes S, A, R it is shown with.
        placement: How it is shown.
    """

    measures: tuple[medseg.StructureMeasure, ...]
    shown: medseg.Segmentation
    placement: Placement

    def place_of(self, label: int) -> Position | None:
        """A point inside a structure, (S, A, R) as shown, in mm."""
        for each in self.measures:
            if each.structure.id == label and each.inside is not None:
                return shown_at(self.placement, each.inside)
        return None


def measured(segmentation: medseg.Segmentation) -> Structures:
    """Measure a label map on the axes it is shown with."""
    shown = as_shown(segmentation)
    return Structures(
        measures=medseg.measure_structures(shown),
        shown=shown,
        placement=Placement.of(segmentation.geometry),
    )


def as_shown(segmentation: medseg.Segmentation) -> medseg.Segmentation:
    """The same label map on the axes S, A, R it is shown with."""
    placement = Placement.of(segmentation.geometry)
    return medseg.Segmentation(
        array=placement.to_shown(segmentation.array),
        geometry=placement.shown,
        labels=segmentation.labels,
        case_id=segmentation.case_id,
        provenance=segmentation.provenance,
        notes=segmentation.notes,
    )


def shown_at(placement: Placement, index: Sequence[float]) -> Position:
    """Where a voxel (S, A, R) is shown, in mm."""
    s, a, r = (
        float(start + voxel * step)
        for start, voxel, step in zip(
            placement.translate, index, placement.scale, strict=True
        )
    )
    return s, a, r


def matches(name: str, words: str) -> bool:
    """Whether a name has all the words, or beginnings of words, in any order."""
    parts = name.casefold().replace("_", " ").split()
    return all(
        any(part.startswith(word) for part in parts)
        for word in words.casefold().split()
    )


def volumes_csv(structures: Structures) -> str:
    """The table as it is saved."""
    return medseg.structures_csv(structures.measures, structures.shown.case_id)


def as_tab_separated(table: str) -> str:
    """Comma-separated values as a spreadsheet takes them from the clipboard."""
    text = io.StringIO()
    rows = csv.reader(io.StringIO(table))
    csv.writer(text, "excel-tab", lineterminator="\n").writerows(rows)
    return text.getvalue()


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownSurface:
    """A surface of a structure, ready to be shown.

    Attributes:
        structure: Whose.
        surface: In the patient.
        placement: How the label map is shown.
    """

    structure: medseg.Structure
    surface: medseg.Surface
    placement: Placement


def surfaces_of(
    structures: Structures, labels: Collection[int]
) -> Iterable[ShownSurface]:
    """Surfaces of these structures, one after the other; empty ones are left out."""
    for each in structures.measures:
        if each.structure.id in labels and each.voxels:
            yield ShownSurface(
                structure=each.structure,
                surface=medseg.structure_surface(structures.shown, each.structure.name),
                placement=structures.placement,
            )
