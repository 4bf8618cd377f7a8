"""Asks scores of quality about scans that are not like those they were fitted to.

    medseg train Task04_Hippocampus -o fold0 --steps 600
    medseg quality fit fold0 Task04_Hippocampus
    python docs/measure_quality.py fold0 Task04_Hippocampus

The cases that the network did not learn from, as they are and changed as another
scanner might have: whether the score, fitted to them as they are, knows which results
are bad.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure_hard_parts import changes
from scipy import stats
from sklearn.metrics import roc_auc_score

import medseg

POOR = 0.8
WITH_UNCERTAINTY = medseg.Request(wanted=medseg.Wanted(uncertainty=True))

Pairs = list[tuple[float, float]]


def main() -> None:
    """Predicted and real Dice of every structure of every scan."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    asked = parser.parse_args()
    model, dataset = medseg.load_model(asked.model), medseg.read_dataset(asked.dataset)
    held_out = set(model.info.training.held_out if model.info.training else ())
    pairs: dict[tuple[str, str], Pairs] = {}
    for case in dataset.cases:
        if case.id not in held_out or case.reference is None:
            continue
        scan = medseg.read_volume(case.images[0])
        reference = medseg.read_segmentation(case.reference, dataset.labels)
        for look, change in changes().items():
            changed = replace(scan, array=change(scan.array.astype(np.float32)))
            for structure, pair in judged(model, changed, reference).items():
                pairs.setdefault((structure, look), []).append(pair)
    for structure in dataset.labels.names:
        for look in changes():
            print_row(f"{structure}, {look}", pairs[structure, look])
        everything = [pair for look in changes() for pair in pairs[structure, look]]
        print_row(f"{structure}, all of these", everything)


def judged(
    model: medseg.TrainedModel, scan: medseg.Volume, reference: medseg.Segmentation
) -> dict[str, tuple[float, float]]:
    """Predicted and real Dice of each structure; 0 is predicted where none is found."""
    made = medseg.predict(scan, model, request=WITH_UNCERTAINTY)
    predicted = {each.structure: each.predicted_dice for each in made.structures}
    real = medseg.score(made.segmentation, reference)
    return {
        name: (predicted[name] or 0.0, real[name].dice or 0.0)
        for name in reference.labels.names
    }


def print_row(name: str, pairs: Pairs) -> None:
    """How well the predicted tell the real ones."""
    predicted, real = np.array(pairs).T
    line = f"{name:52} n {len(pairs):3}  Dice {real.mean():.3f}"
    line += f"  predicted {predicted.mean():.3f}"
    line += f"  Spearman {stats.spearmanr(predicted, real).statistic:.2f}"
    is_poor = real < POOR
    if 0 < is_poor.sum() < len(real):
        area = roc_auc_score(is_poor, -predicted)
        line += f"  {is_poor.sum()} below {POOR}, AUROC {area:.2f}"
    print(line, flush=True)


if __name__ == "__main__":
    main()
