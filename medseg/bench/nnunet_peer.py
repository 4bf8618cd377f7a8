"""nnU-Net's side of a comparison, run by the Python of nnU-Net's own environment.

MedSeg never imports this file: nnU-Net v2 (2.8 or later) cannot share MedSeg's
environment. `medseg bench train --nnunet-python` runs it for single training steps,
`medseg bench inference --nnunet-python` for a scan cut into windows; `python
nnunet_peer.py train --help` tells how to train with it.
"""

import argparse
import contextlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from nnunetv2.experiment_planning import plan_and_preprocess_api as preparation
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

_CONFIGURATION = "3d_fullres"
_PLANS = "nnUNetPlans"
_LONGEST_EPOCH = 50
_SHORTEST_EPOCH = 10
_VALIDATION_BATCHES = 2
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    """Read the words of the command line and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "steps",
        help="take one training step for each line of standard input, after a first "
        "line with the plan as JSON; answer each with a line of JSON",
    )
    commands.add_parser(
        "windows",
        help="segment one prepared scan in windows, as one line of JSON on standard "
        "input says; answer with a line of JSON",
    )
    train = commands.add_parser(
        "train", help="train one fold for some steps and segment its held-out cases"
    )
    train.add_argument("dataset", type=Path, help="DatasetNNN_Name in raw layout")
    train.add_argument("--work", type=Path, required=True, help="folder for its files")
    train.add_argument("--out", type=Path, required=True, help="for the label maps")
    train.add_argument("--steps", type=int, default=300, help="a multiple of 10")
    train.add_argument("--fold", type=int, default=0, help="0 to 4")
    train.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    train.add_argument("--workers", type=int, default=2, help="processes for patches")
    train.add_argument(
        "--widths",
        type=int,
        nargs="+",
        help="channels of each level of the network, in place of nnU-Net's own",
    )
    options = parser.parse_args()
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # nnU-Net's own messages
        if options.command == "steps":
            answer_with_steps(answers)
        elif options.command == "windows":
            _answer(answers, segmented(json.loads(sys.stdin.readline())))
        elif options.steps < 1 or options.steps % _SHORTEST_EPOCH:
            parser.error(f"--steps {options.steps}: a multiple of {_SHORTEST_EPOCH}")
        else:
            _answer(answers, trained_fold(options))


def answer_with_steps(answers: TextIO) -> None:
    """Take steps with nnU-Net's trainer on random patches, as often as asked."""
    plan = json.loads(sys.stdin.readline())
    torch.set_num_threads(plan["threads"])
    before = _peak_bytes(is_reset=True)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer_of(plan, Path(folder))
        batch = _random_batch(trainer, plan)
        parameters = sum(each.numel() for each in trainer.network.parameters())
        _answer(answers, {"parameters": parameters, "versions": _versions()})
        while sys.stdin.readline():
            loss = float(trainer.train_step(batch)["loss"])
            if plan["device"] == "cpu":
                peak_mb = (_peak_bytes() - before) / 1e6 if before else None
            else:
                peak_mb = torch.cuda.max_memory_allocated() / 1e6
            _answer(answers, {"loss": loss, "peak_mb": peak_mb})


def segmented(words: dict[str, Any]) -> dict[str, Any]:
    """Run nnU-Net's predictor over a prepared scan, cut into windows.

    Args:
        words: The plan; "image", "weights" and "labels" are files to read and write,
            "overlap" and "mirror_axes" say how windows lie and what is averaged.

    Returns:
        Seconds from the image to the label map, the peak of the memory, and versions.
    """
    torch.set_num_threads(words["threads"])
    device = torch.device(words["device"])
    predictor = nnUNetPredictor(
        tile_step_size=1 - words["overlap"],
        use_mirroring=bool(words["mirror_axes"]),
        device=device,
        allow_tqdm=False,
    )
    plans = PlansManager(_nnunet_plans(words))
    predictor.manual_initialization(
        *(_network(words), plans, plans.get_configuration(_CONFIGURATION), None),
        *(_dataset_json(words), "", tuple(words["mirror_axes"]) or None),
    )
    image = torch.from_numpy(np.load(words["image"]))
    began = time.perf_counter()
    logits = predictor.predict_sliding_window_return_logits(image)
    labels = logits.argmax(0).to(torch.uint8).cpu().numpy()
    seconds = time.perf_counter() - began
    np.save(words["labels"], labels)
    peak_mb = _peak_bytes() / 1e6 if device.type == "cpu" else None
    return {"seconds": seconds, "peak_mb": peak_mb or None, "versions": _versions()}


def trained_fold(options: argparse.Namespace) -> dict[str, Any]:
    """Plan, preprocess and train as nnU-Net does, then segment the held-out cases.

    Only the number of steps differs, and the widths where they are given: epochs of
    at most 50 steps, over which the learning rate falls to 0 as it does over nnU-Net's
    1,000 epochs of 250. The model stays in the folder "results" below the work folder.

    Returns:
        What was done, and how long it took.
    """
    dataset: Path = options.dataset.resolve()
    _set_folders(dataset.parent, options.work.resolve(), workers=options.workers)
    if not (options.work / "preprocessed" / dataset.name / f"{_PLANS}.json").exists():
        _prepare(int(dataset.name[7:10]), options.workers)
    if options.widths:
        _set_widths(options.work / "preprocessed" / dataset.name, options.widths)
    device = torch.device(options.device)
    trainer = get_trainer_from_args(
        dataset.name, _CONFIGURATION, options.fold, device=device
    )
    trainer.num_iterations_per_epoch = math.gcd(options.steps, _LONGEST_EPOCH)
    trainer.num_epochs = options.steps // trainer.num_iterations_per_epoch
    trainer.num_val_iterations_per_epoch = _VALIDATION_BATCHES
    began = time.perf_counter()
    trainer.run_training()
    training_s = time.perf_counter() - began
    trainer.perform_actual_validation()
    written = sorted((Path(trainer.output_folder) / "validation").glob("*.nii.gz"))
    options.out.mkdir(parents=True, exist_ok=True)
    for path in written:
        shutil.copy(path, options.out)
    return {
        "steps": options.steps,
        "training_s": round(training_s, 1),
        "held_out_cases": len(written),
        "model": str(Path(trainer.output_folder).parent),
        "versions": _versions(),
    }


def _prepare(dataset_id: int, workers: int) -> None:
    preparation.extract_fingerprints([dataset_id], num_processes=workers)
    preparation.plan_experiments([dataset_id])
    preparation.preprocess(
        [dataset_id], configurations=[_CONFIGURATION], num_processes=[workers]
    )


def _set_widths(prepared: Path, widths: list[int]) -> None:
    """Write the plan anew, with another number of channels on each level."""
    file = prepared / f"{_PLANS}.json"
    plans = json.loads(file.read_text())
    network = plans["configurations"][_CONFIGURATION]["architecture"]["arch_kwargs"]
    if len(widths) != network["n_stages"]:
        raise SystemExit(f"--widths: the network has {network['n_stages']} levels")
    network["features_per_stage"] = widths
    file.write_text(json.dumps(plans, indent=1))


def _set_folders(raw: Path, work: Path, *, workers: int) -> None:
    os.environ.update(
        nnUNet_raw=str(raw),
        nnUNet_preprocessed=str(work / "preprocessed"),
        nnUNet_results=str(work / "results"),
        nnUNet_n_proc_DA=str(workers),
    )


def _network(words: dict[str, Any]) -> Any:
    """The network with the weights of a file, the others 0: biases without effect."""
    (described,) = _nnunet_plans(words)["configurations"].values()
    architecture = described["architecture"]
    keys = "network_class_name", "arch_kwargs", "_kw_requires_import"
    sizes = words["channels"], words["structures"] + 1
    network = get_network_from_plans(
        *(architecture[key] for key in keys), *sizes, deep_supervision=False
    )
    weights = dict(np.load(words["weights"]))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.zero_()
            if name in weights:
                parameter.copy_(torch.from_numpy(weights.pop(name)))
    if weights:
        raise ValueError(f"nnU-Net's network has no {min(weights)}")
    return network.eval()


def _dataset_json(plan: dict[str, Any]) -> dict[str, Any]:
    structures = {f"structure {n}": n for n in range(1, plan["structures"] + 1)}
    return {
        "channel_names": {str(n): "MRI" for n in range(plan["channels"])},
        "labels": {"background": 0, **structures},
        "file_ending": ".nii.gz",
    }


def _trainer_of(plan: dict[str, Any], folder: Path) -> Any:
    _set_folders(folder, folder, workers=0)
    stored = folder / "preprocessed" / "Dataset000_Noise" / "noise"
    stored.mkdir(parents=True)
    (stored / "noise.b2nd").touch()  # initialize() tells the layout from its suffix
    trainer = nnUNetTrainer(
        plans=_nnunet_plans(plan),
        configuration=_CONFIGURATION,
        fold=0,
        dataset_json=_dataset_json(plan),
        device=torch.device(plan["device"]),
    )
    trainer.initialize()
    trainer.network.train()
    return trainer


def _nnunet_plans(plan: dict[str, Any]) -> dict[str, Any]:
    """The file nnUNetPlans.json, as far as the trainer reads it."""
    levels = len(plan["widths"])
    network = {
        "n_stages": levels,
        "features_per_stage": plan["widths"],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": plan["kernels"],
        "strides": plan["strides"],
        "n_conv_per_stage": [2] * levels,
        "n_conv_per_stage_decoder": [2] * (levels - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet."
        "PlainConvUNet",
        "arch_kwargs": network,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {
        "data_identifier": "noise",
        "batch_size": plan["batch_size"],
        "patch_size": plan["patch_shape"],
        "architecture": architecture,
        "batch_dice": False,
    }
    return {
        "dataset_name": "Dataset000_Noise",
        "plans_name": _PLANS,
        "label_manager": "LabelManager",
        "configurations": {_CONFIGURATION: configuration},
        "continue_training": False,
    }


def _random_batch(trainer: Any, plan: dict[str, Any]) -> dict[str, Any]:
    chance = torch.Generator().manual_seed(0)
    batch, labels = plan["batch_size"], plan["structures"] + 1
    shape = batch, plan["channels"], *plan["patch_shape"]
    image = torch.randn(shape, generator=chance)
    with torch.no_grad():
        outputs = trainer.network(image[:1].to(trainer.device))
    targets = [
        torch.randint(labels, (batch, 1, *each.shape[2:]), generator=chance)
        for each in outputs
    ]
    return {"data": image, "target": [each.short() for each in targets]}


def _versions() -> list[str]:
    return [f"{package} {version(package)}" for package in ("nnunetv2", "torch")]


def _peak_bytes(*, is_reset: bool = False) -> int:
    """Resident memory at its peak by the kernel's count; 0 where it keeps none."""
    if not Path("/proc/self/clear_refs").exists():
        return 0
    if is_reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = _PEAK.search(Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _answer(answers: TextIO, content: dict[str, Any]) -> None:
    print(json.dumps(content), file=answers, flush=True)


if __name__ == "__main__":
    main()
