"""Ways to segment a folder of scans, each started from nothing by its command."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from medseg.bench.cohort_scene import CohortScene, NnunetModel
from medseg.cohort.listing.folders import cases_in
from medseg.cohort.listing.manifest import require_faultless, write_manifest
from medseg.core.cohort import CohortCase, Manifest
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.checks import require_there
from medseg.models import model_folder, read_model_info
from medseg.models.foreign.importing import import_model

_NNUNET_COMMAND = "nnUNetv2_predict_from_modelfolder"
_SUFFIX = ".nii.gz"

Way = Callable[[Path], "WayRun"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every way has to do.

    Attributes:
        scene: What is measured.
        cases: One NIfTI file each.
        model: Name or folder of the model.
        folder: For what the commands need beside their results.
    """

    scene: CohortScene
    cases: tuple[CohortCase, ...]
    model: str
    folder: Path

    @property
    def list_file(self) -> Path:
        """The list of cases, for `cohort run`."""
        return self.folder / "cases.csv"

    @property
    def nnunet_folder(self) -> Path:
        """The same scans under the names that nnU-Net wants."""
        return self.folder / "nnunet"


@dataclass(frozen=True, kw_only=True)
class WayRun:
    """One way, once.

    Attributes:
        seconds: From the command to its end.
        first_s: From the command to the first label map.
        label_maps: File of each case.
    """

    seconds: float
    first_s: float
    label_maps: tuple[Path, ...]


def prepared_work(scene: CohortScene, folder: Path) -> Work:
    """Find the scans, and write down in a folder what the commands need.

    Raises:
        UnusableInput: When there are no scans, or others than NIfTI files of one
            channel; when the model of nnU-Net cannot be imported.
        WrongUse: UNKNOWN_MODEL.
    """
    model = scene.model
    if scene.nnunet is not None:
        require_there(nnunet_command(scene.nnunet))
        import_model(scene.nnunet.folder, folder / "model")
        model = str(folder / "model")
    channels = read_model_info(model_folder(model)).plan.channels
    found = cases_in(scene.scans, channels)
    require_faultless(found)
    cases = tuple(replace(case, reference=None) for case in found.cases[: scene.count])
    for case in cases:
        _require_plain(case)
    work = Work(scene=scene, cases=cases, model=model, folder=folder)
    write_manifest(Manifest(cases=cases), work.list_file)
    work.nnunet_folder.mkdir()
    for case in cases:
        link = work.nnunet_folder / f"{case.case_id}_0000{_SUFFIX}"
        link.symlink_to(case.images[0].absolute())
    return work


def one_by_one(work: Work, out: Path) -> WayRun:
    """A process of `medseg segment` for each scan, as a loop of the shell starts it."""
    out.mkdir()
    files = [out / f"{case.case_id}{_SUFFIX}" for case in work.cases]
    commands = [
        [*_medseg("segment", work), "-o", str(file), str(case.images[0].absolute())]
        for case, file in zip(work.cases, files, strict=True)
    ]
    return _timed(commands, files)


def as_cohort(work: Work, workers: int, pictures: str, out: Path) -> WayRun:
    """One `medseg cohort run`."""
    words = [*_medseg("cohort run", work), "-o", str(out), str(work.list_file)]
    words += ["--workers", str(workers), pictures]
    below = out / "segmentations"
    return _timed([words], [below / f"{c.case_id}{_SUFFIX}" for c in work.cases])


def by_nnunet(work: Work, nnunet: NnunetModel, out: Path) -> WayRun:
    """One run of nnU-Net's own command, with as many processes as it likes."""
    out.mkdir()
    folds = [each.name[5:] for each in sorted(nnunet.folder.glob("fold_*"))]
    words = [str(nnunet_command(nnunet)), "-i", str(work.nnunet_folder), "-o", str(out)]
    words += ["-m", str(nnunet.folder), "-f", *folds]
    words += ["-device", "cpu" if work.scene.device == "cpu" else "cuda"]
    words += [] if work.scene.mirrors else ["--disable_tta"]
    return _timed([words], [out / f"{c.case_id}{_SUFFIX}" for c in work.cases])


def nnunet_command(nnunet: NnunetModel) -> Path:
    """What nnUNetv2_predict is called where the model is a folder."""
    return nnunet.python.with_name(_NNUNET_COMMAND)


def ways_of(work: Work) -> dict[str, Way]:
    """All there are, by the names they have in the table."""
    ways: dict[str, Way] = {
        "cohort run, 1 worker": partial(as_cohort, work, 1, "--no-thumbnails"),
        "cohort run, 2 workers": partial(as_cohort, work, 2, "--no-thumbnails"),
        "medseg segment, one by one": partial(one_by_one, work),
    }
    if work.scene.draws:
        pictures = partial(as_cohort, work, 1, "--thumbnails")
        ways["cohort run, 1 worker, pictures"] = pictures
    if work.scene.nnunet is not None:
        ways["nnUNetv2_predict"] = partial(by_nnunet, work, work.scene.nnunet)
    return ways


def _medseg(command: str, work: Work) -> list[str]:
    words = [sys.executable, "-m", "medseg", *command.split(), "-m", work.model]
    mirror = "--mirror" if work.scene.mirrors else "--no-mirror"
    return [*words, "--device", work.scene.device, mirror]


def _timed(commands: Sequence[Sequence[str]], label_maps: Sequence[Path]) -> WayRun:
    began_s, began = time.time(), time.perf_counter()
    for words in commands:
        _run(words)
    seconds = time.perf_counter() - began
    missing = [file for file in label_maps if not file.exists()]
    if missing:
        raise _failed(commands[0], f"there is no {missing[0].name}")
    first_s = min(file.stat().st_mtime for file in label_maps) - began_s
    return WayRun(seconds=seconds, first_s=first_s, label_maps=tuple(label_maps))


def _run(words: Sequence[str]) -> None:
    with TemporaryFile() as messages:
        done = subprocess.run(  # noqa: S603 - the user's Python, our words
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            messages.seek(0, os.SEEK_SET)
            lines = messages.read().decode(errors="replace").split("\n")
            said = [line.strip() for line in lines if line.strip()]
            raise _failed(words, said[-1] if said else f"exit {done.returncode}")


def _failed(words: Sequence[str], why: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"a command that is measured fails: {why}",
        where=" ".join(words),
        remedy="Run it by itself and look.",
    )


def _require_plain(case: CohortCase) -> None:
    if len(case.images) != 1 or not case.images[0].name.endswith(_SUFFIX):
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"only files that end in {_SUFFIX}, of one channel, can be compared",
            where=case.case_id,
            remedy="Give a folder of such files.",
        )
