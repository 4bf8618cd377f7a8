"""Livers with tumours that touch, and a model that reads structures off intensities."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

import medseg
from medseg.cohort.recipe import CaseRecipe
from medseg.cohort.stages import NO_SECONDS, Finished
from medseg.networks import build_network
from tests.core.cohort.small_cohort import Run
from tests.core.making import TINY_PLAN, save_network

SHAPE, SPACING_MM = (32, 28, 20), (3.0, 3.0, 4.0)
SEEDS = (3, 4, 9)
HEALTHY = "healthy"
ORGAN, TUMOUR = 1, 4  # as in TINY_PLAN
_VALUES = {0: -90.0, ORGAN: 100.0, TUMOUR: 290.0}
_SHIFT = 20.0
_EDGES = (-0.3, 1.5)  # between background, organ and tumour, in standard deviations
PLAN = replace(TINY_PLAN, patch_shape=SHAPE, spacing_mm=SPACING_MM, mirror_axes=())


@cache
def phantom(seed: int) -> medseg.Phantom:
    return medseg.make_touching_tumours(seed, shape=SHAPE, spacing_mm=SPACING_MM)


def name_of(seed: int) -> str:
    return f"liver_{seed}"


def write_livers(folder: Path) -> Path:
    """A scan for each seed, and one without a tumour; intensities tell structures."""
    folder.mkdir(parents=True)
    for seed in SEEDS:
        _write_scan(_labels(phantom(seed)), folder / f"{name_of(seed)}.nii.gz")
    healthy = np.where(_labels(phantom(SEEDS[0])) > 0, ORGAN, 0)
    _write_scan(healthy, folder / f"{HEALTHY}.nii.gz")
    return folder


def _labels(made: medseg.Phantom) -> np.ndarray:
    organ = np.where(made.reference.mask("liver"), ORGAN, 0)
    return np.where(made.tumours > 0, TUMOUR, organ)


def _write_scan(labels: np.ndarray, path: Path) -> None:
    values = np.vectorize(_VALUES.get)(labels).astype(np.float32)
    grid = medseg.Geometry.from_spacing(SHAPE, SPACING_MM)
    medseg.write_volume(medseg.Volume(array=values[None], geometry=grid), path)


def save_reading_model(folder: Path) -> Path:
    """A U-Net that hands intensities through, and cuts them in three at the end.

    Every block standardises the scan, and shifts it to where rectifiers do nothing; of
    lines with rising slopes the steepest is the highest above the last edge.
    """
    network = build_network(PLAN)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            is_scale = "norm" in name and name.endswith("weight")
            weights.fill_(1.0 if is_scale else 0.0)
            if "norm" in name and name.endswith("bias"):
                weights[0] = _SHIFT
            if name.endswith(("conv1.conv.weight", "conv2.conv.weight")):
                skipped = weights.shape[1] // 2 if "conv_block.conv1" in name else 0
                weights[0, skipped, 1, 1, 1] = 1.0
            if name == "output_block.conv.conv.weight":
                weights[:, 0, 0, 0, 0] = torch.tensor([0.0, 1.0, 2.0])
            if name == "output_block.conv.conv.bias":
                first, second = (edge + _SHIFT for edge in _EDGES)
                weights.copy_(torch.tensor([0.0, -first, -first - second]))
    return save_network(network, PLAN, folder)


def in_this_process(work, should_stop):
    """An executor without processes of its own, which take seconds to start."""
    engine = CaseRecipe(
        folder=work.folder,
        make=work.make,
        device=work.make.inference.device,
        threads=torch.get_num_threads(),
    ).start()
    for case in work.cases:
        if should_stop():
            return
        made = engine.compute(case, engine.read(case))
        written = engine.write(case, made)
        yield Finished(task=case, result=written, seconds=NO_SECONDS)


class LiverRun(Run):
    """A cohort of the livers."""

    def __init__(self, scans: Path, model: Path, out: Path, **make):
        super().__init__(scans, model, **make)
        self.executor = in_this_process
        self.out = out

    def cases(self):
        return medseg.cases_in(self.scans, PLAN.channels)
