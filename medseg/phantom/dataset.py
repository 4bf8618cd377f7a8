"""A dataset of phantoms in the layout of the Medical Segmentation Decathlon."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Shape3, Spacing
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.nifti.files import write_nifti_labels, write_nifti_volume
from medseg.io.safe_writing import written_whole
from medseg.phantom.make import Phantom, make_phantom, require_range
from medseg.phantom.organs import PHANTOM_LABELS

_FIRST_CASE_SEED = 1_000_000


def case_seed(dataset_seed: int, number: int) -> int:
    """Seed of one case of a dataset: a million or more, for every case another one."""
    return (dataset_seed + 1) * _FIRST_CASE_SEED + number


def write_phantom_dataset(
    folder: Path,
    *,
    cases: int,
    seed: int,
    shape: Shape3 = (160, 160, 72),
    spacing_mm: Spacing = (2.2, 2.2, 3.0),
    on_progress: ProgressCallback = ignore_progress,
) -> None:
    """Write phantoms with references, as a folder that `medseg train` takes.

    Cases differ in spacing and in the number of slices. A run that was stopped goes on
    where it was; what it left is a valid dataset of the cases done so far.

    Args:
        folder: Gets `dataset.json`, `imagesTr` and `labelsTr`.
        cases: How many.
        seed: Number of the dataset; others give other cases, never seen elsewhere.
        shape: Voxels along i, j, k of a typical case.
        spacing_mm: Their distances in a typical case.
        on_progress: Told after each case.

    Raises:
        WrongUse: INVALID_OPTION for a number out of range; OUTPUT_EXISTS when the
            folder holds another dataset.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    kind = PhantomKind(
        name="phantom",
        origin=f"Made by medseg.phantom: dataset seed {seed}, {shape}, {spacing_mm} mm",
        make=lambda case: _make_case(case, shape, spacing_mm),
        write=write_phantom,
    )
    write_phantoms(folder, kind, cases=cases, seed=seed, on_progress=on_progress)


@dataclass(frozen=True, kw_only=True)
class PhantomKind:
    """What a dataset's cases are.

    Attributes:
        name: Cases are named for it and numbered.
        origin: How they were made, numbers and all.
        make: One case, from its seed.
        write: Writes one into the dataset's folder, under a file name.
        parts: Folders that a case has a file in.
        content: What `dataset.json` says beside or in place of the usual.
    """

    name: str
    origin: str
    make: Callable[[int], Phantom]
    write: Callable[[Phantom, Path, str], None]
    parts: tuple[str, ...] = ("imagesTr", "labelsTr")
    content: Mapping[str, object] = field(default_factory=dict)


def write_phantoms(
    folder: Path,
    kind: PhantomKind,
    *,
    cases: int,
    seed: int,
    on_progress: ProgressCallback,
) -> None:
    """Write the cases that are not there yet; the folder is valid after each.

    Args:
        folder: As in `write_phantom_dataset`.
        kind: What the cases are.
        cases: As in `write_phantom_dataset`.
        seed: As in `write_phantom_dataset`.
        on_progress: As in `write_phantom_dataset`.

    Raises:
        MedSegError: As `write_phantom_dataset`.
    """
    require_range("cases", cases, 1, _FIRST_CASE_SEED)
    require_range("seed", seed, 0, 2**32)
    _require_same_origin(folder / "dataset.json", kind.origin)
    names: list[str] = []
    for number in range(cases):
        names.append(f"{kind.name}_{number:03d}")
        file = f"{names[-1]}.nii.gz"
        if not all((folder / part / file).exists() for part in kind.parts):
            kind.write(kind.make(case_seed(seed, number)), folder, file)
        content = _described(folder.name, names, kind.origin) | dict(kind.content)
        with written_whole(folder / "dataset.json", overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        on_progress(
            Progress(
                stage="making phantoms", done=number + 1, total=cases, note=names[-1]
            )
        )


def write_phantom(phantom: Phantom, folder: Path, name: str) -> None:
    """Write a case's scan and reference, each whole."""
    write_nifti_volume(phantom.volume, folder / "imagesTr" / name, overwrite=True)
    write_nifti_labels(phantom.reference, folder / "labelsTr" / name, overwrite=True)


def _require_same_origin(description: Path, origin: str) -> None:
    """Refuse to mix two datasets in one folder."""
    if not description.exists():
        return
    if f'"reference": {json.dumps(origin)}' not in description.read_text("utf-8"):
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "the folder holds another dataset, or one made with other numbers",
            where=description,
            remedy="Give another folder, or remove this one.",
        )


def _make_case(seed: int, shape: Shape3, spacing_mm: Spacing) -> Phantom:
    """Phantom whose grid differs by some per cent from the typical one."""
    rng = np.random.default_rng(seed)
    in_plane, between, height = rng.uniform((0.94, 0.8, 0.94), (1.06, 1.25, 1.06))
    i_mm, j_mm, k_mm = spacing_mm
    spacing = (
        round(i_mm * float(in_plane), 2),
        round(j_mm * float(in_plane), 2),
        round(k_mm * float(between), 2),
    )
    slices = round(shape[2] * k_mm * float(height) / spacing[2])
    return make_phantom(seed, shape=(shape[0], shape[1], slices), spacing_mm=spacing)


def _described(name: str, names: list[str], origin: str) -> dict[str, object]:
    """The content of a `dataset.json` of cases of these names."""
    return {
        "name": name,
        "description": "Synthetic abdominal CT phantoms with known truth; no patients.",
        "reference": origin,
        "licence": "CC0-1.0",
        "release": "1.0",
        "tensorImageSize": "3D",
        "modality": {"0": "CT"},
        "labels": {
            "0": "background",
            **{str(each.id): each.name for each in PHANTOM_LABELS},
        },
        "numTraining": len(names),
        "numTest": 0,
        "training": [
            {
                "image": f"./imagesTr/{each}.nii.gz",
                "label": f"./labelsTr/{each}.nii.gz",
            }
            for each in names
        ],
        "test": [],
    }
