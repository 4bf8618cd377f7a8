"""nnU-Net as a contender, run in the environment it has for itself."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import torch

from medseg.bench.gpu import DeviceUse
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Plan
from medseg.core.settings import Device
from medseg.inference import resolved_device
from medseg.io.checks import require_there

_SCRIPT = Path(__file__).with_name("nnunet_peer.py")


class NnunetPeer:
    """nnU-Net in a process of its own that answers one line of JSON with another.

    Args:
        process: Of nnU-Net's Python, running the script beside this file.
        messages: What it writes to its standard error.
    """

    def __init__(self, process: subprocess.Popen[str], messages: IO[bytes]) -> None:
        self._process = process
        self._messages = messages

    def answer_to(self, line: str) -> dict[str, Any]:
        """What it answers to a line.

        Raises:
            WrongUse: INVALID_OPTION when it has ended, with its last words.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process needs pipes to be spoken to")
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:  # it has ended, or is something else
            self._process.kill()
            self._process.wait()
            raise _does_not_run(self._last_message(), self._process.args) from error
        return answer

    def _last_message(self) -> str:
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "ended")


class NnunetTrainer:
    """nnU-Net's trainer in a process that takes a step when it is told to.

    It takes its steps on one batch of random patches, with nothing to read or augment.

    Args:
        peer: Ready to be told of a plan.
        plan: Of a U-Net.
        device: Where it trains, cpu or cuda.

    Attributes:
        name: What it is called in the table.
        parameters: Trainable numbers of its network.
        versions: Name and version of what it runs on.
    """

    name = "nnU-Net"

    def __init__(self, peer: NnunetPeer, plan: Plan, device: str) -> None:
        self._peer = peer
        self._peak_mb: float | None = None
        built = peer.answer_to(json.dumps(network_words(plan, device)))
        self.parameters: int = built["parameters"]
        self.versions: tuple[str, ...] = tuple(built["versions"])

    def losses(self) -> Iterator[float]:
        """The loss of one step after the other, each taken when it is asked for."""
        while True:
            answer = self._peer.answer_to("step")
            self._peak_mb = answer["peak_mb"]
            yield answer["loss"]

    def use(self) -> DeviceUse:
        """Memory at the peak of the steps so far, where it is known."""
        return DeviceUse(peak_mb=self._peak_mb)


@contextmanager
def nnunet_trainer(python: Path, plan: Plan, device: Device) -> Iterator[NnunetTrainer]:
    """nnU-Net's trainer with the U-Net of a plan, for as long as the context lasts.

    Args:
        python: Of the environment that nnU-Net is in.
        plan: Of a U-Net.
        device: Where to train; of several GPUs nnU-Net takes the first, whichever is
            named.

    Raises:
        UnusableInput: NOT_FOUND when there is no such Python.
        WrongUse: INVALID_OPTION when nnU-Net cannot be run by it; NO_SUCH_DEVICE.
    """
    kind = resolved_device(device).type
    with nnunet_peer(python, "steps") as peer:
        yield NnunetTrainer(peer, plan, kind)


@contextmanager
def nnunet_peer(python: Path, command: str) -> Iterator[NnunetPeer]:
    """A process of nnU-Net's Python, for as long as the context lasts.

    Args:
        python: Of the environment that nnU-Net is in.
        command: What the script beside this file shall do.

    Raises:
        UnusableInput: NOT_FOUND when there is no such Python.
        WrongUse: INVALID_OPTION when it cannot be run.
    """
    require_there(python)
    words = [str(python), "-E", str(_SCRIPT), command]  # MedSeg's path is not its
    with TemporaryFile() as messages:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's Python, our script
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                encoding="utf-8",
            )
        except OSError as error:
            raise _does_not_run(error.strerror or str(error), words) from error
        with process:
            yield NnunetPeer(process, messages)


def network_words(plan: Plan, device: str) -> Mapping[str, Any]:
    """What nnU-Net has to know of a plan to build its network."""
    return {
        "patch_shape": plan.patch_shape,
        "batch_size": plan.batch_size,
        "widths": plan.widths,
        "strides": plan.strides,
        "kernels": plan.kernels,
        "channels": len(plan.channels),
        "structures": len(plan.labels),
        "device": device,
        "threads": torch.get_num_threads(),
    }


def _does_not_run(why: str, command: object) -> WrongUse:
    where = command[0] if isinstance(command, list) else str(command)
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"nnU-Net does not run: {why}",
        where=where,
        remedy="Give the Python of an environment with nnunetv2 2.8 or later.",
    )
