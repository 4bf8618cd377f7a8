from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

import medseg
from napari_medseg.layers.conversion import volume_layers
from napari_medseg.segment.scan import ChosenScan, channels_of, misfits_of
from tests.plugin.scans import in_voxel_order, marker_image, marker_scan
from tests.plugin.scans import scan_of as one_channel_scan


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def ct_model(untrained_model) -> medseg.ModelInfo:
    return medseg.read_model_info(untrained_model)


@pytest.fixture
def mr_model(ct_model) -> medseg.ModelInfo:
    """Takes T1 and FLAIR."""
    plan = ct_model.plan
    two = replace(plan, channels=("T1", "FLAIR"), normalisation=2 * plan.normalisation)
    made: medseg.ModelInfo = replace(ct_model, plan=two)
    return made


def add_scan(viewer, volume, name="scan"):
    array, options, _ = volume_layers(volume, name)[0]
    return viewer.add_image(array, **options)


def mr_scan(channel, added=0, axes=(0, 1, 2)):
    array, geometry = in_voxel_order(marker_image() + np.int16(added), axes)
    return one_channel_scan(array, geometry, channel)


def texts(misfits):
    return " ".join(misfit.text for misfit in misfits)


def test_layers_become_the_channels_of_one_scan(viewer, mr_model):
    volumes = mr_scan("T1"), mr_scan("FLAIR", added=7)
    layers = [add_scan(viewer, volume, volume.channels[0]) for volume in volumes]

    chosen = ChosenScan(channels=channels_of(layers, mr_model, viewer.layers))
    scan = chosen.volume()

    assert scan.channels == ("T1", "FLAIR")
    assert scan.geometry.is_same_grid(volumes[0].geometry)
    for channel, volume in zip(scan.array, volumes, strict=True):
        assert np.array_equal(channel, volume.array[0])


def test_layers_on_different_grids_are_refused(viewer, mr_model):
    layers = [
        add_scan(viewer, mr_scan("T1")),
        add_scan(viewer, mr_scan("FLAIR", axes=(2, 0, 1))),
    ]

    with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
        ChosenScan(channels=channels_of(layers, mr_model, viewer.layers)).volume()


def test_one_layer_for_two_channels_is_warned_of(viewer, mr_model):
    layer = add_scan(viewer, mr_scan("T1"))

    assert "two channels" in texts(misfits_of([layer, layer], mr_model, viewer.layers))


def test_a_scan_of_another_modality_is_refused(viewer, ct_model):
    layer = add_scan(viewer, mr_scan("MR"))

    (misfit,) = misfits_of([layer], ct_model, viewer.layers)

    assert misfit.is_refused
    assert misfit.text == "The scan is MR; untrained takes CT."


def test_a_scan_that_fits_raises_no_doubt(viewer, ct_model):
    layer = add_scan(viewer, marker_scan((2, 0, 1), (True, False, True)))

    assert misfits_of([layer], ct_model, viewer.layers) == ()


def test_nothing_is_said_of_a_layer_without_a_place(viewer, ct_model):
    layer = viewer.add_image(np.zeros((5, 6, 7)))

    assert misfits_of([layer], ct_model, viewer.layers) == ()
