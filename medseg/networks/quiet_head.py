"""An instance head that says nothing at first."""

from dataclasses import replace

import torch
from torch import nn

from medseg.core.plan import Plan
from medseg.networks.build import build_network
from medseg.networks.sketches import sketching


@torch.no_grad()
def quieten_head(network: nn.Module, plan: Plan) -> None:
    """Let a fresh network's head give 0 everywhere; without a head nothing changes.

    Chance weights would give a heat-map whose error is a thousand times that of an
    empty one.

    Args:
        network: As `build_network` made it of the plan; changed.
        plan: Its plan.
    """
    if plan.head is None:
        return
    with sketching():
        plain = build_network(replace(plan, head=None))
    shapes = {name: each.shape for name, each in plain.named_parameters()}
    own = len(plan.output_names)
    for path, module in network.named_modules():
        is_output = isinstance(module, nn.Conv3d | nn.ConvTranspose3d)
        if not is_output or module.groups > 1:  # of FCN, which enlarges what is there
            continue
        for name, parameter in module.named_parameters(path, recurse=False):
            for dim, (size, before) in enumerate(
                zip(parameter.shape, shapes[name], strict=True)
            ):
                if size != before:
                    parameter.narrow(dim, own, size - own).zero_()
