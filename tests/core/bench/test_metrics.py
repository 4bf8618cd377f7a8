"""The bench of the scores, on tiny scenes; never by the clock."""

import json
import sys
from functools import partial

import numpy as np
import pytest

import medseg
from medseg import WrongUse, bench
from medseg.bench.contenders import Contender, measure, require_installed
from medseg.bench.memory import peak_mb
from medseg.bench.metrics import timed_scene
from medseg.bench.scenes import body_scene, file_scene, organ_scene
from medseg.cli.bench import app
from medseg.cli.bench_tables import timings_table
from tests.core.making import segmentation_of


def test_every_contender_is_timed_in_turns_and_agrees_on_what_is_defined_alike():
    heard: list[medseg.Progress] = []
    scene = organ_scene(2.0, shape=(16, 20, 20))
    timed = timed_scene(scene, repeats=2, on_progress=heard.append)
    assert [each.contender for each in timed.timings] == list(Contender)
    assert [step.note for step in heard] == list(Contender) * 3
    assert heard[-1].fraction == 1
    for timing in timed.timings:
        assert len(timing.seconds) == 2
        assert timing.times_medseg > 0
        assert timing.largest_difference < 1e-4
    assert timed[Contender.MEDSEG].times_medseg == 1
    title, header, *lines = timings_table(timed).splitlines()
    assert title == "one organ, 16 x 20 x 20 voxels, 1 in both maps"
    assert "of MedSeg's" in header
    assert [line.split()[0] for line in lines] == list(Contender)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's figure is Linux's")
def test_memory_is_measured_in_a_process_of_its_own():
    small, large = (
        partial(measure, Contender.MEDSEG, organ_scene(2.0, shape=shape))
        for shape in ((16, 16, 16), (48, 64, 64))
    )
    peak = peak_mb(large, warm_up=small)
    assert peak is not None
    assert 0 <= peak < 500


def test_a_body_has_all_its_structures_and_is_made_the_same_each_time():
    body = body_scene(3.0, shape=(60, 50, 60), structures=12)
    again = body_scene(3.0, shape=(60, 50, 60), structures=12)
    assert body.present == tuple(range(1, 13))
    np.testing.assert_array_equal(body.reference.array, again.reference.array)
    np.testing.assert_array_equal(body.prediction.array[1:], body.reference.array[:-1])
    ours, theirs = (measure(each, body) for each in (Contender.MEDSEG, Contender.MONAI))
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-4)


def test_an_organ_of_full_size_has_about_58000_border_voxels():
    reference = organ_scene(2.0).reference.array.astype(bool)
    inner = reference.copy()
    for axis in range(3):
        for step in (1, -1):
            inner &= np.roll(reference, step, axis)
    assert (reference & ~inner).sum() == pytest.approx(58_000, rel=0.02)


def test_a_label_map_is_measured_from_its_file(tmp_path):
    labels = np.zeros((12, 10, 8), np.uint8)
    labels[2:9, 2:8, 2:6], labels[9:11, 2:5, 2:5] = 1, 4
    file = tmp_path / "labels.nii.gz"
    medseg.write_segmentation(segmentation_of(labels), file)
    scene = file_scene(file, 2.0)
    assert scene.present == (1, 4)
    assert "labels.nii.gz" in scene.name


@pytest.mark.parametrize("options", [{"repeats": 0}, {"tolerance_mm": 0.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        bench.bench_metrics(**options)


def test_a_missing_library_is_named_with_the_command_that_installs_it():
    require_installed()
    with pytest.raises(WrongUse, match=r"no-such-library .* pip install no-such-"):
        require_installed("no_such_library")


@pytest.mark.slow
def test_the_command_measures_an_organ_and_a_label_map_and_prints_json(
    tmp_path, capsys
):
    file = tmp_path / "labels.nii.gz"
    medseg.write_segmentation(body_scene(2.0, (30, 24, 30), 5).reference, file)
    words = ["metrics", "--repeats", "1", "--labels", str(file), "--json"]
    app(words, result_action="return_value")
    organ, body = json.loads(capsys.readouterr().out)["scenes"]
    assert (organ["structures"], body["structures"]) == (1, 5)
    assert [len(scene["timings"]) for scene in (organ, body)] == [3, 3]
