"""How long the windows of a scan would take, and in how much memory."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path

import torch
from torch import nn

from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.settings import InferenceSettings
from medseg.inference.accumulators import RingShape
from medseg.inference.clean_thread import CleanThread
from medseg.inference.engine import MEAN_EVERYWHERE, Asked
from medseg.inference.layout import Layout, windows_at_once
from medseg.inference.running import Runner
from medseg.preprocessing import is_out_of_memory

_PROCESS_SIZE = Path("/proc/self/statm")
_PAGE_BYTES = 4096
_SAMPLE_SECONDS = 0.002
_SHORT_SECONDS = 0.5
_MOST_RUNS = 4


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What running a few windows told of all of them.

    Attributes:
        windows: How many of the scan are computed.
        seconds: Of all of them, networks and mirrored copies included.
        device_bytes: Most the device holds at once, the scan and the sums over windows
            included; of the CPU, main memory. None where the system does not say.
    """

    windows: int
    seconds: float
    device_bytes: int | None


def measure(
    networks: Sequence[nn.Module],
    prepared: Prepared,
    plan: Plan,
    settings: InferenceSettings,
    asked: Asked = MEAN_EVERYWHERE,
) -> Measured:
    """Run the first of the networks over a few windows, without looking at the answer.

    Where memory runs out, it is run over half as many at once.

    Args:
        networks: As in `stream_logits`.
        prepared: As in `stream_logits`.
        plan: As in `stream_logits`.
        settings: As in `stream_logits`.
        asked: As in `stream_logits`.

    Raises:
        WrongUse: NO_SUCH_DEVICE.
        RuntimeError: When not even one fits; `is_out_of_memory` knows it.
        MemoryError: Likewise.
    """
    layout = Layout.of(prepared, plan, settings, asked.region)
    runner = Runner.ready(networks[:1], plan, settings)
    at_once = min(windows_at_once(plan.patch_shape, runner.device), len(layout.windows))
    channels = len(prepared.image) + prepared.first_stage_structures
    shape = channels, *plan.patch_shape
    at_once, seconds, held = _that_fit(runner, shape, at_once)
    members = len(networks) if asked.members or asked.copies else 1
    members *= len(runner.mirrors) if asked.copies else 1
    sums = _sums(layout, plan, members).byte_count
    answer = 4 * at_once * plan.output_count * prod(plan.patch_shape)
    others = (members - 1) * answer  # kept while the next network runs
    answers = len(networks) * len(runner.mirrors) * layout.needed
    return Measured(
        windows=layout.needed,
        seconds=seconds / at_once * answers,
        device_bytes=held.total(sums + others + prepared.image.nbytes),
    )


def _that_fit(
    runner: Runner, shape: tuple[int, ...], at_once: int
) -> tuple[int, float, "_Held"]:
    """How many windows ran at once, how long that took, and in how much memory."""
    thread = CleanThread()
    try:
        while True:
            try:
                with _most_memory(runner.device) as held:
                    work = partial(_seconds_of_one, runner, (at_once, *shape))
                    seconds = thread.run(work)
            except (RuntimeError, MemoryError) as error:
                if at_once == 1 or not is_out_of_memory(error):
                    raise
            else:
                return at_once, seconds, held
            at_once //= 2
            runner.rest()
            if runner.device.type == "cuda":
                torch.cuda.empty_cache()
    finally:
        thread.rest()


def _seconds_of_one(runner: Runner, shape: tuple[int, ...]) -> float:
    """The shortest of a few runs; one alone where it takes long."""
    network, taken = runner.networks[0], list[float]()
    batch = torch.zeros(shape, device=runner.device)
    with torch.no_grad():
        if batch.device.type == "cuda":
            network(batch)  # the first one chooses algorithms
        while len(taken) < _MOST_RUNS and sum(taken) < _SHORT_SECONDS:
            start = time.perf_counter()
            answer = network(batch)
            if answer.device.type == "cuda":
                torch.cuda.synchronize(answer.device)
            taken.append(time.perf_counter() - start)
    return min(taken)


def _sums(layout: Layout, plan: Plan, members: int) -> RingShape:
    a, b = (layout.shape[axis] for axis in layout.across)
    return RingShape(
        members=members,
        outputs=plan.output_count,
        rows=plan.patch_shape[layout.axis],
        across=(a, b),
    )


@dataclass
class _Held:
    """Bytes in use, as far as they are known.

    Attributes:
        before: At first.
        most: Most seen since.
    """

    before: int | None
    most: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def total(self, others: int) -> int | None:
        """What was taken, and other bytes beside it."""
        return None if self.before is None else max(0, self.most - self.before) + others

    def watch(self) -> None:
        while True:
            is_over = self.is_over.wait(_SAMPLE_SECONDS)
            self.most = max(self.most, _process_bytes() or 0)
            if is_over:  # looked at once more, however short the run was
                return


@contextmanager
def _most_memory(device: torch.device) -> Iterator[_Held]:
    """Watch the memory of a device while something runs."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = _Held(before=0)
        yield held
        held.most = torch.cuda.max_memory_reserved(device)
        return
    held = _Held(before=_process_bytes())
    watcher = threading.Thread(target=held.watch, daemon=True)
    watcher.start()
    try:
        yield held
    finally:
        held.is_over.set()
        watcher.join()


def _process_bytes() -> int | None:
    """Main memory this process holds; known on Linux alone."""
    if not _PROCESS_SIZE.exists():
        return None
    return int(_PROCESS_SIZE.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
