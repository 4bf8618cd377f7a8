"""The bench of the readers and writers, on tiny files; never by the clock."""

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

import medseg
from medseg import WrongUse, bench
from medseg.bench.file_contenders import Contender, Task, is_right, work_of
from medseg.bench.files import make_scan_files
from medseg.bench.io import timed_task
from medseg.cli.bench import app
from medseg.cli.bench_tables import files_table


def test_the_files_hold_the_same_scan_at_the_same_place(tmp_path):
    files = make_scan_files(tmp_path, slices=5, pixels=24)
    assert set(np.unique(files.labels.array)) == {0, 1, 2, 3, 4}
    for path in (files.series, files.nifti, files.packed):
        volume = medseg.read_volume(path)
        np.testing.assert_array_equal(volume.array, files.scan.array)
        assert volume.geometry.is_same_grid(files.scan.geometry)


@pytest.mark.parametrize("task", Task)
def test_every_contender_reads_and_writes_the_right_voxels(tmp_path, task):
    files = make_scan_files(tmp_path, slices=4, pixels=12)
    for contender in task.contenders:
        assert is_right(work_of(contender, task, files)(), task, files), contender


def test_wrong_voxels_are_noticed(tmp_path):
    files = make_scan_files(tmp_path, slices=4, pixels=12)
    image = sitk.ReadImage(str(files.packed))
    assert is_right(image, Task.READ_PACKED, files)
    assert not is_right(image + 1, Task.READ_PACKED, files)


def test_contenders_take_turns_and_are_compared_with_medseg(tmp_path):
    heard: list[medseg.Progress] = []
    files = make_scan_files(tmp_path, slices=4, pixels=12)
    timed = timed_task(
        Task.READ_SERIES, files, files, repeats=2, on_progress=heard.append
    )
    pair = [Contender.MEDSEG, Contender.SIMPLEITK]
    assert [each.contender for each in timed.timings] == pair
    assert [step.note for step in heard] == pair * 3
    assert heard[-1].fraction == 1
    assert timed[Contender.MEDSEG].times_medseg == 1
    for timing in timed.timings:
        assert len(timing.seconds) == 2
        assert timing.file_mb > 4 * 12 * 12 * 2 / 1e6
        assert timing.is_equal
    title, header, *lines = files_table(timed).splitlines()
    assert title == "read a DICOM series"
    assert "voxels right" in header
    assert [line.split()[0] for line in lines] == pair


@pytest.mark.parametrize("options", [{"repeats": 0}, {"slices": 2}, {"pixels": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        bench.bench_io(**options)


@pytest.mark.slow
def test_the_command_measures_every_task_and_prints_json(capsys):
    words = ["io", "--repeats", "1", "--slices", "3", "--json"]
    app(words, result_action="return_value")
    result = json.loads(capsys.readouterr().out)
    assert result["shape"] == [512, 512, 3]
    assert [task["task"] for task in result["tasks"]] == list(Task)
