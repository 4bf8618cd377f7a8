"""What one can ask of an import from nnU-Net v2; known without torch."""

from dataclasses import dataclass

from medseg.core.plan import PatientAxes
from medseg.models.foreign.nnunet_files import NnunetCheckpoint, NnunetConfiguration


@dataclass(frozen=True, kw_only=True)
class NnunetOptions:
    """What to import, and what the files do not say.

    Attributes:
        configuration: Which model of a dataset that has several.
        checkpoint: Of each fold.
        folds: Numbers; all there are when empty.
        name: Of the model; that of the dataset when empty.
        licence: Of the weights, as SPDX expression.
        trained_as: Where the voxel axes i, j, k of all scans pointed that it was
            trained on and is run on, where a tool around nnU-Net turned them so.
            TotalSegmentator's point to R, A, S, which is known by the dataset's name
            when it holds "TotalSegmentator".
    """

    configuration: NnunetConfiguration | None = None
    checkpoint: NnunetCheckpoint = NnunetCheckpoint.FINAL
    folds: tuple[int, ...] = ()
    name: str = ""
    licence: str = "LicenseRef-Unknown"
    trained_as: PatientAxes | None = None
