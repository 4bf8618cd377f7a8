"""Lesions from the command line."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from medseg.cli.app import run
from medseg.core.provenance import Provenance
from medseg.core.regions import Region
from tests.core.cli.test_segment import SAMPLE, SCAN, words
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map, two_balls
from tests.core.making import TINY_PLAN, save_untrained

SERIES = SAMPLE / "ct_phantom"
REFERENCE = SAMPLE / "ct_phantom_reference.nii.gz"
SPACING_MM = (1.0, 1.0, 2.0)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A scan, a label map of two tumours that touch, and where the result goes."""
    segmentation = label_map(two_balls(SPACING_MM), SPACING_MM)
    scan = medseg.Volume(
        array=np.full((1, *segmentation.array.shape), 40, np.int16),
        geometry=segmentation.geometry,
    )
    medseg.write_volume(scan, tmp_path / "scan.nii.gz")
    medseg.write_segmentation(segmentation, tmp_path / "labels.nii.gz")
    return tmp_path / "scan.nii.gz", tmp_path / "labels.nii.gz", tmp_path / "o.nii.gz"


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize("command", ["separate", "measure", "follow"])
def test_help_shows_an_example(command, capsys):
    assert run(["instances", command, "--help"]) == 0
    assert f"Example: medseg instances {command}" in capsys.readouterr().out


def test_lesions_are_told_apart_measured_and_written(files, capsys):
    scan, labels, out = files
    options = ["--split-by", "distance", "--scan", str(scan)]

    assert run(["instances", "separate", str(labels), "-o", str(out), *options]) == 0

    told = medseg.read_panoptic(out)
    assert [each.structure_id for each in told.instances] == [TUMOUR, TUMOUR]
    first, second = rows_of(out.with_name("o.instances.csv"))
    assert float(first["longest_axial_mm"]) == pytest.approx(18, abs=1.0)
    assert float(second["mean_image"]) == 40
    boxes = medseg.read_boxes(out.with_name("o.boxes.json"))
    assert [each.number for each in boxes.boxes] == [1, 2]
    printed = capsys.readouterr()
    assert "2 instances (split at necks of 0.75 mm)" in printed.err
    assert "tumour" in printed.out


def test_what_was_told_apart_is_measured_as_it_is(files, capsys):
    _, labels, out = files
    by = ["--split-by", "distance"]
    assert run(["instances", "separate", str(labels), "-o", str(out), *by]) == 0
    table = out.with_name("t.json")

    assert run(["instances", "measure", str(out), "-o", str(table)]) == 0
    assert len(json.loads(table.read_text())) == 2
    capsys.readouterr()
    assert run(["instances", "measure", str(labels), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_stored_lesions_are_written_in_another_format_with_their_confidences(
    tmp_path, capsys
):
    scan = medseg.read_volume(SERIES)
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[5:15, 5:9, 3:6] = TUMOUR
    whole = label_map(array, geometry=scan.geometry)
    numbers = np.where(array > 0, 1 + (np.arange(array.shape[0]) > 9)[:, None, None], 0)
    lesions = tuple(
        medseg.Instance(number=n, structure_id=TUMOUR, confidence=sure)
        for n, sure in ((1, 0.25), (2, 0.75))
    )
    stored = medseg.Panoptic(
        segmentation=whole, instance_map=numbers, instances=lesions, notes=("by hand",)
    )
    labels, dicom, again = (tmp_path / name for name in ("s.nii.gz", "o.dcm", "a.nrrd"))
    medseg.write_panoptic(stored, labels)
    separate = ["instances", "separate"]
    same = ["--structure", "tumour"]

    for command in (
        [str(labels), "-o", str(dicom), "--scan", str(SERIES)],
        [str(dicom), "-o", str(again), *same],
    ):
        assert run([*separate, *command]) == 0
        told = capsys.readouterr().err
        assert f"note: 2 lesions stored in {Path(command[0]).name} are kept" in told
        assert "note: by hand" in told
        kept = medseg.read_panoptic(command[2])
        assert_array_equal(kept.instance_map, numbers)
        assert [each.confidence for each in kept.instances] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--split-by", "nothing"], 1),
        (["--structure", "liver"], 2),
        (["--merge", "mass=tumour+cyst"], 1),
    ],
)
def test_stored_lesions_are_replaced_where_others_are_asked_for_and_that_is_told(
    files, capsys, options, count
):
    _, labels, out = files
    array = two_balls(SPACING_MM)
    array[0, 0, 0] = LIVER
    medseg.write_segmentation(label_map(array, SPACING_MM), labels, overwrite=True)
    by = ["--split-by", "distance"]
    assert run(["instances", "separate", str(labels), "-o", str(out), *by]) == 0
    new = out.with_name("new.nii.gz")
    capsys.readouterr()

    command = ["instances", "separate", str(out), "-o", str(new), *options]
    assert run(command) == 0

    told = capsys.readouterr().err
    assert "note: 2 lesions stored in o.nii.gz are not used: told apart anew" in told
    assert "split at necks" not in told
    assert len(medseg.read_panoptic(new).instances) == count


def test_a_corrected_label_map_says_nothing_of_lesions_that_it_no_longer_holds(
    files, capsys
):
    _, labels, out = files
    made = Provenance(
        case_id="scan",
        input_sha256="",
        model="m",
        model_sha256="",
        versions=(),
        settings=(),
        notes=("a doubt",),
    )
    told = medseg.separate_instances(
        replace(medseg.read_segmentation(labels), provenance=made)
    )
    medseg.write_panoptic(told, labels, overwrite=True)
    split = ["classical", "split-touching", str(labels), "-o", str(out)]

    assert run([*split, "--structure", "tumour"]) == 0

    printed = capsys.readouterr().err
    assert "note: a doubt" in printed
    assert "note: tumour: split into 2" in printed
    assert "instances" not in printed
    assert medseg.read_panoptic(labels).notes == (
        "tumour: 1 instances (connected pieces)",
    )


def test_an_empty_label_map_holds_no_lesion_of_what_was_looked_for(tmp_path, capsys):
    labels, out = tmp_path / "empty.nii.gz", tmp_path / "o.nii.gz"
    nib.nifti1.save(nib.nifti1.Nifti1Image(np.zeros((4, 5, 6), np.uint8), None), labels)
    separate = ["instances", "separate", str(labels), "-o", str(out)]
    merged = ["--merge", "mass=core+rim", "--structure", "cavity"]

    assert run(separate) == 2
    error = capsys.readouterr().err
    assert f"the label map is empty and names no structure [{labels}]" in error
    assert "--structure" in error
    assert run([*separate, *merged]) == 0
    assert medseg.read_panoptic(out).instances == ()
    assert medseg.read_segmentation(out).labels.names == ("mass", "cavity")
    for command in (["measure", str(labels)], ["follow", str(labels), str(labels)]):
        assert run(["instances", *command, "--structure", "cavity", "--json"]) == 0
        assert "cavity" not in capsys.readouterr().out


def test_a_label_map_without_lesions_is_named_by_its_file(files, tmp_path, capsys):
    _, labels, _ = files
    other = tmp_path / "organs.nii.gz"
    organs = np.zeros((4, 4, 4), np.uint8)
    organs[1:3] = 1
    named = medseg.LabelSet.from_names([(1, "liver")])
    grid = medseg.Geometry.from_spacing((4, 4, 4), (1.0, 1.0, 1.0))
    liver = medseg.Segmentation(array=organs, geometry=grid, labels=named)
    medseg.write_segmentation(liver, other)

    assert run(["instances", "follow", str(labels), str(other)]) == 2
    error = capsys.readouterr().err
    assert f"[{other}]" in error
    assert "--structure, of: liver" in error
    cyst = ["--structure", "cyst"]
    assert run(["instances", "follow", str(labels), str(other), *cyst]) == 2
    assert "[--structure, organs] Use one of liver." in capsys.readouterr().err


def test_help_of_separate_promises_no_model(capsys):
    assert run(["instances", "separate", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Default: learned where a model segments that can, else nothing." in told


def test_nothing_is_written_over(files, capsys):
    _, labels, out = files
    command = ["instances", "separate", str(labels), "-o"]

    assert run([*command, str(labels), "--overwrite"]) == 2
    assert "OUTPUT_EXISTS: it is itself what is read" in capsys.readouterr().err
    assert run(command[:-1]) == 2
    assert '--out is missing: "instances separate" needs it' in capsys.readouterr().err
    assert run([*command, str(out)]) == 0
    out.unlink()
    out.with_name("o.json").unlink()
    assert run([*command, str(out)]) == 2  # the instances are still there
    assert not out.exists()
    assert run([*command, str(out), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--structure", "lung"], "no structure 'lung'"),
        (["--merge", "mass=tumour+lung"], "no structure 'lung'"),
        (["--merge", "liver=tumour+cyst"], "there is a structure 'liver' already"),
        (["--merge", "mass"], "'mass' is not of the form NAME=PART+PART"),
        (["--merge", "mass=tumour+"], "is not of the form NAME=PART+PART"),
        (["--split-by", "intensity"], "needs the scan"),
        (["--minimum-mm3", "-1"], "a volume is 0 mm3 or more"),
        (["--split-by", "distance", "--neck-mm", "0"], "a neck is above 0 mm"),
        (["--neck-mm", "2"], "only with --split-by distance"),
        (
            ["--split-by", "distance", "--shade", "dark"],
            "only with --split-by intensity",
        ),
        (["--least-heat", "0.5"], "only with --split-by learned"),
    ],
)
def test_wrong_options_are_one_line(files, capsys, options, told):
    _, labels, out = files

    assert run(["instances", "separate", str(labels), "-o", str(out), *options]) == 2

    error = capsys.readouterr().err.strip()
    assert told in error
    assert "\n" not in error
    assert not out.exists()


def test_options_that_would_do_nothing_are_refused(files, capsys):
    _, labels, out = files
    assert run(["instances", "separate", str(labels), "-o", str(out)]) == 0
    capsys.readouterr()

    assert run(["instances", "measure", str(out), "--minimum-mm3", "50"]) == 2
    assert "would do nothing" in capsys.readouterr().err
    segment = ["segment", str(SCAN), "-m", "hippocampus", "-o", str(labels)]
    assert run([*segment, "--split-by", "distance", "--overwrite"]) == 2
    assert "--instances only" in capsys.readouterr().err


def test_a_label_map_without_names_needs_to_be_told_what_to_count(tmp_path, capsys):
    segmentation = label_map(two_balls(SPACING_MM), SPACING_MM)
    labels = tmp_path / "plain.nii.gz"
    medseg.write_segmentation(segmentation, labels)
    labels.with_name("plain.json").unlink()

    assert run(["instances", "measure", str(labels)]) == 2
    assert "label 7" in capsys.readouterr().err
    assert run(["instances", "measure", str(labels), "--structure", "label 7"]) == 0


def test_parts_of_a_lesion_are_counted_as_one(files, capsys):
    _, labels, out = files
    array = two_balls(SPACING_MM)
    array[22:][array[22:] == TUMOUR] = CYST
    medseg.write_segmentation(label_map(array, SPACING_MM), labels, overwrite=True)
    parts = ["--merge", "mass=tumour+cyst"]

    assert run(["instances", "measure", str(labels), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert run(["instances", "measure", str(labels), *parts, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["structure"] == "mass"
    assert run(["instances", "separate", str(labels), "-o", str(out), *parts]) == 0
    (lesion,) = medseg.read_panoptic(out).instances
    assert medseg.read_segmentation(out).labels["mass"].id == lesion.structure_id
    both = ["instances", "follow", str(labels), str(labels), *parts, "--json"]
    capsys.readouterr()
    assert run(both) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["fate"] == "persisting"


def test_segment_writes_the_lesions_beside_the_label_map(tiny_model, tmp_path, capsys):
    out = tmp_path / "labels.nii.gz"
    command = [*words(SCAN, tiny_model, out), "--instances", "--minimum-mm3", "500"]

    assert run([*command, "--save-probabilities", "--save-uncertainty"]) == 0

    found = medseg.read_segmentation(out)
    told = medseg.read_panoptic(out)
    assert_array_equal(told.instance_map > 0, found.mask("liver tumour"))
    assert told.instances
    assert all(0.3 < (each.confidence or 0) <= 1 for each in told.instances)
    rows = rows_of(tmp_path / "labels.instances.csv")
    assert len(rows) == len(told.instances)
    assert min(float(row["volume_ml"]) for row in rows) >= 0.5
    printed = capsys.readouterr()
    assert "longest_axial_mm" in printed.out
    assert "separating lesions" in printed.err
    written = {file.name for file in tmp_path.iterdir()}
    assert written == {
        "labels.nii.gz",
        "labels.json",
        "labels.instances.nii.gz",
        "labels.instances.csv",
        "labels.boxes.json",
        "labels.probabilities.nii.gz",
        "labels.uncertainty.nii.gz",
    }
    listed = json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
    assert len(listed["uncertainty"]) == len(found.labels)
    assert run([*command]) == 2  # all of it is there already


def test_lesions_of_a_model_of_regions_have_the_confidence_of_the_region_painted(
    tmp_path,
):
    """No region has the name of the label that it is painted as."""
    labels = medseg.LabelSet.from_names([(1, "tumour rim"), (4, "tumour core")])
    regions = (
        Region(name="whole", ids=(1, 4), painted_as=1),
        Region(name="middle", ids=(4,), painted_as=4),
    )
    plan = replace(TINY_PLAN, labels=labels, regions=regions)
    model = save_untrained(plan, tmp_path / "model")
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz"
    noise = np.random.default_rng(0).normal(20, 5, (16, 12, 8)).astype(np.float32)
    grid = medseg.Geometry.from_spacing(noise.shape, (1.0, 1.0, 1.0))
    medseg.write_volume(medseg.Volume(array=noise[None], geometry=grid), scan)
    asked = ["--instances", "--save-probabilities", "--minimum-mm3", "20"]

    assert run([*words(scan, model, out), *asked]) == 0

    told = medseg.read_panoptic(out)
    shares = nib.nifti1.load(tmp_path / "out.probabilities.nii.gz").get_fdata()
    assert {each.structure_id for each in told.instances} == {1, 4}
    for each in told.instances:
        channel = {1: 0, 4: 1}[each.structure_id]
        mean = ndimage.mean(shares[..., channel], told.instance_map, each.number)
        assert each.confidence == pytest.approx(mean, abs=1e-3)


def test_a_watershed_of_intensities_is_refused_before_a_model_of_channels_runs(
    tmp_path, capsys
):
    normalisation = TINY_PLAN.normalisation * 2
    plan = replace(TINY_PLAN, channels=("T1", "T2"), normalisation=normalisation)
    model = save_untrained(plan, tmp_path / "model")
    out = tmp_path / "out.nii.gz"
    missing = tmp_path / "no scan is read.nii.gz"
    asked = ["--instances", "--split-by", "intensity"]

    assert run([*words(missing, model, out), *asked]) == 2

    assert "takes one channel, the model T1, T2 [--split-by]" in capsys.readouterr().err
    scan = medseg.Volume(
        array=np.zeros((2, 9, 9, 9), np.float32),
        geometry=medseg.Geometry.from_spacing((9, 9, 9), (1.0, 1.0, 1.0)),
        channels=plan.channels,
    )
    rules = medseg.InstanceRules(split=medseg.IntensityWatershed())
    with pytest.raises(medseg.WrongUse, match="takes one channel"):
        medseg.segment_instances(scan, medseg.load_model(model), rules)


def test_segment_gives_a_dicom_seg_with_a_segment_a_lesion(tmp_path):
    plan = replace(
        TINY_PLAN,
        channels=("CT",),
        spacing_mm=(12.0, 12.0, 12.0),
        patch_shape=(32, 32, 32),
    )
    model = save_untrained(plan, tmp_path / "model")
    out = tmp_path / "labels.dcm"
    command = [*words(SERIES, model, out), "--instances", "--minimum-mm3", "20000"]

    assert run(command) == 0

    told = medseg.read_panoptic(out)
    segments = pydicom.dcmread(out, stop_before_pixels=True).SegmentSequence
    assert told.instances
    assert len([s for s in segments if "TrackingUID" in s]) == len(told.instances)
    assert len(rows_of(tmp_path / "labels.instances.csv")) == len(told.instances)
    assert not (tmp_path / "labels.instances.dcm").exists()


@pytest.mark.parametrize("kind", ["rtstruct", "dicom-seg-labelmap"])
def test_other_dicom_cannot_hold_lesions_one_by_one(tiny_model, tmp_path, capsys, kind):
    out = tmp_path / "labels.dcm"
    command = [*words(SERIES, tiny_model, out), "--instances", "--format", kind]

    assert run(command) == 2

    assert f"not written as {kind}" in capsys.readouterr().err
    assert not out.exists()


def test_lesions_go_through_dicom_and_are_measured_as_they_are(tmp_path, capsys):
    """Two blocks with a bar between them are split at the bar, and stay split."""
    labels = tmp_path / "labels.nii.gz"
    reference = medseg.read_segmentation(REFERENCE)
    array = reference.array.copy()
    tumour = reference.labels["liver tumour"].id
    array[10:30, 10:30, 4:16] = tumour
    array[30:50, 18:22, 8:12] = tumour
    array[50:70, 10:30, 4:16] = tumour
    medseg.write_segmentation(replace(reference, array=array), labels)
    out, plain = tmp_path / "lesions.dcm", tmp_path / "plain.dcm"
    command = ["instances", "separate", str(labels), "--split-by", "distance", "-o"]

    assert run([*command, str(out)]) == 2
    assert "Give the DICOM series with --scan" in capsys.readouterr().err
    assert run([*command, str(out), "--scan", str(SERIES)]) == 0
    capsys.readouterr()
    scan = medseg.read_volume(SERIES)
    medseg.write_segmentation(medseg.read_segmentation(labels), plain, source=scan)
    told = {}
    for file in (out, plain):
        assert run(["instances", "measure", str(file), "--json"]) == 0
        told[file] = len(json.loads(capsys.readouterr().out))

    assert told[out] == len(rows_of(tmp_path / "lesions.instances.csv"))
    assert told[out] > told[plain]
    assert run(["instances", "follow", str(out), str(out), "--json"]) == 0
    fates = [row["fate"] for row in json.loads(capsys.readouterr().out)]
    assert fates == ["persisting"] * told[out]


def test_a_list_of_lesions_without_their_map_is_refused(files, capsys):
    _, labels, out = files
    assert run(["instances", "separate", str(labels), "-o", str(out)]) == 0
    medseg.instances_path(out).unlink()

    assert run(["instances", "measure", str(out)]) == 1
    assert "o.instances.nii.gz" in capsys.readouterr().err
    assert run(["instances", "measure", str(out), "--structure", "tumour"]) == 0


def test_lesions_are_followed_between_two_scans(files, capsys):
    _, labels, out = files
    later = out.with_name("later.nii.gz")
    first = two_balls(SPACING_MM)
    first[22:] = 0
    medseg.write_segmentation(label_map(first, SPACING_MM), later)
    command = ["instances", "follow", str(labels), str(later), "--split-by", "distance"]

    assert run([*command, "-o", str(out.with_name("growth.csv"))]) == 0

    persisting, gone = rows_of(out.with_name("growth.csv"))
    assert (persisting["fate"], gone["fate"]) == ("persisting", "gone")
    assert float(gone["growth_percent"]) == -100
    assert "1 persisting, 0 new, 1 gone, 0 split, 0 merged" in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert run([*command, "--minimum-overlap", "2"]) == 2
    assert "--minimum-overlap" in capsys.readouterr().err
    assert run([*command, "-o", str(out.with_name("growth.txt"))]) == 2


def tracked_segments(path: Path) -> list[pydicom.Dataset]:
    return [e for e in pydicom.dcmread(path).SegmentSequence if "TrackingUID" in e]


def test_the_later_lesions_are_written_with_the_uids_of_the_earlier_ones(files, capsys):
    """The baseline is a DICOM-SEG of one lesion; later it has two neighbours."""
    scan = medseg.read_volume(SERIES)
    january, july = np.zeros((2, *scan.geometry.shape), np.uint8)
    january[5:9, 5:9, 3:6] = july[5:9, 5:9, 3:6] = TUMOUR
    july[1:3, 1:3, 3:6] = july[20:22, 20:22, 3:6] = TUMOUR
    _, _, out = files
    then, later = out.with_name("january.dcm"), out.with_name("july.nii.gz")
    lesions = medseg.separate_instances(label_map(january, geometry=scan.geometry))
    medseg.write_panoptic(lesions, then, source=scan)
    (segment,) = tracked_segments(then)
    medseg.write_segmentation(label_map(july, geometry=scan.geometry), later)
    nifti, dicom = out.with_name("tracked.nii.gz"), out.with_name("segments.dcm")
    command = ["instances", "follow", str(then), str(later), "--json"]

    for path in (nifti, dicom):
        given = [*command, "--out-labels", str(path), "--scan", str(SERIES)]
        assert run(given) == 0
        printed = capsys.readouterr()
        fates = [row["fate"] for row in json.loads(printed.out)]
        assert sorted(fates) == ["new", "new", "persisting"]
        assert "1 of 3 lesions have the Tracking UID of the baseline" in printed.err
        written = medseg.read_panoptic(path)
        assert_array_equal(written.segmentation.array, july)
        uids = [each.tracking_uid for each in written.instances]
        place = written.instance_map[5, 5, 3] - 1
        assert uids[place] == segment.TrackingUID
        assert len({*uids} - {None}) == 3

    rows = rows_of(out.with_name("tracked.instances.csv"))
    assert [row["tracking_id"] for row in rows].count(segment.TrackingID) == 1
    assert all(row["mean_CT"] for row in rows)
    assert len(medseg.read_boxes(out.with_name("tracked.boxes.json")).boxes) == 3
    assert segment.TrackingUID in [each.TrackingUID for each in tracked_segments(dicom)]
    given = [*command, "--out-labels", str(later), "--overwrite"]
    assert run(given) == 2  # what is read is never written over
    assert run([*command, "--out-labels", str(nifti)]) == 2  # it is there
    assert run([*command, "--out-labels", str(out.with_name("new.dcm"))]) == 2


def test_of_a_baseline_without_uids_none_is_handed_on_and_that_is_told(files, capsys):
    _, labels, out = files

    assert (
        run(["instances", "follow", *[str(labels)] * 2, "--out-labels", str(out)]) == 0
    )

    assert "no lesion of the baseline has a Tracking UID" in capsys.readouterr().err
    (lesion,) = medseg.read_panoptic(out).instances
    assert lesion.tracking_uid is not None


def test_what_is_told_of_structures_is_that_of_the_lesions_left(tiny_model, tmp_path):
    noise = np.random.default_rng(0).normal(0, 300, (32, 32, 32)).astype(np.float32)
    grid = medseg.Geometry.from_spacing((32, 32, 32), (6.0, 6.0, 6.0))
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz"
    medseg.write_volume(medseg.Volume(array=noise[None], geometry=grid), scan)
    options = ["--instances", "--save-uncertainty", "--minimum-mm3", "3000"]

    assert run([*words(scan, tiny_model, out), *options]) == 0

    told = json.loads((tmp_path / "out.json").read_text())["uncertainty"]
    written = medseg.read_segmentation(out)
    for each in told:
        assert each["voxels"] == written.mask(each["structure"]).sum()


def test_a_folder_of_scans_gets_the_lesions_of_each(tiny_model, tmp_path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for name in ("a", "b"):
        noise = np.random.default_rng(0).normal(0, 300, (32, 32, 32))
        grid = medseg.Geometry.from_spacing((32, 32, 32), (6.0, 6.0, 6.0))
        scan = medseg.Volume(array=noise.astype(np.float32)[None], geometry=grid)
        medseg.write_volume(scan, scans / f"{name}.nii.gz")

    assert run([*words(scans, tiny_model, out), "--instances"]) == 0

    for name in ("a", "b"):
        labels = out / f"{name}.nii.gz"
        told = medseg.read_panoptic(labels)
        rows = rows_of(out / f"{name}.instances.csv")
        assert len(rows) == len(told.instances)


def without_empty_frames(path: Path) -> None:
    """As most programs write a DICOM-SEG: slices without a voxel are left out."""
    data = pydicom.dcmread(path)
    size = data.Rows * data.Columns
    bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
    frames = bits[: int(data.NumberOfFrames) * size].reshape(-1, size)
    kept = frames.any(axis=1)
    packed = np.packbits(frames[kept], bitorder="little").tobytes()
    data.PixelData = packed + b"\0" * (len(packed) % 2)
    data.NumberOfFrames = int(kept.sum())
    groups = data.PerFrameFunctionalGroupsSequence
    data.PerFrameFunctionalGroupsSequence = [groups[n] for n in np.flatnonzero(kept)]
    data.save_as(path)


def test_a_dicom_seg_without_its_outer_slices_is_put_on_the_grid_of_the_scan(
    tmp_path, capsys
):
    series, scan = SERIES, medseg.read_volume(SERIES)
    array = np.zeros(scan.geometry.shape, np.uint8)
    inner = slice(2, scan.geometry.shape[2] - 2)
    array[1:3, 1:3, inner] = array[5, 5, inner] = TUMOUR
    labels = tmp_path / "labels.dcm"
    whole = label_map(array, geometry=scan.geometry)
    medseg.write_panoptic(medseg.separate_instances(whole), labels, source=scan)
    without_empty_frames(labels)
    assert medseg.read_panoptic(labels).geometry.shape[2] == array.shape[2] - 4

    for more in ([], ["--structure", "tumour"]):
        measure = ["instances", "measure", str(labels), "--scan", str(series), *more]
        assert run([*measure, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["first_k"] for row in rows] == [2, 2]
        assert all(row["mean_CT"] is not None for row in rows)
    out = tmp_path / "separated.dcm"
    separate = ["instances", "separate", str(labels), "--scan", str(series)]
    assert run([*separate, "-o", str(out)]) == 0
    follow = ["instances", "follow", str(labels), str(out), "--json"]
    capsys.readouterr()
    assert run([*follow, "--baseline-scan", str(series), "--scan", str(series)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["fate"] for row in rows] == ["persisting", "persisting"]


def test_a_model_that_has_learned_it_tells_lesions_apart_its_own_way(tmp_path, capsys):
    """Its own way unless another is named; models without one refuse it."""
    head = medseg.InstanceHead(things=("liver tumour",), sigma_mm=2.0)
    learned = save_untrained(replace(TINY_PLAN, head=head), tmp_path / "learned")
    plain = save_untrained(TINY_PLAN, tmp_path / "plain")
    scan = tmp_path / "scan.nii.gz"
    noise = np.random.default_rng(0).normal(20, 5, (1, 16, 12, 8)).astype(np.float32)
    grid = medseg.Geometry.from_spacing((16, 12, 8), (1.0, 1.0, 1.0))
    medseg.write_volume(medseg.Volume(array=noise, geometry=grid), scan)
    command = ["segment", str(scan), "--device", "cpu", "--instances"]

    def notes(*options: str) -> str:
        out = tmp_path / "out.nii.gz"
        given = [*command, "-o", str(out), "--overwrite", *options]
        assert run(given) == 0
        return " ".join(medseg.read_panoptic(out).notes)

    assert "split at the centres" in notes("-m", str(learned))
    assert "connected pieces" in notes("-m", str(learned), "--split-by", "nothing")
    assert "split at necks" in notes("-m", str(learned), "--split-by", "distance")
    assert "connected pieces" in notes("-m", str(plain))
    asked = ["--split-by", "learned", "-o", str(tmp_path / "new.nii.gz")]
    capsys.readouterr()
    for models in ([plain], [learned, plain]):
        named = [word for model in models for word in ("-m", str(model))]
        assert run([*command, *named, *asked]) == 2
        assert "INVALID_OPTION" in capsys.readouterr().err


def test_a_model_that_finds_no_lesions_is_asked_for_none(tmp_path, capsys):
    out = tmp_path / "out.nii.gz"

    assert run([*words(SCAN, "hippocampus", out), "--instances"]) == 2

    told = capsys.readouterr().err
    assert "INVALID_OPTION: no structure that is found is a lesion" in told
    assert "Anterior, Posterior [--instances]" in told
    assert not list(tmp_path.iterdir())
