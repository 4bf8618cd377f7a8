"""A task appears whole in its folder, once."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from medseg import DecathlonTask, decathlon_task, download_decathlon_task, read_dataset
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.progress import Cancelled, Progress
from tests.core.io.serving import Served, serving
from tests.core.training.cubes import write_cubes

NAME = "Task09_Spleen"
CASES = 6


@pytest.fixture
def served(tmp_path):
    """The cubes, packed as the decathlon packs its tasks, resource forks and all."""
    folder = write_cubes(tmp_path / "packed" / NAME, CASES)
    (folder / "imagesTr" / "._cube_000.nii.gz").write_bytes(b"fork")
    archive = tmp_path / f"{NAME}.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, NAME)
    with serving(Served(files={f"/{NAME}.tar": archive.read_bytes()})) as server:
        yield server


@pytest.fixture
def task(served) -> DecathlonTask:
    content = served.files[f"/{NAME}.tar"]
    return replace(
        decathlon_task(NAME),
        training_cases=CASES,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        archive_bytes=len(content),
    )


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_task_is_downloaded_checked_and_unpacked(served, task, tmp_path):
    told: list[Progress] = []
    parent = tmp_path / "new" / "datasets"
    folder = download_decathlon_task(
        task, parent, base_url=served.url, on_progress=told.append
    )
    assert folder == parent / NAME
    assert names_in(parent) == [NAME]
    assert len(read_dataset(folder).cases) == CASES
    assert not list(folder.rglob("._*"))
    stages = list(dict.fromkeys(step.stage for step in told))
    assert [stage.split()[0] for stage in stages] == [
        *("downloading", "checking", "unpacking")
    ]
    for stage in stages:
        steps = [step for step in told if step.stage == stage]
        assert steps[-1].done == steps[-1].total


def test_a_complete_folder_is_left_alone(served, task, tmp_path, caplog):
    folder = download_decathlon_task(task, tmp_path / "to", base_url=served.url)
    (folder / "notes.txt").write_text("mine")
    served.ranges.clear()
    assert download_decathlon_task(task, tmp_path / "to", base_url=served.url) == folder
    assert served.ranges == []
    assert (folder / "notes.txt").read_text() == "mine"
    assert "is complete already and is left as it is" in caplog.text


def test_a_folder_that_holds_something_else_is_not_touched(served, task, tmp_path):
    folder = write_cubes(tmp_path / "to" / NAME, CASES - 1)
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        download_decathlon_task(task, tmp_path / "to", base_url=served.url)
    assert len(read_dataset(folder).cases) == CASES - 1
    assert served.ranges == []


def test_a_download_that_was_stopped_goes_on(served, task, tmp_path):
    served.cuts = [40_000]

    def stop(_progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        download_decathlon_task(
            task, tmp_path / "to", base_url=served.url, on_progress=stop
        )
    assert names_in(tmp_path / "to") == [f".partial-{NAME}.tar"]
    download_decathlon_task(task, tmp_path / "to", base_url=served.url)
    assert served.ranges == ["", "40000-"]
    assert names_in(tmp_path / "to") == [NAME]


def test_an_archive_with_too_few_cases_makes_no_folder(served, task, tmp_path):
    more = replace(task, training_cases=CASES + 1)
    with pytest.raises(UnusableInput) as caught:
        download_decathlon_task(more, tmp_path / "to", base_url=served.url)
    assert caught.value.code == ErrorCode.INVALID_DATASET
    assert not (tmp_path / "to" / NAME).exists()


def test_a_parent_that_is_a_file_is_refused_before_the_download(served, task, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnusableInput, match="NOT_WRITABLE"):
        download_decathlon_task(task, tmp_path / "file", base_url=served.url)
    assert served.ranges == []


def test_a_task_that_the_server_lacks_is_said_to_be(task, tmp_path):
    with serving(Served()) as empty, pytest.raises(UnusableInput, match="NOT_FOUND"):
        download_decathlon_task(task, tmp_path / "to", base_url=empty.url)
    assert not (tmp_path / "to").exists()
