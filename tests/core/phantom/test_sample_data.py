"""What lies in sample_data/ is what the generator makes, and says what it is."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pydicom
import pytest
from nibabel.nifti1 import Nifti1Image
from scipy import ndimage

from medseg.io.datasets.reading import read_dataset
from medseg.phantom import SAMPLE_SEED, case_seed

CASES_MADE_AFRESH = 2
SAMPLE_DATA = Path(__file__).parents[3] / "sample_data"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = SAMPLE_DATA / "generate.py"
    spec = importlib.util.spec_from_file_location("sample_data_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fresh(generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("sample_data")
    generator.generate_scan(folder)
    generator.generate_dataset(folder, CASES_MADE_AFRESH)
    return folder


def test_the_committed_series_is_the_one_made_afresh(fresh):
    made = {path.name: path.read_bytes() for path in (fresh / "ct_phantom").iterdir()}
    kept = {
        path.name: path.read_bytes() for path in (SAMPLE_DATA / "ct_phantom").iterdir()
    }
    assert made == kept


def test_the_committed_nifti_files_are_those_made_afresh(fresh):
    paths = sorted(fresh.rglob("*.nii.gz"))
    assert len(paths) == 1 + 2 * CASES_MADE_AFRESH
    for path in paths:
        made = Nifti1Image.from_filename(path)
        kept = Nifti1Image.from_filename(SAMPLE_DATA / path.relative_to(fresh))
        np.testing.assert_array_equal(kept.affine, made.affine)
        np.testing.assert_array_equal(kept.dataobj, made.dataobj)


def test_the_committed_names_are_those_made_afresh(fresh):
    name = "ct_phantom_reference.json"
    assert json.loads((fresh / name).read_text()) == json.loads(
        (SAMPLE_DATA / name).read_text()
    )


def test_the_dataset_is_complete(generator):
    dataset = read_dataset(SAMPLE_DATA / generator.DATASET)
    assert len(dataset.cases) == generator.DATASET_CASES == 10
    assert dataset.licence == "CC0-1.0"


def test_it_is_small_enough_for_a_repository():
    sizes = [path.stat().st_size for path in SAMPLE_DATA.rglob("*") if path.is_file()]
    assert sum(sizes) < 20e6
    assert max(sizes) < 1e6


def test_the_series_is_large_enough_to_be_a_scan():
    slices = sorted((SAMPLE_DATA / "ct_phantom").iterdir())
    first = pydicom.dcmread(slices[0])
    assert len(slices) >= 64
    assert (first.Rows, first.Columns) == (160, 160)
    assert first.PatientID == f"SYNTHETIC-{SAMPLE_SEED}"


def test_some_livers_of_the_dataset_have_several_tumours(generator):
    folder = SAMPLE_DATA / generator.DATASET
    pieces = []
    for path in sorted((folder / "labelsTr").iterdir()):
        tumour = np.asarray(Nifti1Image.from_filename(path).dataobj) == 5
        pieces.append(int(ndimage.label(tumour)[1]))
    assert sum(count >= 2 for count in pieces) >= 3


def test_the_readme_says_that_all_is_synthetic():
    text = (SAMPLE_DATA / "README.md").read_text(encoding="utf-8")
    assert "synthetic" in text
    assert "CC0" in text
    description = SAMPLE_DATA / "Task90_PhantomAbdomen" / "dataset.json"
    assert "ynthetic" in json.loads(description.read_text())["description"]


def test_no_training_sees_the_sample(generator):
    sample = {case_seed(generator.DATASET_SEED, n) for n in range(10)} | {SAMPLE_SEED}
    trained = {case_seed(seed, n) for seed in range(90) for n in range(1000)}
    assert not sample & trained
