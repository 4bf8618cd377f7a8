"""Measures what docs/instances.md says: diameters, and counts of touching tumours.

Run as `python docs/measure_instances.py FOLDER`; it trains a small network into FOLDER
(again from where it was, if it was stopped), in some minutes on a CPU core. Without
FOLDER it leaves the network out.
`tests/on_demand/test_touching_tumours.py` asks for what is promised of the counts.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

import medseg
from medseg.core.geometry import Spacing
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.metrics.lesions import overlapping_lesions
from medseg.models import save_model, weights_bytes
from medseg.networks import build_network

JUDGED = range(4000, 4050)  # looked at for nothing else
CHOSEN_ON = (range(3000, 3030), range(2000, 2050))  # sigma, steps and least heat were
NECKS_MM = (1.0, 0.75, 0.5, 0.25)
ELLIPSOIDS, SINGLE_ONES = 60, 120
RADII_MM = (5.0, 15.0)
TRAINING_CASES = 60  # of seeds from 8 million on
STEPS = 480
WIDTHS = (8, 16, 32)

Way = Callable[[medseg.Phantom], medseg.Panoptic]


@dataclass(frozen=True, kw_only=True)
class Count:
    """How a way of separating lesions did.

    Attributes:
        cases: Judged.
        right: With as many lesions as there are.
        quality: Panoptic quality of all lesions at an IoU of 0.5.
    """

    cases: int
    right: int
    quality: float

    def __str__(self) -> str:
        return f"{self.right}/{self.cases} right, PQ {self.quality:.3f}"


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


def by_watersheds() -> dict[str, Way]:
    """The ways that need no network, by name, on the reference label map."""
    found = {"connected pieces": by_rules(medseg.InstanceRules())}
    for neck_mm in NECKS_MM[:3]:
        split = medseg.DistanceWatershed(neck_mm=neck_mm)
        rules = medseg.InstanceRules(split=split)
        found[f"distance, neck {neck_mm:g} mm"] = by_rules(rules)
    for contrast in (5.0, 10.0):
        dark = medseg.IntensityWatershed(
            contrast=contrast, sigma_mm=2.0, shade=medseg.Shade.DARK
        )
        name = f"intensity, dark, contrast {contrast:g} HU"
        found[name] = by_rules(medseg.InstanceRules(split=dark))
    return found


def by_network(model: medseg.TrainedModel) -> dict[str, Way]:
    """The learned ways, and a watershed of what the network finds, by name."""
    ready = medseg.ReadyModel(model)
    neck = medseg.DistanceWatershed(neck_mm=0.75)
    return {
        "learned": in_the_reference(ready),
        "learned, in the network's own labels": in_its_own_labels(
            ready, medseg.LearnedCentres()
        ),
        "distance, in the network's own labels": in_its_own_labels(ready, neck),
    }


def counted_by(way: Way, phantoms: Sequence[medseg.Phantom]) -> Count:
    """Cases that a way counts right, and its panoptic quality."""
    right, found, wrong, summed_iou = 0, 0, 0, 0.0
    for phantom in phantoms:
        told = way(phantom)
        count = int(phantom.tumours.max())
        right += len(told.instances) == count
        ours, truth = told.instance_map.astype(int), phantom.tumours.astype(int)
        pairs = overlapping_lesions(ours, truth, 0.5)  # one to one, above 0.5
        found += len(pairs)
        wrong += len(told.instances) + count - 2 * len(pairs)
        for a, b in pairs:
            one, other = ours == a, truth == b
            summed_iou += float((one & other).sum() / (one | other).sum())
    quality = summed_iou / (found + wrong / 2)
    return Count(cases=len(phantoms), right=right, quality=quality)


def count_touching(seeds: range, ways: dict[str, Way]) -> None:
    """Say how each way does on the phantoms of some seeds."""
    phantoms = [medseg.make_touching_tumours(seed) for seed in seeds]
    tumours = sum(int(each.tumours.max()) for each in phantoms)
    print(
        f"seeds {seeds[0]} to {seeds[-1]}: {tumours} tumours in {len(phantoms)} cases"
    )
    for name, way in ways.items():
        print(f"  {name:38} {counted_by(way, phantoms)}", flush=True)


def split_single_ones() -> None:
    """Say how many ellipsoids that touch no other are split at all, at each neck."""
    rng = np.random.default_rng(2)
    lesions = []
    for _ in range(SINGLE_ONES):
        in_plane, slice_mm = rng.uniform(0.8, 1.0), rng.uniform(2.5, 5.0)
        turn = Rotation.random(random_state=rng).as_matrix()
        spacing_mm = (in_plane, in_plane, slice_mm)
        lesions.append(ellipsoid(rng.uniform(*RADII_MM, 3), spacing_mm, turn))
    for neck_mm in NECKS_MM:
        rules = medseg.InstanceRules(split=medseg.DistanceWatershed(neck_mm=neck_mm))
        parts = [medseg.separate_instances(each, rules).instances for each in lesions]
        count = sum(len(each) > 1 for each in parts)
        print(f"neck {neck_mm:g} mm: {count} of {SINGLE_ONES} single ones split")


def ellipsoid(
    radii_mm: np.ndarray, spacing_mm: Spacing, turn: np.ndarray
) -> medseg.Segmentation:
    """An ellipsoid in the middle of a grid that holds it, its axes turned."""
    i, j, k = (int(1.2 * 2 * RADII_MM[1] / edge) + 2 for edge in spacing_mm)
    grid = medseg.Geometry.from_spacing((i, j, k), spacing_mm)
    places = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    along = (places - grid.centre_ras_mm) @ turn
    inside = ((along / radii_mm) ** 2).sum(-1) <= 1
    return medseg.Segmentation(
        array=inside.astype(np.uint8),
        geometry=grid,
        labels=medseg.LabelSet.from_names([(1, "lesion")]),
    )


def measure_ellipsoids() -> None:
    """Errors in voxels (the diagonal of one in the slice), and of the volume."""
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(ELLIPSOIDS):
        radii, spacing_mm = rng.uniform(*RADII_MM, 3), rng.uniform(0.6, 2.0, 3)
        a, b, c = spacing_mm.tolist()
        lesion = ellipsoid(radii, (a, b, c), np.eye(3))
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
    measure_ellipsoids()
    split_single_ones()
    count_touching(JUDGED, by_watersheds())
    if len(sys.argv) > 1:
        learned = by_network(trained(Path(sys.argv[1])))
        for seeds in (JUDGED, *CHOSEN_ON):
            count_touching(seeds, learned)
