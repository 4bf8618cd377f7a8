"""Cases prepared once and kept on disk."""

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import Cancelled, Preset, TrainingSettings
from medseg.core.plan import NormalisationKind, Recipe, StoredAxes
from medseg.training.cache import DatasetCache
from medseg.training.cases import TrainingCase, read_case, training_case
from medseg.training.planning import plan_dataset, planned, prepared_cases
from medseg.training.samples import PatchSource
from medseg.training.stored_voxels import StoredVoxels
from tests.core.making import CT, TINY_PLAN
from tests.core.training.cubes import write_cubes

WHOLE = (slice(None),) * 3


@pytest.fixture
def dataset(tmp_path):
    return medseg.read_dataset(write_cubes(tmp_path / "data", cases=3))


@pytest.fixture
def plan(dataset):
    return plan_dataset(dataset, Preset.TINY)


def written(folder: Path) -> dict[str, int]:
    """When each file in a folder was written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_same(a: TrainingCase, b: TrainingCase) -> bool:
    return (
        (a.id, a.sha256) == (b.id, b.sha256)
        and np.array_equal(a.image[WHOLE], b.image[WHOLE])
        and np.array_equal(a.labels[WHOLE], b.labels[WHOLE])
        and len(a.centres) == len(b.centres)
        and all(map(np.array_equal, a.centres, b.centres))
    )


def in_memory(dataset, plan) -> list[TrainingCase]:
    return [
        training_case(case.id, *read_case(case, dataset), plan)
        for case in dataset.cases
    ]


def prepared(dataset, plan, folder, workers=2) -> list[TrainingCase]:
    cache = DatasetCache(dataset, folder)
    return prepared_cases(cache, dataset.cases, plan, workers=workers)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_case_on_disk_is_the_one_in_memory(dataset, plan, tmp_path, workers):
    on_disk = prepared(dataset, plan, tmp_path / "cache", workers)
    assert all(map(is_same, on_disk, in_memory(dataset, plan)))
    assert all(isinstance(case.image, StoredVoxels) for case in on_disk)


def test_batches_from_disk_are_those_from_memory(dataset, plan, tmp_path):
    stored = PatchSource(prepared(dataset, plan, tmp_path / "c"), plan, seed=1)
    loaded = PatchSource(in_memory(dataset, plan), plan, seed=1)
    for step in range(5):
        assert_array_equal(stored.batch(step).image, loaded.batch(step).image)
        assert_array_equal(stored.batch(step).labels, loaded.batch(step).labels)


def test_the_plan_does_not_depend_on_the_cache(dataset, plan, tmp_path):
    for _ in range(2):
        cache = DatasetCache(dataset, tmp_path / "cache")
        assert planned(cache, TrainingSettings()) == plan


def test_nothing_is_made_again_when_nothing_changed(dataset, plan, tmp_path):
    folder = tmp_path / "cache"
    planned(DatasetCache(dataset, folder), TrainingSettings())
    prepared(dataset, plan, folder)
    before = written(folder)
    assert len(before) == 3 + 3 * 4
    planned(DatasetCache(dataset, folder), TrainingSettings())
    prepared(dataset, replace(plan, batch_size=7), folder)
    assert written(folder) == before


def test_a_second_run_takes_what_is_in_the_cache(dataset, plan, tmp_path):
    """Proved by changing what is there: nothing else could give it."""
    cache = DatasetCache(dataset, tmp_path)
    planned(cache, TrainingSettings())
    first, second, _ = (cache.prepared(case, plan) for case in dataset.cases)
    entries = [path.parent for path in sorted(tmp_path.glob("cases/*/entry.json"))]
    for file in entries[1].iterdir():
        shutil.copy2(file, entries[0] / file.name)
    (facts, other, _) = sorted(tmp_path.glob("facts/*"))
    shutil.copy2(other, facts)
    again = DatasetCache(dataset, tmp_path)
    swapped = again.prepared(dataset.cases[0], plan)
    assert is_same(replace(swapped, id=second.id), second)
    assert not is_same(swapped, first)
    assert_array_equal(
        again.facts(dataset.cases[0]).foreground,
        again.facts(dataset.cases[1]).foreground,
    )


@pytest.mark.parametrize("kind", ["imagesTr", "labelsTr"])
def test_a_case_whose_files_changed_is_made_again(dataset, plan, tmp_path, kind):
    folder = tmp_path / "cache"
    prepared(dataset, plan, folder)
    before = written(folder)
    path = tmp_path / "data" / kind / "cube_001.nii.gz"
    image = nib.nifti1.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[::-1], image.affine), path)
    again = prepared(dataset, plan, folder)
    assert all(map(is_same, again, in_memory(dataset, plan)))
    added = {Path(name).parts[1] for name in written(folder).keys() - before.keys()}
    assert len(added) == 1
    assert added.pop().startswith("cube_001-")


@pytest.mark.parametrize(
    "change",
    [
        {"spacing_mm": (2.0, 1.0, 2.0)},
        {"normalisation": (CT,)},
        {"normalisation": (replace(CT, statistics=replace(CT.statistics, mean=3.0)),)},
        {"axes": StoredAxes(order=(2, 1, 0))},
        {"recipe": Recipe.NNUNET},
        {"labels_by_nearest": True},  # decides what lies beyond a scan of MONAI's
    ],
)
def test_another_way_to_prepare_has_entries_of_its_own(dataset, plan, tmp_path, change):
    folder = tmp_path / "cache"
    other = replace(plan, **change)
    for each in (plan, other, plan, other):
        cases = prepared(dataset, each, folder)
        assert all(map(is_same, cases, in_memory(dataset, each)))
    assert len([*(folder / "cases").iterdir()]) == 6


def test_numbers_that_normalisation_does_not_use_change_nothing(
    dataset, plan, tmp_path
):
    (how,) = plan.normalisation
    assert how.kind is NormalisationKind.Z_SCORE
    prepared(dataset, plan, tmp_path)
    before = written(tmp_path)
    other = replace(how, statistics=replace(how.statistics, mean=-1.0))
    prepared(dataset, replace(plan, normalisation=(other,)), tmp_path)
    assert written(tmp_path) == before


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_a_byte, cut_short, empty, Path.unlink])
@pytest.mark.parametrize(
    "name", ["image.b2nd", "labels.b2nd", "places.npy", "entry.json", "facts"]
)
def test_a_damaged_entry_is_made_again(dataset, plan, tmp_path, name, damage):
    folder = tmp_path / "cache"
    planned(DatasetCache(dataset, folder), TrainingSettings())
    wanted = in_memory(dataset, plan)
    prepared(dataset, plan, folder)
    pattern = "facts/cube_002*" if name == "facts" else f"cases/cube_002*/{name}"
    (file,) = folder.glob(pattern)
    damage(file)
    assert planned(DatasetCache(dataset, folder), TrainingSettings()) == plan
    assert all(map(is_same, prepared(dataset, plan, folder), wanted))
    before = written(folder)
    assert all(map(is_same, prepared(dataset, plan, folder), wanted))
    assert written(folder) == before


def test_a_cache_that_was_copied_is_good(dataset, plan, tmp_path):
    prepared(dataset, plan, tmp_path / "cache")
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "cache", copy, copy_function=shutil.copyfile)
    before = written(copy)
    assert all(map(is_same, prepared(dataset, plan, copy), in_memory(dataset, plan)))
    assert written(copy) == before


def test_what_a_killed_process_left_is_never_used_and_in_time_removed(
    dataset, plan, tmp_path
):
    first = prepared(dataset, plan, tmp_path)
    (entry,) = (tmp_path / "cases").glob("cube_001-*")
    old = entry.with_name(f".partial-123-{entry.name}")
    young = entry.with_name(f".partial-456-{entry.name}")
    shutil.copytree(entry, young)
    entry.rename(old)
    (old / "labels.b2nd").unlink()
    os.utime(old, (0, 0))
    assert all(map(is_same, prepared(dataset, plan, tmp_path), first))
    assert not old.exists()
    assert young.exists()


def test_several_may_prepare_the_same_case_at_once(dataset, plan, tmp_path):
    case = dataset.cases[0]

    def make(_: int) -> TrainingCase:
        return DatasetCache(dataset, tmp_path).prepared(case, plan)

    with ThreadPoolExecutor(4) as pool:
        made = [*pool.map(make, range(8))]
    assert all(is_same(each, made[0]) for each in made)
    assert [path.name[0] for path in (tmp_path / "cases").iterdir()] == ["c"]


def test_what_another_process_takes_away_meanwhile_is_no_leftover(
    dataset, plan, tmp_path
):
    gone = tmp_path / "cases" / ".partial-gone"
    gone.parent.mkdir()
    gone.symlink_to(tmp_path / "nowhere")  # listed, and not there when looked at
    assert len(prepared(dataset, plan, tmp_path)) == len(dataset.cases)


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/fd is of POSIX")
def test_cases_on_disk_keep_no_file_open(dataset, plan, tmp_path):
    """A dataset may have more cases than a process may open files."""
    prepared(dataset, plan, tmp_path)
    before = len([*Path("/dev/fd").iterdir()])
    cases = prepared(dataset, plan, tmp_path)
    PatchSource(cases, plan, seed=0).batch(0)
    assert len([*Path("/dev/fd").iterdir()]) == before


def test_stopping_keeps_the_finished_cases(dataset, plan, tmp_path):
    def stop(_: medseg.Progress) -> None:
        raise Cancelled

    cache = DatasetCache(dataset, tmp_path)
    with pytest.raises(Cancelled):
        prepared_cases(cache, dataset.cases, plan, on_progress=stop)
    before = written(tmp_path)
    assert before
    prepared(dataset, plan, tmp_path)
    assert before.items() <= written(tmp_path).items()


def test_a_second_run_holds_no_case_in_memory(tmp_path):
    dataset = medseg.read_dataset(big_cases(tmp_path / "data"))
    plan = replace(TINY_PLAN, labels=dataset.labels)
    case_bytes = sum(
        case.image[WHOLE].nbytes + case.labels[WHOLE].nbytes
        for case in prepared(dataset, plan, tmp_path / "cache")
    )
    tracemalloc.start()
    cases = prepared(dataset, plan, tmp_path / "cache")
    source = PatchSource(cases, plan, seed=0, workers=2)
    batches = source.batches()
    for _ in range(5):
        next(batches)
    batches.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < case_bytes / 10


def big_cases(folder: Path) -> Path:
    write_cubes(folder, cases=2)
    for number in range(2):
        rng = np.random.default_rng(number)
        image = rng.normal(20, 5, (120, 120, 120)).astype(np.float32)
        labels = np.zeros(image.shape, np.uint8)
        labels[50:60, 50:60, 50:60] = 1
        for kind, array in (("imagesTr", image), ("labelsTr", labels)):
            name = folder / kind / f"cube_{number:03d}.nii.gz"
            nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0])), name)
    return folder


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import medseg
from medseg.training.cache import DatasetCache
from medseg.training.planning import plan_dataset, prepared_cases

dataset = medseg.read_dataset(sys.argv[1])
plan = plan_dataset(dataset, medseg.Preset.TINY)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    prepared_cases(DatasetCache(dataset, Path(sys.argv[2])), dataset.cases, plan)
except medseg.UnusableInput as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_told_and_what_is_cached_stays(dataset, plan, tmp_path):
    path = tmp_path / "data/imagesTr/cube_002.nii.gz"
    noise = np.random.default_rng(0).normal(1, 1, (40, 40, 40)).astype(np.float32)
    affine = nib.nifti1.load(path).affine
    nib.save(nib.Nifti1Image(noise, affine), path)
    labels = np.zeros(noise.shape, np.uint8)
    labels[5:9, 5:9, 5:9] = 1
    nib.save(nib.Nifti1Image(labels, affine), tmp_path / "data/labelsTr" / path.name)
    folder = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "data", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DISK_FULL: ")
    assert "cube_002" in done.stderr
    kept = sorted(path.name[:8] for path in (folder / "cases").iterdir())
    assert kept == ["cube_000", "cube_001"]
    before = written(folder)
    plan = plan_dataset(dataset, Preset.TINY)
    assert all(map(is_same, prepared(dataset, plan, folder), in_memory(dataset, plan)))
    assert before.items() <= written(folder).items()


def test_an_entry_says_what_it_is_of(dataset, plan, tmp_path):
    (case, *_) = prepared(dataset, plan, tmp_path)
    (entry,) = (tmp_path / "cases").glob("cube_000-*/entry.json")
    description = json.loads(entry.read_text())
    assert description["case"] == "cube_000"
    assert description["image_sha256"] == case.sha256
