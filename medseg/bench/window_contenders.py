"""Ways to segment a prepared scan in windows, each run in a process of its own."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from monai.inferers.inferer import SlidingWindowInferer
from torch import Tensor, nn

from medseg.bench.memory import with_whole_peak
from medseg.bench.nnunet import network_words, nnunet_peer
from medseg.bench.plain import with_plain_norms
from medseg.bench.window_scenes import LabelMap, WindowScene, label_ids
from medseg.core.settings import Precision
from medseg.inference import resolved_device, stream_logits
from medseg.preprocessing import LABELS_ONLY, restored


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowRun:
    """One contender, once.

    Attributes:
        seconds: From the image in memory to the label map in memory.
        peak_mb: Of the whole process, MB of resident memory; None if not measured.
        labels: The label map, on the prepared grid.
        versions: Of what it ran on, where that is not MedSeg's.
    """

    seconds: float
    peak_mb: float | None
    labels: LabelMap
    versions: tuple[str, ...] = ()


def medseg_run(scene: WindowScene, precision: Precision) -> WindowRun:
    """MedSeg's engine."""
    return _run_apart(partial(_medseg_labels, scene, precision), scene)


def monai_run(scene: WindowScene) -> WindowRun:
    """MONAI's inferer with the network as it comes, in 32-bit numbers."""
    return _run_apart(partial(_monai_labels, scene), scene)


def nnunet_run(scene: WindowScene, python: Path) -> WindowRun:
    """nnU-Net's predictor; its weights are written beforehand."""
    file = scene.folder / "nnunet_labels.npy"
    device = resolved_device(scene.settings.device)
    words = {
        **network_words(scene.plan, device.type),
        "image": str(scene.image_file),
        "weights": str(scene.nnunet_weights_file),
        "labels": str(file),
        "overlap": scene.settings.overlap,
        "mirror_axes": scene.mirror_axes,
    }
    with nnunet_peer(python, "windows") as peer:
        answer = peer.answer_to(json.dumps(words))
    return WindowRun(
        seconds=answer["seconds"],
        peak_mb=answer["peak_mb"],
        labels=label_ids(scene.plan)[np.load(file)],
        versions=tuple(answer["versions"]),
    )


def _run_apart(
    work: Callable[[], tuple[float, LabelMap]], scene: WindowScene
) -> WindowRun:
    (seconds, labels), peak_mb = with_whole_peak(work)
    is_cpu = resolved_device(scene.settings.device).type == "cpu"
    return WindowRun(
        seconds=seconds, peak_mb=peak_mb if is_cpu else None, labels=labels
    )


def _medseg_labels(scene: WindowScene, precision: Precision) -> tuple[float, LabelMap]:
    settings = replace(scene.settings, precision=precision)
    network, prepared = scene.network(), scene.prepared()
    torch.zeros(1, device=resolved_device(settings.device))  # starts a GPU's driver
    began = time.perf_counter()
    slabs = stream_logits([network], prepared, scene.plan, settings)
    found = restored(slabs, prepared, scene.plan, LABELS_ONLY)
    return time.perf_counter() - began, found.labels.astype(np.uint16)


def _monai_labels(scene: WindowScene) -> tuple[float, LabelMap]:
    device = resolved_device(scene.settings.device)
    network = with_plain_norms(scene.network()).to(device).eval()
    image = torch.from_numpy(scene.image())[None].to(device)
    inferer = SlidingWindowInferer(
        scene.plan.patch_shape,
        overlap=scene.settings.overlap,
        mode="gaussian",
        progress=False,
    )
    began = time.perf_counter()
    with torch.no_grad():
        logits = _averaged(inferer, image, network, scene.mirror_axes)
    labels = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
    seconds = time.perf_counter() - began
    return seconds, label_ids(scene.plan)[labels]


def _averaged(
    inferer: SlidingWindowInferer,
    image: Tensor,
    network: nn.Module,
    mirror_axes: tuple[int, ...],
) -> Tensor:
    """Sum over mirrored copies of the scan; MONAI's inferer itself knows of none."""
    axes = tuple(axis + 2 for axis in mirror_axes)
    copies = (some for n in range(len(axes) + 1) for some in combinations(axes, n))
    next(copies)  # the scan itself
    total = torch.as_tensor(inferer(image, network))
    for some in copies:
        total += torch.as_tensor(inferer(image.flip(some), network)).flip(some)
    return total
