"""MONAI bundles made with MONAI's own classes, and run by MONAI itself."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.bundle.config_parser import ConfigParser
from monai.data.meta_tensor import MetaTensor
from scipy import ndimage

from medseg.models.foreign.bundle_config import Config
from medseg.models.foreign.bundle_plan import BundlePlan, read_plan

LIVER_AND_SPLEEN = ("background", "liver", "spleen")
SPACING = {"_target_": "Spacingd", "keys": "image", "mode": "bilinear"}
RAS = {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"}
CT_RANGE = {
    "_target_": "ScaleIntensityRanged",
    "keys": "image",
    "a_min": -57,
    "a_max": 164,
    "b_min": 0,
    "b_max": 1,
    "clip": True,
}
SOFTMAX = {"_target_": "Activationsd", "keys": "pred", "softmax": True}
SIGMOID = {"_target_": "Activationsd", "keys": "pred", "sigmoid": True}
QUIETLY = (  # of MONAI's readers, and of a default it has changed
    "ignore:NvImgCodecPydicomReader:UserWarning",
    "ignore:monai.transforms.spatial.dictionary Orientationd:FutureWarning",
)
ARGMAX = {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}
THRESHOLD = {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5}
INVERT = {
    "_target_": "Invertd",
    "keys": "pred",
    "transform": "@preprocessing",
    "orig_keys": "image",
    "nearest_interp": False,
    "to_tensor": True,
}
UNET = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "channels": [4, 8, 16],
    "strides": [2, 2],
    "num_res_units": 2,
    "norm": "batch",
}
SEGRESNET = {
    "_target_": "SegResNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "init_filters": 8,
    "blocks_down": [1, 2],
    "blocks_up": [1],
    "dropout_prob": 0.2,
}
DYNUNET = {
    "_target_": "monai.networks.nets.DynUNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "kernel_size": [3, 3, [3, 3, 1]],
    "strides": [1, 2, [2, 2, 1]],
    "upsample_kernel_size": [2, [2, 2, 1]],
    "filters": [4, 8, 16],
    "norm_name": "instance",
    "deep_supervision": True,
    "res_block": True,
}
SWIN_UNETR = {
    "_target_": "SwinUNETR",
    "img_size": 32,
    "in_channels": 1,
    "out_channels": 3,
    "feature_size": 12,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 1, 1],
    "use_checkpoint": False,
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a bundle's `inference.json` says, as far as it matters."""

    network: dict[str, Any] = field(default_factory=lambda: UNET)
    transforms: tuple[dict[str, Any], ...] = (RAS, CT_RANGE)
    windows: int = 32
    overlap: float = 0.5
    post: tuple[dict[str, Any], ...] = (SOFTMAX, INVERT, ARGMAX)
    names: tuple[str, ...] = LIVER_AND_SPLEEN
    channels: tuple[str, ...] = ("image",)
    more: dict[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """The content of the file."""
        reader = "NibabelReader"
        load = {"_target_": "LoadImaged", "keys": "image", "reader": reader}
        first = {"_target_": "EnsureChannelFirstd", "keys": "image"}
        last = {"_target_": "EnsureTyped", "keys": "image"}
        return {
            "imports": ["$import glob", "$import os"],
            "bundle_root": ".",
            "device": "$torch.device('cpu')",
            "network_def": self.network,
            "network": "$@network_def.to(@device)",
            "preprocessing": {
                "_target_": "Compose",
                "transforms": [load, first, *self.transforms, last],
            },
            "inferer": {
                "_target_": "SlidingWindowInferer",
                "roi_size": [self.windows] * 3,
                "sw_batch_size": 4,
                "overlap": self.overlap,
                "mode": "gaussian",
            },
            "postprocessing": {"_target_": "Compose", "transforms": list(self.post)},
            "run": ["$@evaluator.run()"],
            **self.more,
        }

    def metadata(self) -> dict[str, Any]:
        """The content of `metadata.json`."""
        names = {str(n): name for n, name in enumerate(self.names)}
        channels = {str(n): name for n, name in enumerate(self.channels)}
        image = {"modality": "CT", "num_channels": 1, "channel_def": channels}
        prediction = {"num_channels": len(self.names), "channel_def": names}
        return {
            "name": "Liver and spleen",
            "version": "0.1.0",
            "monai_version": "1.3.0",
            "description": "Segments noise.",
            "network_data_format": {
                "inputs": {"image": image},
                "outputs": {"pred": prediction},
            },
        }


def planned(recipe: Recipe) -> BundlePlan:
    """What MedSeg makes of a bundle's configuration."""
    inference, metadata = (
        Config(root=json.loads(json.dumps(root)), where=Path("inference.json"))
        for root in (recipe.config(), recipe.metadata())
    )
    return read_plan(inference, metadata)


def write_bundle(folder: Path, recipe: Recipe) -> Path:
    """A bundle with chance weights, as one gets after a little training."""
    write_configs(folder, recipe.config(), recipe.metadata())
    (folder / "models").mkdir()
    torch.save(chance_state(recipe.network), folder / "models" / "model.pt")
    return folder


def write_configs(folder: Path, config: object, metadata: object) -> None:
    configs = folder / "configs"
    configs.mkdir(parents=True)
    (configs / "inference.json").write_text(json.dumps(config))
    (configs / "metadata.json").write_text(json.dumps(metadata))


def monai_network(described: dict[str, Any]) -> torch.nn.Module:
    """MONAI's own network."""
    kept = {name: value for name, value in described.items() if name != "img_size"}
    network: torch.nn.Module = ConfigParser({"net": kept}).get_parsed_content("net")
    return network


def chance_state(described: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Weights by chance that give every output about as many voxels."""
    torch.manual_seed(0)
    network = monai_network(described)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif tensor.ndim == 1 and tensor.dtype == torch.float32:
            tensor.add_(torch.randn_like(tensor) * 0.1)
    _balance(network.eval(), described.get("in_channels", 1))
    return network.state_dict()


@torch.no_grad()
def _balance(network: torch.nn.Module, channels: int) -> None:
    """Shift the outputs to a mean of 0 by the bias that only shifts them."""
    noise = np.random.default_rng(2).normal(size=(1, channels, 64, 64, 64))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 2, 2, 2))
    image = torch.from_numpy(smooth / smooth.std() / 4 + 0.5).float().clamp(0, 1)
    before = network(image)
    for name, bias in network.named_parameters():
        if bias.shape != (before.shape[1],) or not name.endswith("bias"):
            continue
        bias.add_(1)
        if torch.allclose(network(image), before + 1, atol=1e-4):
            bias.sub_(1 + before.mean((0, 2, 3, 4)))
            return
        bias.sub_(1)
    raise AssertionError("the network has no last bias")


def write_scan(
    file: Path, affine: np.ndarray, shape: tuple[int, ...], channels: int = 1
) -> Path:
    """Smooth noise about -100 to 250, 0 here and there, as NIfTI."""
    rng = np.random.default_rng(1)
    noise = ndimage.gaussian_filter(rng.normal(size=(*shape, channels)), (2, 2, 2, 0))
    image = (60 + 400 * noise / noise.std() / 4).astype(np.float32)
    image[:3], image[:, -4:] = 0, -1000
    header = nib.Nifti1Image(image if channels > 1 else image[..., 0], affine)
    header.header.set_xyzt_units("mm")
    nib.save(header, file)
    return file


def image_by_monai(bundle: Path, scan: Path) -> np.ndarray:
    """What MONAI gives the network, by the bundle's own configuration."""
    config = json.loads((bundle / "configs" / "inference.json").read_text())
    parser = ConfigParser({"preprocessing": config["preprocessing"]})
    data = parser.get_parsed_content("preprocessing")({"image": str(scan)})
    image: np.ndarray = data["image"].numpy()
    return image


def labels_by_monai(bundle: Path, scan: Path) -> np.ndarray:
    """What MONAI makes of a scan, by the bundle's own configuration."""
    config = json.loads((bundle / "configs" / "inference.json").read_text())
    config["network_def"] = {
        name: value
        for name, value in config["network_def"].items()
        if name != "img_size"  # gone since MONAI 1.5
    }
    config = {
        name: config[name]
        for name in (
            *("imports", "bundle_root", "device", "network_def"),
            *("preprocessing", "inferer", "postprocessing"),
        )
    }
    parser = ConfigParser({**config, "output_dir": str(bundle / "eval")})
    data = parser.get_parsed_content("preprocessing")({"image": str(scan)})
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(bundle / "models" / "model.pt"))
    with torch.no_grad():
        logits = parser.get_parsed_content("inferer")(data["image"][None], network)
    assert isinstance(logits, MetaTensor)
    data["pred"] = logits[0]
    result: np.ndarray = parser.get_parsed_content("postprocessing")(data)[
        "pred"
    ].numpy()
    return result
