"""What a comparison of inference runs over: a network, and a prepared scan."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt16
from safetensors.torch import load_file
from torch import nn

from medseg.bench.window_sources import Noise, Scan
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet
from medseg.core.plan import (
    Architecture,
    IntensityStatistics,
    Normalisation,
    NormalisationKind,
    Plan,
    Recipe,
)
from medseg.core.prepared import Prepared
from medseg.core.settings import InferenceSettings
from medseg.io import read_volume
from medseg.models import TrainedModel, load_model, load_parameters, weights_bytes
from medseg.models.foreign.nnunet_network import unet_names
from medseg.networks import build_network
from medseg.preprocessing import prepare

_WIDTHS = (32, 64, 128, 256, 320, 320)

LabelMap = UInt16[np.ndarray, "..."]


@dataclass(frozen=True, kw_only=True)
class WindowScene:
    """What every contender is given, in files so that each can be a process.

    Attributes:
        folder: Where the files are.
        plan: Of the network.
        settings: How windows overlap, whether mirrored copies are averaged, where to
            compute.
    """

    folder: Path
    plan: Plan
    settings: InferenceSettings

    @property
    def image_file(self) -> Path:
        """The prepared image (channel, i, j, k), float32."""
        return self.folder / "image.npy"

    @property
    def nnunet_weights_file(self) -> Path:
        """The weights by the names that nnU-Net has for them."""
        return self.folder / "nnunet.npz"

    @property
    def mirror_axes(self) -> tuple[int, ...]:
        """Axes along which mirrored copies are averaged, in any combination."""
        return self.plan.mirror_axes if self.settings.mirror else ()

    def image(self) -> Float32[np.ndarray, "channel i j k"]:
        """The prepared image."""
        image: np.ndarray = np.load(self.image_file)
        return image

    def network(self) -> nn.Module:
        """The network, with MedSeg's layers."""
        network = build_network(self.plan)
        load_parameters(network, load_file(self._weights_file))
        return network.eval()

    def prepared(self) -> Prepared:
        """The image as a scan that needed no preparation, so that labels stay on it."""
        image = self.image()
        i, j, k = image.shape[1:]
        geometry = Geometry.from_spacing((i, j, k), self.plan.spacing_mm)
        return Prepared(
            image=image,
            source=geometry,
            axes=(0, 1, 2),
            flipped=(False, False, False),
            crop_start=(0, 0, 0),
            crop_shape=(i, j, k),
        )

    @property
    def _weights_file(self) -> Path:
        return self.folder / "weights.safetensors"

    def write(
        self, image: Float32[np.ndarray, "channel i j k"], network: nn.Module
    ) -> None:
        """Write the files."""
        np.save(self.image_file, image)
        self._weights_file.write_bytes(weights_bytes(network))


def label_ids(plan: Plan) -> LabelMap:
    """Label of each output of the network: what its index stands for."""
    return np.array([0, *plan.labels.ids], np.uint16)


def written_scene(
    source: Noise | Scan, settings: InferenceSettings, folder: Path
) -> WindowScene:
    """Make a scene and write its files.

    Args:
        source: What it is made of.
        settings: Of every contender.
        folder: For the files.

    Raises:
        MedSegError: When model or scan cannot be read.
        WrongUse: INVALID_OPTION for noise of other sizes.
    """
    if isinstance(source, Noise):
        plan, image, network = _of_noise(source)
    else:
        model = load_model(source.model)
        plan, network = model.info.plan, model.networks[0]
        _require_comparable(source.model, model)
        image = prepare(read_volume(source.path), plan).image
    scene = WindowScene(folder=folder, plan=plan, settings=settings)
    scene.write(image, network)
    return scene


def require_nnunet_can(plan: Plan) -> None:
    """Check that nnU-Net has the very same network.

    Raises:
        WrongUse: INVALID_OPTION where it has not.
    """
    decoder = plan.decoder_kernels or plan.kernels[1:]
    is_same = plan.architecture is Architecture.UNET and decoder == plan.kernels[:-1]
    if is_same and not plan.regions:
        return
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "nnU-Net has no network like this model's",
        where="--against nnunet",
        remedy="Compare on noise, or with a U-Net of the same kernel on each level.",
    )


def write_nnunet_weights(scene: WindowScene) -> None:
    """Write the weights as nnU-Net calls them."""
    weights = dict(scene.network().named_parameters())
    names = unet_names(len(scene.plan.widths))
    named = {
        there: weights[here].detach().numpy()
        for here, there in names
        if here in weights
    }
    np.savez(scene.nnunet_weights_file, allow_pickle=False, **named)


def _of_noise(noise: Noise) -> tuple[Plan, np.ndarray, nn.Module]:
    levels = len(_WIDTHS)
    multiple = 2 ** (levels - 1)
    is_window = noise.window >= 2 * multiple and noise.window % multiple == 0
    if not is_window or min(noise.shape) < 1 or not 2 <= noise.outputs <= 255:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"size {noise.shape}, window {noise.window}, outputs {noise.outputs}",
            where="bench inference",
            remedy=f"Give a window from {2 * multiple} on, a multiple of {multiple}, "
            "and 2 to 255 outputs.",
        )
    body = noise.body or noise.shape
    if any(not 1 <= b <= n for b, n in zip(body, noise.shape, strict=True)):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"body {body} in a scan of {noise.shape}",
            where="bench inference",
            remedy="Give three edges from 1 to those of the scan.",
        )
    statistics = IntensityStatistics(
        mean=0.0, sd=1.0, percentile_00_5=-3.0, percentile_99_5=3.0
    )
    how = Normalisation(kind=NormalisationKind.Z_SCORE, statistics=statistics)
    names = [(n, f"structure {n}") for n in range(1, noise.outputs)]
    plan = Plan(
        channels=("MRI",),
        labels=LabelSet.from_names(names),
        spacing_mm=(1.0, 1.0, 1.0),
        patch_shape=(noise.window,) * 3,
        batch_size=1,
        normalisation=(how,),
        widths=_WIDTHS,
        kernels=((3, 3, 3),) * levels,
        strides=((1, 1, 1), *((2, 2, 2),) * (levels - 1)),
        mirror_axes=(0, 1, 2),
    )
    values = np.random.default_rng(0).normal(size=(1, *body)).astype(np.float32)
    image = np.full((1, *noise.shape), values.min(), np.float32)
    before = [(n - b) // 2 for n, b in zip(noise.shape, body, strict=True)]
    inside = [slice(at, at + b) for at, b in zip(before, body, strict=True)]
    image[0, inside[0], inside[1], inside[2]] = values[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(plan)
    return plan, image, network


def _require_comparable(name: str, model: TrainedModel) -> None:
    """Refuse models that others would need more for than the prepared scan."""
    plan = model.info.plan
    why = {
        "it needs another model's labels": model.first_stage is not None,
        "its structures overlap": bool(plan.regions),
        "it also tells lesions apart": plan.head is not None,
        "it is a MONAI bundle, which resamples probabilities": (
            plan.recipe is Recipe.MONAI
        ),
    }
    for reason, applies in why.items():
        if applies:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"the model cannot be compared: {reason}",
                where=name,
                remedy="Name a model that gives one label a voxel.",
            )
