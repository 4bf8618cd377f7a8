"""Which network of a model has not learned from a scan."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from medseg.core.model_info import ModelInfo
from medseg.models import TrainedModel
from medseg.training.splits import FOLD_COUNT, five_folds

_OF_A_FOLD = re.compile(r"fold_([0-4])\.safetensors$")
ALL_NETWORKS = -1
"""In place of a network's: none of them has learned from the scan."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Who has not learned from which scans.

    Attributes:
        model: With all its networks.
        learned: Hashes of the scans it has learned from, any network.
        by_network: Of those, the ones that a network held out, and its place.
    """

    model: TrainedModel
    learned: frozenset[str]
    by_network: Mapping[str, int]

    def network_for(self, image_sha256: str) -> int | None:
        """Place of the network to ask about a scan.

        Returns:
            `ALL_NETWORKS` for a scan that is new to the model; None where every
            network has learned from it.
        """
        if image_sha256 not in self.learned:
            return ALL_NETWORKS
        return self.by_network.get(image_sha256)

    def part(self, network: int) -> TrainedModel:
        """The model, or one network of it."""
        if network == ALL_NETWORKS:
            return self.model
        weights = (self.model.info.weights[network],)
        return replace(
            self.model,
            info=replace(self.model.info, weights=weights),
            networks=(self.model.networks[network],),
            quality=None,
        )


def unseen_by(model: TrainedModel) -> Unseen:
    """Read from a model's provenance what each of its networks learned from.

    A network that is called after a fold had the cases of `five_folds` held out; a
    scan that is known by several names is held out where all of them are.

    Args:
        model: From `load_model`.
    """
    records = [model.info.training]
    if model.first_stage is not None:
        records.append(model.first_stage.info.training)
    hashes = [h for each in records for h in each.image_sha256]
    for_all = {h for each in records for h in each.earlier_image_sha256}
    if model.first_stage is not None:
        for_all |= {*model.first_stage.info.training.image_sha256}
    by_network = {
        image: network
        for image, network in _held_out(model.info).items()
        if image not in for_all
    }
    return Unseen(
        model=model,
        learned=frozenset({*hashes, *for_all}),
        by_network=by_network,
    )


def _held_out(info: ModelInfo) -> dict[str, int]:
    """Of scans that some networks learned from, one network that did not."""
    training = info.training
    names: dict[str, set[str]] = {}
    for case_id, image in zip(training.cases, training.image_sha256, strict=False):
        names.setdefault(image, set()).add(case_id)
    ids = {*training.cases, *training.held_out}
    if len(ids) < FOLD_COUNT:
        return {}
    folds = [set(fold) for fold in five_folds(sorted(ids))]
    found: dict[str, int] = {}
    for network, weights in enumerate(info.weights):
        if number := _OF_A_FOLD.search(weights.path):
            kept_apart = folds[int(number[1])]
            found |= {
                image: network
                for image, case_ids in names.items()
                if case_ids <= kept_apart
            }
    return found
