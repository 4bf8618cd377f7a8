"""Networks with an instance head, from a dataset to numbered lesions."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

import medseg
from medseg.core.plan import IGNORED, Architecture, MonaiNetwork, MonaiNetworkName
from medseg.core.settings import InferenceSettings
from medseg.inference import stream_logits
from medseg.models import load_model
from medseg.models.folder import network_with
from medseg.preprocessing import prepare
from medseg.training.cache import DatasetCache
from medseg.training.checkpoint import load_checkpoint, save_checkpoint
from medseg.training.loop import new_state, training_steps
from medseg.training.planning import planned, prepared_cases, with_head
from medseg.training.samples import PatchSource
from medseg.training.team import Team
from tests.core.making import save_untrained, volume_of
from tests.core.training.blobs import AFFINE, blocks, write_blocks
from tests.core.training.cubes import QUICK

FAST = replace(QUICK, deep_supervision=False)
SLIDING = InferenceSettings(
    device=medseg.Device("cpu"), precision=medseg.Precision.FLOAT32
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> medseg.Dataset:
    return medseg.read_dataset(write_blocks(tmp_path_factory.mktemp("blocks") / "data"))


@pytest.fixture(scope="module")
def plan(dataset) -> medseg.Plan:
    made = planned(DatasetCache(dataset, None), medseg.TrainingSettings())
    return replace(made, widths=(4, 8, 8))


def test_a_dataset_that_names_its_things_is_learned_with_a_head(dataset, plan):
    assert dataset.things == ("node",)
    assert dataset.labels["node"].kind is medseg.StructureKind.THING
    assert dataset.cases[0].instances is not None
    assert plan.head is not None
    assert plan.head.things == ("node",)
    assert plan.head.sigma_mm == pytest.approx(1.5 * 2 ** (1 / 3), abs=1e-3)
    assert plan.output_count == len(plan.output_names) + 4


def test_a_prepared_case_numbers_the_voxels_of_things_and_no_others(
    dataset, plan, tmp_path
):
    (case,) = prepared_cases(DatasetCache(dataset, tmp_path), dataset.cases[:1], plan)
    assert case.instances is not None
    whole = (slice(None),) * 3
    numbers, labels = case.instances[whole], case.labels[whole]
    np.testing.assert_array_equal(numbers > 0, labels == 2)
    # the file's axes are L, P, S and those of the plan R, A, S
    np.testing.assert_array_equal(numbers, blocks(0)[2][::-1, ::-1])


def test_numbers_follow_labels_that_are_resampled(dataset, plan):
    coarse = replace(plan, spacing_mm=(1.4, 0.8, 2.2))
    for case in prepared_cases(DatasetCache(dataset, None), dataset.cases, coarse):
        assert case.instances is not None
        whole = (slice(None),) * 3
        numbers, labels = case.instances[whole], case.labels[whole]
        np.testing.assert_array_equal(numbers > 0, labels == 2)
        assert set(np.unique(numbers)) == {0, 299, 300}
        first = np.argwhere(numbers == 300)[:, 0].mean()
        assert first > np.argwhere(numbers == 299)[:, 0].mean()  # turned from L to R


def test_the_head_learns_and_a_stopped_training_goes_on_to_the_last_bit(
    dataset, plan, tmp_path
):
    settings = replace(FAST, steps=8)
    cases = prepared_cases(DatasetCache(dataset, None), dataset.cases, plan)

    def batches(first):
        return PatchSource(cases, plan, settings.seed).batches(first)

    straight = new_state(plan, settings)
    list(training_steps(straight, batches(0), plan, settings, Team()))
    stopped = new_state(plan, settings)
    steps = training_steps(stopped, batches(0), plan, settings, Team())
    for _ in range(3):
        next(steps)
    save_checkpoint(stopped, tmp_path / "c.safetensors", {})
    resumed = new_state(plan, settings)
    load_checkpoint(resumed, tmp_path / "c.safetensors", {})
    list(training_steps(resumed, batches(3), plan, settings, Team()))
    pairs = zip(
        straight.network.parameters(), resumed.network.parameters(), strict=True
    )
    assert all(torch.equal(one, other) for one, other in pairs)
    head = straight.network.state_dict()["output_block.conv.conv.weight"][3:]
    assert bool(head.abs().sum(1).flatten(1).any(1).all())


def test_train_save_load_and_segment_instances(dataset, tmp_path):
    settings = replace(FAST, steps=2, fold=None)
    model = medseg.train(dataset, tmp_path / "model", settings)
    again = medseg.load_model(tmp_path / "model")
    assert again.info.plan == model.info.plan
    assert medseg.own_rules(again.info.plan).split == medseg.LearnedCentres()
    scan = medseg.read_volume(dataset.cases[0].images[0])
    told = medseg.segment_instances(scan, again, settings=SLIDING)
    plain = medseg.segment(scan, again, SLIDING)
    np.testing.assert_array_equal(told.segmentation.array, plain.array)
    request = medseg.Request(centres=True)
    made = medseg.predict(scan, again, SLIDING, request=request)
    assert made.centres is not None
    assert made.centres.geometry.is_same_grid(  # nothing was resampled or cropped
        scan.geometry.permuted((0, 1, 2), (True, True, False))
    )
    assert medseg.predict(scan, again, SLIDING).centres is None


def test_the_lesions_too_are_told_of_and_can_be_stopped(plan, tmp_path):
    model = load_model(save_untrained(plan, tmp_path / "model"))
    scan = volume_of(blocks(0)[0], channels=plan.channels)
    rules = medseg.InstanceRules()
    seen: list[medseg.Progress] = []

    def stop_after(progress: medseg.Progress) -> None:
        seen.append(progress)
        if progress.stage.startswith("separating lesions"):
            raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        medseg.segment_instances(scan, model, rules, SLIDING, stop_after)
    assert seen[-1].stage == "separating lesions (node)"
    assert len({each.stage for each in seen}) > 1  # the network was told of as well


def test_offsets_of_mirrored_copies_are_turned_back(plan, tmp_path):
    """A mirrored scan's answer is the mirrored answer when both copies are seen."""
    plan = replace(plan, mirror_axes=(0,))
    model = load_model(save_untrained(plan, tmp_path / "model"))
    image = blocks(3)[0]
    answers = []
    for array in (image, image[::-1].copy()):
        prepared = prepare(volume_of(array, channels=plan.channels), plan)
        slabs = list(stream_logits(model.networks, prepared, plan, SLIDING))
        (axis,) = {slab.axis for slab in slabs}
        answers.append(torch.cat([s.logits[0] for s in slabs], 1).movedim(1, 1 + axis))
    one, other = answers
    first = len(plan.output_names) + 1
    turned = other.flip(1)
    turned[first] *= -1
    torch.testing.assert_close(turned, one, rtol=1e-4, atol=1e-4)


def test_labels_are_those_of_the_network_without_its_head(plan, tmp_path):
    plain = replace(plan, head=None)
    whole = load_model(save_untrained(plan, tmp_path / "whole"))
    weights = dict(whole.networks[0].named_parameters())
    shapes = dict(
        load_model(save_untrained(plain, tmp_path / "plain"))
        .networks[0]
        .named_parameters()
    )
    cut = {n: p.detach()[: len(shapes[n])] for n, p in weights.items()}
    bare = replace(
        whole,
        info=replace(whole.info, plan=plain),
        networks=(network_with(plain, cut).eval(),),
    )
    scan = volume_of(blocks(1)[0], channels=plan.channels)
    wanted = medseg.Request(
        wanted=medseg.Wanted(probabilities=True, uncertainty=True), centres=True
    )
    with_head = medseg.predict(scan, whole, SLIDING, request=wanted)
    without = medseg.predict(scan, bare, SLIDING, request=wanted)
    np.testing.assert_array_equal(
        with_head.segmentation.array, without.segmentation.array
    )
    assert with_head.probabilities is not None
    assert without.probabilities is not None
    np.testing.assert_array_equal(
        with_head.probabilities.array, without.probabilities.array
    )
    assert without.centres is None


def test_a_description_written_before_there_were_heads_is_read(plan, tmp_path):
    folder = save_untrained(replace(plan, head=None), tmp_path / "model")
    path = folder / "model.json"
    content = json.loads(path.read_text())
    del content["plan"]["head"]
    path.write_text(json.dumps(content))
    assert medseg.load_model(folder).info.plan.head is None


def spoiled(folder, number, change):
    path = folder / "instancesTr" / f"blocks_{number:03d}.nii.gz"
    array = np.asarray(nib.nifti1.load(path).dataobj).copy()
    nib.save(nib.Nifti1Image(change(array), AFFINE), path)


def without_one(array):
    array[array == 300] = 0
    return array


def beside_things(array):
    array[0, 0, 0] = 5
    return array


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_one, "have no instance number"),
        (beside_things, "that are of no thing"),
        (lambda a: a.astype(np.float32) + 0.5, "whole"),
        (lambda a: a[:-1], "grid"),
    ],
)
def test_faults_of_instance_numbers_are_found_before_training(tmp_path, change, words):
    folder = write_blocks(tmp_path / "data", 3)
    spoiled(folder, 1, change)
    dataset = medseg.read_dataset(folder)
    with pytest.raises(medseg.UnusableInput, match=words) as caught:
        planned(DatasetCache(dataset, tmp_path / "cache"), medseg.TrainingSettings())
    assert "blocks_001" in str(caught.value)


def test_an_instance_of_two_structures_is_refused(tmp_path):
    folder = write_blocks(tmp_path / "data", 1)
    path = folder / "dataset.json"
    changes = {"things": ["organ", "node"]}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    spoiled(folder, 0, lambda a: np.where(blocks(0)[1] > 0, 1, a * 0))
    with pytest.raises(medseg.UnusableInput, match="several structures"):
        medseg.plan_dataset(medseg.read_dataset(folder), medseg.Preset.TINY)


@pytest.mark.parametrize("things", [["spot"], "node", ["node", "node"], [1]])
def test_things_that_are_no_labels_are_refused(tmp_path, things):
    folder = write_blocks(tmp_path / "data", 1)
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"things": things}))
    with pytest.raises(medseg.UnusableInput, match="thing") as caught:
        medseg.read_dataset(folder)
    assert caught.value.code is medseg.ErrorCode.INVALID_DATASET


def test_a_missing_file_of_instances_is_named(tmp_path):
    folder = write_blocks(tmp_path / "data", 2)
    (folder / "instancesTr" / "blocks_001.nii.gz").unlink()
    with pytest.raises(medseg.UnusableInput, match="case blocks_001"):
        medseg.read_dataset(folder)


def test_the_touching_phantoms_are_such_a_dataset(tmp_path):
    medseg.write_touching_dataset(
        tmp_path, cases=1, seed=3, shape=(30, 28, 20), spacing_mm=(4.0, 4.0, 5.0)
    )
    dataset = medseg.read_dataset(tmp_path)
    assert dataset.things == ("liver tumour",)
    DatasetCache(dataset, None).facts(dataset.cases[0])
    numbers = nib.nifti1.load(dataset.cases[0].instances).get_fdata()
    labels = nib.nifti1.load(dataset.cases[0].reference).get_fdata()
    np.testing.assert_array_equal(numbers > 0, labels == 5)
    assert numbers.max() >= 2
    assert IGNORED not in labels


def test_a_training_starts_from_a_model_without_a_head(dataset, plan, tmp_path):
    """All but the output layer is taken over; the head is silent at first."""
    start = save_untrained(replace(plan, head=None), tmp_path / "start")
    settings = replace(FAST, steps=1, fold=None, learning_rate=1e-9)
    model = medseg.train(dataset, tmp_path / "model", settings, start=start)
    assert model.info.plan.head == plan.head
    before = dict(medseg.load_model(start).networks[0].named_parameters())
    for name, parameter in model.networks[0].named_parameters():
        if "output_block" in name:
            assert parameter[3:].abs().max() < 1e-6
        else:
            torch.testing.assert_close(parameter, before[name], rtol=0, atol=1e-5)


def test_a_bundle_cannot_hold_a_head(plan, tmp_path):
    model = load_model(save_untrained(plan, tmp_path / "model"))
    with pytest.raises(medseg.UnusableInput, match="tells lesions apart") as caught:
        medseg.export_bundle(model, tmp_path / "bundle")
    assert caught.value.code is medseg.ErrorCode.UNSUPPORTED_MODEL


def test_the_network_of_a_bundle_gets_no_head(plan):
    described = MonaiNetwork(name=MonaiNetworkName.UNET, arguments="{}")
    bundle = replace(
        plan, head=None, architecture=Architecture.MONAI, monai_network=described
    )
    with pytest.raises(medseg.WrongUse, match="node") as caught:
        with_head(bundle, ("node",))
    assert caught.value.code is medseg.ErrorCode.INVALID_OPTION
