"""Several processes that train as one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import medseg
from medseg.training.loop import new_state
from medseg.training.team import Team
from tests.core.training.cubes import QUICK, write_cubes

STEPS = 20
OPTIONS = [
    *("--device", "cpu", "--precision", "float32", "--no-compile"),
    *("--steps", str(STEPS), "--checkpoint-every", "10", "--optimiser", "sgd"),
]


TRAINED_BY_PYTHON = """
import sys
from dataclasses import replace
from pathlib import Path
import medseg
from tests.core.training.cubes import QUICK

dataset, out = medseg.read_dataset(sys.argv[1]), Path(sys.argv[2])
"""
STOPPED_ELSEWHERE = f"""{TRAINED_BY_PYTHON}
with medseg.assembled_team() as team:
    steps = []

    def stop(progress):
        if progress.stage == "training":
            steps.append(progress.done)
            if steps[-1] == 3 and not team.is_first:
                raise medseg.Cancelled

    try:
        medseg.train(dataset, out, QUICK, on_progress=stop)
    except medseg.Cancelled:
        print("cancelled after", steps[-1], "steps", flush=True)
"""
RESUMED = f"""{TRAINED_BY_PYTHON}
steps = []

def note(progress):
    if progress.stage == "training":
        steps.append(progress.done)

medseg.train(dataset, out, QUICK, resume=True, on_progress=note)
print("first step", steps[0], flush=True)
"""
OWN_DEVICES = """
import torch
from torch import distributed
import medseg
from medseg.training.team import own_device

taken = []
distributed.is_nccl_available = lambda: False
torch.cuda.set_device = taken.append
with medseg.assembled_team() as team:
    answers = []
    for device, gpus in CASES:
        torch.cuda.is_available = lambda: gpus > 0
        torch.cuda.device_count = lambda: gpus
        try:
            answer = str(own_device(medseg.Device(device), team))
        except medseg.WrongUse as error:
            answer = error.code.value
        answers.append(f"{device} of {gpus}: {answer}")
print(f"{team.rank} took {taken}; " + "; ".join(answers) + "\\n", end="", flush=True)
"""


def launched(
    processes: int, dataset: Path, out: Path
) -> subprocess.CompletedProcess[str]:
    words = ["-m", "medseg", "train", str(dataset), "-o", str(out), *OPTIONS]
    launcher = ["-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(
    processes: int, code: str, dataset: Path, out: Path
) -> subprocess.CompletedProcess[str]:
    """A script in each of so many processes."""
    script = out.with_suffix(".py")
    script.write_text(code)
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(processes), script, dataset, out),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )


def trained_by(processes: int, dataset: Path, out: Path) -> str:
    done = launched(processes, dataset, out)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cubes(tmp_path_factory.mktemp("team") / "cubes", cases=7)


@pytest.mark.slow
def test_two_processes_train_what_one_does(dataset, tmp_path):
    trained_by(1, dataset, tmp_path / "one")
    said = trained_by(2, dataset, tmp_path / "two")
    one, two = (network_in(tmp_path / name) for name in ("one", "two"))
    start = new_state(medseg.load_model(tmp_path / "one").info.plan, QUICK)
    chance = start.supervised.state_dict()
    moved = 0.0
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, atol=1e-4, rtol=0)
        moved = max(moved, float((weights - chance[name]).abs().max()))
    assert moved > 1e-2  # a hundred times what is allowed between the two
    assert said.count("model written to") == 1


def network_in(out: Path) -> dict[str, torch.Tensor]:
    """The network as it is after the last step, not its average."""
    tensors = load_file(out / "training/fold_0/checkpoint.safetensors")
    prefix = "network."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


@pytest.mark.slow
def test_bad_input_is_one_error_in_every_process(dataset, tmp_path):
    broken = shutil.copytree(dataset, tmp_path / "cubes")
    (broken / "labelsTr/cube_006.nii.gz").write_bytes(b"not a label map")
    done = launched(2, broken, tmp_path / "out")
    assert done.returncode != 0
    assert "cube_006" in done.stderr
    said = done.stderr.split("torch/distributed/elastic")[0]  # its own report follows
    assert said.count("NOT_AN_IMAGE") == 2
    assert "Traceback" not in said
    assert "Connection closed" not in done.stderr


@pytest.mark.slow
def test_one_process_that_stops_stops_all_and_the_steps_so_far_are_kept(
    dataset, tmp_path
):
    out = tmp_path / "model"
    done = run(2, STOPPED_ELSEWHERE, dataset, out)
    assert done.stdout.count("cancelled after 3 steps") == 2, done.stderr
    assert network_in(out)
    resumed = run(2, RESUMED, dataset, out)
    assert "first step 4" in resumed.stdout, resumed.stderr


@pytest.mark.slow
def test_each_process_takes_a_gpu_of_its_own_or_all_of_them_say_why_not(tmp_path):
    cases = [("cpu", 1), ("auto", 0), ("auto", 1), ("auto", 2), ("cuda:1", 2)]
    code = f"CASES = {cases}\n{OWN_DEVICES}"
    done = run(2, code, tmp_path, tmp_path / "devices")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        f"{rank} took [{rank}]; cpu of 1: cpu; auto of 0: auto; "
        f"auto of 1: NO_SUCH_DEVICE; auto of 2: cuda:{rank}; "
        "cuda:1 of 2: INVALID_OPTION"
        for rank in (0, 1)
    ]


@pytest.mark.slow
def test_held_out_cases_are_shared_out_and_each_counted_once(dataset, tmp_path):
    trained_by(2, dataset, tmp_path / "model")
    info = medseg.load_model(tmp_path / "model").info
    rows = (tmp_path / "model/training/fold_0/validation.csv").read_text().splitlines()
    assert len(info.training.held_out) == 2
    assert [row.split(",")[0] for row in rows[1:]] == sorted(info.training.held_out)


def test_one_process_alone_has_all_of_everything():
    team = Team()
    sums = torch.ones(3, requires_grad=True)
    assert team.is_first
    assert team.summed(sums) is sums
    assert team.share_of((1, 2, 3)) == (1, 2, 3)
    assert team.gathered((1, 2)) == [1, 2]
    assert team.agreed(5) == 5
    assert team.any_of(True)
    assert not team.any_of(False)


def test_shares_hold_every_item_once():
    items = tuple(range(11))
    shares = [Team(rank=rank, size=3).share_of(items) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == list(items)
