"""Measures what docs/instances.md says: counts of touching tumours, and diameters.

Run as `python docs/measure_instances.py`; takes about a minute.
"""

import numpy as np

import medseg
from medseg.metrics.lesions import matched_lesions

CASES = 50
ELLIPSOIDS = 60


def ways() -> dict[str, medseg.InstanceRules]:
    """The rules compared, by name."""
    found = {"connected pieces": medseg.InstanceRules()}
    for neck_mm in (1.0, 0.75, 0.5):
        split = medseg.DistanceWatershed(neck_mm=neck_mm)
        found[f"distance, neck {neck_mm:g} mm"] = medseg.InstanceRules(split=split)
    for contrast in (5.0, 10.0):
        dark = medseg.IntensityWatershed(
            contrast=contrast, sigma_mm=2.0, shade=medseg.Shade.DARK
        )
        name = f"intensity, contrast {contrast:g} HU"
        found[name] = medseg.InstanceRules(split=dark)
    return found


def count_touching() -> None:
    """Cases counted right by each way, and the panoptic quality at an IoU of 0.5."""
    phantoms = [medseg.make_touching_tumours(seed) for seed in range(CASES)]
    print(f"{sum(int(p.tumours.max()) for p in phantoms)} tumours in {CASES} cases")
    for name, rules in ways().items():
        right, found, wrong, summed_iou = 0, 0, 0, 0.0
        for phantom in phantoms:
            told = medseg.tell_apart(phantom.reference, rules, phantom.volume)
            count = int(phantom.tumours.max())
            right += len(told.instances) == count
            ours, truth = told.instance_map.astype(int), phantom.tumours.astype(int)
            pairs = matched_lesions(ours, truth, 0.5)
            found += len(pairs)
            wrong += len(told.instances) + count - 2 * len(pairs)
            for a, b in pairs:
                one, other = ours == a, truth == b
                summed_iou += (one & other).sum() / (one | other).sum()
        quality = summed_iou / (found + wrong / 2)
        print(f"{name:28} {right}/{CASES} right, PQ {quality:.3f}")


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
        (found,) = medseg.measure_instances(medseg.tell_apart(lesion))
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
    count_touching()
    measure_ellipsoids()
