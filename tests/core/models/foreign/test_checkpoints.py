"""Checkpoints of others: read, or refused before anything in them runs."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from medseg import ErrorCode, UnusableInput
from medseg.models.foreign.checkpoints import read_checkpoint


class Malice:
    """An object whose pickle makes a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


class Named:
    """A harmless object of a class that is not known."""


def saved(content: object, folder: Path) -> Path:
    torch.save(content, folder / "some.pth")
    return folder / "some.pth"


def test_tensors_and_plain_values_come_back(tmp_path):
    weight = torch.randn(3, 4)
    content = {
        "weights": {
            "a": weight,
            "again": weight,
            "turned": weight.T,
            "one": torch.ones(()),
        },
        "score": np.float64(0.25),
        "old": np.int32(7),
        "scores": [np.float32(0.5), None, ("text", True)],
        3: {"x": 1.5},
    }
    checkpoint = read_checkpoint(saved(content, tmp_path), "weights")
    assert set(checkpoint.tensors) == {"a", "again", "turned", "one"}
    assert torch.equal(checkpoint.tensors["turned"], weight.T)
    assert checkpoint.tensors["again"] is checkpoint.tensors["a"]
    assert checkpoint.values["score"] == 0.25
    assert checkpoint.values["old"] == 7
    assert checkpoint.values["scores"] == [0.5, None, ["text", True]]
    assert checkpoint.values["3"] == {"x": 1.5}


def test_tensors_may_lie_at_the_top(tmp_path):
    file = saved(torch.nn.Linear(2, 3).state_dict(), tmp_path)
    assert set(read_checkpoint(file).tensors) == {"weight", "bias"}


def test_code_in_a_checkpoint_is_named_and_never_run(tmp_path):
    trap = tmp_path / "trap"
    file = saved({"weights": {"a": torch.ones(2)}, "extra": Malice(trap)}, tmp_path)
    with pytest.raises(UnusableInput, match="mkdir") as caught:
        read_checkpoint(file, "weights")
    assert caught.value.code == ErrorCode.UNSAFE_CHECKPOINT
    assert not trap.exists()


def test_an_object_of_an_unknown_class_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match=r"UNSAFE_CHECKPOINT.*Named"):
        read_checkpoint(saved({"weights": Named()}, tmp_path))


def test_a_bare_pickle_is_refused_unopened(tmp_path):
    trap = tmp_path / "trap"
    (tmp_path / "some.pth").write_bytes(pickle.dumps(Malice(trap)))
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        read_checkpoint(tmp_path / "some.pth")
    assert not trap.exists()


def test_an_array_of_objects_is_no_number(tmp_path):
    content = {"a": torch.ones(1), "n": np.array([Malice(tmp_path / "trap")])}
    with pytest.raises(UnusableInput, match="UNSAFE_CHECKPOINT"):
        read_checkpoint(saved(content, tmp_path))
    assert not (tmp_path / "trap").exists()


def test_a_tensor_larger_than_its_file_is_refused(tmp_path):
    content = {"a": torch.ones(1).expand(2**20)}
    with pytest.raises(UnusableInput, match="larger than the file"):
        read_checkpoint(saved(content, tmp_path))


def test_values_that_stand_at_many_places_are_counted_at_each(tmp_path):
    bomb: list[object] = [1] * 10
    for _ in range(12):
        bomb = [bomb] * 10
    long: list[object] = ["x" * 10_000] * 500
    content = {"w": {"a": torch.ones(1)}, "bomb": bomb, "long": long, "epoch": 7}
    values = read_checkpoint(saved(content, tmp_path), "w").values
    assert values == {"w": {"a": None}, "bomb": None, "long": None, "epoch": 7}


def test_too_many_values_are_refused(tmp_path):
    content = {f"{n}": list(range(15_000)) for n in range(8)}
    with pytest.raises(UnusableInput, match="more than 100,000 values"):
        read_checkpoint(saved({"w": torch.ones(1), **content}, tmp_path))


def test_a_sparse_tensor_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="no plain array"):
        read_checkpoint(saved({"a": torch.eye(3).to_sparse()}, tmp_path))


def test_a_compressed_checkpoint_may_be_a_bomb_and_is_refused(tmp_path):
    file = saved({"a": torch.zeros(1000)}, tmp_path)
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)
    with pytest.raises(UnusableInput, match="UNSAFE_ARCHIVE"):
        read_checkpoint(packed)


@pytest.mark.parametrize("part", ["absent", "number"])
def test_a_checkpoint_without_the_weights_is_refused(part, tmp_path):
    file = saved({"number": 3}, tmp_path)
    with pytest.raises(UnusableInput, match=f"it holds no {part}"):
        read_checkpoint(file, part)


def test_a_checkpoint_that_is_no_table_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="no table of names"):
        read_checkpoint(saved(torch.ones(2), tmp_path))


def test_a_truncated_checkpoint_is_refused(tmp_path):
    file = saved({"a": torch.zeros(1000)}, tmp_path)
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(UnusableInput, match="TRUNCATED_FILE"):
        read_checkpoint(file)


def test_a_zip_that_is_no_checkpoint_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "some.pth", "w") as zip_file:
        zip_file.writestr("data.pkl", b"nothing")
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        read_checkpoint(tmp_path / "some.pth")


def test_a_checkpoint_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        read_checkpoint(tmp_path / "some.pth")


def test_one_that_takes_too_long_is_given_up(tmp_path):
    file = saved({"a": torch.zeros(1)}, tmp_path)
    with pytest.raises(UnusableInput, match=r"more than 0\.01 s"):
        read_checkpoint(file, seconds=0.01)
