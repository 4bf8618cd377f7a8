"""Lesions judged from the command line."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg.cli.app import run
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map


def row(*labels) -> medseg.Segmentation:
    return label_map(np.array(labels).reshape(-1, 1, 1))


def write_found(path: Path, labels, confidences) -> None:
    """Lesions of a row of voxels, each with a confidence."""
    told = medseg.separate_instances(row(*labels))
    both = zip(told.instances, confidences, strict=True)
    sure = tuple(replace(each, confidence=one) for each, one in both)
    path.parent.mkdir(exist_ok=True)
    medseg.write_panoptic(replace(told, instances=sure), path)


def write_reference(path: Path, labels) -> None:
    path.parent.mkdir(exist_ok=True)
    medseg.write_segmentation(row(*labels), path)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Of three tumours two are found, by the surest and the least sure of four."""
    found, wanted = tmp_path / "found", tmp_path / "wanted"
    t = TUMOUR
    write_found(found / "a.nii.gz", [t, 0, t, 0, 0, 0, 0], [1.0, 0.75])
    write_reference(wanted / "a.nii.gz", [t, 0, 0, 0, t, 0, 0])
    write_found(found / "b.nii.gz", [t, 0, t, 0, 0, 0, LIVER], [0.25, 0.5])
    write_reference(wanted / "b.nii.gz", [t, 0, 0, 0, 0, 0, LIVER])
    return found, wanted


@pytest.mark.parametrize("command", ["score", "froc"])
def test_help_shows_an_example(command, capsys):
    assert run(["instances", command, "--help"]) == 0
    assert f"Example: medseg instances {command}" in capsys.readouterr().out


def test_froc_of_folders_by_hand(folders, tmp_path, capsys):
    """At 1, 0.75, 0.5, 0.25: 1 of 3 at 0, 1/2 and 1 false a case, then 2 of 3 at 1."""
    table, picture = tmp_path / "froc.csv", tmp_path / "froc.png"
    command = ["instances", "froc", *map(str, folders), "-o", str(table)]

    assert run([*command, "--picture", str(picture), "--json"]) == 0

    (told,) = json.loads(capsys.readouterr().out)
    assert (told["structure"], told["cases"], told["lesions"]) == ("tumour", 2, 3)
    at = [told[f"sensitivity_at_{n}"] for n in ("0.125", "0.5", "1", "8")]
    assert at == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3], abs=1e-5)
    mean = (3 * 1 / 3 + 4 * 2 / 3) / 7
    assert told["mean_sensitivity"] == pytest.approx(mean, abs=1e-5)
    with table.open(encoding="utf-8", newline="") as text:
        points = list(csv.DictReader(text))
    assert [float(each["confidence"]) for each in points] == [1, 0.75, 0.5, 0.25]
    spurious = [float(each["false_positives_per_case"]) for each in points]
    assert spurious == [0, 0.5, 1, 1]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(command) == 2  # the table is there
    capsys.readouterr()
    assert run([*command, "--overwrite"]) == 0
    assert "at 0.125" in capsys.readouterr().out


def test_a_table_names_each_lesion_found_false_and_missed(folders, tmp_path):
    table = tmp_path / "lesions.csv"
    command = ["instances", "score", *map(str, folders), "--lesions", str(table)]

    assert run(command) == 0

    with table.open(encoding="utf-8", newline="") as text:
        rows = [(e["case"], e["finding"], e["iou"]) for e in csv.DictReader(text)]
    assert rows == [
        ("a", "found", "1.0"),
        ("a", "false", "0.0"),
        ("a", "missed", "0.0"),
        ("b", "found", "1.0"),
        ("b", "false", "0.0"),
    ]
    assert run(command) == 2  # the table is there
    assert run([*command[:-1], str(tmp_path / "lesions.json")]) == 2


def test_cases_without_a_lesion_or_without_a_name_for_it_count_too(folders, capsys):
    found, wanted = folders
    write_found(found / "c.nii.gz", [TUMOUR, 0, 0], [0.9])
    write_reference(wanted / "c.nii.gz", [0, 0, LIVER])
    (wanted / "c.json").unlink()  # as from another program
    write_reference(wanted / "d.nii.gz", [0, 0, LIVER])
    only = ["--structure", "tumour", "--json"]

    assert run(["instances", "froc", str(found), str(wanted), *only]) == 0

    printed = capsys.readouterr()
    (told,) = json.loads(printed.out)
    assert (told["cases"], told["lesions"]) == (3, 3)
    assert (
        "1 reference not naming 'tumour': counted as without a lesion: c" in printed.err
    )
    assert "1 reference without a prediction left out: d" in printed.err


def test_what_froc_cannot_use_is_one_line(folders, tmp_path, capsys):
    found, wanted = folders
    froc = ["instances", "froc"]
    for words, why in (
        ([str(wanted), str(wanted)], "has no confidence"),
        ([str(found), str(wanted), "--structure", "tumor"], "no reference holds"),
        (
            [str(found), str(wanted), "--structure", "liver"],
            "were told apart without 'liver' [a] Tell them apart again: medseg "
            "instances separate --structure",
        ),
        ([str(found), str(wanted), "-o", "froc.txt"], "are not written"),
        ([str(found), str(wanted), "--picture", "froc.svg"], "are not written"),
        ([str(found), str(wanted), "--iou-threshold", "2"], "an IoU is 0 or more"),
        ([str(found), str(wanted / "a.nii.gz")], "one is a file"),
    ):
        assert run([*froc, *words]) != 0
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert why in error
    assert sorted(each.name for each in tmp_path.iterdir()) == ["found", "wanted"]


def test_panoptic_quality_of_two_files_by_hand(tmp_path, capsys):
    """The liver of 4 voxels is found but for one; of the cysts one is, one is false."""
    found, wanted = tmp_path / "found.nii.gz", tmp_path / "wanted.nii.gz"
    write_found(found, [LIVER] * 3 + [0, CYST, CYST, 0, CYST], [None, None])
    write_reference(wanted, [LIVER] * 4 + [CYST, CYST, 0, 0])
    out = tmp_path / "pq.csv"

    assert run(["instances", "score", str(found), str(wanted), "-o", str(out)]) == 0

    printed = capsys.readouterr().out
    assert "liver" in printed
    assert "mean" in printed
    with out.open(encoding="utf-8", newline="") as text:
        rows = {each["structure"]: each for each in csv.DictReader(text)}
    assert float(rows["liver"]["pq"]) == 0.75
    assert (rows["cyst"]["kind"], rows["cyst"]["fp"]) == ("thing", "1")
    assert float(rows["cyst"]["sq"]) == 1
    assert float(rows["cyst"]["pq"]) == pytest.approx(1 / 1.5, abs=1e-5)


def test_panoptic_quality_of_folders_sums_counts_over_cases(folders, capsys):
    found, wanted = map(str, folders)

    assert run(["instances", "score", found, wanted, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [each["case"] for each in rows if each["structure"] == "tumour"] == [
        "a",
        "b",
    ]
    assert run(["instances", "score", found, wanted]) == 0
    (tumour,) = (
        line for line in capsys.readouterr().out.splitlines() if "tumour" in line
    )
    assert tumour.split()[-3:] == ["2", "2", "1"]  # tp, fp, fn of both cases
