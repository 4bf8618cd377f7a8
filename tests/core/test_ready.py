"""A model made ready once, and run on one scan after the other."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from numpy.testing import assert_array_equal
from torch import nn

import medseg
from medseg import LabelSet, ReadyModel
from medseg.models import second_stage_plan
from medseg.preprocessing import prepare, prepare_first_stage
from tests.core.making import TINY_PLAN, volume_of
from tests.core.test_predictions import EXACT, SHAPE, UNCERTAIN, model_of, scan_of


class Counting(nn.Module):
    """A network that counts how often a form was made of it.

    Args:
        network: What computes.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.copies = 0

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        """Count, and give a copy that does not."""
        self.copies += 1
        return deepcopy(self.network, memo)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(windows)
        return logits


def counting_model():
    torch.manual_seed(7)
    wide = nn.Conv3d(1, 3, 3, padding=1)
    network = Counting(nn.Sequential(wide, nn.ReLU(), nn.Conv3d(3, 3, 1)))
    return replace(model_of(), networks=(network,)), network


def test_a_model_made_ready_is_brought_into_its_quick_form_once():
    model, network = counting_model()
    ready = ReadyModel(model, EXACT)
    assert not network.copies
    scans = [scan_of(), volume_of(scan_of().array[0, ::-1, :, :].copy())]
    for scan in scans:
        found = ready.predict(scan).segmentation
        assert network.copies == 1
        fresh = medseg.segment(scan, counting_model()[0], EXACT)
        assert found.array.any()
        assert_array_equal(found.array, fresh.array)
        assert found.provenance == fresh.provenance


def test_a_model_made_ready_answers_every_request_as_a_fresh_one():
    scan, model = scan_of(), model_of(networks=2)
    ready = ReadyModel(model, EXACT)
    plain = ready.predict(scan)
    assert plain.uncertainty is None
    unsure = ready.predict(scan, request=UNCERTAIN)
    fresh = medseg.predict(scan, model, EXACT, request=UNCERTAIN)
    assert unsure.uncertainty is not None
    assert fresh.uncertainty is not None
    assert_array_equal(unsure.uncertainty.array, fresh.uncertainty.array)
    assert_array_equal(unsure.segmentation.array, plain.segmentation.array)


def test_threads_with_one_ready_model_get_the_same_labels():
    scan, ready = scan_of(), ReadyModel(model_of(), EXACT)
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(ready.predict, scan) for _ in range(3)]
        first, *others = (each.result().segmentation.array for each in found)
    assert first.any()
    for other in others:
        assert_array_equal(other, first)


def test_a_ready_models_first_stage_is_made_once_too():
    coarse, network = counting_model()
    takes = second_stage_plan(TINY_PLAN, coarse.info.plan)
    fine = replace(model_of(name="fine", takes=takes), first_stage=coarse)
    ready = ReadyModel(fine, EXACT)
    found = [ready.predict(scan_of()).segmentation.array for _ in range(2)]
    assert network.copies == 1
    assert_array_equal(found[0], found[1])


def test_ready_models_are_composed_as_others_are():
    scan, models = scan_of(), [model_of(name="one"), model_of(name="two", seed=5)]
    ready = [ReadyModel(model, EXACT) for model in models]
    expected = medseg.segment_all(scan, models, EXACT)
    for _ in range(2):
        found = medseg.segment_with_ready(scan, ready)
        assert_array_equal(found.array, expected.array)
        assert found.provenance == expected.provenance


def test_a_first_stages_answer_takes_a_byte_a_voxel_whatever_its_structures():
    """Channels of 4 bytes for each structure are made window by window."""
    names = [(number, f"part {number}") for number in range(1, 201)]
    labels = LabelSet.from_names(names)
    scan = scan_of()
    prepared = prepare(scan, TINY_PLAN)
    array = np.random.default_rng(1).integers(0, 201, SHAPE, np.uint8)
    coarse = medseg.Segmentation(array=array, geometry=scan.geometry, labels=labels)
    both = prepare_first_stage(coarse, prepared, TINY_PLAN, scan)
    assert both.image is prepared.image
    assert both.first_stage is not None
    assert both.first_stage.nbytes == prepared.image[0].size
    assert both.first_stage_structures == 200
