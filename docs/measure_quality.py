"""Asks scores of quality about scans that are not like those they were fitted to.

    medseg train Task04_Hippocampus -o fold0 --steps 600
    medseg quality fit fold0 Task04_Hippocampus
    python docs/measure_quality.py fold0 Task04_Hippocampus

The cases that the network did not learn from, as they are and changed as another
scanner might have: whether the score, fitted to them as they are, knows which results
are bad.
"""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from measure_hard_parts import changes
from scipy import stats
from sklearn.metrics import roc_auc_score

import medseg

POOR = 0.8
WITH_UNCERTAINTY = medseg.Request(wanted=medseg.Wanted(uncertainty=True))


@dataclass
class Looked:
    """One structure on all scans of a kind.

    Attributes:
        pairs: Predicted and real Dice where it was found.
        not_found: Scans whose reference has it and in which nothing was found: none is
            predicted, and so they are in no figure, as in `medseg quality fit`.
    """

    pairs: list[tuple[float, float]] = field(default_factory=list)
    not_found: int = 0

    def add(
        self, found: medseg.StructureUncertainty, real: medseg.StructureScore
    ) -> None:
        """One more scan; nothing where neither result nor reference has it."""
        if real.dice is None:
            return
        if found.predicted_dice is not None:
            self.pairs.append((found.predicted_dice, real.dice))
        elif not found.voxels:
            self.not_found += 1


def main() -> None:
    """Predicted and real Dice of every structure of every scan."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="shipped model, or a model folder")
    parser.add_argument("dataset", type=Path)
    asked = parser.parse_args()
    model, dataset = medseg.load_model(asked.model), medseg.read_dataset(asked.dataset)
    held_out = set(model.info.training.held_out if model.info.training else ())
    looked = {
        (structure, look): Looked()
        for structure in dataset.labels.names
        for look in changes()
    }
    for case in dataset.cases:
        if case.id not in held_out or case.reference is None:
            continue
        scan = medseg.read_volume(case.images[0])
        reference = medseg.read_segmentation(case.reference, dataset.labels)
        for look, change in changes().items():
            changed = replace(scan, array=change(scan.array.astype(np.float32)))
            made = medseg.predict(changed, model, request=WITH_UNCERTAINTY)
            real = medseg.score(made.segmentation, reference)
            for each in made.structures:
                looked[each.structure, look].add(each, real[each.structure])
    for structure in dataset.labels.names:
        everything = Looked()
        for look in changes():
            one = looked[structure, look]
            print_row(f"{structure}, {look}", one)
            everything.pairs += one.pairs
            everything.not_found += one.not_found
        print_row(f"{structure}, all of these", everything)


def print_row(name: str, looked: Looked) -> None:
    """How well the predicted tell the real ones."""
    pairs = looked.pairs
    line = f"{name:52} n {len(pairs):3}  not found {looked.not_found:3}"
    if not pairs:
        print(line, flush=True)
        return
    predicted, real = np.array(pairs).T
    line += f"  Dice {real.mean():.3f}  predicted {predicted.mean():.3f}"
    line += f"  Spearman {spearman(predicted, real):.2f}"
    is_poor = real < POOR
    if 0 < is_poor.sum() < len(real):
        area = roc_auc_score(is_poor, -predicted)
        line += f"  {is_poor.sum()} below {POOR}, AUROC {area:.2f}"
    print(line, flush=True)


def spearman(predicted: np.ndarray, real: np.ndarray) -> float:
    """Not a number where one of them never differs."""
    if min(np.ptp(predicted), np.ptp(real)) == 0:
        return float("nan")
    return float(stats.spearmanr(predicted, real).statistic)


if __name__ == "__main__":
    main()
