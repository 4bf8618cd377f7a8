"""A U-Net in its quick form run with less and less memory, in a process of its own.

Prints a line of JSON for every limit: the steps down, and whether the labels are those
of a run without a limit. The limits lie between what the process holds before a run and
what it held at most during one.
"""

import json
import logging
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from medseg import Device, InferenceSettings, Precision
from medseg.inference import stream_logits
from medseg.networks import build_network
from medseg.preprocessing import restored
from tests.core.inference.streaming import prepared_of
from tests.core.making import TINY_PLAN

PLAN = replace(TINY_PLAN, patch_shape=(24, 24, 24), widths=(32, 32, 32))
SETTINGS = InferenceSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, overlap=0.0, mirror=False
)
SHARES = (0.98, 0.92, 0.7)


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.texts.append(record.getMessage())


def size_bytes(name: str) -> int:
    """A line of the process's own table of sizes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def outcomes() -> Iterator[dict[str, object]]:
    """One a limit."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    network = build_network(PLAN).eval()
    prepared = prepared_of(48, 48, 48)

    def labels():
        slabs = stream_logits([network], prepared, PLAN, SETTINGS)
        return restored(slabs, prepared, PLAN).labels

    labels()  # what is loaded at the first run is not of interest
    heard = Heard()
    logger = logging.getLogger("medseg.inference.engine")
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    before = size_bytes("VmSize")
    expected = labels()
    needed = size_bytes("VmPeak") - before
    for share in SHARES:
        heard.texts.clear()
        limit = size_bytes("VmSize") + int(share * needed)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            same, error = bool((labels() == expected).all()), ""
        except Exception as caught:  # noqa: BLE001 - it is told
            same, error = False, f"{type(caught).__name__}: {caught}"
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        steps = [text for text in heard.texts if "from now on" in text]
        yield {"share": share, "steps": steps, "same": same, "error": error}


if __name__ == "__main__":
    for outcome in outcomes():
        sys.stdout.write(json.dumps(outcome) + "\n")
