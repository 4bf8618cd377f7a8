"""How a result was made."""

from dataclasses import dataclass
from enum import StrEnum


class AlgorithmFamily(StrEnum):
    """What kind of method it was, by the names of DICOM (PS3.16, CID 7162)."""

    ARTIFICIAL_INTELLIGENCE = "Artificial Intelligence"
    CLUSTER_ANALYSIS = "Cluster Analysis"
    EDGE_DETECTION = "Edge Detection"
    HISTOGRAM_ANALYSIS = "Histogram Analysis"
    MORPHOLOGICAL_OPERATIONS = "Morphological Operations"
    NEIGHBORHOOD_ANALYSIS = "Neighborhood Analysis"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What is written beside every result. Holds no path and no patient data.

    Attributes:
        case_id: Name of the case.
        input_sha256: Hash of the files the scan was read from.
        model: Name of the model.
        model_sha256: Hash over the model's weights.
        versions: Package name and version, MedSeg's first.
        settings: What the user asked for, name and value.
        notes: What was decided or accepted on the way (a dropped duplicate slice, ...).
        is_trained_on: Whether the model was trained on this very scan.
        family: What kind of method it was.
        is_interactive: Whether a person had a hand in it: by seeds, markers or edits.
    """

    case_id: str
    input_sha256: str
    model: str
    model_sha256: str
    versions: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    is_trained_on: bool = False
    family: AlgorithmFamily = AlgorithmFamily.ARTIFICIAL_INTELLIGENCE
    is_interactive: bool = False
    disclaimer: str = "Research use only. Not a medical device."
