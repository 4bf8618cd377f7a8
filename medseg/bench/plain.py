"""Networks with PyTorch's own layers, as others run them."""

from torch import nn

from medseg.networks import FastInstanceNorm3d


def with_plain_norms(network: nn.Module) -> nn.Module:
    """Put PyTorch's instance norm wherever MedSeg's is, with the same numbers."""
    for name, child in network.named_children():
        if isinstance(child, FastInstanceNorm3d):
            norm = nn.InstanceNorm3d(child.channels, child.eps, affine=True)
            norm.load_state_dict(child.state_dict())
            setattr(network, name, norm)
        else:
            with_plain_norms(child)
    return network
