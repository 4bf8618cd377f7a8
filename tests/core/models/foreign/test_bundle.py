"""Imported MONAI bundles beside MONAI itself, on the same files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nibabel.nifti1 import Nifti1Image

from medseg import (
    Geometry,
    InferenceSettings,
    Precision,
    TrainedModel,
    UnusableInput,
    Volume,
    load_model,
    read_volume,
    segment,
)
from medseg.core.plan import MonaiStep, PatientAxes
from medseg.models.foreign.bundle import BundleOptions, import_bundle
from medseg.models.foreign.bundle_config import read_config
from medseg.models.foreign.bundle_plan import read_plan
from medseg.preprocessing import prepare
from tests.core.making import dice, turned_geometry
from tests.core.models.foreign.bundles import (
    ARGMAX,
    CT_RANGE,
    DYNUNET,
    INVERT,
    QUIETLY,
    RAS,
    SEGRESNET,
    SIGMOID,
    SOFTMAX,
    SWIN_UNETR,
    THRESHOLD,
    UNET,
    Recipe,
    chance_state,
    image_by_monai,
    labels_by_monai,
    monai_network,
    write_bundle,
    write_configs,
    write_scan,
)

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
EXACT = InferenceSettings(precision=Precision.FLOAT32, mirror=False, skip_air=False)
SHAPE = (30, 28, 24)
TURNED = turned_geometry(SHAPE, (1.2, 0.9, 2.0), (2, 0, 1), (True, False, True), 7)
SPACING = {"_target_": "Spacingd", "keys": "image", "pixdim": [1.47, 1.31, 1.13]}
CROP = {"_target_": "CropForegroundd", "keys": "image", "source_key": "image"}
NEAREST = {**INVERT, "nearest_interp": True}
Z_SCORE = {"_target_": "NormalizeIntensityd", "keys": "image"}
MIN_MAX = {"_target_": "ScaleIntensityd", "keys": "image"}


def axes(codes: str) -> dict[str, str]:
    return {"_target_": "Orientationd", "keys": "image", "axcodes": codes}


def imported(bundle: Path, folder: Path) -> TrainedModel:
    import_bundle(bundle, folder)
    return load_model(folder)


def both(tmp_path: Path, recipe: Recipe, scan: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels by MONAI and by the model imported."""
    bundle = write_bundle(tmp_path / "bundle", recipe)
    model = imported(bundle, tmp_path / "model")
    ours = segment(read_volume(scan), model, EXACT)
    return labels_by_monai(bundle, scan)[0], ours.array


def agreement(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The smallest Dice of a label that either has."""
    labels = {*np.unique(theirs), *np.unique(ours)} - {0}
    assert len(labels) > 1
    return min(dice(theirs == label, ours == label) for label in labels)


@pytest.fixture
def scan(tmp_path) -> Path:
    """A scan that lies aslant, its axes turned and flipped."""
    return write_scan(tmp_path / "scan.nii.gz", TURNED.affine, SHAPE)


@pytest.mark.parametrize(
    "network",
    [UNET, SEGRESNET, DYNUNET, SWIN_UNETR],
    ids=lambda network: network["_target_"],
)
def test_a_network_gives_the_logits_and_labels_of_monai(tmp_path, scan, network):
    edge = 64 if network is SWIN_UNETR else 32  # which halves five times
    recipe = Recipe(network=network, transforms=(RAS, SPACING, CT_RANGE), windows=edge)
    theirs, ours = both(tmp_path, recipe, scan)
    # a group norm of channels-last float32 differs in the fourth place
    assert agreement(theirs, ours) >= 0.999
    (imported_one,) = load_model(tmp_path / "model").networks
    original = monai_network(network).eval()
    original.load_state_dict(chance_state(network))
    window = torch.randn(1, 1, edge, edge, edge)
    with torch.no_grad():
        wanted = original(window)
        assert (imported_one(window) - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_labels_are_those_of_monai_where_nothing_is_resampled(tmp_path, scan):
    theirs, ours = both(tmp_path, Recipe(), scan)
    np.testing.assert_array_equal(theirs, ours)


@pytest.mark.parametrize(
    "transforms",
    [
        (axes("PIR"), SPACING, CT_RANGE),
        (SPACING, CT_RANGE),
        (CT_RANGE, RAS, SPACING),
        (RAS, SPACING, {**CT_RANGE, "clip": False}),
        (RAS, SPACING, Z_SCORE),
        (RAS, SPACING, {**Z_SCORE, "nonzero": True}, {**MIN_MAX, "minv": -1.0}),
        (RAS, SPACING, {**Z_SCORE, "subtrahend": 60.0, "divisor": 100.0}),
        (RAS, SPACING, CT_RANGE, CROP),
        (RAS, {**CROP, "select_fn": "$lambda x: x != 0"}, CT_RANGE, SPACING),
    ],
    ids=(
        "axes of the patient",
        "axes of the file",
        "normalised first",
        "not clipped",
        "z-score",
        "z-score of what is not 0, then a range",
        "known mean",
        "cropped to the positive",
        "cropped to what is not 0",
    ),
)
def test_a_scan_is_prepared_as_by_monai(tmp_path, scan, transforms):
    recipe = Recipe(transforms=transforms)
    write_configs(tmp_path / "bundle", recipe.config(), recipe.metadata())
    inference, metadata = (
        read_config(tmp_path / "bundle" / "configs" / f"{name}.json")
        for name in ("inference", "metadata")
    )
    plan = read_plan(inference, metadata).plan
    ours = prepare(read_volume(scan), plan).image
    theirs = image_by_monai(tmp_path / "bundle", scan)
    np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    "transforms",
    [(axes("PIR"), SPACING, CT_RANGE, CROP), (SPACING, CT_RANGE)],
    ids=("cropped", "axes of the file"),
)
def test_labels_come_back_as_by_monai(tmp_path, scan, transforms):
    theirs, ours = both(tmp_path, Recipe(transforms=transforms), scan)
    assert agreement(theirs, ours) >= 0.999


def test_labels_decided_on_before_resampling_are_the_nearest_ones(tmp_path, scan):
    recipe = Recipe(
        transforms=(RAS, SPACING, CT_RANGE, CROP), post=(SOFTMAX, ARGMAX, NEAREST)
    )
    theirs, ours = both(tmp_path, recipe, scan)
    assert agreement(theirs, ours) >= 0.999


def test_the_largest_pieces_are_kept_and_labels_renumbered(tmp_path, scan):
    pytest.importorskip("skimage", reason="MONAI needs it for this")
    numbers = {"orig_labels": [1, 2], "target_labels": [3, 7]}
    kept = {"applied_labels": [3, 7]}
    post = (
        *(SOFTMAX, INVERT, ARGMAX),
        {"_target_": "MapLabelValued", "keys": "pred", **numbers},
        {"_target_": "KeepLargestConnectedComponentd", "keys": "pred", **kept},
    )
    theirs, ours = both(tmp_path, Recipe(post=post), scan)
    assert {*np.unique(ours)} == {0, 3, 7}
    np.testing.assert_array_equal(theirs, ours)


def test_overlapping_regions_of_several_channels_are_painted_as_the_bundle_says(
    tmp_path,
):
    names = ("Tumor core", "Whole tumor", "Enhancing tumor")
    painting = (
        "$lambda x: torch.where(x[[2]] > 0, 4, "
        "torch.where(x[[0]] > 0, 1, torch.where(x[[1]] > 0, 2, 0)))"
    )
    recipe = Recipe(
        network={**SEGRESNET, "in_channels": 2},
        transforms=(RAS, {**Z_SCORE, "nonzero": True, "channel_wise": True}),
        post=(
            *(SIGMOID, INVERT, THRESHOLD),
            {"_target_": "Lambdad", "keys": "pred", "func": painting},
        ),
        names=names,
        channels=("T1c", "FLAIR"),
    )
    scan = write_scan(tmp_path / "scan.nii.gz", np.eye(4), SHAPE, channels=2)
    bundle = write_bundle(tmp_path / "bundle", recipe)
    model = imported(bundle, tmp_path / "model")
    plan = model.info.plan
    assert plan.output_names == ("Whole tumor", "Tumor core", "Enhancing tumor")
    assert [region.ids for region in plan.regions] == [(1, 2, 4), (1, 4), (4,)]
    array = np.moveaxis(Nifti1Image.from_filename(scan).get_fdata(), -1, 0)
    volume = Volume(
        array=array, geometry=Geometry(SHAPE, np.eye(4)), channels=("FLAIR", "T1c")
    )
    swapped = replace(volume, array=array[::-1])
    ours = segment(swapped, model, EXACT).array
    assert agreement(labels_by_monai(bundle, scan)[0], ours) >= 0.99


def test_a_bundle_becomes_an_ordinary_model_folder(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", Recipe(transforms=(RAS, SPACING)))
    options = BundleOptions(name="organs", licence="Apache-2.0")
    info = import_bundle(bundle, tmp_path / "model", options)
    assert load_model(tmp_path / "model").info == info
    assert (info.name, info.licence, info.summary) == (
        *("organs", "Apache-2.0"),
        "Segments noise.",
    )
    assert info.plan.axes == PatientAxes()
    assert info.plan.monai_steps == (MonaiStep.RESAMPLE,)
    assert info.plan.channels == ("CT",)
    assert info.plan.labels.names == ("liver", "spleen")


def test_a_model_folder_whose_network_cannot_be_made_is_refused(tmp_path):
    import_bundle(write_bundle(tmp_path / "bundle", Recipe()), tmp_path / "model")
    description = tmp_path / "model" / "model.json"
    text = description.read_text()
    description.write_text(text.replace('\\"channels\\"', '\\"shape\\"'))
    with pytest.raises(UnusableInput, match="no argument 'shape'"):
        load_model(tmp_path / "model")


def test_literals_references_and_a_few_expressions_are_understood(tmp_path):
    more = {
        "image": "$monai.utils.CommonKeys.IMAGE",  # never looked at
        "highres": {"on": False},
        "pixdim": "$[1.5, 1.5, 1.5] if @highres#on else [3.0, 3.0, 3.0]",
        "names": {"liver": 1, "spleen": 2, "background": 0},
        "modelname": "$'model.pt' if @highres#on else 'model_lowres.pt'",
        "handlers": [
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/' + @modelname",
            }
        ],
        "steps": [RAS, {**SPACING, "pixdim": "@pixdim"}],
        "preprocessing": {"_target_": "Compose", "transforms": "$@steps"},
    }
    network = {**UNET, "out_channels": "$len(@names)"}
    recipe = Recipe(network=network, more=more)
    bundle = tmp_path / "bundle"
    write_configs(bundle, recipe.config(), recipe.metadata())
    (bundle / "models").mkdir()
    torch.save({"model": chance_state(UNET)}, bundle / "models" / "model_lowres.pt")
    plan = imported(bundle, tmp_path / "model").info.plan
    assert plan.spacing_mm == (3.0, 3.0, 3.0)
    assert len(plan.labels) == 2
