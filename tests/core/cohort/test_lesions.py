"""Lesions of a cohort: those of the single command, gathered, and never half there."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, WrongUse
from medseg.cli.app import run as run_command
from medseg.cohort.gathered.case_results import CaseResult
from medseg.cohort.gathered.lesion_tables import lesion_rows
from medseg.cohort.keys import asked_for
from medseg.core.progress import Cancelled
from medseg.core.regions import Region
from tests.core.cohort.livers import (
    HEALTHY,
    PLAN,
    SEEDS,
    LiverRun,
    name_of,
    phantom,
    save_reading_model,
    write_livers,
)
from tests.core.making import save_untrained

SAMPLE = Path(__file__).parents[3] / "sample_data"
NAMES = (HEALTHY, *(name_of(seed) for seed in SEEDS))
RULES = medseg.InstanceRules(minimum_mm3=50.0, split=medseg.DistanceWatershed())
OPTIONS = ("--instances", "--split-by", "distance", "--minimum-mm3", "50")
BESIDE = (".nii.gz", ".instances.nii.gz", ".instances.csv", ".boxes.json")


@pytest.fixture(scope="module")
def livers(tmp_path_factory) -> Path:
    return write_livers(tmp_path_factory.mktemp("livers") / "scans")


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    return save_reading_model(tmp_path_factory.mktemp("models") / "reader")


@pytest.fixture(scope="module")
def night(livers, reader, tmp_path_factory) -> LiverRun:
    """A run with lesions that nothing disturbs; tests only look at it."""
    out = tmp_path_factory.mktemp("night") / "out"
    night = LiverRun(livers, reader, out, instances=RULES)
    assert night().is_complete
    return night


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def listed(out: Path) -> set[str]:
    return {file.relative_to(out).as_posix() for file in out.rglob("*")}


def test_each_case_has_the_lesions_of_the_single_command(livers, reader, tmp_path):
    night, single = tmp_path / "night", tmp_path / "single"
    how = ("--device", "cpu", "--precision", "float32", *OPTIONS)
    cohort = ["cohort", "run", str(livers), "-m", str(reader), "-o", str(night)]

    assert run_command([*cohort, *how, "--workers", "1"]) == 0
    segment = ["segment", str(livers), "-m", str(reader), "-o", str(single)]
    assert run_command([*segment, *how]) == 0

    for name in NAMES:
        for suffix in BESIDE:
            made = (night / f"segmentations/{name}{suffix}").read_bytes()
            assert made == (single / f"{name}{suffix}").read_bytes(), (name, suffix)
    for seed in SEEDS:
        told = medseg.read_panoptic(night / f"segmentations/{name_of(seed)}.nii.gz")
        assert len(told.instances) == phantom(seed).tumours.max()


class TestTables:
    def test_one_has_the_rows_of_the_tables_of_all_cases(self, night):
        single = [
            (night.out / f"segmentations/{name}.instances.csv").read_text()
            for name in NAMES
        ]
        rows = [line for text in single for line in text.splitlines()[1:]]
        gathered = (night.out / "instances.csv").read_text().splitlines()
        assert gathered == [single[-1].splitlines()[0], *rows]
        assert len(rows) == sum(phantom(seed).tumours.max() for seed in SEEDS)

    def test_cases_have_number_and_volume_of_the_lesions_of_the_phantom(self, night):
        cases = {row["case"]: row for row in rows_of(night.out / "cases.csv")}
        for seed in SEEDS:
            made = phantom(seed)
            row = cases[name_of(seed)]
            assert int(row["lesions_liver tumour"]) == made.tumours.max()
            volume_ml = (made.tumours > 0).sum() * made.volume.geometry.voxel_volume_ml
            told = float(row["lesion_ml_liver tumour"])
            assert told == pytest.approx(volume_ml)
        assert cases[HEALTHY]["lesions_liver tumour"] == "0"
        assert float(cases[HEALTHY]["lesion_ml_liver tumour"]) == 0

    def test_volumes_count_the_lesions_and_no_organ(self, night):
        for row in rows_of(night.out / "volumes.csv"):
            is_tumour = row["structure"] == "liver tumour"
            assert bool(row["lesions"]) == is_tumour

    def test_the_page_tells_the_lesions_of_each_case(self, night):
        page = (night.out / "index.html").read_text()
        counts = [int(phantom(seed).tumours.max()) for seed in SEEDS]
        assert f"<dt>Lesions</dt><dd>{sum(counts)}</dd>" in page
        assert all(f"ml in {count} lesions" in page for count in counts)
        assert "instances (split" not in page

    def test_parquet_has_the_same(self, night):
        pytest.importorskip("pyarrow")
        pandas = pytest.importorskip("pandas")
        try:
            medseg.merge_cohort(night.out, parquet=True)
            counts = pandas.read_parquet(night.out / "volumes.parquet")["lesions"]
            assert counts.dtype == "Int64"
            frame = pandas.read_parquet(night.out / "instances.parquet")
        finally:
            medseg.merge_cohort(night.out)
        rows = rows_of(night.out / "instances.csv")
        assert frame["case"].tolist() == [row["case"] for row in rows]
        volumes_ml = [float(row["volume_ml"]) for row in rows]
        assert frame["volume_ml"].tolist() == volumes_ml
        assert not list(night.out.glob("*.parquet"))

    def test_channels_of_other_names_have_columns_of_their_own(self):
        """A series has its modality for a name, a file has none."""
        channels = {"a": ("image", 40.0), "b": ("CT", 60.0)}
        results = [
            CaseResult(
                case_id=name,
                patient="",
                centre="",
                volumes=(),
                scored=None,
                lesions=({"case": name, "instance": 1, f"mean_{channel}": mean},),
            )
            for name, (channel, mean) in channels.items()
        ]
        columns, rows = lesion_rows(results)
        assert columns == ("case", "instance", "mean_image", "mean_CT")
        assert rows == [["a", 1, 40.0, None], ["b", 1, None, 60.0]]


class TestDoneAgain:
    @pytest.mark.parametrize("suffix", BESIDE[1:])
    def test_a_case_of_which_a_file_is_gone(self, night, suffix):
        before = night.files()
        lost = night.out / f"segmentations/{name_of(SEEDS[1])}{suffix}"
        lost.unlink()

        night()

        assert night.begun == 1
        assert night.files() == before
        night()
        assert night.begun == 0

    def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
        self, night, livers, reader, tmp_path
    ):
        stopped = LiverRun(livers, reader, tmp_path / "out", instances=RULES)

        def stop(progress):
            if progress.done == 2:
                raise Cancelled

        with pytest.raises(Cancelled):
            stopped(on_progress=stop)
        assert stopped().is_complete
        assert stopped.begun == len(NAMES) - 2
        assert stopped.files() == night.files()

    def test_parts_that_are_merged_equal_the_whole(
        self, night, livers, reader, tmp_path
    ):
        parts = LiverRun(livers, reader, tmp_path / "out", instances=RULES)
        for number in (1, 2):
            parts(shard=medseg.Shard(number, 2))
        assert medseg.merge_cohort(parts.out).is_complete
        assert parts.files() == night.files()

    def test_all_cases_where_lesions_are_told_apart_otherwise_or_not_at_all(
        self, livers, reader, tmp_path
    ):
        out = tmp_path / "out"
        plain = LiverRun(livers, reader, out)
        plain()
        without = listed(out)
        touching = LiverRun(livers, reader, out, instances=medseg.InstanceRules())
        (said,) = medseg.cohort_changes(touching.cases(), out, touching.make)
        assert "instances was none, is split=Components connectivity=26" in said
        touching()
        assert touching.begun == len(NAMES)
        pieces = len(rows_of(out / "instances.csv"))
        split = LiverRun(livers, reader, out, instances=RULES)
        (said,) = medseg.cohort_changes(split.cases(), out, split.make)
        assert "is split=DistanceWatershed neck_mm=0.75" in said
        split()
        assert split.begun == len(NAMES)
        assert len(rows_of(out / "instances.csv")) > pieces
        plain()
        assert plain.begun == len(NAMES)
        assert listed(out) == without


def test_keys_without_lesions_are_those_of_versions_that_made_none(reader):
    plain = medseg.WhatToMake(models=(str(reader),))
    wanted = replace(plain, instances=RULES)
    other = replace(wanted, instances=replace(RULES, minimum_mm3=51.0))
    assert "instances" not in asked_for(plain)
    assert len({json.dumps(asked_for(each)) for each in (plain, wanted, other)}) == 3


def test_a_volume_is_one_with_and_without_a_decimal_point():
    rules = replace(RULES)
    object.__setattr__(rules, "minimum_mm3", 50)  # as Python takes it
    assert rules.listed == RULES.listed


def test_what_was_too_small_is_noted_with_the_case(livers, reader, tmp_path):
    out = tmp_path / "out"
    large = replace(RULES, minimum_mm3=1e6)
    LiverRun(livers, reader, out, instances=large)()
    case = json.loads((out / f"cases/{name_of(SEEDS[0])}.json").read_text())
    assert any("below 1e+06 mm3 left out" in note for note in case["notes"])
    healthy = json.loads((out / f"cases/{HEALTHY}.json").read_text())
    assert not any("left out" in note for note in healthy["notes"])


def test_a_table_of_that_name_that_is_another_stays(livers, reader, tmp_path):
    run = LiverRun(livers, reader, tmp_path / "out")
    run()
    mine = run.out / "instances.csv"
    mine.write_text("case,reader\na,1\n")
    run()
    assert mine.read_text() == "case,reader\na,1\n"


def test_with_probabilities_lesions_have_confidences(livers, reader, tmp_path):
    out = tmp_path / "out"
    LiverRun(livers, reader, out, instances=RULES, save_probabilities=True)()
    found = [float(row["confidence"]) for row in rows_of(out / "instances.csv")]
    assert found
    assert all(0.3 < each <= 1 for each in found)


def test_lesions_of_a_model_of_regions_have_confidences(livers, tmp_path):
    labels = medseg.LabelSet.from_names([(1, "tumour rim"), (4, "tumour core")])
    regions = (
        Region(name="whole", ids=(1, 4), painted_as=1),
        Region(name="middle", ids=(4,), painted_as=4),
    )
    plan = replace(PLAN, labels=labels, regions=regions)
    model = save_untrained(plan, tmp_path / "regions")
    (tmp_path / "scans").mkdir()
    shutil.copy(livers / f"{HEALTHY}.nii.gz", tmp_path / "scans/a.nii.gz")
    out = tmp_path / "out"

    scans = tmp_path / "scans"
    LiverRun(scans, model, out, instances=RULES, save_probabilities=True)()

    found = [float(row["confidence"]) for row in rows_of(out / "instances.csv")]
    assert found
    assert all(0.5 < each <= 1 for each in found)  # a region is painted above a half


def test_a_model_that_has_learned_it_tells_lesions_apart_its_own_way(livers, tmp_path):
    head = medseg.InstanceHead(things=("liver tumour",), sigma_mm=4.0)
    folder = save_untrained(replace(PLAN, head=head), tmp_path / "learned")
    model = medseg.load_model(folder)
    (tmp_path / "scans").mkdir()
    file = tmp_path / "scans/a.nii.gz"
    shutil.copy(livers / f"{HEALTHY}.nii.gz", file)
    rules = replace(medseg.own_rules(model.info.plan), minimum_mm3=1000.0)
    run = LiverRun(file.parent, folder, tmp_path / "out", instances=rules)

    run()

    told = medseg.read_panoptic(run.out / "segmentations/a.nii.gz")
    settings = run.make.inference
    alone = medseg.segment_instances(medseg.read_volume(file), model, rules, settings)
    np.testing.assert_array_equal(told.instance_map, alone.instance_map)
    assert "split at the centres that the model sees" in " ".join(told.notes)


@pytest.mark.slow
def test_a_series_gets_a_dicom_seg_with_a_segment_a_lesion(tmp_path):
    plan = replace(
        PLAN,
        channels=("CT",),
        spacing_mm=(12.0, 12.0, 12.0),
        patch_shape=(32, 32, 32),
    )
    model = save_untrained(plan, tmp_path / "coarse")
    run = LiverRun(
        *(SAMPLE / "ct_phantom", model, tmp_path / "out"),
        instances=medseg.InstanceRules(minimum_mm3=20000.0),
        file_format=medseg.SegmentationFormat.DICOM_SEG,
    )

    run()

    (file,) = (run.out / "segmentations").glob("*.dcm")
    told = medseg.read_panoptic(file)
    rows = rows_of(run.out / "instances.csv")
    assert [int(row["instance"]) for row in rows] == [
        each.number for each in told.instances
    ]
    assert rows
    assert all(row["mean_CT"] for row in rows)
    run()
    assert run.begun == 0


def test_bids_is_told_not_to_mind_them(livers, reader, tmp_path):
    out = tmp_path / "out"
    LiverRun(livers, reader, out, instances=RULES, bids_names=True)()
    ignored = (out / ".bidsignore").read_text().split()
    label_map = out / f"sub-{HEALTHY}/anat/sub-{HEALTHY}_desc-medseg_dseg.nii.gz"
    beside = [*medseg.instance_files(label_map), out / "instances.csv"]
    for path in beside:
        assert path.is_file()
        assert any(path.match(f"*{line.strip('/')}") for line in ignored), path
    assert not any(label_map.match(line) for line in ignored)


class TestRefused:
    """Before anything is written."""

    def refused(self, scans, out, *models, **make) -> WrongUse:
        asked = medseg.WhatToMake(models=tuple(map(str, models)), **make)
        manifest = medseg.cases_in(scans, PLAN.channels)
        with pytest.raises(WrongUse) as raised:
            medseg.run_cohort(manifest, out, asked, medseg.LocalExecutor())
        assert not out.exists()
        return raised.value

    def test_lesions_of_a_model_that_finds_none(self, livers, tmp_path):
        organs = medseg.LabelSet.from_names([(1, "liver"), (2, "spleen")])
        model = save_untrained(replace(PLAN, labels=organs), tmp_path / "organs")
        told = self.refused(livers, tmp_path / "out", model, instances=RULES)
        assert told.code is ErrorCode.INVALID_OPTION
        assert "is a lesion by its name or kind, of: liver, spleen" in str(told)

    def test_the_learned_way_of_models_that_have_none(self, livers, reader, tmp_path):
        rules = medseg.InstanceRules(split=medseg.LearnedCentres())
        for models in ([reader], [reader, reader]):
            told = self.refused(livers, tmp_path / "out", *models, instances=rules)
            assert told.code is ErrorCode.INVALID_OPTION
            assert "--split-by" in str(told)

    @pytest.mark.parametrize("kind", ["rtstruct", "dicom-seg-labelmap"])
    def test_formats_that_cannot_hold_them(self, livers, reader, tmp_path, kind):
        file_format = medseg.SegmentationFormat(kind)
        told = self.refused(
            *(livers, tmp_path / "out", reader),
            instances=RULES,
            file_format=file_format,
        )
        assert told.code is ErrorCode.UNKNOWN_FORMAT
        assert f"not written as {kind}" in str(told)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--minimum-mm3", "50"], "--instances only"),
            (["--instances", "--split-by", "learned"], "has not learned"),
            (["--instances", "--neck-mm", "1"], "only with --split-by distance"),
            (["--instances", "--minimum-mm3", "-1"], "0 mm3 or more"),
        ],
    )
    def test_options_of_the_command_as_those_of_segment(
        self, livers, reader, tmp_path, capsys, options, words
    ):
        models = ["-m", str(reader)]
        out = tmp_path / "out"
        for command in (["cohort", "run"], ["segment"]):
            given = [*command, str(livers), *models, "-o", str(out), *options]
            assert run_command(given) == 2
            assert words in capsys.readouterr().err
        assert not out.exists()
