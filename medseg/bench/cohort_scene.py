"""What the bench of cohorts measures."""

from dataclasses import dataclass, field
from pathlib import Path

from medseg.core.settings import Device


@dataclass(frozen=True, kw_only=True)
class NnunetModel:
    """nnU-Net with a model of its own, which MedSeg then runs, too.

    Attributes:
        python: Of the environment that nnU-Net is in.
        folder: Results folder `Trainer__Plans__configuration` of a training.
    """

    python: Path
    folder: Path


@dataclass(frozen=True, kw_only=True)
class CohortScene:
    """What is segmented, by whom, and how.

    Attributes:
        scans: Folder of NIfTI files; references in it are not used.
        model: Name or folder; that of nnU-Net takes its place, if one is given.
        nnunet: nnU-Net, if it takes part.
        count: The first so many scans; None for all.
        mirrors: Whether mirrored copies are averaged, by every way.
        draws: Whether `cohort run` is also measured with a picture of each case.
        device: Where: cpu or cuda:N; of several GPUs nnU-Net takes the first.
    """

    scans: Path
    model: str = "hippocampus"
    nnunet: NnunetModel | None = None
    count: int | None = None
    mirrors: bool = True
    draws: bool = False
    device: Device = field(default=Device("cpu"))
