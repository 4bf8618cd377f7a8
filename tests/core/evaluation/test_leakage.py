"""Cases that the model had been trained on are told from the others."""

import json
from dataclasses import replace

import pytest

import medseg
from medseg import EvaluationSettings, UnusableInput, WrongUse
from medseg.core.model_info import WeightFile
from medseg.io.checks import sha256_of
from medseg.models.description import write_model_info
from tests.core.evaluation.files import (
    LIVER,
    write_dataset,
    write_labels,
    write_made,
)
from tests.core.making import TINY_PLAN, untrained_info

SEEN = "5ee" + 61 * "0"


def trained_on(folder, *hashes):
    """Folder of a model that was trained on images of these hashes."""
    info = untrained_info(TINY_PLAN, WeightFile(path="a", sha256=""))
    training = replace(info.training, image_sha256=hashes)
    write_model_info(replace(info, training=training), folder)
    return folder


@pytest.fixture
def references(tmp_path):
    for case in ("seen", "unseen"):
        write_labels(tmp_path / f"truth/{case}.nii.gz", liver=LIVER)
    return tmp_path / "truth"


def test_a_shipped_models_list_is_looked_up(tmp_path):
    shipped = medseg.list_models()[0]
    seen = shipped.training.image_sha256[0]
    for case, model, input_sha256 in (
        ("seen", shipped.name, seen),
        ("unseen", shipped.name, "0" * 64),
        ("other_model", "mine", seen),
    ):
        write_labels(tmp_path / f"truth/{case}.nii.gz", liver=LIVER)
        path = tmp_path / f"mine/{case}.nii.gz"
        write_made(path, model=model, input_sha256=input_sha256)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert evaluation.trained_on == ("seen",)
    assert "trained on: seen" in evaluation.table()
    alone = medseg.evaluate(
        tmp_path / "mine/seen.nii.gz", tmp_path / "truth/seen.nii.gz"
    )
    assert alone.trained_on == ("seen",)


def test_another_model_of_a_shipped_ones_name_has_a_list_of_its_own(
    tmp_path, references
):
    shipped = medseg.list_models()[0]
    seen = shipped.training.image_sha256[0]
    weights = medseg.load_model(shipped.name).sha256
    for case, model_sha256 in (("seen", weights), ("unseen", "f" * 64)):
        write_made(
            tmp_path / f"mine/{case}.nii.gz",
            model=shipped.name,
            model_sha256=model_sha256,
            input_sha256=seen,
        )
    assert medseg.evaluate(tmp_path / "mine", references).trained_on == ("seen",)


def test_a_prediction_may_say_so_itself(tmp_path, references):
    write_made(tmp_path / "mine/seen.nii.gz", is_trained_on=True)
    write_made(tmp_path / "mine/unseen.nii.gz")
    evaluation = medseg.evaluate(tmp_path / "mine", references)
    assert evaluation.trained_on == ("seen",)


def test_what_older_versions_wrote_does_not_say(tmp_path):
    path = write_made(tmp_path / "seen.nii.gz", is_trained_on=True)
    beside = tmp_path / "seen.json"
    content = json.loads(beside.read_text())
    del content["provenance"]["is_trained_on"]
    beside.write_text(json.dumps(content))
    made = medseg.read_segmentation(path).provenance
    assert made is not None
    assert made.is_trained_on is False


def test_a_model_given_is_looked_up_by_the_hash_in_the_prediction(tmp_path, references):
    model = trained_on(tmp_path / "model", SEEN)
    write_made(tmp_path / "mine/seen.nii.gz", input_sha256=SEEN)
    write_labels(tmp_path / "mine/unseen.nii.gz", liver=LIVER)
    settings = EvaluationSettings(model=model)
    evaluation = medseg.evaluate(tmp_path / "mine", references, settings=settings)
    assert evaluation.trained_on == ("seen",)
    assert "1 cases could not be checked" in evaluation.notes[0]
    assert dict(evaluation.settings)["model"] == "tiny"


@pytest.mark.parametrize("modality", ["CT", "MRI"])
def test_a_dataset_brings_the_scans_to_know_again(tmp_path, modality):
    dataset = write_dataset(tmp_path / "set", ["seen", "unseen"], modality)
    for number, case in enumerate(("seen", "unseen")):
        image = dataset / f"imagesTr/{case}.nii.gz"
        image.write_bytes(image.read_bytes() + b"\0" * number)  # another hash
        write_labels(tmp_path / f"mine/{case}.nii.gz", liver=LIVER)
    hashes = sha256_of(dataset / "imagesTr/seen.nii.gz")
    settings = EvaluationSettings(model=trained_on(tmp_path / "model", hashes))
    evaluation = medseg.evaluate(tmp_path / "mine", dataset, settings=settings)
    assert evaluation.trained_on == ("seen",)
    assert evaluation.notes == ()
    assert evaluation.cases[0]["liver"].mean_hu is None  # the model takes MRI


def test_a_folder_of_scans_does_too(tmp_path, references):
    dataset = write_dataset(tmp_path / "set", ["seen"])
    images = dataset / "imagesTr"
    model = trained_on(tmp_path / "model", sha256_of(images / "seen.nii.gz"))
    evaluation = medseg.evaluate(
        references, references, images=images, settings=EvaluationSettings(model=model)
    )
    assert evaluation.trained_on == ("seen",)
    assert "1 cases could not be checked" in evaluation.notes[0]


def test_the_hash_of_a_scan_is_that_of_reading_it(tmp_path, references):
    """For a format of two files as well."""
    scan = medseg.Volume(
        array=medseg.read_segmentation(references / "seen.nii.gz").array[None],
        geometry=medseg.read_segmentation(references / "seen.nii.gz").geometry,
    )
    for name in ("seen.mha", "seen.nii"):
        medseg.write_volume(scan, tmp_path / name)
        read = medseg.read_volume(tmp_path / name)
        model = trained_on(tmp_path / f"model-{name}", read.sha256)
        evaluation = medseg.evaluate(
            references / "seen.nii.gz",
            references / "seen.nii.gz",
            images=tmp_path / name,
            settings=EvaluationSettings(model=model),
        )
        assert evaluation.trained_on == ("seen",)


def test_an_unknown_or_damaged_model_is_refused(references, tmp_path):
    (tmp_path / "empty").mkdir()
    for model, kind in (("none", WrongUse), (tmp_path / "empty", UnusableInput)):
        with pytest.raises(kind):
            medseg.evaluate(
                references, references, settings=EvaluationSettings(model=model)
            )
