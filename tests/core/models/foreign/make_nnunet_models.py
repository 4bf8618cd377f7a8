"""Makes the models beside this file with nnU-Net itself, and its own answers to them.

    PYTHON -m tests.core.models.foreign.make_nnunet_models [plain] [regions] [cascade]

PYTHON is nnU-Net's own (2.8.1 made what is committed): it cannot share MedSeg's
environment. Each model
is a few thousand weights, trained by nnU-Net's trainer for a minute on scans of balls;
together they need every rule that an import has to follow:

* `plain`: CT, thick slices resampled apart, kernels and strides that differ by axis;
* `regions`: residual encoder, two channels, one normalised where it is not zero,
  overlapping structures, axes transposed, scans turned to R, A, S, not all mirrored;
* `cascade`: a coarse model described as in nnU-Net 2.0, and a fine one that takes its
  label map.

Beside each: `scan*.nii.gz`, nnU-Net's `labels.nii.gz`, and `truth.npz` with the scan as
nnU-Net prepares it, one window, and the logits of its network in float32.
"""

import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.label_handling.label_handling import (
    convert_labelmap_to_one_hot,
)
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from tests.core.models.foreign.nnunet_descriptions import (
    architecture,
    configuration,
    dataset_of,
    plans_of,
)
from tests.core.models.foreign.nnunet_training import Cases, train, write_scan

HERE = Path(__file__).parent / "nnunet"
UNIT = [1, 1, 1]
RUN = {
    "plain": ["3d_fullres"],
    "regions": ["3d_fullres"],
    "cascade": ["3d_lowres", "3d_cascade_fullres"],
}


def main() -> None:
    """Make those named, or all of them, over what is there."""
    torch.set_num_threads(1)
    makers = {maker.__name__: maker for maker in (plain, regions, cascade)}
    for name in sys.argv[1:] or [*makers]:
        torch.manual_seed(0)
        with contextlib.redirect_stdout(sys.stderr):
            makers[name]()
    for path in sorted(HERE.rglob("*")):
        if path.is_file():
            sys.stdout.write(f"{path.stat().st_size:8d} {path.relative_to(HERE)}\n")


def plain() -> None:
    """Kernels (1, 3, 3), then 3; voxels 3.6 times as long along the first axis."""
    network = architecture(
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        features_per_stage=[4, 6, 8],
        kernel_sizes=[[1, 3, 3], [3, 3, 3], [3, 3, 3]],
        strides=[UNIT, [1, 2, 2], [2, 2, 2]],
        n_conv_per_stage=[2, 2, 2],
        n_conv_per_stage_decoder=[2, 2],
    )
    config = configuration([3.6, 1.0, 1.0], [6, 24, 20], ["CTNormalization"], network)
    plans = plans_of("Dataset101_Plain", {"3d_fullres": config}, [0, 1, 2])
    labels = {"background": 0, "ball": 1, "left core": 2}
    dataset = dataset_of(["CT"], labels)
    affine = np.array([[-0.8, 0, 0, 9], [0, -0.9, 0, 4], [0, 0, 4.4, -7], [0, 0, 0, 1]])
    scans, references = zip(
        *(balls((34, 36, 11), seed, 1) for seed in range(4)), strict=True
    )
    make("plain", plans, dataset, (scans, references, affine), [1, 2])


def regions() -> None:
    """Two channels; the reader turns scans to R, A, S; axis 1 comes first."""
    network = architecture(
        "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
        features_per_stage=[4, 6, 8],
        kernel_sizes=[[3, 3, 3]] * 3,
        strides=[UNIT, [2, 2, 2], [2, 2, 1]],
        n_blocks_per_stage=[1, 2, 1],
        n_conv_per_stage_decoder=[1, 1],
    )
    schemes = ["ZScoreNormalization", "RescaleTo01Normalization"]
    config = configuration([1.1, 1.3, 1.2], [16, 20, 16], schemes, network)
    config["use_mask_for_norm"] = [True, False]
    plans = plans_of("Dataset102_Regions", {"3d_fullres": config}, [1, 0, 2])
    plans["image_reader_writer"] = "NibabelIOWithReorient"
    labels = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
    dataset = dataset_of(["T1", "T2"], labels) | {"regions_class_order": [1, 2]}
    affine = np.array([[0, 0, -1.5, 8], [1.0, 0, 0, -5], [0, -1.0, 0, 3], [0, 0, 0, 1]])
    scans, references = zip(
        *(balls((26, 24, 16), seed, 2) for seed in range(4)), strict=True
    )
    make("regions", plans, dataset, (scans, references, affine), [0, 2])


def cascade() -> None:
    """A coarse model in the words of nnU-Net 2.0, and a fine one after it."""
    old = {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 6,
        "n_conv_per_stage_encoder": [2, 2, 2],
        "n_conv_per_stage_decoder": [2, 2],
        "num_pool_per_axis": [2, 2, 2],
        "pool_op_kernel_sizes": [UNIT, [2, 2, 2], [2, 2, 2]],
        "conv_kernel_sizes": [[3, 3, 3]] * 3,
    }
    network = architecture(
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        features_per_stage=[4, 6, 6],
        kernel_sizes=[[3, 3, 3]] * 3,
        strides=[UNIT, [2, 2, 2], [2, 2, 2]],
        n_conv_per_stage=[2, 2, 2],
        n_conv_per_stage_decoder=[2, 2],
    )
    schemes = ["ZScoreNormalization"]
    coarse = configuration([2.0, 2.0, 2.0], [12, 12, 12], schemes, old)
    fine = configuration([1.0, 1.0, 1.0], [20, 20, 20], schemes, network)
    inherited = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    configurations = {
        "3d_lowres": coarse | {"next_stage": "3d_cascade_fullres"},
        "3d_fullres": fine,
        "3d_cascade_fullres": inherited,
    }
    plans = plans_of("Dataset103_Cascade", configurations, [0, 1, 2])
    dataset = dataset_of(["MRI"], {"background": 0, "ball": 1, "core": 2})
    affine = np.diag([1.2, 1.2, 1.4, 1])
    scans, references = zip(
        *(balls((26, 24, 22), seed, 1) for seed in range(4)), strict=True
    )
    make("cascade", plans, dataset, (scans, references, affine), [0, 1, 2])


def balls(
    shape: tuple[int, int, int], seed: int, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """A ball with a core in a brighter box, zeros around; whole numbers."""
    rng = np.random.default_rng(seed)
    middle = np.array(shape) * rng.uniform(0.4, 0.6, 3)
    places = np.moveaxis(np.indices(shape), 0, -1)
    distance = np.sqrt((((places - middle) / np.array(shape)) ** 2).sum(-1))
    labels = (distance < 0.28).astype(np.uint8) + (distance < 0.14)
    noise = rng.normal(0, 6, (channels, *shape)).round()
    image = 40 + 45.0 * labels + noise
    if channels == 2:
        image[1] = 90 - 30 * labels + noise[1]
    margin = tuple(slice(2, n - 1) for n in shape)
    framed = np.zeros_like(image)
    framed[:, *margin] = image[:, *margin]
    framed[:, shape[0] // 2, shape[1] // 2, shape[2] // 2] = 0  # a hole within
    return framed.astype(np.int16), labels


def make(
    name: str,
    plans: dict[str, Any],
    dataset: dict[str, Any],
    cases: Cases,
    mirror_axes: list[int],
) -> None:
    """Train every configuration that is run, and keep its answer to the last case."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    manager = PlansManager(json.loads(json.dumps(plans)))
    scans, _, affine = cases
    trained = folder / str(plans["dataset_name"])
    files = write_scan(folder, scans[-1], affine)
    image, properties = manager.image_reader_writer_class().read_images(files)
    previous: np.ndarray | None = None
    for configuration_name in RUN[name]:
        model = trained / f"nnUNetTrainer__nnUNetPlans__{configuration_name}"
        train(model, plans, dataset, configuration_name, cases, mirror_axes)
        predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(model), (0,))
        stage = None if previous is None else previous[None].astype(np.float32)
        previous = predictor.predict_single_npy_array(image, dict(properties), stage)
        save_truth(predictor, image, dict(properties), stage, folder / "truth.npz")
    writer = manager.image_reader_writer_class()
    writer.write_seg(previous, str(folder / "labels.nii.gz"), properties)


@torch.inference_mode()
def save_truth(
    predictor: nnUNetPredictor,
    image: np.ndarray,
    properties: dict[str, Any],
    stage: np.ndarray | None,
    file: Path,
) -> None:
    """The scan as nnU-Net prepares it, one window, and the logits of its network."""
    config = predictor.configuration_manager
    prepared, seg, _ = config.preprocessor_class(verbose=False).run_case_npy(
        *(image, stage, properties, predictor.plans_manager, config),
        predictor.dataset_json,
    )
    if stage is not None:
        known = predictor.label_manager.foreground_labels
        prepared = np.vstack((prepared, convert_labelmap_to_one_hot(seg[0], known)))
    window = torch.zeros((1, len(prepared), *config.patch_size))
    size = [
        min(a, b) for a, b in zip(prepared.shape[1:], config.patch_size, strict=True)
    ]
    box = tuple(slice(0, n) for n in size)
    window[0][:, *box] = torch.from_numpy(prepared.astype(np.float32))[:, *box]
    logits = predictor.network.eval()(window)
    np.savez_compressed(
        file,
        prepared=prepared.astype(np.float32),
        window=window.numpy(),
        logits=logits.numpy(),
    )


if __name__ == "__main__":
    main()
