"""The ten tasks of the Medical Segmentation Decathlon (Antonelli et al., 2022).

Where the figures come from:

* Channels, labels and numbers of cases: each task's own `dataset.json`, as released
  (the papers count up to three cases more for tasks 4 and 6).
* Address and MD5 of the archives: `monai.apps.DecathlonDataset` (MONAI 1.6).
* Sizes of the archives: as people who downloaded them have published them beside the
  same MD5; None where nobody has. They are only shown and used to plan for disk space.
* Median shape and spacing of the training cases: the dataset cards of OpenMEDLab's
  Awesome-Medical-Dataset.
* Tolerances: `medseg.core.tolerance`.
"""

import difflib
from dataclasses import dataclass

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.tolerance import TOLERANCE_PRESETS, TolerancePreset

DECATHLON_LICENCE = "CC-BY-SA-4.0"
DECATHLON_URL = "https://msd-for-monai.s3-us-west-2.amazonaws.com"
"""Where the archives are: AWS Open Data, kept by the MONAI developers."""

_CT = ("CT",)
_MRI = ("MRI",)


@dataclass(frozen=True, kw_only=True)
class DecathlonTask:
    """What is known of one task before it is downloaded.

    Attributes:
        name: Of its folder and archive ("Task09_Spleen").
        modality: CT or MR.
        channels: As its `dataset.json` names them; several lie in one 4D file.
        labels: Names of labels 1, 2, ... as its `dataset.json` has them.
        training_cases: With labels.
        test_cases: Without labels.
        md5: Of the archive, as MONAI publishes it.
        archive_bytes: Size of the archive; None where no source states it.
        median_shape: Voxels along i, j, k, the median over the training cases.
        median_spacing_mm: Along i, j, k.
        tolerance_preset: Name among `medseg.core.tolerance.TOLERANCE_PRESETS`.
    """

    name: str
    modality: str
    channels: tuple[str, ...]
    labels: tuple[str, ...]
    training_cases: int
    test_cases: int
    md5: str
    archive_bytes: int | None
    median_shape: tuple[int, int, int]
    median_spacing_mm: tuple[float, float, float]
    tolerance_preset: str

    @property
    def archive_name(self) -> str:
        """File name of the archive on the server."""
        return f"{self.name}.tar"

    @property
    def tolerance(self) -> TolerancePreset:
        """How far off a surface may be: one figure for every label, with its source."""
        return next(
            preset
            for preset in TOLERANCE_PRESETS
            if preset.name == self.tolerance_preset
        )


def decathlon_task(name: str) -> DecathlonTask:
    """The task of a name ("Task09_Spleen"), or of its second half ("spleen").

    Raises:
        WrongUse: UNKNOWN_DATASET, with the names that come close.
    """
    by_name = {task.name.lower(): task for task in DECATHLON_TASKS}
    by_name |= {full.partition("_")[2]: task for full, task in by_name.items()}
    found = by_name.get(name.strip().lower())
    if found is not None:
        return found
    close = difflib.get_close_matches(name.strip().lower(), by_name, n=3, cutoff=0.5)
    names = sorted({by_name[word].name for word in close})
    raise WrongUse(
        ErrorCode.UNKNOWN_DATASET,
        f"no decathlon task is called {name!r}",
        where="TASK",
        remedy=f"Did you mean {' or '.join(names)}?"
        if names
        else "See medseg data list for the names.",
    )


DECATHLON_TASKS: tuple[DecathlonTask, ...] = (
    DecathlonTask(
        name="Task01_BrainTumour",
        modality="MR",
        channels=("FLAIR", "T1w", "t1gd", "T2w"),
        labels=("edema", "non-enhancing tumor", "enhancing tumour"),
        training_cases=484,
        test_cases=266,
        md5="240a19d752f0d9e9101544901065d872",
        archive_bytes=7_608_266_240,
        median_shape=(240, 240, 155),
        median_spacing_mm=(1.0, 1.0, 1.0),
        tolerance_preset="decathlon-brain",
    ),
    DecathlonTask(
        name="Task02_Heart",
        modality="MR",
        channels=_MRI,
        labels=("left atrium",),
        training_cases=20,
        test_cases=10,
        md5="06ee59366e1e5124267b774dbd654057",
        archive_bytes=455_721_472,
        median_shape=(320, 320, 115),
        median_spacing_mm=(1.25, 1.25, 1.37),
        tolerance_preset="decathlon-heart",
    ),
    DecathlonTask(
        name="Task03_Liver",
        modality="CT",
        channels=_CT,
        labels=("liver", "cancer"),
        training_cases=131,
        test_cases=70,
        md5="a90ec6c4aa7f6a3d087205e23d4e6397",
        archive_bytes=28_925_891_584,
        median_shape=(512, 512, 432),
        median_spacing_mm=(0.77, 0.77, 1.0),
        tolerance_preset="decathlon-liver",
    ),
    DecathlonTask(
        name="Task04_Hippocampus",
        modality="MR",
        channels=_MRI,
        labels=("Anterior", "Posterior"),
        training_cases=260,
        test_cases=130,
        md5="9d24dba78a72977dbd1d2e110310f31b",
        archive_bytes=28_425_216,
        median_shape=(35, 50, 36),
        median_spacing_mm=(1.0, 1.0, 1.0),
        tolerance_preset="decathlon-hippocampus",
    ),
    DecathlonTask(
        name="Task05_Prostate",
        modality="MR",
        channels=("T2", "ADC"),
        labels=("PZ", "TZ"),
        training_cases=32,
        test_cases=16,
        md5="35138f08b1efaef89d7424d2bcc928db",
        archive_bytes=None,
        median_shape=(320, 320, 20),
        median_spacing_mm=(0.63, 0.63, 3.6),
        tolerance_preset="decathlon-prostate",
    ),
    DecathlonTask(
        name="Task06_Lung",
        modality="CT",
        channels=_CT,
        labels=("cancer",),
        training_cases=63,
        test_cases=32,
        md5="8afd997733c7fc0432f71255ba4e52dc",
        archive_bytes=9_163_696_640,
        median_shape=(512, 512, 252),
        median_spacing_mm=(0.79, 0.79, 1.2),
        tolerance_preset="decathlon-lung",
    ),
    DecathlonTask(
        name="Task07_Pancreas",
        modality="CT",
        channels=_CT,
        labels=("pancreas", "cancer"),
        training_cases=281,
        test_cases=139,
        md5="4f7080cfca169fa8066d17ce6eb061e4",
        archive_bytes=12_289_971_712,
        median_shape=(512, 512, 93),
        median_spacing_mm=(0.8, 0.8, 2.5),
        tolerance_preset="decathlon-pancreas",
    ),
    DecathlonTask(
        name="Task08_HepaticVessel",
        modality="CT",
        channels=_CT,
        labels=("Vessel", "Tumour"),
        training_cases=303,
        test_cases=140,
        md5="641d79e80ec66453921d997fbf12a29c",
        archive_bytes=None,
        median_shape=(512, 512, 49),
        median_spacing_mm=(0.8, 0.8, 5.0),
        tolerance_preset="decathlon-hepatic-vessel",
    ),
    DecathlonTask(
        name="Task09_Spleen",
        modality="CT",
        channels=_CT,
        labels=("spleen",),
        training_cases=41,
        test_cases=20,
        md5="410d4a301da4e5b2f6f86ec3ddba524e",
        archive_bytes=1_610_352_640,
        median_shape=(512, 512, 90),
        median_spacing_mm=(0.79, 0.79, 5.0),
        tolerance_preset="decathlon-spleen",
    ),
    DecathlonTask(
        name="Task10_Colon",
        modality="CT",
        channels=_CT,
        labels=("colon cancer primaries",),
        training_cases=126,
        test_cases=64,
        md5="bad7a188931dc2f6acf72b08eb6202d0",
        archive_bytes=None,
        median_shape=(512, 512, 95),
        median_spacing_mm=(0.78, 0.78, 5.0),
        tolerance_preset="decathlon-colon",
    ),
)
