"""DICOM series complete enough to be referred to, and label maps on their grid."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

import medseg
from medseg import LabelSet, Segmentation, Structure, StructureKind


def loose_examples(*, of_a_hundred: int) -> settings:
    """For examples that write and read files: a share of the profile's number.

    None is shrunk, which would take as long as hundreds of them.
    """
    count = settings().max_examples * of_a_hundred // 100
    return settings(
        max_examples=max(count, 1),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


FEW = loose_examples(of_a_hundred=10)

OBLIQUE = tuple(
    Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix()[:2].flat
)
DIRECTIONS = {
    "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "flipped": (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "coronal": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    "sagittal": (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    "oblique": OBLIQUE,
}
LONG_NAME = "a structure " + "with a name that no label of DICOM can hold " * 3 + "end"
LABELS = LabelSet(
    (
        Structure(id=2, name="left kidney", colour=(1, 2, 3)),
        Structure(id=5, name="Läsion", colour=(254, 5, 6), kind=StructureKind.THING),
        Structure(id=300, name=LONG_NAME, colour=(0, 128, 255), snomed_ct="10200004"),
        Structure(id=301, name="never there", colour=(9, 9, 9)),
    )
)
MADE = medseg.Provenance(
    case_id="case_1",
    input_sha256="ab",
    model="hippocampus",
    model_sha256="cd",
    versions=(("medseg", "1"),),
    settings=(("overlap", "0.5"),),
)


def completed(slices: list[FileDataset]) -> list[FileDataset]:
    """Slices with what a real series has and the geometry alone does not need."""
    study, frame_of_reference = generate_uid(), generate_uid()
    for data in slices:
        data.StudyInstanceUID = study
        data.FrameOfReferenceUID = frame_of_reference
        data.PatientName, data.PatientID = "Müller^Jörg", "P-1"
        data.PatientBirthDate, data.PatientSex = "19700101", "O"
        data.SpecificCharacterSet = "ISO_IR 100"
        data.StudyDate, data.StudyTime, data.StudyID = "20260101", "120000", "1"
        data.AccessionNumber, data.ReferringPhysicianName = "A-1", ""
        data.PositionReferenceIndicator = ""
        data.SliceThickness = 1
        data.SeriesNumber = 1
        data.Manufacturer = "scanner"
        data.PatientPosition = "HFS"
        data.AcquisitionNumber = 1
        data.KVP = ""
    return slices


def random_labels(
    scan: medseg.Volume, seed: int, *, labels: LabelSet = LABELS, made=MADE
) -> Segmentation:
    """Voxels of any of the labels but the last, at random: holes, parts, edges."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.ones(len(labels)))
    array = rng.choice([0, *labels.ids[:-1]], scan.geometry.shape, p=share)
    return Segmentation(
        array=array.astype(np.uint16),
        geometry=scan.geometry,
        labels=labels,
        provenance=made,
    )


def errors_of(path: Path) -> set[str]:
    """Errors that the validator dciodvfy finds; it must be installed."""
    command = shutil.which("dciodvfy")
    assert command is not None
    done = subprocess.run(
        [command, str(path)], capture_output=True, text=True, check=False
    )
    return {line for line in done.stderr.splitlines() if line.startswith("Error")}
