"""Measures what docs/hard_parts.md is about: imbalance, boundaries, foreign scans.

    python docs/measure_hard_parts.py imbalance data/Task22_SarcomaCT work
    python docs/measure_hard_parts.py boundary data/Task04_Hippocampus work
    python docs/measure_hard_parts.py changed data/Task04_Hippocampus work
    python docs/measure_hard_parts.py modality data/Task21_AbdomenMR work CT LABELS

Each trains networks that differ in one choice, in folders under `work`, and judges them
on the cases that they did not learn from; a network that is there already is not
trained again. CT and LABELS are a scan of another modality and its label map with
TotalSegmentator's numbers.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

import medseg
from medseg.core.scores import MaskState
from medseg.core.settings import Loss

Change = Callable[[np.ndarray], np.ndarray]

TOTALSEGMENTATOR = {"spleen": 1, "right kidney": 2, "left kidney": 3, "liver": 5}


def ways(experiment: str) -> dict[str, medseg.TrainingSettings]:
    """The trainings compared, by name; the others are held against the first."""
    usual = medseg.TrainingSettings()
    foreign = {"as usual": usual}
    foreign["domain randomised"] = replace(usual, domain_randomisation=True)
    return {
        "imbalance": {
            "Dice + cross-entropy, half of patches on tumour": usual,
            "the same, patches anywhere": replace(usual, foreground_share=0.0),
            "the same, every patch on tumour": replace(usual, foreground_share=1.0),
            "Dice + focal": replace(usual, loss=Loss.DICE_FOCAL),
            "Dice + cross-entropy + boundary": replace(usual, loss=Loss.DICE_BOUNDARY),
        },
        "boundary": {
            "Dice + cross-entropy": usual,
            "with boundary loss": replace(usual, loss=Loss.DICE_BOUNDARY),
        },
        "changed": foreign,
        "modality": foreign,
    }[experiment]


def changes() -> dict[str, Change]:
    """Scans as another scanner might have made them; training draws noise, too."""
    return {
        "as it is": lambda scan: scan,
        "dark and bright exchanged": lambda scan: scan.max() - scan,
        "intensities squared": lambda scan: scan**2,
        "four times as bright at one corner": _lit_from_one_corner,
        "noise, SD a quarter of the scan's": _noisy,
    }


def main() -> None:
    """Train, judge, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = ("imbalance", "boundary", "changed", "modality")
    parser.add_argument("experiment", choices=names)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("foreign", type=Path, nargs="*")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--tolerance-mm", type=float, default=1.0)
    asked = parser.parse_args()
    dataset = medseg.read_dataset(asked.dataset)
    compared = ways(asked.experiment)
    scores: dict[str, dict[str, list[medseg.Scores]]] = {}
    for way, settings in compared.items():
        for fold in asked.folds:
            chosen = replace(settings, fold=fold, steps=asked.steps)
            model = trained(dataset, chosen, asked.work)
            for look, score in judged(asked.experiment, model, dataset, asked):
                scores.setdefault(look, {}).setdefault(way, []).append(score)
    for look, by_way in scores.items():
        print(look)
        for way, found in by_way.items():
            print_row(way, found, by_way[next(iter(compared))])


def trained(
    dataset: medseg.Dataset, settings: medseg.TrainingSettings, work: Path
) -> medseg.TrainedModel:
    """The network trained so; the one that is there when it was."""
    way = f"{settings.loss}_{settings.foreground_share:g}"
    way += "_randomised" * settings.domain_randomisation
    out = work / dataset.name / f"{way}_{settings.steps}_fold{settings.fold}"
    if (out / "model.json").exists():
        return medseg.load_model(out)
    print(f"training {out}", flush=True)
    return medseg.train(dataset, out, settings, resume=out.exists())


def judged(
    experiment: str,
    model: medseg.TrainedModel,
    dataset: medseg.Dataset,
    asked: argparse.Namespace,
) -> Iterator[tuple[str, medseg.Scores]]:
    """Scores on the held-out cases, and on what else the experiment looks at."""
    training = model.info.training
    held_out = set(training.held_out if training else ())
    looks = changes() if experiment == "changed" else {"held out": lambda scan: scan}
    for case in dataset.cases:
        if case.id not in held_out or case.reference is None:
            continue
        scan = medseg.read_volume(case.images[0])
        reference = medseg.read_segmentation(case.reference, dataset.labels)
        for look, change in looks.items():
            changed = replace(scan, array=change(scan.array.astype(np.float32)))
            found = medseg.segment(changed, model)
            yield look, medseg.score(found, reference, tolerance_mm=asked.tolerance_mm)
    if asked.foreign:
        scan, reference = foreign_case(*asked.foreign, dataset.labels)
        found = medseg.segment(scan, model)
        yield (
            "another modality",
            medseg.score(found, reference, tolerance_mm=asked.tolerance_mm),
        )


def foreign_case(
    scan: Path, labels: Path, wanted: medseg.LabelSet
) -> tuple[medseg.Volume, medseg.Segmentation]:
    """A scan and its label map, renumbered as the dataset numbers its structures."""
    volume = medseg.read_volume(scan)
    theirs = medseg.read_segmentation(labels)
    ours = np.zeros(theirs.array.shape, np.uint8)
    for structure in wanted.structures:
        ours[theirs.array == TOTALSEGMENTATOR[structure.name]] = structure.id
    return volume, medseg.Segmentation(
        array=ours, geometry=theirs.geometry, labels=wanted
    )


def print_row(
    name: str, scores: Sequence[medseg.Scores], baseline: Sequence[medseg.Scores]
) -> None:
    """Means over cases and structures; against the first way with a 95 % interval."""
    dice = [_mean(score, "dice") for score in scores]
    line = f"  {name:50} n {len(scores):3}  Dice {np.mean(dice):.3f}"
    line += f"  NSD {np.mean([_mean(score, 'nsd') for score in scores]):.3f}"
    recall = np.mean([_mean(score, "recall") for score in scores])
    line += f"  recall {recall:.3f}"
    line += f"  missed {sum(_is_missed(score) for score in scores)}"
    if scores is not baseline and len(scores) == len(baseline):
        for metric in ("dice", "nsd"):
            line += f"  {metric} {_against(scores, baseline, metric)}"
    print(line, flush=True)


def _against(
    scores: Sequence[medseg.Scores], baseline: Sequence[medseg.Scores], metric: str
) -> str:
    """Mean difference by case with its 95 % bootstrap interval."""
    pairs = zip(scores, baseline, strict=True)
    differences = [_mean(a, metric) - _mean(b, metric) for a, b in pairs]
    if len(set(differences)) < 2:
        return f"{np.mean(differences):+.3f}"
    interval = stats.bootstrap((differences,), np.mean, rng=1).confidence_interval
    low, high = interval.low, interval.high
    return f"{np.mean(differences):+.3f} ({low:+.3f} to {high:+.3f})"


def _mean(scores: medseg.Scores, metric: str) -> float:
    """Over the structures of a case; a missed or invented one counts as 0."""
    measured = [
        (getattr(row, metric) or 0.0) if row.dice is not None else None
        for row in scores.rows
    ]
    return float(np.mean([value for value in measured if value is not None]))


def _is_missed(scores: medseg.Scores) -> bool:
    """Whether nothing of some structure is where it should be."""
    is_there = (MaskState.BOTH_PRESENT, MaskState.PREDICTION_EMPTY)
    return any(row.dice == 0 and row.state in is_there for row in scores.rows)


def _lit_from_one_corner(scan: np.ndarray) -> np.ndarray:
    places = [np.linspace(0, 1, n) for n in scan.shape[-3:]]
    i, j, k = np.meshgrid(*places, indexing="ij")
    return np.asarray((scan - scan.min()) * 4 ** ((i + j + k) / 3), np.float32)


def _noisy(scan: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, scan.std() / 4, scan.shape)
    return np.asarray(scan + noise, np.float32)


if __name__ == "__main__":
    main()
