"""plans.json and dataset.json, as nnU-Net v2 writes them, of the models made here."""

from typing import Any

_RESAMPLING = "resample_data_or_seg_to_shape"


def architecture(name: str, **arguments: Any) -> dict[str, Any]:
    """A network as plans.json describes it."""
    common = {
        "n_stages": 3,
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    imported = ["conv_op", "norm_op", "dropout_op", "nonlin"]
    described = {
        "network_class_name": name,
        "arch_kwargs": common | arguments,
        "_kw_requires_import": imported,
    }
    return {"architecture": described}


def configuration(
    spacing: list[float], patch: list[int], schemes: list[str], network: dict[str, Any]
) -> dict[str, Any]:
    """A configuration of plans.json."""
    result: dict[str, Any] = {
        "data_identifier": "none",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": patch,
        "median_image_size_in_voxels": patch,
        "spacing": spacing,
        "normalization_schemes": schemes,
        "use_mask_for_norm": [False] * len(schemes),
        "batch_dice": False,
    }
    for what, order in (("data", 3), ("seg", 1), ("probabilities", 1)):
        result[f"resampling_fn_{what}"] = _RESAMPLING
        result[f"resampling_fn_{what}_kwargs"] = {
            "is_seg": what == "seg",
            "order": order,
            "order_z": 0,
            "force_separate_z": None,
        }
    return result | network


def plans_of(
    name: str, configurations: dict[str, Any], transposed: list[int]
) -> dict[str, Any]:
    """The content of plans.json."""
    statistics = {
        "mean": 80.0,
        "std": 60.0,
        "percentile_00_5": -40.0,
        "percentile_99_5": 190.0,
    }
    return {
        "dataset_name": name,
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": transposed,
        "transpose_backward": [transposed.index(axis) for axis in range(3)],
        "configurations": configurations,
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            str(channel): statistics for channel in range(2)
        },
        "continue_training": False,
    }


def dataset_of(channels: list[str], labels: dict[str, Any]) -> dict[str, Any]:
    """The content of dataset.json."""
    return {
        "channel_names": {str(n): name for n, name in enumerate(channels)},
        "labels": labels,
        "numTraining": 4,
        "file_ending": ".nii.gz",
    }
