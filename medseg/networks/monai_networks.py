"""Networks that a MONAI bundle names, with the arguments it gives them."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.mednext import MedNeXt
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

from medseg.core.plan import MonaiNetwork, MonaiNetworkName, Plan
from medseg.networks.instance_norm import with_fast_norms

RunningNorm = nn.BatchNorm3d | nn.SyncBatchNorm | nn.InstanceNorm3d
_CLASSES: dict[MonaiNetworkName, type[nn.Module]] = {
    MonaiNetworkName.UNET: UNet,
    MonaiNetworkName.SEGRESNET: SegResNet,
    MonaiNetworkName.DYNUNET: DynUNet,
    MonaiNetworkName.SWIN_UNETR: SwinUNETR,
    MonaiNetworkName.MEDNEXT: MedNeXt,
}
_RENAMED = {"dimensions": "spatial_dims"}
_WITHOUT_EFFECT = ("img_size", "use_checkpoint", "deep_supervision", "deep_supr_num")
"""Gone in today's MONAI, or of training only."""
_LARGEST_NUMBER, _MOST_VALUES, _DEEPEST = 4096, 64, 6
_MOST_REPEATED, _LARGEST_ATTENTION = 64, 16
_REPEATED = re.compile(".*(block|depth|unit|layer).*")
_WORD = re.compile(r"[A-Za-z0-9_.]*")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_REFUSALS = (
    *(TypeError, ValueError, LookupError, AttributeError, AssertionError),
    *(ArithmeticError, RuntimeError),
)
"""What MONAI and PyTorch raise for arguments that make no network."""


class ChannelScale(nn.Module):
    """A batch norm after training: a factor and a shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(
        self, features: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch channel i j k"]:
        """Scale and shift each channel."""
        shape = (1, -1, 1, 1, 1)
        weight = self.weight.to(features.dtype).view(shape)
        return torch.addcmul(self.bias.to(features.dtype).view(shape), features, weight)


class ReorderedOutputs(nn.Module):
    """A network with its output channels in another order."""

    def __init__(self, network: nn.Module, order: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self._order = list(order)

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        logits: Tensor = self.network(image)
        return logits[:, self._order]


def monai_network(plan: Plan) -> nn.Module:
    """The plan's network, as `bare_monai_network`, made for inference.

    Affine instance norms are the fast ones, batch norms are scales and shifts. The
    parameters bear MONAI's names, after "network." where outputs are reordered.

    Raises:
        ValueError: When the arguments make no network for the plan's channels.
    """
    described = plan.monai_network
    if described is None:
        raise ValueError("the plan names no network of MONAI's")
    network = bare_monai_network(described)
    arguments = network_arguments(described)
    given = (arguments.get("in_channels", 1), arguments.get("out_channels", 2))
    if given != (len(plan.channels), len(plan.output_names)):
        raise ValueError(f"the network has {given[0]} channels and {given[1]} outputs")
    _with_scales(network)
    with_fast_norms(network)
    if not described.output_order:
        return network
    if sorted(described.output_order) != list(range(len(plan.output_names))):
        raise ValueError(f"no order of the outputs: {described.output_order}")
    return ReorderedOutputs(network, described.output_order)


def with_outputs(plan: Plan) -> Plan:
    """The plan with as many outputs of a MONAI network as it names, in its order.

    Another plan is what it was.
    """
    described = plan.monai_network
    if described is None:
        return plan
    arguments = network_arguments(described) | {"out_channels": len(plan.output_names)}
    network = replace(described, arguments=json.dumps(arguments), output_order=())
    return replace(plan, monai_network=network)


def bare_monai_network(described: MonaiNetwork) -> nn.Module:
    """The network as MONAI makes it.

    Raises:
        ValueError: When the arguments make no 3D network.
    """
    arguments = network_arguments(described)
    try:
        return _CLASSES[described.name](**arguments)
    except _REFUSALS as error:
        reason = " ".join(str(error).split())[:150]
        raise ValueError(f"{described.name} cannot be made: {reason}") from None


def network_arguments(described: MonaiNetwork) -> dict[str, Any]:
    """The constructor's arguments, as far as they matter for inference.

    Raises:
        ValueError: When one is unknown, too large or no plain value, or when the
            network is not 3D.
    """
    try:
        arguments = json.loads(described.arguments)
    except RecursionError:
        raise ValueError(f"{described.name} has endless arguments") from None
    if not isinstance(arguments, dict):
        raise ValueError(f"{described.name} takes named arguments")
    renamed: dict[str, Any] = {
        _RENAMED.get(str(name), str(name)): value for name, value in arguments.items()
    }
    known = inspect.signature(_CLASSES[described.name]).parameters
    for name, value in renamed.items():
        if name not in known and name not in _WITHOUT_EFFECT:
            raise ValueError(f"{described.name} has no argument {name!r}")
        _require_plain(name, value)
    if renamed.get("spatial_dims", 3) != 3:
        raise ValueError(f"{described.name} is not 3D")
    return {
        name: value for name, value in renamed.items() if name not in _WITHOUT_EFFECT
    }


def running_norm(module: nn.Module) -> RunningNorm | None:
    """The module as a norm that is, after training, a factor and a shift a channel.

    Returns:
        None when it is none.

    Raises:
        ValueError: When it is a norm whose statistics mean something else.
    """
    keeps = getattr(module, "running_mean", None) is not None
    if isinstance(module, nn.BatchNorm3d | nn.SyncBatchNorm) and not keeps:
        raise ValueError("a batch norm without running statistics is not supported")
    if not keeps:
        return None
    if isinstance(module, RunningNorm):
        return module
    raise ValueError(f"a norm {type(module).__name__} is not supported")


def _require_plain(name: str, value: object, depth: int = 0) -> None:
    """Refuse what would build a network of any size, or is more than data."""
    if depth > _DEEPEST:
        raise ValueError(f"{name} is nested too deep")
    if isinstance(value, Mapping):
        if strange := [key for key in value if not _KEY.fullmatch(str(key))]:
            raise ValueError(f"{name} has the key {strange[0]!r}")
        value = list(value.values())
    if isinstance(value, list):
        if len(value) > _MOST_VALUES:
            raise ValueError(f"{name} has {len(value)} values")
        for each in value:
            _require_plain(name, each, depth + 1)
    elif isinstance(value, str):
        if not _WORD.fullmatch(value):
            raise ValueError(f"{name} is the text {value[:80]!r}")
    elif isinstance(value, int | float) and not abs(value) <= _most(name):
        raise ValueError(f"{name} is {str(value)[:40]}")


def _most(name: str) -> int:
    """A block more is a layer more; a wider attention is a far larger table."""
    if name == "window_size":
        return _LARGEST_ATTENTION
    return _MOST_REPEATED if _REPEATED.fullmatch(name) else _LARGEST_NUMBER


def _with_scales(network: nn.Module) -> None:
    """Replace every norm below a module that is one."""
    for name, child in network.named_children():
        if norm := running_norm(child):
            setattr(network, name, ChannelScale(norm.num_features))
        else:
            _with_scales(child)
