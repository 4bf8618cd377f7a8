from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.regions import Box, region_of
from napari_medseg.segment.script import ScriptedScan, script_of
from napari_medseg.segment.work import SegmentChoice, run_model
from tests.core.making import save_untrained
from tests.plugin.scans import in_voxel_order, marker_image

SETTINGS = medseg.InferenceSettings(
    device=medseg.Device("cpu"),
    precision=medseg.Precision.FLOAT32,
    overlap=0.25,
    margin_mm=0.0,
)
BOX = Box(first=(2, 3, 1), stop=(15, 20, 9))


def saved_scan(path: Path) -> medseg.Volume:
    array, geometry = in_voxel_order(marker_image(), (0, 1, 2), (True, False, True))
    nibabel.save(nibabel.Nifti1Image(array, geometry.affine), path)
    return medseg.read_volume(path)


def nothing(_progress):
    """Reports to nobody."""


def test_the_script_does_what_the_panel_does(tmp_path, monkeypatch, untrained_model):
    path = tmp_path / "it's a ct.nii.gz"
    volume = saved_scan(path)
    choice = SegmentChoice(model=str(untrained_model), settings=SETTINGS)
    region = region_of(BOX, volume.geometry)
    made = run_model(volume, choice, nothing, region).segmentation

    script = script_of(choice, ScriptedScan(origins={"": Origin(path=path)}, box=BOX))
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "script", "exec"), {})  # noqa: S102 - what users do with it

    written = medseg.read_segmentation(tmp_path / "labels.nii.gz")
    assert made.array.any()
    assert np.array_equal(written.array, made.array)


def test_the_script_writes_the_maps_of_uncertainty_that_the_panel_shows(
    tmp_path, monkeypatch, untrained_model
):
    path = tmp_path / "ct.nii.gz"
    volume = saved_scan(path)
    plan = medseg.read_model_info(untrained_model).plan
    model = save_untrained(replace(plan, mirror_axes=(0,)), tmp_path / "mirroring")
    choice = SegmentChoice(model=str(model), settings=SETTINGS, uncertainty=True)
    region = region_of(BOX, volume.geometry)
    made = run_model(volume, choice, nothing, region)

    script = script_of(choice, ScriptedScan(origins={"": Origin(path=path)}, box=BOX))
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "script", "exec"), {})  # noqa: S102 - what users do with it

    written = medseg.read_segmentation(tmp_path / "labels.nii.gz")
    assert np.array_equal(written.array, made.segmentation.array)
    assert made.uncertainty is not None
    names = made.uncertainty.channels
    assert names == ("entropy", "mirror variance")
    file = tmp_path / "labels.uncertainty.nii.gz"
    read = medseg.read_volume(file, channels=dict.fromkeys(names, file))
    assert np.allclose(read.array, made.uncertainty.array, atol=2e-4)
    assert made.uncertainty.array[1].any()
    assert not made.uncertainty.array[:, 15:].any()


def test_a_series_and_several_channels_are_read_by_name():
    choice = SegmentChoice(model="brain", settings=medseg.InferenceSettings())
    origins = {
        "T1": Origin(path=Path("study"), series_uid="1.2.3"),
        "FLAIR": Origin(path=Path("flair.nii.gz")),
    }

    script = script_of(choice, ScriptedScan(origins=origins))

    assert "scan = medseg.stack_channels({" in script
    assert "'T1': medseg.read_volume('study', series='1.2.3')," in script
    assert "'FLAIR': medseg.read_volume('flair.nii.gz')," in script
    assert "settings = medseg.InferenceSettings()" in script
    assert "region" not in script
    compile(script, "script", "exec")


def test_where_the_scan_was_not_read_from_a_file_the_path_is_left_to_fill_in():
    choice = SegmentChoice(model="liver", settings=medseg.InferenceSettings())

    script = script_of(choice, ScriptedScan(origins={"": None}))

    assert "medseg.read_volume('PATH OF THE SCAN')" in script
