"""Files are whole or absent."""

import subprocess
import sys
from pathlib import Path

import pytest

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io import written_whole, written_whole_folder
from medseg.io.safe_writing import (
    text_saver,
    write_together,
    written_whole_together,
)

NO_ROOM = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import medseg

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
labels = medseg.LabelSet.from_names([(1, "liver")])
noise = np.random.default_rng(0).integers(0, 2, (64, 64, 64), dtype=np.uint8)
geometry = medseg.Geometry.from_spacing(noise.shape, (1, 1, 1))
result = medseg.Segmentation(array=noise, geometry=geometry, labels=labels)
try:
    medseg.write_segmentation(result, sys.argv[1], overwrite=True)
except medseg.UnusableInput as error:
    sys.exit(f"refused: {error.code}")
"""


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*"))


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "deep" / "result.nii.gz"
    with written_whole(path) as temporary:
        temporary.write_text("content")
        assert not path.exists()
        assert temporary.name.endswith("result.nii.gz")
    assert path.read_text() == "content"
    assert left_in(path.parent) == ["result.nii.gz"]


def test_nothing_is_left_when_the_block_fails(tmp_path):
    def fail() -> None:
        with written_whole(tmp_path / "new" / "result.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert left_in(tmp_path) == []


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"), written_whole(path):
        pytest.fail("the block ran")
    assert path.read_text() == "old"
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableInput) as caught, written_whole(tmp_path / "file/x.txt"):
        pytest.fail("the block ran")
    assert caught.value.code == ErrorCode.NOT_WRITABLE


def test_a_full_disk_is_told(tmp_path):
    path = tmp_path / "result.txt"

    def fill() -> None:
        with written_whole(path), Path("/dev/full").open("w") as disk:
            disk.write("x" * 100_000)

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with pytest.raises(UnusableInput, match="DISK_FULL"):
        fill()
    assert left_in(tmp_path) == []


def test_trouble_with_another_file_is_not_called_ours(tmp_path):
    def read_another() -> None:
        with written_whole(tmp_path / "a" / "result.txt"):
            (tmp_path / "missing.txt").read_text()

    with pytest.raises(FileNotFoundError):
        read_another()
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("result.nii.gz", ErrorCode.DISK_FULL),
        ("result.nii", ErrorCode.DISK_FULL),
        ("result.nrrd", ErrorCode.NOT_WRITABLE),  # ITK does not say why it failed
    ],
)
def test_an_old_result_survives_a_disk_without_room(tmp_path, name, code):
    (tmp_path / name).write_text("old")
    done = subprocess.run(
        [sys.executable, "-B", "-c", NO_ROOM, tmp_path / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"refused: {code}" in done.stderr
    assert left_in(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


def test_files_written_together_appear_when_all_are_complete(tmp_path):
    paths = tmp_path / "names.json", tmp_path / "labels.nii.gz"
    with written_whole_together(paths) as temporaries:
        for temporary in temporaries:
            temporary.write_text("content")
        assert not any(path.exists() for path in paths)
    assert left_in(tmp_path) == ["labels.nii.gz", "names.json"]


def test_no_file_is_replaced_when_one_of_them_is_not_complete(tmp_path):
    paths = tmp_path / "names.json", tmp_path / "labels.nii.gz"
    for path in paths:
        path.write_text("old")

    def write_one() -> None:
        with written_whole_together(paths, overwrite=True) as (_, labels):
            labels.write_text("new")

    with pytest.raises(UnusableInput) as caught:
        write_one()
    assert caught.value.code == ErrorCode.NOT_WRITABLE
    assert caught.value.where == str(paths[0])
    assert [path.read_text() for path in paths] == ["old", "old"]
    assert left_in(tmp_path) == ["labels.nii.gz", "names.json"]


def test_what_is_no_longer_true_goes_with_the_file_it_told_of(tmp_path):
    path, stale = tmp_path / "labels.nii.gz", tmp_path / "labels.csv"
    stale.write_text("old")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        write_together({path: text_saver("new")}, stale=(stale,))
    assert stale.read_text() == "old"
    write_together({path: text_saver("new")}, stale=(stale, path), overwrite=True)
    assert left_in(tmp_path) == ["labels.nii.gz"]


def test_what_is_no_longer_true_stays_where_a_file_cannot_be_replaced(tmp_path):
    """The second path is a folder: the system does not rename a file onto it."""
    paths, stale = (tmp_path / "a.json", tmp_path / "b.nii.gz"), tmp_path / "b.csv"
    stale.write_text("old")
    paths[1].mkdir()
    with pytest.raises(UnusableInput, match="NOT_WRITABLE"):
        write_together(
            {path: text_saver("new") for path in paths}, stale=(stale,), overwrite=True
        )
    assert stale.read_text() == "old"


def test_a_folder_appears_whole(tmp_path):
    (tmp_path / "series").mkdir()
    with written_whole_folder(tmp_path / "series") as temporary:
        (temporary / "slice").write_text("content")
    assert left_in(tmp_path) == ["series", "slice"]


def test_a_folder_with_something_in_it_is_never_replaced(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(WrongUse, match="OUTPUT_EXISTS"),
        written_whole_folder(tmp_path),
    ):
        pytest.fail("the block ran")


def test_no_folder_is_left_when_the_block_fails(tmp_path):
    def fail() -> None:
        with written_whole_folder(tmp_path / "series") as temporary:
            (temporary / "slice").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert left_in(tmp_path) == []
