"""Plan -> network."""

from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.unet import build_network, parameter_count

__all__ = ["FastInstanceNorm3d", "build_network", "parameter_count"]
