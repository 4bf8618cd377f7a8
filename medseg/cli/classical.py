"""Commands for classical methods on a scan: a scan in, a label map out."""

from typing import Annotated

from cyclopts import App

from medseg import classical
from medseg.cli.classical_files import (
    DEFAULT_READ,
    LabelMap,
    Reading,
    Scan,
    Seeds,
    Writing,
    segment_from_labels,
    segment_scan,
)
from medseg.cli.scans import Flat

app = App(
    name="classical",
    help="Segment without a model: thresholds, growing, watersheds, edges, clusters.",
)
_BODY = classical.BodySettings()
_CANNY = classical.CannySettings()
_CLUSTER = classical.ClusterSettings()
_CONFIDENCE = classical.ConfidenceSettings()
_GRADIENT = classical.GradientSettings()
_GROW = classical.GrowSettings()
_HYSTERESIS = classical.HysteresisSettings()
_LUNG = classical.LungSettings()
_MARKER = classical.MarkerSettings()
_OTSU = classical.OtsuSettings()
_SUPERVOXEL = classical.SupervoxelSettings()
_THRESHOLD = classical.ThresholdSettings()
_WATERSHED = classical.WatershedSettings()


@app.command
def otsu(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.OtsuSettings, Flat] = _OTSU,
) -> None:
    """Classes of intensity that differ most from each other (Otsu).

    Example: medseg classical otsu scan.nii.gz -o classes.nii.gz --classes 3
    """
    segment_scan(scan, read, written, lambda v: classical.otsu(v, settings))


@app.command
def threshold(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.ThresholdSettings, Flat] = _THRESHOLD,
) -> None:
    """Voxels of a range of intensities.

    Example: medseg classical threshold ct.nii.gz -o bone.nii.gz --lower 250
    """
    segment_scan(scan, read, written, lambda v: classical.threshold(v, settings))


@app.command
def hysteresis(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.HysteresisSettings, Flat] = _HYSTERESIS,
) -> None:
    """Bright voxels, and less bright ones connected to them.

    Example: medseg classical hysteresis ct.nii.gz -o out.nii.gz --strong 250 --weak 150
    """
    segment_scan(scan, read, written, lambda v: classical.hysteresis(v, settings))


@app.command
def grow(
    scan: Scan,
    /,
    *,
    seeds: Seeds,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.GrowSettings, Flat] = _GROW,
) -> None:
    """Grow a region from seeds through a range of intensities.

    Example: medseg classical grow ct.nii.gz -o out.nii.gz --seed 40 -10 120 --lower 90
    """
    segment_scan(scan, read, written, lambda v: classical.grow(v, seeds, settings))


@app.command
def grow_by_confidence(
    scan: Scan,
    /,
    *,
    seeds: Seeds,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.ConfidenceSettings, Flat] = _CONFIDENCE,
) -> None:
    """Grow a region from seeds through similar intensities.

    Example: medseg classical grow-by-confidence ct.nii.gz -o o.nii.gz --seed 40 -10 120
    """
    segment_scan(
        scan, read, written, lambda v: classical.grow_by_confidence(v, seeds, settings)
    )


@app.command
def watershed(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.WatershedSettings, Flat] = _WATERSHED,
) -> None:
    """Basins of the gradient, each a label.

    Example: medseg classical watershed mr.nii.gz -o basins.nii.gz --level 20
    """
    segment_scan(scan, read, written, lambda v: classical.watershed(v, settings))


@app.command
def watershed_from_markers(
    scan: Scan,
    markers: LabelMap,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.MarkerSettings, Flat] = _MARKER,
) -> None:
    """Assign every voxel to a marker by its basin of the gradient.

    Example: medseg classical watershed-from-markers mr.nii.gz seeds.nii.gz -o o.nii.gz
    """
    segment_from_labels(
        scan,
        markers,
        read,
        written,
        lambda v, s: classical.watershed_from_markers(v, s, settings),
    )


@app.command
def canny(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.CannySettings, Flat] = _CANNY,
) -> None:
    """Thin edges (Canny).

    Example: medseg classical canny mr.nii.gz -o edges.nii.gz --strong 40 --weak 15
    """
    segment_scan(scan, read, written, lambda v: classical.canny(v, settings))


@app.command
def gradient_edges(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.GradientSettings, Flat] = _GRADIENT,
) -> None:
    """Voxels where the scan's gradient is steep.

    Example: medseg classical gradient-edges mr.nii.gz -o edges.nii.gz --steepness 30
    """
    segment_scan(scan, read, written, lambda v: classical.gradient_edges(v, settings))


@app.command
def kmeans(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.ClusterSettings, Flat] = _CLUSTER,
) -> None:
    """Classes of intensity with the least variance within.

    Example: medseg classical kmeans mr.nii.gz -o classes.nii.gz --classes 4
    """
    segment_scan(scan, read, written, lambda v: classical.kmeans(v, settings))


@app.command
def gaussian_mixture(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.ClusterSettings, Flat] = _CLUSTER,
) -> None:
    """Classes of intensity that are Gaussians of the histogram.

    Example: medseg classical gaussian-mixture mr.nii.gz -o classes.nii.gz --classes 3
    """
    segment_scan(scan, read, written, lambda v: classical.gaussian_mixture(v, settings))


@app.command
def supervoxels(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.SupervoxelSettings, Flat] = _SUPERVOXEL,
) -> None:
    """Connected pieces of like size and intensity (SLIC).

    Example: medseg classical supervoxels mr.nii.gz -o pieces.nii.gz --edge-mm 10
    """
    segment_scan(scan, read, written, lambda v: classical.supervoxels(v, settings))


@app.command
def body_mask(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.BodySettings, Flat] = _BODY,
) -> None:
    """The patient in a CT, without the table.

    Example: medseg classical body-mask ct.nii.gz -o body.nii.gz
    """
    segment_scan(scan, read, written, lambda v: classical.body_mask(v, settings))


@app.command
def lung_mask(
    scan: Scan,
    /,
    *,
    written: Writing,
    read: Reading = DEFAULT_READ,
    settings: Annotated[classical.LungSettings, Flat] = _LUNG,
) -> None:
    """Both lungs in a CT, with their vessels.

    Example: medseg classical lung-mask ct.nii.gz -o lungs.nii.gz
    """
    segment_scan(scan, read, written, lambda v: classical.lung_mask(v, settings))
