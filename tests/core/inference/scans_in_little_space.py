"""Two scans that get coarser, through one model in too little memory for the first.

To be run as a process of its own. Prints a line of JSON for every limit: the steps down
of each scan, and whether the labels are those of a run without a limit.
"""

import json
import logging
import resource
import sys
from collections.abc import Iterator

import numpy as np
import torch

import medseg
from medseg import ReadyModel
from medseg.core.model_info import WeightFile
from medseg.models import TrainedModel
from medseg.networks import build_network
from tests.core.inference.little_address_space import (
    PLAN,
    SETTINGS,
    Heard,
    size_bytes,
)
from tests.core.making import turned_geometry, untrained_info, volume_of

SHARES = (0.98, 0.92, 0.7)
SHAPE, SPACING_MM = (72, 72, 72), (0.67, 0.67, 0.67)


def scan(seed: int) -> medseg.Volume:
    """Of noise, finer than the model takes it."""
    values = np.random.default_rng(seed).normal(100, 30, SHAPE).astype(np.float32)
    return volume_of(values, turned_geometry(SHAPE, SPACING_MM))


def outcomes() -> Iterator[dict[str, object]]:
    """One a limit."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    weights = WeightFile(path="weights/a.safetensors", sha256=f"{3:064x}")
    network = build_network(PLAN).eval()
    model = TrainedModel(info=untrained_info(PLAN, weights, "a"), networks=(network,))
    scans = [scan(0), scan(1)]
    heard = Heard()
    logger = logging.getLogger("medseg.inference.engine")
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    ready = ReadyModel(model, SETTINGS)
    expected = [ready.predict(each).segmentation.array for each in scans]
    before = size_bytes("VmSize")
    ready.predict(scans[0])
    needed = size_bytes("VmPeak") - before
    for share in SHARES:
        ready = ReadyModel(model, SETTINGS)
        limit = size_bytes("VmSize") + int(share * needed)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        steps, same, error = [], [], ""
        try:
            for each, labels in zip(scans, expected, strict=True):
                heard.texts.clear()
                found = ready.predict(each).segmentation.array
                same.append(bool((found == labels).all()))
                steps.append([text for text in heard.texts if "from now on" in text])
        except Exception as caught:  # noqa: BLE001 - it is told
            error = f"{type(caught).__name__}: {caught} ({caught.__cause__})"
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        yield {"share": share, "steps": steps, "same": same, "error": error}


if __name__ == "__main__":
    for outcome in outcomes():
        sys.stdout.write(json.dumps(outcome) + "\n")
