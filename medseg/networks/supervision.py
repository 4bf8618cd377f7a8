"""Coarser levels that learn the labels, too."""

from jaxtyping import Float
from torch import Tensor, nn

from medseg.core.plan import Plan
from medseg.networks.levels import LevelNetwork


class Supervised(nn.Module):
    """A network with a head for each coarser level (Lee et al., 2015).

    Attributes:
        network: The plain network, which is what a model folder keeps.
        heads: 1 x 1 convolutions, finest level first; often none.
    """

    def __init__(self, network: nn.Module, heads: nn.ModuleList) -> None:
        super().__init__()
        self.network = network
        self.heads = heads

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Logits of each level (batch, output, i, j, k), finest first."""
        network = self.network
        if not len(self.heads) or not isinstance(network, LevelNetwork):
            return (network(image),)
        finest, *coarser = network.decoder_features(image)
        heads = zip(self.heads, coarser, strict=False)
        return network.logits_of(finest), *(head(level) for head, level in heads)


def supervised(network: nn.Module, plan: Plan, *, deep: bool) -> Supervised:
    """The network with heads for as many coarser levels as nnU-Net supervises.

    Args:
        network: As `build_network` made it of the plan.
        plan: Its plan.
        deep: Whether there are heads at all, where the architecture has levels.
    """
    heads: list[nn.Conv3d] = []
    if deep and isinstance(network, LevelNetwork):
        # the finest has its own head; the coarsest has weight 0 in nnU-Net's loss
        coarser = network.decoder_widths[1:-1]
        heads = [nn.Conv3d(width, len(plan.output_names), 1) for width in coarser]
    for head in heads:
        nn.init.kaiming_normal_(head.weight, a=0.01)
    return Supervised(network, nn.ModuleList(heads))
