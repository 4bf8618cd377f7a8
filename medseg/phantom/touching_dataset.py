"""A dataset of phantoms whose tumours touch, with the number of each."""

from pathlib import Path

from medseg.core.geometry import Shape3, Spacing
from medseg.core.labels import LabelSet, StructureKind
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.io.nifti.files import save_nifti
from medseg.io.safe_writing import written_whole
from medseg.phantom.dataset import PhantomKind, write_phantom, write_phantoms
from medseg.phantom.make import Phantom
from medseg.phantom.organs import LIVER, PHANTOM_LABELS, TUMOUR
from medseg.phantom.touching import make_touching_tumours

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
    kind = PhantomKind(
        name="touching",
        origin=f"Made by medseg.phantom: touching, {seed}, {shape}, {spacing_mm} mm",
        make=lambda case: make_touching_tumours(
            case, shape=shape, spacing_mm=spacing_mm
        ),
        write=_write_case,
        parts=("imagesTr", "labelsTr", "instancesTr"),
        content={
            "description": "Synthetic livers with tumours that touch; no patients.",
            "labels": {"0": "background", **{str(s.id): s.name for s in _LABELS}},
            "things": [s.name for s in _LABELS if s.kind is StructureKind.THING],
        },
    )
    write_phantoms(folder, kind, cases=cases, seed=seed, on_progress=on_progress)


def _write_case(phantom: Phantom, folder: Path, name: str) -> None:
    write_phantom(phantom, folder, name)
    path, grid = folder / "instancesTr" / name, phantom.volume.geometry
    with written_whole(path, overwrite=True) as temporary:
        save_nifti(phantom.tumours, grid, temporary)
