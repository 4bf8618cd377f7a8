"""What a comparison of inference is asked for."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medseg.core.geometry import Shape3


class Peer(StrEnum):
    """What MedSeg is measured beside; by number formats, MedSeg itself in these."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    MONAI = "monai"
    NNUNET = "nnunet"


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The U-Net of 31 million parameters, its weights drawn at random, over noise.

    Attributes:
        shape: Voxels of the scan, at the network's spacing.
        window: Edge of a window, voxels; a multiple of 32 from 64 on.
        outputs: Of the network, background included.
        body: Voxels of a box in the middle that holds the noise, the rest being air;
            the whole scan by default.
    """

    shape: Shape3 = (192, 192, 128)
    window: int = 128
    outputs: int = 5
    body: Shape3 | None = None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A model over a scan.

    Attributes:
        model: Name or folder; of several networks the first is run.
        path: File or folder of the scan.
    """

    model: str
    path: Path
