"""Measures what docs/instances.md says: counts of touching tumours, and diameters.

Run as `python docs/measure_instances.py FOLDER`; it trains a small network into FOLDER
first (again from where it was, if it was stopped), in some minutes on a CPU core.
"""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import medseg
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.metrics.lesions import overlapping_lesions
from medseg.models import save_model, weights_bytes
from medseg.networks import build_network

JUDGED = range(4000, 4050)  # looked at for nothing else
ELLIPSOIDS = 60
TRAINING_CASES = 60  # of seeds from 8 million on
STEPS = 480
WIDTHS = (8, 16, 32)

Way = Callable[[medseg.Phantom], medseg.Panoptic]


def trained(folder: Path) -> medseg.TrainedModel:
    """A network with an instance head, taught by generated livers of 3 mm voxels."""
    medseg.write_touching_dataset(
        folder / "dataset",
        cases=TRAINING_CASES,
        seed=7,
        shape=(40, 36, 32),
        spacing_mm=(3.0, 3.0, 3.0),
    )
    dataset = medseg.read_dataset(folder / "dataset")
    settings = medseg.TrainingSettings(
        fold=None,
        steps=STEPS,
        seed=1,
        checkpoint_every=50,
        learning_rate=6e-3,
        compile=False,
        precision=medseg.Precision.FLOAT32,
        device=medseg.Device("cpu"),
    )
    start = narrow(dataset, folder / "start")
    return medseg.train(
        dataset,
        folder / "model",
        settings,
        start=start,
        resume=True,
        on_progress=lambda told: print(told, flush=True),
    )


def narrow(dataset: medseg.Dataset, folder: Path) -> Path:
    """A model of the tiny preset's plan, a quarter as wide; it has learned nothing."""
    plan = medseg.plan_dataset(dataset, medseg.Preset.TINY)
    plan = replace(plan, widths=WIDTHS, head=None)
    torch.manual_seed(0)
    weights = weights_bytes(build_network(plan))
    digest = hashlib.sha256(weights).hexdigest()
    info = ModelInfo(
        name="nothing",
        summary="Has learned nothing.",
        licence="CC0-1.0",
        plan=plan,
        weights=(WeightFile(path="weights/none.safetensors", sha256=digest),),
        training=TrainingRecord(
            dataset="none",
            source="none",
            cases=(),
            image_sha256=(),
            held_out=(),
            settings=(),
            steps=0,
            seconds=0.0,
            versions=(),
        ),
    )
    save_model(info, [weights], folder)
    return folder


def by_rules(rules: medseg.InstanceRules) -> Way:
    """A way that takes the reference label map, and perhaps the scan."""
    return lambda phantom: medseg.separate_instances(
        phantom.reference, rules, phantom.volume
    )


def in_the_reference(model: medseg.ReadyModel) -> Way:
    """The learned way, in the reference label map."""
    rules = medseg.InstanceRules(split=medseg.LearnedCentres(), minimum_mm3=200.0)

    def told(phantom: medseg.Phantom) -> medseg.Panoptic:
        made = model.predict(phantom.volume, request=medseg.Request(centres=True))
        return medseg.separate_instances(
            phantom.reference, rules, phantom.volume, centres=made.centres
        )

    return told


def in_its_own_labels(
    model: medseg.ReadyModel, split: medseg.LearnedCentres | medseg.DistanceWatershed
) -> Way:
    """A way that takes the network's own label map, without small pieces."""
    rules = medseg.InstanceRules(split=split, minimum_mm3=200.0)

    def told(phantom: medseg.Phantom) -> medseg.Panoptic:
        made = model.predict(phantom.volume, request=medseg.Request(centres=True))
        return medseg.separate_instances(
            made.segmentation, rules, phantom.volume, centres=made.centres
        )

    return told


def ways(model: medseg.TrainedModel) -> dict[str, Way]:
    """What is compared, by name."""
    found = {"connected pieces": by_rules(medseg.InstanceRules())}
    for neck_mm in (1.0, 0.75, 0.5):
        split = medseg.DistanceWatershed(neck_mm=neck_mm)
        rules = medseg.InstanceRules(split=split)
        found[f"distance, neck {neck_mm:g} mm"] = by_rules(rules)
    for contrast in (5.0, 10.0):
        dark = medseg.IntensityWatershed(
            contrast=contrast, sigma_mm=2.0, shade=medseg.Shade.DARK
        )
        name = f"intensity, contrast {contrast:g} HU"
        found[name] = by_rules(medseg.InstanceRules(split=dark))
    ready = medseg.ReadyModel(model)
    neck = medseg.DistanceWatershed(neck_mm=0.75)
    found["learned, in the reference"] = in_the_reference(ready)
    found["learned, in its own labels"] = in_its_own_labels(
        ready, medseg.LearnedCentres()
    )
    found["distance, in its own labels"] = in_its_own_labels(ready, neck)
    return found


def count_touching(model: medseg.TrainedModel) -> None:
    """Cases counted right by each way, and the panoptic quality at an IoU of 0.5."""
    phantoms = [medseg.make_touching_tumours(seed) for seed in JUDGED]
    print(
        f"{sum(int(p.tumours.max()) for p in phantoms)} tumours in {len(JUDGED)} cases"
    )
    for name, tell in ways(model).items():
        right, found, wrong, summed_iou = 0, 0, 0, 0.0
        for phantom in phantoms:
            told = tell(phantom)
            count = int(phantom.tumours.max())
            right += len(told.instances) == count
            ours, truth = told.instance_map.astype(int), phantom.tumours.astype(int)
            pairs = overlapping_lesions(ours, truth, 0.5)  # one to one, above 0.5
            found += len(pairs)
            wrong += len(told.instances) + count - 2 * len(pairs)
            for a, b in pairs:
                one, other = ours == a, truth == b
                summed_iou += (one & other).sum() / (one | other).sum()
        quality = summed_iou / (found + wrong / 2)
        print(f"{name:28} {right}/{len(JUDGED)} right, PQ {quality:.3f}", flush=True)


def measure_ellipsoids() -> None:
    """Errors in voxels (the diagonal of one in the slice), and of the volume."""
    rng = np.random.default_rng(1)
    labels = medseg.LabelSet.from_names([(1, "lesion")])
    errors = []
    for _ in range(ELLIPSOIDS):
        radii, spacing_mm = rng.uniform(5, 15, 3), rng.uniform(0.6, 2.0, 3)
        i, j, k = (int(36 / edge) + 2 for edge in spacing_mm)
        a, b, c = spacing_mm.tolist()
        grid = medseg.Geometry.from_spacing((i, j, k), (a, b, c))
        places = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
        inside = (((places - grid.centre_ras_mm) / radii) ** 2).sum(-1) <= 1
        lesion = medseg.Segmentation(
            array=inside.astype(np.uint8), geometry=grid, labels=labels
        )
        (found,) = medseg.measure_instances(medseg.separate_instances(lesion))
        voxel_mm = np.hypot(a, b)
        volume_ml = 4 / 3000 * np.pi * radii.prod()
        errors.append(
            (
                (found.longest_axial_mm - 2 * radii[:2].max()) / voxel_mm,
                (found.perpendicular_mm - 2 * radii[:2].min()) / voxel_mm,
                100 * (found.volume_ml / volume_ml - 1),
            )
        )
    names = ("longest diameter, voxels", "perpendicular, voxels", "volume, percent")
    for name, column in zip(names, np.array(errors).T, strict=True):
        worst = np.abs(column).max()
        print(f"{name:28} mean error {column.mean():+.2f}, largest {worst:.2f}")


if __name__ == "__main__":
    count_touching(trained(Path(sys.argv[1])))
    measure_ellipsoids()
