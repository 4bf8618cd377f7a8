"""Where sums are kept, and how much memory there is."""

import tempfile
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from medseg.core.memory import available_bytes
from medseg.inference.accumulators import (
    Place,
    RingShape,
    RowRing,
    first_with_room,
)
from medseg.inference.mapped import mapped_zeros, temporary_folders

SMALL = RingShape(members=1, outputs=3, rows=8, across=(5, 6))
BOUNDLESS = RingShape(members=1, outputs=2**20, rows=2**10, across=(2**10, 2**10))
GIB = 2**30


def ring_in(place: Place, shape: RingShape = SMALL) -> RowRing:
    return RowRing(shape, place, torch.ones(shape.rows, 5, 6), 1)


@pytest.fixture
def no_folder(monkeypatch, tmp_path):
    missing = tmp_path / "missing"
    monkeypatch.setattr(tempfile, "tempdir", str(missing))
    return missing


@pytest.mark.usefixtures("no_folder")
def test_without_room_for_a_file_the_sums_are_in_main_memory():
    assert first_with_room((Place.FILE, Place.CPU), ring_in).place is Place.CPU


@pytest.mark.usefixtures("no_folder")
def test_sums_leave_a_device_for_whatever_has_room():
    ring = ring_in(Place.CPU)
    ring.add(0, (0, 0, 0), torch.ones(8, 5, 6, 3))
    moved = first_with_room((Place.FILE, Place.CPU), ring.moved)
    assert torch.equal(moved.mean(slice(0, 8)), ring.mean(slice(0, 8)))


def test_without_room_anywhere_the_error_names_each_place(no_folder):
    places = (Place.CPU, Place.FILE)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        first_with_room(places, lambda place: ring_in(place, BOUNDLESS))
    assert "main memory: " in str(caught.value)
    assert f"temporary file: no room for {BOUNDLESS.byte_count} bytes" in str(
        caught.value
    )
    assert str(no_folder) in str(caught.value)


def test_a_disk_that_is_too_small_is_out_of_memory():
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        mapped_zeros((2**60,))


def test_an_error_in_making_a_ring_is_passed_on():
    def made(_: Place) -> RowRing:
        raise RuntimeError("it is wrong")

    with pytest.raises(RuntimeError, match="it is wrong"):
        first_with_room((Place.CPU, Place.FILE), made)


def test_a_folder_in_main_memory_is_the_second_choice(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\nodd\n",
        encoding="utf-8",
    )
    inside = tmp_path / "a/b"
    first, second = temporary_folders(inside, mounts)
    assert first.is_dir()
    assert second == inside
    assert temporary_folders(tmp_path.parent, mounts) == (tmp_path.parent,)
    assert temporary_folders(inside, tmp_path / "none") == (inside,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_no_memory_is_asked_for_once_the_first_sum_is_changed(dtype):
    """Or what was added before it ran out would be added again."""
    shape = RingShape(members=1, outputs=3, rows=64, across=(256, 256))
    ring = RowRing(shape, Place.CPU, torch.ones(64, 256, 256), 1)
    channels_first = torch.ones(3, 64, 256, 256, dtype=dtype)
    logits = channels_first.permute(1, 2, 3, 0)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        ring.add(0, (7, 0, 0), logits)
    events = recorded.events()
    assert events is not None
    changes = [event.time_range.start for event in events if event.name == "aten::add_"]
    asked = [e.time_range.start for e in events if e.self_cpu_memory_usage > 0]
    assert len(changes) > 2  # several pieces
    assert asked
    assert max(asked) < min(changes)


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    return root


MACHINE = {"proc/meminfo": "MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\nOdd\n"}


def test_a_machine_without_limits_has_what_it_says(tmp_path):
    assert available_bytes(system(tmp_path, MACHINE)) == 16 * GIB


def test_a_group_and_those_round_it_limit_the_memory(tmp_path):
    """Cache that is not in use counts as free."""
    job = "sys/fs/cgroup/slurm/job/"
    files = {
        **MACHINE,
        "proc/self/cgroup": "0::/slurm/job/step\n",
        f"{job}memory.max": str(4 * GIB),
        f"{job}memory.current": str(3 * GIB),
        f"{job}memory.stat": f"anon 5\ninactive_file {2 * GIB}\n",
        f"{job}step/memory.max": "max\n",
        f"{job}step/memory.current": str(3 * GIB),
    }
    assert available_bytes(system(tmp_path, files)) == 3 * GIB


def test_a_container_that_sees_only_itself_is_limited_too(tmp_path):
    files = {
        **MACHINE,
        "proc/self/cgroup": "0::/kubepods/pod1\n",
        "sys/fs/cgroup/memory.max": str(2 * GIB),
        "sys/fs/cgroup/memory.current": str(GIB),
    }
    assert available_bytes(system(tmp_path, files)) == GIB


def test_limits_of_the_first_version_count(tmp_path):
    job = "sys/fs/cgroup/memory/job/"
    files = {
        **MACHINE,
        "proc/self/cgroup": "4:cpu,cpuacct:/\n9:memory:/job\n",
        f"{job}memory.limit_in_bytes": str(3 * GIB),
        f"{job}memory.usage_in_bytes": str(2 * GIB),
        f"{job}memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB}\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(5 * GIB),
    }
    assert available_bytes(system(tmp_path, files)) == 2 * GIB


def test_a_group_that_uses_all_it_may_has_nothing_left(tmp_path):
    files = {
        **MACHINE,
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": str(GIB),
        "sys/fs/cgroup/memory.current": str(GIB + 1),
    }
    assert available_bytes(system(tmp_path, files)) == 0
