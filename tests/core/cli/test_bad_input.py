"""Wrong input gives one clear line and the right exit code, and writes nothing."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel.nifti1
import numpy as np
import pydicom
import pytest

from medseg.cli.app import run

SAMPLE = Path(__file__).parents[3] / "sample_data"
SERIES = SAMPLE / "ct_phantom"
REFERENCE = SAMPLE / "ct_phantom_reference.nii.gz"


@pytest.fixture
def nifti(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    voxels = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    nibabel.nifti1.save(nibabel.nifti1.Nifti1Image(voxels, np.eye(4)), path)
    return path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run a command that must fail; give its exit code and its one line."""

    def refused(*words: object) -> tuple[int, str]:
        before = sorted(tmp_path.rglob("*"))
        code = run([str(word) for word in words])
        lines = capsys.readouterr().err.strip().splitlines()
        errors = [line for line in lines if line.split(":")[0].isupper()]
        assert len(errors) == 1, lines
        assert "Traceback" not in "".join(lines)
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        return code, errors[0]

    return refused


def segment_words(scan: Path, model: Path, out: Path) -> list[object]:
    return ["segment", scan, "-m", model, "-o", out]


def test_no_such_file(refused, tiny_model, tmp_path):
    code, line = refused(
        *segment_words(tmp_path / "none.nii.gz", tiny_model, tmp_path / "o.nii.gz")
    )
    assert code == 1
    assert line.startswith("NOT_FOUND:")
    assert "none.nii.gz" in line


def test_not_an_image(refused, tiny_model, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear colleague")
    code, line = refused(*segment_words(letter, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "NOT_AN_IMAGE")


def test_truncated_nifti(refused, tiny_model, nifti, tmp_path):
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(nifti.read_bytes()[:-5000])
    code, line = refused(*segment_words(cut, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "TRUNCATED_FILE")


def test_nifti_whose_voxels_end_early(refused, tiny_model, nifti, tmp_path):
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(gzip.compress(gzip.decompress(nifti.read_bytes())[:-4000]))
    code, line = refused(*segment_words(cut, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "TRUNCATED_FILE")


def test_empty_folder(refused, tiny_model, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    code, line = refused(*segment_words(folder, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "EMPTY_FOLDER")


def test_two_series_are_listed_with_how_to_choose(refused, tiny_model, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(SERIES, folder / "a")
    (folder / "b").mkdir()
    other_uid = pydicom.uid.generate_uid(entropy_srcs=["another series"])
    for file in sorted(SERIES.iterdir())[:10]:
        image = pydicom.dcmread(file)
        image.SeriesInstanceUID = other_uid
        image.save_as(folder / "b" / file.name)
    code, line = refused(*segment_words(folder, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (2, "SEVERAL_SERIES")
    assert "--series" in line
    assert other_uid in line


@pytest.fixture
def gap(tmp_path: Path) -> Path:
    """The sample CT without one of its slices."""
    folder = tmp_path / "series"
    shutil.copytree(SERIES, folder)
    sorted(folder.iterdir())[30].unlink()
    return folder


def test_series_with_a_missing_slice(refused, ct_model, gap, tmp_path):
    code, line = refused(*segment_words(gap, ct_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "MISSING_SLICES")


def test_the_wrong_modality_is_told_before_what_could_be_mended(
    refused, tiny_model, gap, tmp_path
):
    code, line = refused(*segment_words(gap, tiny_model, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "CHANNEL_MISMATCH")
    assert "the scan's channels are CT; the model takes MRI" in line


def test_label_map_on_another_grid(refused, tmp_path):
    reference = nibabel.nifti1.load(REFERENCE)
    moved = tmp_path / "moved.nii.gz"
    affine = reference.affine.copy()
    affine[0, 3] += 5
    image = nibabel.nifti1.Nifti1Image(np.asarray(reference.dataobj), affine)
    nibabel.nifti1.save(image, moved)
    code, line = refused("evaluate", moved, REFERENCE, "-o", tmp_path / "s.csv")
    assert (code, line.split(":")[0]) == (1, "GRID_MISMATCH")
    assert "5 mm" in line


def test_unknown_model_names_the_known_ones(refused, nifti, tmp_path):
    code, line = refused(
        *segment_words(nifti, Path("no-such-model"), tmp_path / "o.nii.gz")
    )
    assert (code, line.split(":")[0]) == (2, "UNKNOWN_MODEL")
    assert "hippocampus" in line
    assert "phantom-abdomen" in line


def test_model_with_a_damaged_weight_file(refused, tiny_model, nifti, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_model, damaged)
    weights = next((damaged / "weights").iterdir())
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    code, line = refused(*segment_words(nifti, damaged, tmp_path / "o.nii.gz"))
    assert (code, line.split(":")[0]) == (1, "DAMAGED_MODEL")


def test_gpu_where_there_is_none(refused, tiny_model, nifti, tmp_path):
    words = segment_words(nifti, tiny_model, tmp_path / "o.nii.gz")
    code, line = refused(*words, "--device", "cuda:99")
    assert (code, line.split(":")[0]) == (2, "NO_SUCH_DEVICE")
    assert "cpu" in line


def test_device_of_no_known_kind(refused, tiny_model, nifti, tmp_path):
    words = segment_words(nifti, tiny_model, tmp_path / "o.nii.gz")
    code, line = refused(*words, "--device", "abacus")
    assert (code, line.split(":")[0]) == (2, "NO_SUCH_DEVICE")
    assert "cuda:N" in line


def test_output_exists(refused, tiny_model, nifti, tmp_path):
    out = tmp_path / "o.nii.gz"
    out.write_bytes(b"earlier work")
    code, line = refused(*segment_words(nifti, tiny_model, out))
    assert (code, line.split(":")[0]) == (2, "OUTPUT_EXISTS")
    assert "--overwrite" in line
    assert out.read_bytes() == b"earlier work"


def test_output_of_an_unknown_kind(refused, tiny_model, nifti, tmp_path):
    code, line = refused(*segment_words(nifti, tiny_model, tmp_path / "o.docx"))
    assert (code, line.split(":")[0]) == (2, "UNKNOWN_FORMAT")


def test_training_folder_is_not_overwritten(refused, tiny_model):
    code, line = refused(
        "train", SAMPLE / "Task90_PhantomAbdomen", "-o", tiny_model, "--steps", 2
    )
    assert (code, line.split(":")[0]) == (2, "OUTPUT_EXISTS")


def test_not_a_dataset(refused, tmp_path):
    code, _ = refused("train", SERIES, "-o", tmp_path / "model", "--steps", 2)
    assert code == 1


def test_unknown_command_and_option(refused, nifti):
    assert refused("segmentate", nifti)[0] == 2
    assert refused("inspect", nifti, "--colour")[0] == 2


def test_demo_without_its_device_leaves_nothing(refused, tmp_path):
    code, line = refused("demo", "--out", tmp_path / "demo", "--device", "cuda:99")
    assert (code, line.split(":")[0]) == (2, "NO_SUCH_DEVICE")


def test_demo_into_a_folder_with_something_in_it(refused, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear colleague")
    code, line = refused("demo", "--out", tmp_path)
    assert (code, line.split(":")[0]) == (2, "OUTPUT_EXISTS")


def test_negative_seed(refused, tmp_path):
    code, line = refused("data", "phantom", tmp_path / "p", "--seed", -1)
    assert (code, line.split(":")[0]) == (2, "INVALID_OPTION")


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("--fold", "a whole number, all or none"),
        ("--steps", "a whole number"),
        ("--learning-rate", "a number"),
        ("--loss", "dice-ce, dice-focal or dice-boundary"),
    ],
)
def test_a_word_that_an_option_does_not_take(refused, tmp_path, option, wanted):
    words = ("train", tmp_path, "-o", tmp_path / "model", option, "much")
    code, line = refused(*words)
    assert (code, line.split(":")[0]) == (2, "INVALID_OPTION")
    assert f'{option} is {wanted}, got "much"' in line


def test_touching_tumours_without_a_number_of_cases(refused, tmp_path):
    code, line = refused("data", "phantom", tmp_path / "p", "--touching")
    assert (code, line.split(":")[0]) == (2, "INVALID_OPTION")
    assert "--cases" in line


def test_full_disk(tiny_model, nifti, tmp_path):
    """The system's limit on the size of a file stands for the end of the disk."""
    words = ["segment", str(nifti), "-m", str(tiny_model), "-o"]
    out = tmp_path / "results" / "o.nii.gz"
    code = (
        "import resource, sys\n"
        "from medseg.cli.app import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        f"sys.exit(run({[*words, str(out)]!r}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-B", "-c", code],  # no byte code cut short
        capture_output=True,
        text=True,
        check=False,
    )
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 1
    assert lines[-1].startswith("DISK_FULL:")
    assert not any(path.is_file() for path in (tmp_path / "results").rglob("*"))


def test_channels_that_the_model_does_not_take(refused, tiny_model, nifti, tmp_path):
    words = segment_words(nifti, tiny_model, tmp_path / "o.nii.gz")
    code, line = refused(*words, "--channel", f"CT={nifti}")
    assert (code, line.split(":")[0]) == (2, "INVALID_OPTION")
    assert "MRI" in line
