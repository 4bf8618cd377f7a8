"""The dataset of phantoms: MSD layout, varied grids, goes on after a stop."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Cancelled, Progress
from medseg.phantom import write_phantom_dataset

write_small_dataset = partial(
    write_phantom_dataset, shape=(24, 24, 12), spacing_mm=(14.6, 14.6, 18.0)
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("dataset") / "Task91_Phantom"
    write_small_dataset(folder, cases=4, seed=3)
    return folder


def test_it_has_the_decathlons_layout(dataset):
    description = json.loads((dataset / "dataset.json").read_text())
    assert description["modality"] == {"0": "CT"}
    assert description["labels"]["0"] == "background"
    assert description["labels"]["5"] == "liver tumour"
    assert description["numTraining"] == len(description["training"]) == 4
    assert description["licence"] == "CC0-1.0"
    assert "ynthetic" in description["description"]
    for entry in description["training"]:
        image = Nifti1Image.from_filename(dataset / entry["image"])
        reference = Nifti1Image.from_filename(dataset / entry["label"])
        assert image.shape == reference.shape
        np.testing.assert_array_equal(image.affine, reference.affine)
        assert image.header["sform_code"] == image.header["qform_code"] == 1
        assert set(np.unique(reference.dataobj)) <= set(range(6))
        assert (np.asarray(reference.dataobj) == 1).any()


def test_cases_differ_in_their_grids(dataset):
    spacings = {
        Nifti1Image.from_filename(path).header.get_zooms()
        for path in (dataset / "imagesTr").iterdir()
    }
    assert len(spacings) == 4


def test_another_seed_gives_other_cases(dataset, tmp_path):
    write_small_dataset(tmp_path, cases=1, seed=4)
    name = "imagesTr/phantom_000.nii.gz"
    ours, theirs = (
        Nifti1Image.from_filename(folder / name) for folder in (dataset, tmp_path)
    )
    assert ours.shape != theirs.shape or not np.array_equal(
        ours.dataobj, theirs.dataobj
    )


def test_it_tells_of_each_case(tmp_path):
    heard: list[Progress] = []
    write_small_dataset(tmp_path, cases=2, seed=0, on_progress=heard.append)
    assert [(each.done, each.total) for each in heard] == [(1, 2), (2, 2)]


def test_stopped_it_goes_on_where_it_was(dataset, tmp_path):
    def stop_after_two(progress: Progress) -> None:
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_small_dataset(tmp_path, cases=4, seed=3, on_progress=stop_after_two)
    first = tmp_path / "imagesTr" / "phantom_000.nii.gz"
    written_at = first.stat().st_mtime_ns
    left = json.loads((tmp_path / "dataset.json").read_text())
    assert left["numTraining"] == 2
    write_small_dataset(tmp_path, cases=4, seed=3)
    assert first.stat().st_mtime_ns == written_at
    for path in sorted(dataset.rglob("*.nii.gz")):
        assert path.read_bytes() == (tmp_path / path.relative_to(dataset)).read_bytes()


def test_two_datasets_are_not_mixed_in_one_folder(dataset):
    before = (dataset / "dataset.json").read_bytes()
    with pytest.raises(WrongUse) as caught:
        write_small_dataset(dataset, cases=4, seed=5)
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    assert (dataset / "dataset.json").read_bytes() == before


@pytest.mark.parametrize(("cases", "seed"), [(0, 0), (1, -1), (2_000_000, 0)])
def test_numbers_out_of_range_are_refused(tmp_path, cases, seed):
    with pytest.raises(WrongUse) as caught:
        write_small_dataset(tmp_path / "none", cases=cases, seed=seed)
    assert caught.value.code is ErrorCode.INVALID_OPTION
    assert not (tmp_path / "none").exists()
