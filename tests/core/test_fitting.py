from dataclasses import replace

import nibabel
import pytest

from medseg import Geometry, misfits
from medseg.core.channels import channel_order
from medseg.core.model_info import WeightFile
from medseg.core.plan import StoredAxes
from tests.core.making import CT, ORIENTATIONS, TINY_PLAN, untrained_info

WEIGHTS = WeightFile(path="weights/a.safetensors", sha256="0" * 64)
GRID = Geometry.from_spacing((20, 20, 20), (1.0, 1.0, 1.0))


def model_for(channels, spacing_mm=(1.0, 1.0, 1.0)):
    plan = replace(
        TINY_PLAN,
        channels=channels,
        normalisation=(CT,) * len(channels),
        spacing_mm=spacing_mm,
    )
    return untrained_info(plan, WEIGHTS)


@pytest.mark.parametrize(
    ("given", "wanted", "order"),
    [
        (("CT",), ("CT",), (0,)),
        (("image",), ("CT",), (0,)),
        (("MR",), ("T1",), (0,)),
        (("MR",), ("CT",), ()),
        (("FLAIR", "t1"), ("T1", "FLAIR"), (1, 0)),
        (("T1",), ("T1", "FLAIR"), ()),
        (("T1", "T2"), ("T1", "FLAIR"), ()),
    ],
)
def test_channels_are_matched_by_name_and_one_by_its_modality(given, wanted, order):
    assert channel_order(given, wanted) == order


def test_a_scan_like_those_trained_on_raises_no_doubt():
    assert misfits(("CT",), GRID, model_for(("CT",))) == ()


def test_another_modality_is_refused():
    (misfit,) = misfits(("MR",), GRID, model_for(("CT",)))

    assert misfit.is_refused
    assert misfit.text == "The scan is MR; tiny takes CT."


def test_a_missing_channel_is_refused():
    (misfit,) = misfits(("T1",), GRID, model_for(("T1", "FLAIR")))

    assert misfit.is_refused


def test_a_scan_that_names_no_modality_is_taken_with_a_warning():
    (misfit,) = misfits(("image",), GRID, model_for(("CT",)))

    assert not misfit.is_refused
    assert "taken for CT" in misfit.text


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::7])
def test_far_other_voxels_are_warned_of_along_the_networks_axes(axes, flips):
    thick = Geometry.from_spacing((20, 20, 20), (1.0, 1.0, 10.0)).permuted(axes, flips)

    (misfit,) = misfits(("CT",), thick, model_for(("CT",)))

    assert not misfit.is_refused
    assert misfit.text == ("Voxels are far coarser than the model's: 10 mm, not 1 mm.")
    assert misfits(("CT",), thick, model_for(("CT",), (1.0, 1.0, 8.0))) == ()


def test_far_finer_voxels_are_warned_of():
    (misfit,) = misfits(("CT",), GRID, model_for(("CT",), (10.0, 1.0, 1.0)))

    assert "far finer" in misfit.text


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::7])
def test_where_the_axes_point_is_said_of_a_model_that_takes_those_of_the_file(
    axes, flips
):
    sides = {"R": "right", "L": "left", "A": "anterior", "P": "posterior"}
    sides |= {"S": "superior", "I": "inferior"}
    turned = GRID.permuted(axes, flips)
    model = model_for(("CT",))
    stored = replace(model, plan=replace(model.plan, axes=StoredAxes(order=(2, 1, 0))))

    (misfit,) = misfits(("CT",), turned, stored)

    codes = nibabel.orientations.aff2axcodes(turned.affine)
    assert not misfit.is_refused
    assert f"i, j, k run to {', '.join(sides[c] for c in codes)}:" in misfit.text
