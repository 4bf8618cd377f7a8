import subprocess
import sys

import pytest

import medseg
from napari_medseg.review.keeping import VerdictKeeper
from napari_medseg.review.notes import (
    FILE_NAME,
    Change,
    Flag,
    Review,
    read_review,
    write_changes,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def keeper(qtbot, tmp_path):  # noqa: ARG001 - an application
    keeper = VerdictKeeper()
    keeper.begin(tmp_path / FILE_NAME, Review())
    return keeper


def in_the_way(path):
    """Something that no file can be written over; takes itself away again."""
    path.mkdir()
    return path


def test_what_others_said_meanwhile_is_learnt(qtbot, keeper, tmp_path):
    write_changes(tmp_path / FILE_NAME, {"c1": Change(note="theirs")})

    with qtbot.waitSignal(keeper.written, timeout=10_000):
        keeper.keep("c2", Change(flag=Flag.ACCEPTED))

    assert keeper.review["c1"].note == "theirs"
    assert keeper.review["c2"].flag is Flag.ACCEPTED


def test_what_cannot_be_written_is_held_until_it_can(keeper, tmp_path):
    obstacle = in_the_way(tmp_path / FILE_NAME)
    keeper.keep("c1", Change(flag=Flag.REJECTED))

    with pytest.raises(medseg.MedSegError):
        keeper.flush()
    assert not keeper.is_saved

    obstacle.rmdir()
    keeper.flush()
    assert read_review(tmp_path / FILE_NAME)["c1"].flag is Flag.REJECTED


def test_verdicts_never_go_into_the_file_of_another_cohort(keeper, tmp_path):
    in_the_way(tmp_path / FILE_NAME)
    keeper.keep("c1", Change(flag=Flag.REJECTED))
    other = tmp_path / "other" / FILE_NAME

    with pytest.raises(medseg.MedSegError):
        keeper.begin(other, Review())

    assert keeper.review["c1"].flag is Flag.REJECTED
    assert not other.exists()


def test_two_programs_that_write_at_once_lose_nothing(keeper, tmp_path):
    code = f"""
from pathlib import Path
from qtpy.QtCore import QCoreApplication
from napari_medseg.review.keeping import VerdictKeeper
from napari_medseg.review.notes import Change, Review
application = QCoreApplication([])
keeper = VerdictKeeper()
keeper.begin(Path({str(tmp_path / FILE_NAME)!r}), Review())
print("ready", flush=True)
for case in range(30):
    keeper.keep(f"theirs {{case}}", Change(note="x"))
    keeper.flush()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for case in range(30):
            keeper.keep(f"mine {case}", Change(note="x"))
            keeper.flush()

    assert len(read_review(tmp_path / FILE_NAME).verdicts) == 60
