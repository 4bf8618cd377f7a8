"""More than one label map of one model: regions, stages, ensembles, compositions."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

import medseg
from medseg import (
    Cancelled,
    Device,
    ErrorCode,
    InferenceSettings,
    LabelSet,
    Precision,
    Progress,
    Request,
    UnusableInput,
    Wanted,
)
from medseg.core.model_info import WeightFile
from medseg.core.regions import Region
from medseg.models import TrainedModel, second_stage_plan
from medseg.networks import build_network
from medseg.pipeline.composing import composed, composed_labels
from medseg.preprocessing import LogitsSlab, prepare, prepare_first_stage, restored
from tests.core.inference.streaming import whole_logits
from tests.core.making import (
    TINY_PLAN,
    segmentation_of,
    turned_geometry,
    untrained_info,
    volume_of,
)

EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
SHAPE = (30, 25, 20)
REGIONS = (
    Region(name="whole liver", ids=(1, 4), painted_as=1),
    Region(name="liver tumour", ids=(4,), painted_as=4),
)
UNCERTAIN = Request(wanted=Wanted(uncertainty=True))


def model_of(plan=TINY_PLAN, name="tiny", networks=1, seed=3, takes=None):
    torch.manual_seed(seed)
    weights = WeightFile(path="weights/a.safetensors", sha256=f"{seed:064x}")
    return TrainedModel(
        info=untrained_info(plan, weights, name),
        networks=tuple(build_network(takes or plan).eval() for _ in range(networks)),
    )


def scan_of(**more):
    values = np.random.default_rng(0).normal(100, 30, SHAPE)
    smooth = ndimage.gaussian_filter(values, 1.5).astype(np.float32)
    geometry = turned_geometry(SHAPE, (1, 1, 1), (2, 0, 1), (True, False, True))
    return volume_of(smooth, geometry, **more)


def region_of(scan, voxels=((3, 20, 4),)):
    array = np.zeros(SHAPE, np.uint8)
    for voxel in voxels:
        array[voxel] = 1
    return segmentation_of(array, scan.geometry)


def test_near_a_region_labels_are_as_without_and_far_from_it_background():
    scan, model = scan_of(), model_of()
    settings = replace(EXACT, margin_mm=4.0)
    region = region_of(scan)
    near = medseg.segment(scan, model, settings, region=region)
    full = medseg.segment(scan, model, settings).array
    box = np.zeros(SHAPE, dtype=bool)
    box[:8, 16:25, :9] = True
    assert full[box].any()
    assert_array_equal(near.array[box], full[box])
    assert not near.array[~box].any()
    assert near.provenance is not None
    assert "within 4 mm of what a region found" in " ".join(near.provenance.notes)


@pytest.mark.parametrize("regions", [(), REGIONS])
def test_a_coarser_network_finds_nothing_outside_a_region_and_its_margin(regions):
    plan = replace(TINY_PLAN, spacing_mm=(3.0, 3.0, 3.0), regions=regions)
    scan, model = scan_of(), model_of(plan)
    settings = replace(EXACT, margin_mm=4.0)
    wanted = Wanted(probabilities=True, uncertainty=True)
    request = Request(wanted=wanted, region=region_of(scan))
    near = medseg.predict(scan, model, settings, request=request)
    box = np.zeros(SHAPE, dtype=bool)
    box[:8, 16:25, :9] = True
    full = medseg.segment(scan, model, settings).array
    assert full[ndimage.binary_dilation(box) & ~box].any()
    assert near.segmentation.array[box].any()
    assert not near.segmentation.array[~box].any()
    assert near.probabilities is not None
    assert near.uncertainty is not None
    outputs = near.probabilities.array[:, ~box]
    assert (outputs == ([[0], [0]] if regions else [[1], [0], [0]])).all()
    assert not near.uncertainty.array[:, ~box].any()


def test_a_region_with_nothing_in_it_is_nowhere_to_look():
    scan, model = scan_of(), model_of()
    heard: list[Progress] = []
    result = medseg.segment(scan, model, EXACT, heard.append, region_of(scan, ()))
    assert not result.array.any()
    assert not heard
    assert result.provenance is not None
    assert "looked for nowhere, as a region found nothing" in result.provenance.notes


def test_a_region_of_another_scan_is_refused():
    scan = scan_of()
    other = segmentation_of(np.zeros((3, 4, 5), np.uint8))
    with pytest.raises(UnusableInput) as caught:
        medseg.segment(scan, model_of(), EXACT, region=other)
    assert caught.value.code is ErrorCode.GRID_MISMATCH


def test_a_first_stages_structures_are_further_channels_of_the_second():
    coarse = model_of(replace(TINY_PLAN, spacing_mm=(2.0, 2.0, 2.0)), "coarse")
    fine = model_of(
        name="fine", seed=4, takes=second_stage_plan(TINY_PLAN, coarse.info.plan)
    )
    fine = replace(fine, first_stage=coarse)
    scan = scan_of()
    heard: list[Progress] = []
    exact = replace(EXACT, skip_air=False)
    result = medseg.segment(scan, fine, exact, heard.append)
    stages = list(dict.fromkeys(step.stage for step in heard))
    assert stages == ["segmenting (first stage)", "segmenting"]
    first = medseg.segment(scan, coarse, exact)
    prepared = prepare(scan, TINY_PLAN)
    indices = prepare_first_stage(first, prepared, TINY_PLAN, scan).first_stage
    assert indices is not None
    assert indices.any()
    structures = np.stack([indices == 1, indices == 2])  # whose labels are 1 and 4
    both = np.concatenate([prepared.image, structures.astype(np.float32)])
    stacked = replace(prepared, image=both)
    logits = whole_logits(fine.networks, stacked, TINY_PLAN, exact)
    expected = restored([LogitsSlab.whole(logits)], prepared, TINY_PLAN).labels
    assert (result.array == expected).mean() > 0.999


def test_an_ensembles_uncertainty_has_its_disagreement():
    scan, model = scan_of(), model_of(networks=2)
    made = medseg.predict(scan, model, EXACT, request=UNCERTAIN)
    assert made.uncertainty is not None
    assert made.uncertainty.channels == ("entropy", "disagreement")
    assert made.uncertainty.geometry is scan.geometry
    assert made.uncertainty.array.dtype == np.float16
    entropy, disagreement = made.uncertainty.array
    assert 0 <= disagreement.min() <= disagreement.max() <= entropy.max() <= 1
    assert disagreement.max() > 0
    assert_array_equal(
        made.segmentation.array, medseg.segment(scan, model, EXACT).array
    )


def test_entropy_is_that_of_the_probabilities():
    wanted = Wanted(probabilities=True, uncertainty=True)
    made = medseg.predict(scan_of(), model_of(), EXACT, request=Request(wanted=wanted))
    assert made.probabilities is not None
    assert made.uncertainty is not None
    assert made.uncertainty.channels == ("entropy",)
    p = made.probabilities.array.astype(np.float64)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    assert_allclose(
        made.uncertainty.array[0], -(p * logs).sum(0) / np.log(3), atol=5e-3
    )


def test_uncertainty_is_written_beside_the_label_map(tmp_path):
    made = medseg.predict(scan_of(), model_of(networks=2), EXACT, request=UNCERTAIN)
    assert made.uncertainty is not None
    medseg.write_uncertainty(made.uncertainty, tmp_path / "case.nii.gz")
    assert [each.name for each in tmp_path.iterdir()] == ["case.uncertainty.nii.gz"]
    stored = nibabel.nifti1.load(tmp_path / "case.uncertainty.nii.gz")
    written = np.moveaxis(stored.get_fdata(dtype=np.float32), -1, 0)
    assert_allclose(written, made.uncertainty.array, atol=0.5 / 4096)


def labels(*names):
    return LabelSet.from_names(names)


def test_labels_without_a_clash_keep_their_numbers():
    result = composed_labels(
        [labels((1, "liver"), (5, "spleen")), labels((3, "aorta"))]
    )
    assert result.names == ("liver", "aorta", "spleen")
    assert result.ids == (1, 3, 5)


@pytest.mark.parametrize(
    "second", [labels((1, "aorta")), labels((2, "liver"), (9, "aorta"))]
)
def test_labels_that_clash_are_numbered_anew_in_order(second):
    result = composed_labels([labels((1, "liver"), (5, "spleen")), second])
    assert result.names == ("liver", "spleen", "aorta")
    assert result.ids == (1, 2, 3)


def test_the_same_name_is_one_structure_and_later_maps_cover_earlier_ones():
    first = np.array([[[1, 1, 2, 2, 0, 0]]], np.uint8)
    second = np.array([[[0, 1, 0, 1, 1, 2]]], np.uint8)
    result = composed(
        [
            segmentation_of(first, labels=labels((1, "liver"), (2, "spleen"))),
            segmentation_of(second, labels=labels((1, "aorta"), (2, "liver"))),
        ]
    )
    assert result.labels.names == ("liver", "spleen", "aorta")
    assert_array_equal(result.array, [[[1, 3, 2, 3, 3, 1]]])


def test_many_models_make_a_label_map_of_two_bytes():
    parts = [
        segmentation_of(
            np.full((1, 1, 1), 200, np.uint8),
            labels=labels(*((n, f"{name} {n}") for n in range(1, 201))),
        )
        for name in "ab"
    ]
    result = composed(parts)
    assert result.array.dtype == np.uint16
    assert result.array.item() == 400


def test_several_models_are_run_one_after_the_other():
    scan = scan_of(sha256="f" * 64)
    heard: list[Progress] = []
    other = replace(TINY_PLAN, labels=labels((1, "aorta"), (2, "liver")))
    models = [
        model_of(name="organs"),
        model_of(other, "vessels", seed=9),
    ]
    training = replace(models[1].info.training, image_sha256=("f" * 64,))
    models[1] = replace(models[1], info=replace(models[1].info, training=training))
    result = medseg.segment_all(scan, models, EXACT, heard.append)
    assert {step.stage for step in heard} == {
        "segmenting (organs)",
        "segmenting (vessels)",
    }
    assert result.labels.names == ("liver", "liver tumour", "aorta")
    organs, vessels = (medseg.segment(scan, model, EXACT).array for model in models)
    expected = np.array([0, 1, 0, 0, 2])[organs]
    expected[vessels > 0] = np.array([0, 3, 1])[vessels[vessels > 0]]
    assert_array_equal(result.array, expected)
    made = result.provenance
    assert made is not None
    assert made.model == "organs + vessels"
    assert made.is_trained_on
    assert len(made.model_sha256) == 64


def test_one_model_is_as_segment():
    scan, model = scan_of(), model_of()
    result = medseg.segment_all(scan, [model], EXACT)
    assert_array_equal(result.array, medseg.segment(scan, model, EXACT).array)
    assert result.labels == model.info.plan.labels


def test_notes_that_not_all_models_have_say_whose_they_are():
    scan, models = scan_of(notes=("a slice was dropped",)), [model_of(), model_of()]
    models[1] = replace(models[1], info=replace(models[1].info, name="none"))
    region = region_of(scan, ())
    made = medseg.segment_all(scan, models, EXACT, region=region).provenance
    assert made is not None
    assert made.notes[0] == "a slice was dropped"
    assert "no structure was found" in made.notes


def test_cancelling_one_of_several_models_ends_all():
    def stop_at_the_second(step):
        if "second" in step.stage:
            raise Cancelled

    models = [model_of(name="first"), model_of(name="second")]
    with pytest.raises(Cancelled):
        medseg.segment_all(scan_of(), models, EXACT, stop_at_the_second)


class Full(torch.nn.Module):
    """A network that no device has room for.

    Args:
        error: What the device says.
    """

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error or torch.OutOfMemoryError("it is full")

    def forward(self, _windows: torch.Tensor) -> torch.Tensor:
        raise self.error


def test_too_little_memory_is_one_line_that_says_what_to_do():
    model = replace(model_of(), networks=(Full(),))
    with pytest.raises(UnusableInput, match="--device cpu") as caught:
        medseg.segment(scan_of(case_id="a"), model, EXACT)
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY
    assert caught.value.where == "a"


def test_what_the_system_said_of_its_memory_is_the_errors_cause():
    full = Full(RuntimeError("could not create a primitive"))
    with pytest.raises(UnusableInput) as caught:
        medseg.segment(scan_of(), replace(model_of(), networks=(full,)), EXACT)
    assert "could not create a primitive" in str(caught.value.__cause__)
