"""Where the files of a model trained by nnU-Net v2 lie."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

PLANS_FILE = "plans.json"
DATASET_FILE = "dataset.json"
_MOST_JSON_BYTES = 64 * 2**20
_DEEPEST = 4
"""Folders of a checkpoint: nnUNet_results, dataset, trainer, fold."""
DEEPEST_RESULTS = _DEEPEST - 1
"""Folders of a results folder, itself among them."""


class NnunetConfiguration(StrEnum):
    """Which of the models nnU-Net trains on a dataset."""

    FULL_RESOLUTION = "3d_fullres"
    LOW_RESOLUTION = "3d_lowres"
    CASCADE = "3d_cascade_fullres"


class NnunetCheckpoint(StrEnum):
    """Which of the weights a training leaves."""

    FINAL = "checkpoint_final.pth"
    BEST = "checkpoint_best.pth"


@dataclass(frozen=True, kw_only=True)
class ResultsFolder:
    """A folder `Trainer__Plans__configuration` of nnU-Net's results."""

    path: Path

    @property
    def configuration(self) -> str:
        """The last part of the folder's name; it may be any."""
        return configuration_of(self.path.name)

    def sibling(self, configuration: str) -> "ResultsFolder":
        """Of the same trainer, plans and dataset.

        Raises:
            UnusableInput: NOT_FOUND.
        """
        name = f"{self.path.name.rpartition('__')[0]}__{configuration}"
        path = self.path.with_name(name)
        if not is_results_folder(path):
            raise UnusableInput(
                ErrorCode.NOT_FOUND,
                f"the cascade's first stage {configuration} is missing",
                where=path,
                remedy="Give the folder of the dataset with both stages in it.",
            )
        return ResultsFolder(path=path)

    def checkpoints(
        self, which: NnunetCheckpoint, folds: Sequence[int]
    ) -> tuple[Path, ...]:
        """One a fold asked for; of all there are when none is named.

        `fold_all` counts where there is no other.

        Raises:
            UnusableInput: NOT_FOUND.
        """
        if folds:
            found = [
                self.path / f"fold_{fold}" / which for fold in dict.fromkeys(folds)
            ]
        else:
            numbered = sorted(self.path.glob(f"fold_[0-9]*/{which}"))
            found = numbered or [self.path / "fold_all" / which]
        for file in found:
            if not file.is_file():
                raise UnusableInput(
                    ErrorCode.NOT_FOUND,
                    f"there is no {which} of {file.parent.name}",
                    where=self.path,
                    remedy="Choose a fold or checkpoint that was trained.",
                )
        return tuple(found)


def is_results_folder(path: Path) -> bool:
    """Whether it is one of nnU-Net's results."""
    return (path / PLANS_FILE).is_file() and (path / DATASET_FILE).is_file()


def configuration_of(name: str) -> str:
    """Of the name of a results folder: its last part."""
    return name.rpartition("__")[2]


def is_nnunet_file(path: PurePosixPath) -> bool:
    """Whether a file of an exported model is needed to import it."""
    names = {PLANS_FILE, DATASET_FILE, *NnunetCheckpoint}
    return path.name in names and len(path.parts) <= _DEEPEST + 1


def results_folders(path: Path) -> list[ResultsFolder]:
    """The path itself if it is a results folder, otherwise all there are below it."""
    if is_results_folder(path):
        return [ResultsFolder(path=path.resolve())]
    patterns = ["/".join("*" * depth) for depth in range(1, DEEPEST_RESULTS + 1)]
    below = sorted(folder for each in patterns for folder in path.glob(each))
    return [ResultsFolder(path=each) for each in below if is_results_folder(each)]


def results_folder(
    path: Path, configuration: NnunetConfiguration | None
) -> ResultsFolder:
    """The results folder at or below a path.

    Args:
        path: It, or a folder of a dataset with several.
        configuration: Which of several.

    Raises:
        UnusableInput: NOT_FOUND when there is none.
        WrongUse: INVALID_OPTION when there are several, or not the one asked for.
    """
    if not path.is_dir():
        raise _no_model(path)
    found = results_folders(path)
    if not found:
        raise _no_model(path)
    named = [
        folder for folder in found if configuration in (None, folder.configuration)
    ]
    if len(named) != 1:
        names = ", ".join(folder.path.name for folder in named or found)
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"which of them? There are {names}"
            if named
            else f"there is no {configuration}, but {names}",
            where=path,
            remedy="Name the configuration, or give that folder itself, unpacked.",
        )
    return named[0]


def read_json(file: Path) -> dict[str, Any]:
    """A description of nnU-Net's.

    Raises:
        UnusableInput: DAMAGED_MODEL.
    """
    try:
        if file.stat().st_size > _MOST_JSON_BYTES:
            raise ValueError("it is larger than any description")
        content = json.loads(file.read_bytes())
        if not isinstance(content, dict):
            raise TypeError("it is no table of names")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UnusableInput(
            ErrorCode.DAMAGED_MODEL,
            f"the description cannot be read: {error}",
            where=file,
            remedy="Copy or download it again.",
        ) from None
    return content


def _no_model(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_FOUND,
        f"there is neither a model of nnU-Net v2 (no folder with {PLANS_FILE} and "
        f"{DATASET_FILE}) nor a MONAI bundle",
        where=path,
        remedy="Give a folder Trainer__Plans__configuration, the exported zip, or a "
        "folder with configs and models in it.",
    )
