"""What the user decides about a cohort."""

import math
from dataclasses import dataclass, field, fields
from enum import StrEnum

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import InstanceRules
from medseg.core.settings import InferenceSettings
from medseg.evaluation.settings import EvaluationSettings
from medseg.io.file_kinds import SegmentationFormat

_NOT_OF_THE_RESULT = {"device", "compile"}


@dataclass(frozen=True, kw_only=True)
class WhatToMake:
    """All that a result depends on besides the scan.

    Attributes:
        models: Names or folders; of several, all structures go into one label map.
        region_model: Coarse model that is run first.
        inference: How the networks are run.
        accept: Problems of scans that are mended and not refused.
        file_format: Of the label maps.
        bids_names: Whether label maps are named as BIDS derivatives.
        save_probabilities: Whether the probability of each label is written, too.
        thumbnails: Whether a picture of each case is made.
        evaluation: How results are compared with references.
        quality: Whether Dice is predicted, by the model's quality scores.
        instances: How lesions are told apart and numbered; None where they are not.
    """

    models: tuple[str, ...]
    region_model: str | None = None
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    accept: tuple[Accepted, ...] = ()
    file_format: SegmentationFormat = SegmentationFormat.NIFTI
    bids_names: bool = False
    save_probabilities: bool = False
    thumbnails: bool = True
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    quality: bool = False
    instances: InstanceRules | None = None

    def __post_init__(self) -> None:
        if not self.models:
            raise _wrong("no model is named", "--model")
        if self.save_probabilities and len(self.models) > 1:
            raise _wrong("probabilities are those of one model", "--save-probabilities")
        if self.quality and len(self.models) > 1:
            raise _wrong("quality scores are those of one model", "--quality")
        if self.bids_names and self.file_format is not SegmentationFormat.NIFTI:
            raise _wrong("BIDS knows label maps as NIfTI only", "--bids")

    @property
    def asked(self) -> dict[str, object]:
        """The same without what does not change a result, as JSON takes it.

        Nor what to accept: it changes nothing for a scan that was not refused.
        """
        return {
            "inference": self._inference,
            "file_format": self.file_format,
            "bids_names": self.bids_names,
            "save_probabilities": self.save_probabilities,
            "thumbnails": self.thumbnails,
            "evaluation": dict(self.evaluation.listed),
            # where they are not asked for, as in the keys of earlier versions
            **({"quality": True} if self.quality else {}),
            **({"instances": self.instances.listed} if self.instances else {}),
        }

    @property
    def listed(self) -> dict[str, str]:
        """Name and value of every setting of `asked`, models left out."""
        return {
            **self._inference,
            "file_format": self.file_format,
            "bids_names": str(self.bids_names),
            "save_probabilities": str(self.save_probabilities),
            "thumbnails": str(self.thumbnails),
            "quality": str(self.quality),
            **({"instances": self._instances} if self.instances else {}),
            **dict(self.evaluation.listed),
        }

    @property
    def _instances(self) -> str:
        rules = self.instances.listed if self.instances else {}
        return " ".join(f"{name}={value}" for name, value in rules.items())

    @property
    def _inference(self) -> dict[str, str]:
        return {
            each.name: str(getattr(self.inference, each.name))
            for each in fields(self.inference)
            if each.name not in _NOT_OF_THE_RESULT
        }


class ExecutorKind(StrEnum):
    """Who works off the cases."""

    LOCAL = "local"
    DASK = "dask"


@dataclass(frozen=True, kw_only=True)
class HowToRun:
    """What changes how fast and how safely a cohort is worked on, not its results."""

    workers: int | None = field(
        default=None,
        metadata={
            "help": "Processes, each with the model loaded. Default: one a GPU, or one "
            "for every two processors."
        },
    )
    time_limit_s: float = field(
        default=3600.0,
        metadata={"help": "Seconds for one case; a slower one is listed as failed."},
    )
    memory_limit_gib: float | None = field(
        default=None,
        metadata={"help": "Memory of a process beside the model; not on a GPU."},
    )
    grace_s: float = field(
        default=20.0,
        metadata={"help": "Seconds for running cases to end after a stop."},
    )

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise _wrong(f"at least 1 worker, got {self.workers}", "--workers")
        limits = {"--time-limit-s": self.time_limit_s, "--grace-s": self.grace_s}
        if self.memory_limit_gib is not None:
            limits["--memory-limit-gib"] = self.memory_limit_gib
        for option, value in limits.items():
            if not 0 < value < math.inf:
                raise _wrong(f"a limit is above 0, got {value:g}", option)


def _wrong(what: str, where: str) -> WrongUse:
    return WrongUse(ErrorCode.INVALID_OPTION, what, where=where, remedy="See --help.")
