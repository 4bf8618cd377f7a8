"""The models that come with MedSeg do what their cards say."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import medseg

ZOO = Path(medseg.__file__).parent / "models" / "zoo"
NAMES = ("hippocampus", "phantom-abdomen")
SAMPLE = Path(__file__).parents[2] / "sample_data"
DATASETS = {
    "hippocampus": "Task04_Hippocampus",
    "phantom-abdomen": "Task91_PhantomAbdomen",
}
CROPS = ("Study1/13_HCropVolume", "Study3/11_HCropVolume")


def test_both_models_are_listed():
    assert tuple(info.name for info in medseg.list_models()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_is_small_and_brings_its_card_and_licence(name):
    folder = ZOO / name
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) < 12e6
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    info = medseg.read_model_info(folder)
    assert f"medseg train {DATASETS[name]} " in card
    for result in info.results:
        assert f"| {result.structure} | {result.mean_dice:.4f} |" in card
    assert (folder / "LICENSE").exists()
    assert "CHOICE" not in card


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_in_the_description_are_those_of_the_table_beside_it(name):
    info = medseg.read_model_info(ZOO / name)
    lines = (ZOO / name / "validation.csv").read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
    for result in info.results:
        dice = [
            float(row["dice"])
            for row in rows
            if row["structure"] == result.structure and row["dice"]
        ]
        assert len(dice) == result.cases
        assert np.mean(dice) == pytest.approx(result.mean_dice, abs=1e-4)


def test_no_training_image_of_a_shipped_model_is_among_its_scored_cases():
    info = medseg.read_model_info(ZOO / "phantom-abdomen")
    assert not set(info.training.cases) & set(info.training.held_out)


@pytest.mark.slow
def test_the_phantom_model_reaches_its_marks_on_the_sample_scan():
    scan = medseg.read_volume(SAMPLE / "ct_phantom")
    model = medseg.load_model("phantom-abdomen")
    assert scan.sha256 not in model.info.training.image_sha256
    reference = medseg.read_segmentation(SAMPLE / "ct_phantom_reference.nii.gz")
    scores = medseg.score(medseg.segment(scan, model), reference, scan)
    organs = [scores[name].dice for name in reference.labels.names[:4]]
    assert np.mean([dice or 0.0 for dice in organs]) >= 0.90
    assert (scores["liver tumour"].dice or 0.0) >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("crop", CROPS)
def test_the_hippocampus_of_a_real_series_is_whole_and_of_plausible_size(
    crop, real_data, tmp_path
):
    """Ranges: those of the references of decathlon task 4."""
    scan = medseg.read_volume(real_data / "dicom/mr_hippocampus" / crop)
    result = medseg.segment(scan, medseg.load_model("hippocampus"))
    out = tmp_path / "out.nii.gz"
    medseg.write_segmentation(result, out)
    again = medseg.read_segmentation(out)
    assert again.geometry.is_same_grid(scan.geometry)
    masks = [again.mask(name) for name in ("Anterior", "Posterior")]
    for mask, (least_ml, most_ml) in zip(masks, ((1.0, 2.7), (0.9, 2.3)), strict=True):
        _, parts = ndimage.label(mask, np.ones((3, 3, 3)))
        assert parts == 1
        assert least_ml <= mask.sum() * scan.geometry.voxel_volume_ml <= most_ml
    a, b = (ndimage.binary_dilation(mask) for mask in masks)
    assert (a & b).any()
    centres = [again.geometry.to_world(np.argwhere(mask).mean(0)) for mask in masks]
    assert all(front[1] > back[1] for front, back in pairwise(centres))
