"""What the head is taught is what is read of it: to the true number of lesions.

Both ways lead over files of a real dataset, whose voxels lie otherwise than the
network's: as a training makes targets of them, and as a prediction makes lesions.
"""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch
from nibabel.affines import apply_affine
from scipy import ndimage

import medseg
from medseg.core.instance_head import InstanceHead
from medseg.core.labels import LabelSet
from medseg.pipeline.centres import HeadRows
from medseg.preprocessing import LogitsSlab, prepare
from medseg.training.cache import DatasetCache
from medseg.training.centres import centre_targets
from medseg.training.planning import prepared_cases
from tests.core.making import CT, TINY_PLAN

SEEDS = (5, 6, 11)
SHAPE, SPACING_MM = (44, 40, 32), (2.5, 2.5, 3.0)
NAMES = [(1, "liver"), (5, "liver tumour")]


def turned_affine() -> np.ndarray:
    """Axes to the back, head and left, tilted a little, far from the origin."""
    affine = np.zeros((4, 4))
    affine[:3, :3] = np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]]) * (2.5, 3.0, 2.5)
    tilt = np.radians(8.0)
    turn = [
        [1, 0, 0],
        [0, np.cos(tilt), -np.sin(tilt)],
        [0, np.sin(tilt), np.cos(tilt)],
    ]
    affine[:3, :3] = np.array(turn) @ affine[:3, :3]
    affine[:, 3] = (61.0, -140.0, 870.0, 1.0)
    return affine


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> medseg.Dataset:
    """Livers with tumours that touch, in voxels whose axes are not the patient's."""
    folder = tmp_path_factory.mktemp("turned")
    entries = []
    for part in ("imagesTr", "labelsTr", "instancesTr"):
        (folder / part).mkdir()
    for seed in SEEDS:
        made = medseg.make_touching_tumours(seed, shape=SHAPE, spacing_mm=SPACING_MM)
        name = f"liver_{seed}.nii.gz"
        labels = made.reference.array
        image = np.where(labels > 0, made.volume.array[0], 0)  # the frame is cut off
        arrays = (image, labels, made.tumours)
        for part, array in zip(
            ("imagesTr", "labelsTr", "instancesTr"), arrays, strict=True
        ):
            stored = np.ascontiguousarray(array.transpose(1, 2, 0))
            nib.save(nib.Nifti1Image(stored, turned_affine()), folder / part / name)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": "Turned livers",
        "licence": "CC0-1.0",
        "modality": {"0": "CT"},
        "labels": {"0": "background", **{str(id_): name for id_, name in NAMES}},
        "things": ["liver tumour"],
        "training": entries,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return medseg.read_dataset(folder)


@pytest.fixture(scope="module", params=[(2.0, 2.4, 2.8), (3.0, 3.0, 3.0)], ids=str)
def plan(request) -> medseg.Plan:
    """Finer, coarser and more oblong voxels than those of the scans."""
    labels = LabelSet.from_names(NAMES)
    return replace(
        TINY_PLAN,
        channels=("CT",),
        labels=labels,
        normalisation=(CT,),
        spacing_mm=request.param,
        head=InstanceHead.of(("liver tumour",), request.param),
    )


def numbers_of(case: medseg.Case) -> np.ndarray:
    assert case.instances is not None
    return np.asarray(nib.nifti1.load(case.instances).dataobj).astype(int)


def taught_maps(
    case: medseg.Case, dataset: medseg.Dataset, plan: medseg.Plan
) -> medseg.CentreMaps:
    """What the head would say if it had learned its targets to the letter."""
    assert plan.head is not None
    (learned,) = prepared_cases(DatasetCache(dataset, None), [case], plan)
    assert learned.instances is not None
    numbers = np.asarray(learned.instances[(slice(None),) * 3], np.int32)
    targets = centre_targets(
        torch.from_numpy(numbers)[None], plan.head, plan.spacing_mm
    )
    own = len(plan.output_names)
    logits = torch.zeros((1, own + plan.head.outputs, *numbers.shape))
    logits[0, own] = targets.heat[0]
    logits[0, own + 1 :] = targets.offsets[0]

    prepared = prepare(medseg.read_volume(case.images[0]), plan)
    assert prepared.image.shape[1:] == numbers.shape
    rows = HeadRows(prepared, plan, is_kept=True)
    count = numbers.shape[0]
    slabs = (
        LogitsSlab(
            axis=0,
            rows=slice(n, n + 1),
            row_count=count,
            logits=logits[:, :, n : n + 1],
        )
        for n in range(count)
    )
    assert sum(1 for _ in rows.passed(slabs)) == count
    maps = rows.maps()
    assert maps is not None
    return maps


@pytest.mark.parametrize("place", range(len(SEEDS)))
def test_a_head_that_says_what_it_was_taught_counts_right(dataset, plan, place):
    case = dataset.cases[place]
    labels = medseg.read_segmentation(case.reference, labels=dataset.labels)
    truth = numbers_of(case)
    count = int(truth.max())
    _, pieces = ndimage.label(truth > 0, np.ones((3, 3, 3)))
    assert pieces < count  # they touch: connected pieces miscount

    rules = medseg.InstanceRules(split=medseg.LearnedCentres())
    maps = taught_maps(case, dataset, plan)
    found = medseg.separate_instances(labels, rules, centres=maps)

    assert len(found.instances) == count
    for each in found.instances:
        inside = found.instance_map == each.number
        numbers, voxels = np.unique(truth[inside], return_counts=True)
        best = truth == int(numbers[voxels.argmax()])
        assert (inside & best).sum() / (inside | best).sum() > 0.9


@pytest.mark.parametrize("place", range(len(SEEDS)))
def test_what_it_was_taught_leads_to_the_middle_of_each_lesion(dataset, plan, place):
    case = dataset.cases[place]
    truth = numbers_of(case)
    maps = taught_maps(case, dataset, plan)
    for number in range(1, int(truth.max()) + 1):
        lesion = truth == number
        middle = apply_affine(turned_affine(), ndimage.center_of_mass(lesion))
        deep = np.argwhere(ndimage.binary_erosion(lesion))
        aims = maps.aims_ras_mm(apply_affine(turned_affine(), deep))
        assert np.median(np.linalg.norm(aims - middle, axis=1)) < 1.0  # mm
