"""What the Lesions panel asks for, from the layers chosen in it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from napari.layers import Image, Labels, Layer

import medseg
from napari_medseg.layers.conversion import (
    intensity_unit,
    placement_of,
    record_of,
    segmentation_of,
    volume_of,
)
from napari_medseg.layers.evidence import evidence_of
from napari_medseg.layers.made import checksum_of
from napari_medseg.layers.scripts import origin_of
from napari_medseg.lesions.boxes import on_same_voxels
from napari_medseg.lesions.choice import Choice
from napari_medseg.lesions.contents import Wanted
from napari_medseg.lesions.judging import Reference
from napari_medseg.lesions.script import ScriptedLesions


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """A label map whose lesions are wanted, by its layers.

    Attributes:
        labels: The label map.
        scan: The scan; None for none.
        choice: What a lesion is.
        layers: All of the viewer.
    """

    labels: Labels
    scan: Image | None
    choice: Choice
    layers: tuple[Layer, ...]

    @property
    def has_fitting_scan(self) -> bool:
        """Whether the scan lies on the voxels of the labels.

        Files of the two may store them in another order.
        """
        if self.scan is None or not on_same_voxels(self.scan, self.labels):
            return False
        grids = (placement_of(each, self.layers) for each in (self.scan, self.labels))
        scan, labels = (each.shown for each in grids)
        return scan.is_same_grid(labels)

    @property
    def is_edited(self) -> bool:
        """Whether the labels are others than those that were made."""
        record = record_of(self.labels)
        now = checksum_of(np.asarray(self.labels.data))
        return record is None or record.checksum != now

    def taken(self) -> Wanted:
        """What the layers hold; may be called in another thread.

        A scan that does not fit is left out, or, where lesions are told apart by it,
        refused by `medseg.separate_instances`, in words.

        Raises:
            UnusableInput: MISSING_GEOMETRY, NOT_A_LABEL_MAP.
        """
        scan, volume = self.scan, None
        if scan is not None and self.has_fitting_scan:
            placement = placement_of(self.labels, self.layers)
            volume = replace(
                volume_of(scan, self.layers),
                array=placement.to_source(np.asarray(scan.data))[np.newaxis],
                geometry=placement.source,
            )
        elif scan is not None and self.choice.needs_scan:
            volume = volume_of(scan, self.layers)
        evidence, origin = evidence_of(self.labels), origin_of(self.labels)
        return Wanted(
            segmentation=segmentation_of(self.labels, self.layers),
            scan=volume,
            choice=self.choice,
            unit="" if scan is None else intensity_unit(scan),
            centres=evidence.centres if evidence else None,
            confidence=evidence.confidence if evidence and not self.is_edited else None,
            file=None if origin is None else origin.path,
        )

    def scripted(self) -> ScriptedLesions:
        """What a script needs to know."""
        evidence = evidence_of(self.labels)
        is_sure = evidence is not None and evidence.confidence is not None
        return ScriptedLesions(
            labels=origin_of(self.labels),
            scan=None if self.scan is None else origin_of(self.scan),
            has_scan=self.has_fitting_scan or self.choice.needs_scan,
            choice=self.choice,
            run=evidence.run if evidence else None,
            has_confidence=is_sure,
            is_edited=self.is_edited,
        )


def asked_of_baseline(
    labels: Labels, scan: Image | None, choice: Choice, layers: Iterable[Layer]
) -> Asked:
    """The same for an earlier label map, with its scan only where that is needed."""
    needed = scan if choice.needs_scan else None
    return Asked(labels=labels, scan=needed, choice=choice, layers=tuple(layers))


def has_stored(labels: Labels | None) -> bool:
    """Whether the file of a label map numbers its lesions, as far as can be read."""
    origin = None if labels is None else origin_of(labels)
    if origin is None:
        return False
    try:
        return medseg.holds_instances(origin.path)
    except medseg.MedSegError:
        return False


@dataclass(frozen=True, eq=False, kw_only=True)
class AskedReference:
    """Labels that lesions are compared with, by their layer.

    Attributes:
        labels: The label map.
        layers: All of the viewer.
    """

    labels: Labels
    layers: tuple[Layer, ...]

    def taken(self) -> Reference:
        """What the layer holds; may be called in another thread.

        Raises:
            UnusableInput: MISSING_GEOMETRY, NOT_A_LABEL_MAP.
        """
        origin = origin_of(self.labels)
        return Reference(
            segmentation=segmentation_of(self.labels, self.layers),
            shown=placement_of(self.labels, self.layers),
            file=None if origin is None else origin.path,
        )
