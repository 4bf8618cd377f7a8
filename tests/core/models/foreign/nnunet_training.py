"""nnU-Net's trainer, on a few scans and for a few steps; see `make_nnunet_models`."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import (
    convert_labelmap_to_one_hot,
)

STEPS = 100
Cases = tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray]
"""Scans (channel, i, j, k), their label maps, and the affine of them all."""


def write_scan(folder: Path, scan: np.ndarray, affine: np.ndarray) -> list[str]:
    """One file a channel."""
    folder.mkdir(parents=True)
    files = []
    for channel, array in enumerate(scan):
        files.append(str(folder / f"scan_{channel:04d}.nii.gz"))
        nibabel.save(nibabel.Nifti1Image(array, affine), files[-1])
    return files


def train(
    model: Path,
    plans: dict[str, Any],
    dataset: dict[str, Any],
    configuration_name: str,
    cases: Cases,
    mirror_axes: list[int],
) -> None:
    """Some steps of nnU-Net's trainer, and the checkpoint it saves."""
    model.mkdir(parents=True)
    (model / "plans.json").write_text(json.dumps(plans, indent=1) + "\n")
    (model / "dataset.json").write_text(json.dumps(dataset, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as work:
        trainer = trainer_of(plans, dataset, configuration_name, Path(work))
        batches = prepared_cases(trainer, cases)
        trainer.network.train()
        trainer.optimizer = torch.optim.SGD(
            trainer.network.parameters(), 0.02, momentum=0.9, nesterov=True
        )
        rng = np.random.default_rng(0)
        for _ in range(STEPS):
            trainer.train_step(batch_of(trainer, batches, rng))
        trainer.inference_allowed_mirroring_axes = tuple(mirror_axes)
        trainer.disable_checkpointing = False
        trainer._best_ema = np.float64(0.5)  # noqa: SLF001 - as after an epoch
        (model / "fold_0").mkdir()
        trainer.save_checkpoint(str(model / "fold_0" / "checkpoint_final.pth"))


def trainer_of(
    plans: dict[str, Any], dataset: dict[str, Any], name: str, work: Path
) -> Any:
    """nnU-Net's trainer, initialised."""
    for folder in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{folder}"] = str(work / folder)
    stored = work / "preprocessed" / plans["dataset_name"] / "none"
    stored.mkdir(parents=True)
    (stored / "none.b2nd").touch()  # initialize() tells the layout from its suffix
    trainer = nnUNetTrainer(
        plans=json.loads(json.dumps(plans)),
        configuration=name,
        fold=0,
        dataset_json=dataset,
        device=torch.device("cpu"),
    )
    trainer.initialize()
    return trainer


def prepared_cases(trainer: Any, cases: Cases) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and label maps as nnU-Net prepares them, all but the last."""
    manager, config = trainer.plans_manager, trainer.configuration_manager
    scans, references, affine = cases
    result = []
    with tempfile.TemporaryDirectory() as folder:
        for place, (scan, labels) in enumerate(
            zip(scans[:-1], references[:-1], strict=True)
        ):
            reader = manager.image_reader_writer_class()
            case = Path(folder) / str(place)
            image, properties = reader.read_images(write_scan(case, scan, affine))
            stored = write_scan(case / "labels", labels[None], affine)
            reference, _ = reader.read_seg(stored[0])
            data, seg, _ = config.preprocessor_class(verbose=False).run_case_npy(
                image, reference, properties, manager, config, trainer.dataset_json
            )
            seg = np.maximum(seg, 0)
            if config.previous_stage_name is not None:
                known = trainer.label_manager.foreground_labels
                data = np.vstack((data, convert_labelmap_to_one_hot(seg[0], known)))
            result.append((data.astype(np.float32), seg))
    return result


def batch_of(
    trainer: Any, cases: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> dict[str, Any]:
    """Two patches from anywhere, zeros around them."""
    patch = trainer.configuration_manager.patch_size
    images, labels = [], []
    for place in rng.integers(0, len(cases), 2):
        image, seg = cases[place]
        margins = [(0, 0), *(((n + 1) // 2, (n + 1) // 2) for n in patch)]
        image, seg = np.pad(image, margins), np.pad(seg, margins)
        starts = [
            rng.integers(p // 4, n - p - p // 4 + 1)
            for n, p in zip(image.shape[1:], patch, strict=True)
        ]
        box = tuple(slice(s, s + p) for s, p in zip(starts, patch, strict=True))
        images.append(image[:, *box])
        labels.append(seg[:, *box])
    target = torch.from_numpy(np.stack(labels)).float()
    if trainer.label_manager.has_regions:
        members = [
            torch.tensor(ids) for ids in trainer.label_manager.foreground_regions
        ]
        inside = [torch.isin(target[:, 0], ids.float()) for ids in members]
        ignored = torch.zeros_like(inside[0])  # the loss wants it last
        target = torch.stack([*inside, ignored], 1).float()
    data = torch.from_numpy(np.stack(images))
    with torch.no_grad():
        shapes = [tuple(each.shape[2:]) for each in trainer.network(data)]
    targets = [torch.nn.functional.interpolate(target, shape) for shape in shapes]
    return {"data": data, "target": targets}
