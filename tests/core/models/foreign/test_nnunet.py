"""Models that nnU-Net itself trained, beside its own answers; see their maker."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from medseg import ErrorCode, UnusableInput, WrongUse
from medseg.core.plan import NormalisationKind, PatientAxes, StoredAxes
from medseg.core.settings import InferenceSettings, Precision
from medseg.models import TrainedModel, load_model
from medseg.models.foreign.importing import import_model
from medseg.models.foreign.nnunet import import_nnunet
from medseg.models.foreign.nnunet_files import (
    NnunetCheckpoint,
    NnunetConfiguration,
    ResultsFolder,
)
from medseg.models.foreign.nnunet_options import NnunetOptions
from medseg.preprocessing import prepare

MADE = Path(__file__).parent / "nnunet"
NAMES = ("plain", "regions", "cascade")
CASCADE = NnunetOptions(configuration=NnunetConfiguration.CASCADE)
EXACT = InferenceSettings(precision=Precision.FLOAT32)
TRAINED = "nnUNetTrainer__nnUNetPlans__3d_fullres"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedModel]:
    folder = tmp_path_factory.mktemp("imported")
    for name in NAMES:
        options = CASCADE if name == "cascade" else NnunetOptions()
        import_nnunet(dataset_of(name), folder / name, options)
    return {name: load_model(folder / name) for name in NAMES}


def dataset_of(name: str) -> Path:
    return next((MADE / name).glob("Dataset*"))


def scan_of(name: str, model: TrainedModel):
    files = sorted((MADE / name).glob("scan_*.nii.gz"))
    channels = dict(zip(model.info.plan.channels, files, strict=True))
    return medseg.read_volume(MADE / name, channels=channels)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The plain model's results folder, to be changed."""
    shutil.copytree(dataset_of("plain") / TRAINED, tmp_path / "Dataset1_A" / TRAINED)
    return tmp_path / "Dataset1_A" / TRAINED


def change(file: Path, *keys: str, value: object) -> None:
    content = json.loads(file.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("name", NAMES)
def test_a_window_has_the_logits_of_the_network_it_came_from(name, models):
    truth = np.load(MADE / name / "truth.npz")
    with torch.no_grad():
        logits = models[name].networks[0](torch.from_numpy(truth["window"])).numpy()
    largest = np.abs(truth["logits"]).max()
    assert_allclose(logits, truth["logits"], atol=1e-5 * largest, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_is_prepared_as_nnunet_prepares_it(name, models):
    plan = models[name].info.plan
    prepared = prepare(scan_of(name, models[name]), plan)
    truth = np.load(MADE / name / "truth.npz")["prepared"]
    assert_allclose(prepared.image, truth[: len(plan.channels)], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_gets_the_labels_nnunet_gives_it(name, models):
    result = medseg.segment(scan_of(name, models[name]), models[name], EXACT)
    truth = medseg.read_segmentation(MADE / name / "labels.nii.gz")
    assert truth.array.any()
    assert_array_equal(result.array, truth.array)


def test_a_plan_says_what_nnunet_s_files_say(models):
    plain, regions = (models[name].info.plan for name in ("plain", "regions"))
    assert plain.axes == StoredAxes(order=(2, 1, 0))
    assert regions.axes == PatientAxes(codes="ASR")
    assert (plain.mirror_axes, regions.mirror_axes) == ((1, 2), (0, 2))
    assert [region.ids for region in regions.regions] == [(1, 2), (2,)]
    assert regions.labels.ids == (1, 2)
    assert [how.kind for how in regions.normalisation] == [
        NormalisationKind.Z_SCORE_NONZERO,
        NormalisationKind.MIN_MAX,
    ]


def test_a_cascade_brings_its_first_stage_along(models):
    first = models["cascade"].first_stage
    assert first is not None
    assert first.info.plan.spacing_mm == (2.0, 2.0, 2.0)
    assert models["cascade"].info.plan.channels == ("MRI",)
    assert (
        models["cascade"].sha256 != replace(models["cascade"], first_stage=None).sha256
    )


def test_the_exported_zip_is_the_same_model(models, tmp_path):
    archive = tmp_path / "exported.zip"
    dataset = dataset_of("plain")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for file in sorted(dataset.rglob("*")):
            zip_file.write(file, file.relative_to(dataset.parent))
    import_nnunet(archive, tmp_path / "model")
    assert load_model(tmp_path / "model").sha256 == models["plain"].sha256


def test_the_results_folder_itself_is_the_same_model(models, tmp_path, monkeypatch):
    monkeypatch.chdir(dataset_of("plain") / TRAINED)
    import_nnunet(Path(), tmp_path / "model")
    assert load_model(tmp_path / "model").sha256 == models["plain"].sha256


def test_folds_are_one_network_each(copied, tmp_path):
    shutil.copytree(copied / "fold_0", copied / "fold_3")
    info = import_nnunet(copied, tmp_path / "both")
    assert [file.path for file in info.weights] == [
        "weights/fold_0.safetensors",
        "weights/fold_3.safetensors",
    ]
    (one,) = ResultsFolder(path=copied).checkpoints(NnunetCheckpoint.FINAL, (3,))
    assert one.parent.name == "fold_3"


def test_a_fold_named_twice_is_one_network(copied):
    folder = ResultsFolder(path=copied)
    assert folder.checkpoints(NnunetCheckpoint.FINAL, (0, 0)) == (
        copied / "fold_0" / NnunetCheckpoint.FINAL,
    )


def test_a_cascade_of_more_than_two_stages_is_refused(copied, tmp_path):
    change(copied / "plans.json", *CONFIG, "previous_stage", value="3d_fullres")
    with pytest.raises(UnusableInput, match=r"UNSUPPORTED_MODEL.*three stages"):
        import_nnunet(copied, tmp_path / "model")


def test_mirroring_that_is_no_axes_is_refused(copied, tmp_path):
    file = copied / "fold_0" / NnunetCheckpoint.FINAL
    content = torch.load(file, weights_only=False)
    content["inference_allowed_mirroring_axes"] = [[0]]
    torch.save(content, file)
    with pytest.raises(UnusableInput, match="mirroring along"):
        import_nnunet(copied, tmp_path / "model")


@pytest.mark.parametrize("name", ["neither.zip", "no_zip.pth", "absent"])
def test_what_is_no_model_is_refused_with_what_is_wrong(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "neither.zip", "w") as zip_file:
        zip_file.writestr("some.txt", b"text")
    (tmp_path / "no_zip.pth").write_bytes(b"abc")
    named = {
        "neither.zip": "UNSUPPORTED_MODEL.*neither a model",
        "no_zip.pth": "TRUNCATED_FILE.*no zip",
        "absent": "NOT_FOUND.*no such file",
    }
    with pytest.raises(UnusableInput, match=named[name]):
        import_model(tmp_path / name, tmp_path / "model")


NETWORK = ("configurations", "3d_fullres", "architecture")
ARGUMENTS = (*NETWORK, "arch_kwargs")
CONFIG = ("configurations", "3d_fullres")


@pytest.mark.parametrize(
    ("keys", "value", "named"),
    [
        ((*CONFIG, "patch_size"), [24, 20], "2D"),
        ((*CONFIG, "preprocessor_name"), "Mine", "Mine"),
        (
            (*CONFIG, "resampling_fn_data"),
            "resample_torch_fornnunet",
            "torch_fornnunet",
        ),
        ((*CONFIG, "resampling_fn_data_kwargs", "order"), 1, "order 1"),
        ((*CONFIG, "normalization_schemes"), ["RGBTo01Normalization"], "RGBTo01"),
        ((*NETWORK, "network_class_name"), "a.b.Primus", "Primus"),
        ((*ARGUMENTS, "norm_op"), "torch.nn.BatchNorm3d", "BatchNorm3d"),
        ((*ARGUMENTS, "nonlin"), "torch.nn.ReLU", "ReLU"),
        ((*ARGUMENTS, "nonlin_kwargs"), {"negative_slope": 0.1}, "negative_slope"),
        ((*ARGUMENTS, "squeeze_excitation"), True, "squeeze_excitation"),
        ((*ARGUMENTS, "n_conv_per_stage"), [3, 3, 3], "3"),
        ((*ARGUMENTS, "strides"), [[1, 1, 1], [1, 4, 4], [2, 2, 2]], "4"),
        ((*ARGUMENTS, "kernel_sizes"), [[3, 3, 3], [3, 2, 2], [3, 3, 3]], "2, 2"),
        (("image_reader_writer",), "Tiff3DIO", "Tiff3DIO"),
        (("label_manager",), "HierarchicalLabels", "HierarchicalLabels"),
    ],
)
def test_what_has_no_equal_here_is_refused_by_name(
    keys, value, named, copied, tmp_path
):
    change(copied / "plans.json", *keys, value=value)
    with pytest.raises(UnusableInput, match=named) as caught:
        import_nnunet(copied, tmp_path / "model")
    assert caught.value.code == ErrorCode.UNSUPPORTED_MODEL
    assert not (tmp_path / "model").exists()


def test_more_structures_than_a_label_index_holds_are_refused(copied, tmp_path):
    names = {f"structure {label}": label for label in range(1, 256)}
    change(copied / "dataset.json", "labels", value={"background": 0} | names)
    with pytest.raises(UnusableInput, match="255 structures") as caught:
        import_nnunet(copied, tmp_path / "model")
    assert caught.value.code == ErrorCode.UNSUPPORTED_MODEL


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("plans.json", ("configurations",), {}),
        ("plans.json", (*CONFIG, "spacing"), [1.0, "wide", 1.0]),
        ("plans.json", (*CONFIG, "inherits_from"), "3d_fullres"),
        ("plans.json", (*CONFIG, "patch_size"), [6, 23, 20]),
        ("plans.json", (*ARGUMENTS, "features_per_stage"), [4, 6, 9]),
        ("plans.json", (*ARGUMENTS, "kernel_sizes"), [3]),
        ("plans.json", ("foreground_intensity_properties_per_channel",), {}),
        ("dataset.json", ("labels",), {"background": 0, "ball": 1, "core": 5}),
        ("dataset.json", ("labels",), {"background": 0, "ball": 1}),
        ("dataset.json", ("labels",), "ball"),
        ("dataset.json", ("channel_names",), {}),
    ],
)
def test_descriptions_that_contradict_the_rest_are_refused(
    file, keys, value, copied, tmp_path
):
    change(copied / file, *keys, value=value)
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        import_nnunet(copied, tmp_path / "model")


def test_a_description_that_is_no_json_is_refused(copied, tmp_path):
    (copied / "plans.json").write_text("[1]")
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        import_nnunet(copied, tmp_path / "model")


def test_a_checkpoint_that_is_not_there_is_named(copied, tmp_path):
    options = NnunetOptions(checkpoint=NnunetCheckpoint.BEST)
    with pytest.raises(UnusableInput, match=r"no checkpoint_best.pth of fold_all"):
        import_nnunet(copied, tmp_path / "model", options)


def test_several_models_are_asked_about(tmp_path):
    with pytest.raises(WrongUse, match=r"which of them\? .*3d_lowres"):
        import_nnunet(dataset_of("cascade"), tmp_path / "model")
    full = NnunetOptions(configuration=NnunetConfiguration.FULL_RESOLUTION)
    with pytest.raises(WrongUse, match="there is no 3d_fullres"):
        import_nnunet(dataset_of("cascade"), tmp_path / "model", full)


def test_a_cascade_without_its_first_stage_is_refused(tmp_path):
    name = "nnUNetTrainer__nnUNetPlans__3d_cascade_fullres"
    shutil.copytree(dataset_of("cascade") / name, tmp_path / name)
    with pytest.raises(UnusableInput, match="first stage 3d_lowres is missing"):
        import_nnunet(tmp_path / name, tmp_path / "model")


def zipped(folder: Path, archive: Path, top: str = "") -> Path:
    """A zip of a folder, its name and perhaps another on top of all paths."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for file in folder.rglob("*"):
            zip_file.write(file, Path(top) / file.relative_to(folder.parent))
    return archive


def test_a_zip_of_all_results_is_a_model_too(tmp_path):
    archive = zipped(dataset_of("plain"), tmp_path / "all.zip", "nnUNet_results")
    info = import_nnunet(archive, tmp_path / "model")
    assert info.training.dataset == "Dataset101_Plain"


def test_an_error_about_a_zip_names_it_and_the_path_within(copied, tmp_path):
    (copied / "plans.json").write_text("[1]")
    archive = zipped(copied, tmp_path / "exported.zip")
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL") as caught:
        import_nnunet(archive, tmp_path / "model")
    assert caught.value.where == f"{archive}: {copied.name}/plans.json"
    cascade = zipped(dataset_of("cascade"), tmp_path / "cascade.zip")
    with pytest.raises(WrongUse, match="which of them") as several:
        import_nnunet(cascade, tmp_path / "model")
    assert several.value.where == str(cascade)


def test_a_folder_without_a_model_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UnusableInput, match="NOT_FOUND"):
            import_nnunet(path, tmp_path / "model")


def test_a_model_folder_is_never_overwritten(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        import_nnunet(dataset_of("plain"), tmp_path)
