"""Label map or instances -> the segments of a DICOM-SEG, and where each is."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.uid import UID, generate_uid

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import Structure
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.provenance import AlgorithmFamily, Provenance
from medseg.core.volume import LabelArray, Segmentation
from medseg.io.dicom.codes import code_item, codes_of
from medseg.io.dicom.maker import MANUFACTURER
from medseg.io.dicom.names import label_of
from medseg.io.dicom_seg.meaning import name_of_instance, write_instance, write_label

_MOST_SEGMENTS = 65535
_ORIGIN_UNKNOWN = "not recorded"
_FAMILIES = {
    AlgorithmFamily.ARTIFICIAL_INTELLIGENCE: codes.DCM.ArtificialIntelligence,
    AlgorithmFamily.CLUSTER_ANALYSIS: codes.DCM.ClusterAnalysis,
    AlgorithmFamily.EDGE_DETECTION: codes.DCM.EdgeDetection,
    AlgorithmFamily.HISTOGRAM_ANALYSIS: codes.DCM.HistogramAnalysis,
    AlgorithmFamily.MORPHOLOGICAL_OPERATIONS: codes.DCM.MorphologicalOperations,
    AlgorithmFamily.NEIGHBORHOOD_ANALYSIS: codes.DCM.NeighborhoodAnalysis,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class SegmentLayout:
    """Segments of one bit a voxel, numbered 1, 2, 3 ... as DICOM wants.

    Attributes:
        numbers: Of the segment at each voxel (i, j, k), 0 for none.
        segments: By ascending number.
    """

    numbers: LabelArray
    segments: list[SegmentDescription]


def layout_of(segmentation: Segmentation) -> SegmentLayout:
    """A segment a structure."""
    ids = segmentation.labels.ids
    numbers = np.zeros(max(ids) + 1, dtype=segmentation.array.dtype)
    numbers[list(ids)] = np.arange(1, len(ids) + 1)
    segments = [
        described(structure, number, segmentation.provenance)
        for number, structure in enumerate(segmentation.labels, start=1)
    ]
    return SegmentLayout(numbers=numbers[segmentation.array], segments=segments)


def layout_of_instances(panoptic: Panoptic, path: Path) -> SegmentLayout:
    """A segment an instance, and one a structure without any, by structure."""
    pieces = [
        (structure, instance)
        for structure in panoptic.labels
        for instance in panoptic.of_structure(structure.name) or (None,)
    ]
    if len(pieces) > _MOST_SEGMENTS:
        raise WrongUse(
            ErrorCode.LABEL_MISMATCH,
            f"a DICOM-SEG holds at most {_MOST_SEGMENTS} segments, "
            f"and this would have {len(pieces)}",
            where=path.name,
            remedy="Leave out the smallest instances, or write .nii.gz.",
        )
    dtype = np.uint8 if len(pieces) < 256 else np.uint16
    of_structure = np.zeros(max(panoptic.labels.ids) + 1, dtype)
    of_instance = np.zeros(int(panoptic.instance_map.max()) + 1, dtype)
    segments = []
    for number, (structure, instance) in enumerate(pieces, start=1):
        if instance is None:
            of_structure[structure.id] = number
        else:
            of_instance[instance.number] = number
        made = panoptic.segmentation.provenance
        segments.append(described(structure, number, made, instance))
    return SegmentLayout(
        numbers=np.where(
            panoptic.instance_map > 0,
            of_instance[panoptic.instance_map],
            of_structure[panoptic.segmentation.array],
        ),
        segments=segments,
    )


def described(
    structure: Structure,
    number: int,
    made: Provenance | None,
    instance: Instance | None = None,
) -> SegmentDescription:
    """Name, codes, colour and origin of a structure, or of one instance of it."""
    name = structure.name
    if instance is not None:
        name = name_of_instance(name, instance)
    label, whole_name = label_of(name)
    tracking = None if instance is None else instance.tracking_id or whole_name or label
    coded = codes_of(structure)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=coded.category,
        segmented_property_type=coded.type,
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC
        if made is None or made.is_interactive
        else SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=_algorithm(made),
        tracking_id=tracking,
        tracking_uid=None
        if instance is None
        else UID(instance.tracking_uid or generate_uid()),
        display_color=CIELabColor.from_rgb(*structure.colour),
    )
    if whole_name is not None:
        segment.SegmentDescription = whole_name
    if coded.side is not None:
        modifiers = [code_item(coded.side)]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = modifiers
    write_label(segment, structure.id)
    if instance is not None:
        write_instance(segment, instance)
    return segment


def _algorithm(made: Provenance | None) -> AlgorithmIdentificationSequence:
    if made is None:
        return AlgorithmIdentificationSequence(
            name=_ORIGIN_UNKNOWN,
            family=codes.DCM.ManualProcessing,
            version=_ORIGIN_UNKNOWN,
        )
    hashes = {"model_sha256": made.model_sha256, "input_sha256": made.input_sha256}
    return AlgorithmIdentificationSequence(
        name=label_of(made.model)[0] or MANUFACTURER,
        family=_FAMILIES[made.family],
        version=dict(made.versions).get("medseg", version("medseg")),
        source=MANUFACTURER,
        parameters=dict(made.settings) | hashes,
    )
