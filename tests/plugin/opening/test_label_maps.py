import shutil
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer

import medseg
from napari_medseg.layers.conversion import volume_layers
from napari_medseg.opening.label_maps import label_maps_of
from napari_medseg.opening.reader import layers_of


def layer_of(scan):
    return Layer.create(*volume_layers(scan, "scan")[0])


@pytest.fixture
def structures(tmp_path, real_data):
    """An RTSTRUCT by itself, and the real series it refers to."""
    folder = real_data / "dicom/ibsi_ct/dicom"
    lonely = tmp_path / "study/structures"  # scans are looked for in folders beside it
    lonely.mkdir(parents=True)
    alone = Path(shutil.copy(folder / "mask/DCM_RS_00060.dcm", lonely))
    return alone, medseg.read_volume(folder / "image"), folder / "mask"


@pytest.mark.slow
def test_an_rtstruct_finds_its_scan_among_the_open_ones(structures):
    alone, scan, beside = structures
    phantom = medseg.make_phantom(1, shape=(16, 16, 8), spacing_mm=(9.0, 9.0, 9.0))
    others = layer_of(phantom.volume)

    (found,) = label_maps_of(alone, (others, layer_of(scan)))

    (truth,) = medseg.read_segments(beside / "DCM_RS_00060.dcm")
    assert np.array_equal(found.array, truth.array)
    with pytest.raises(medseg.UnusableInput, match="NOT_FOUND"):
        label_maps_of(alone, (others,))


def test_structures_that_overlap_open_as_several_layers(real_data):
    path = real_data / "dicom/dcmqi/partial_overlaps.dcm"

    layers = layers_of(path)

    names = [options["name"] for _, options, _ in layers]
    assert names == [f"partial_overlaps ({n})" for n in (1, 2, 3)]
    found = sum(int(array.astype(bool).sum()) for array, _, _ in layers)
    truth = [
        medseg.read_segmentation(path.with_name(f"partial_overlaps-{n}.nrrd"))
        for n in (1, 2, 3)
    ]
    assert found == sum(int(each.array.astype(bool).sum()) for each in truth)
