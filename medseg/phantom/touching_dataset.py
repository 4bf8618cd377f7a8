"""A dataset of phantoms whose tumours touch, with the number of each."""

import json
from pathlib import Path

from medseg.core.geometry import Shape3, Spacing
from medseg.core.labels import LabelSet, StructureKind
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.nifti import save_nifti, write_nifti_labels, write_nifti_volume
from medseg.io.safe_writing import written_whole
from medseg.phantom.dataset import case_seed, described, require_same_origin
from medseg.phantom.make import Phantom, require_range
from medseg.phantom.organs import LIVER, PHANTOM_LABELS, TUMOUR
from medseg.phantom.touching import make_touching_tumours

_MOST_CASES = 1_000_000
_PARTS = ("imagesTr", "labelsTr", "instancesTr")
_LABELS = LabelSet(tuple(s for s in PHANTOM_LABELS if s.id in (LIVER, TUMOUR)))


def write_touching_dataset(
    folder: Path,
    *,
    cases: int,
    seed: int,
    shape: Shape3 = (60, 56, 40),
    spacing_mm: Spacing = (2.0, 2.0, 2.5),
    on_progress: ProgressCallback = ignore_progress,
) -> None:
    """Write cases of `make_touching_tumours` as a folder that `medseg train` takes.

    Their seeds are a million or more. A run that was stopped goes on where it was.

    Args:
        folder: Gets `dataset.json`, `imagesTr`, `labelsTr` and `instancesTr`.
        cases: How many.
        seed: Number of the dataset; others give other cases.
        shape: Voxels along i, j, k.
        spacing_mm: Their distances; the grid is to be 80 mm wide or more.
        on_progress: Told after each case.

    Raises:
        WrongUse: INVALID_OPTION for a number out of range; OUTPUT_EXISTS when the
            folder holds another dataset.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    require_range("cases", cases, 1, _MOST_CASES)
    require_range("seed", seed, 0, 2**32)
    origin = f"Made by medseg.phantom: touching, {seed}, {shape}, {spacing_mm} mm"
    require_same_origin(folder / "dataset.json", origin)
    names: list[str] = []
    for number in range(cases):
        names.append(f"touching_{number:03d}")
        file = f"{names[-1]}.nii.gz"
        if not all((folder / part / file).exists() for part in _PARTS):
            phantom = make_touching_tumours(
                case_seed(seed, number), shape=shape, spacing_mm=spacing_mm
            )
            _write_case(phantom, folder, file)
        content = described(folder.name, names, origin) | {
            "description": "Synthetic livers with tumours that touch; no patients.",
            "labels": {"0": "background", **{str(s.id): s.name for s in _LABELS}},
            "things": [s.name for s in _LABELS if s.kind is StructureKind.THING],
        }
        with written_whole(folder / "dataset.json", overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        on_progress(
            Progress(
                stage="making phantoms", done=number + 1, total=cases, note=names[-1]
            )
        )


def _write_case(phantom: Phantom, folder: Path, name: str) -> None:
    write_nifti_volume(phantom.volume, folder / "imagesTr" / name, overwrite=True)
    write_nifti_labels(phantom.reference, folder / "labelsTr" / name, overwrite=True)
    path, grid = folder / "instancesTr" / name, phantom.volume.geometry
    with written_whole(path, overwrite=True) as temporary:
        save_nifti(phantom.tumours, grid, temporary)
