"""A network run over a whole scan, window by window, its answer given row by row."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from medseg.core.geometry import Shape3
from medseg.core.memory import available_bytes
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import InferenceSettings
from medseg.inference.accumulators import (
    RingShape,
    RowRing,
    first_with_room,
    stretches,
)
from medseg.inference.clean_thread import CleanThread
from medseg.inference.layout import Layout, Window, windows_at_once
from medseg.inference.running import Runner
from medseg.inference.source import Source
from medseg.preprocessing import LogitsSlab, is_out_of_memory

_log = logging.getLogger(__name__)
_SLAB_BYTES = 64 * 2**20
_SURE_LOGIT = 30.0
"""Of background where nothing is computed; 1 - 1e-11 as a probability."""

Result = TypeVar("Result")


class _Relief(StrEnum):
    """What leaves a stage of the work more memory than it had."""

    FEWER_WINDOWS = "fewer windows at once"
    SUMS_ELSEWHERE = "sums in another place"


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """What is asked of the networks beside their mean logits everywhere.

    Attributes:
        members: Give each network's logits, not their mean.
        copies: Give each mirrored copy's logits, network by network.
        region: Voxels of the prepared grid outside of which all is background; None
            for the whole scan.
    """

    members: bool = False
    copies: bool = False
    region: Bool[np.ndarray, "i j k"] | None = None


MEAN_EVERYWHERE = Asked()


def stream_logits(
    networks: Sequence[nn.Module],
    prepared: Prepared,
    plan: Plan,
    settings: InferenceSettings,
    asked: Asked = MEAN_EVERYWHERE,
    on_progress: ProgressCallback = ignore_progress,
) -> Iterator[LogitsSlab]:
    """Logits of the networks over the prepared image, a few finished rows at a time.

    Windows of the plan's patch size overlap and are blended with Gaussian weights; an
    image smaller than a window is padded on both sides with 0, the mean intensity, as
    training patches are. Mirrored copies are averaged along the plan's mirror axes if
    the settings say so. Only rows that windows still overlap are held.

    A window with nothing in it is left out, and all its voxels are background; those of
    the body, and next to it, lie in no such window.

    Where memory runs out it goes on with fewer windows at once, then with the sums in
    main memory, then in a temporary file; the logits are the same.

    Returns:
        Slabs, computed when they are asked for.

    Raises:
        WrongUse: NO_SUCH_DEVICE.
        torch.OutOfMemoryError: When the last of these steps was not enough.
        Cancelled: From `on_progress`, called after every window.
    """
    runner = Runner.ready(networks, plan, settings)
    return stream_of_ready(runner, prepared, asked, on_progress)


def stream_of_ready(
    runner: Runner,
    prepared: Prepared,
    asked: Asked = MEAN_EVERYWHERE,
    on_progress: ProgressCallback = ignore_progress,
) -> Iterator[LogitsSlab]:
    """As `stream_logits`, of networks that are ready for one scan after the other.

    What there was too little memory for is remembered for scans as large as this one.

    Raises:
        torch.OutOfMemoryError: As `stream_logits`.
        Cancelled: From `on_progress`.
    """
    layout = Layout.of(prepared, runner.plan, runner.settings, asked.region)
    _log.info("%s; %s", runner, layout)
    asked_runner = runner.asked(members=asked.members, copies=asked.copies)
    stream = _Stream(prepared, asked_runner, layout)
    return stream.slabs(on_progress)


class _Stream:
    """The state of one scan on its way through the networks."""

    def __init__(self, prepared: Prepared, runner: Runner, layout: Layout) -> None:
        plan = runner.plan
        self._runner = runner
        self._layout = layout
        self._thread = CleanThread()
        self._background = _sure_of_background(plan)
        a, b = (layout.shape[axis] for axis in layout.across)
        shape = RingShape(
            members=runner.members,
            outputs=plan.output_count,
            rows=plan.patch_shape[layout.axis],
            across=(a, b),
        )
        self._bytes = shape.byte_count + prepared.image.nbytes
        known, most = runner.shortages, windows_at_once(plan.patch_shape, runner.device)
        self._at_once = known.windows_at_once(self._bytes, most)
        self._given = 0  # rows of the padded image
        weights = runner.weights.movedim(layout.axis, 0)
        self._ring = first_with_room(
            known.places(self._bytes, shape.places(runner.device, available_bytes())),
            lambda place: RowRing(shape, place, weights, runner.copies),
        )
        self._on_cpu = Source.of(prepared)
        self._source = self._on_cpu
        self._source = self._retried(lambda: self._on_cpu.to(self._ring.device))

    def slabs(self, on_progress: ProgressCallback) -> Iterator[LogitsSlab]:
        """Compute the windows, and give rows as soon as they are finished."""
        try:
            yield from self._slabs(on_progress)
        finally:
            self._runner.rest()
            self._thread.rest()

    def _slabs(self, on_progress: ProgressCallback) -> Iterator[LogitsSlab]:
        windows = [window for window in self._layout.windows if window.is_needed]
        done = 0
        while done < len(windows):
            computed = partial(self._computed, windows[done:])
            some, logits = self._retried(computed, tuple(_Relief))
            for number, window in enumerate(some):
                rows, _, _ = self._layout.row_first(window.box)
                yield from self._finished(rows.start)
                self._add(window, [of_all[number] for of_all in logits])
                done += 1
                on_progress(Progress(stage="segmenting", done=done, total=len(windows)))
            del logits  # before the next ones are made
        yield from self._finished(self._layout.shape[self._layout.axis])

    def _computed(
        self, waiting: Sequence[Window]
    ) -> tuple[Sequence[Window], list[Tensor]]:
        """The first of the windows, with the logits of each member."""
        some = waiting[: self._at_once]
        batch = self._source.batch(some, self._layout, self._runner.device)
        if self._runner.is_for_one_shape and len(some) < self._at_once:
            missing = self._at_once - len(some)  # another number is compiled again
            batch = functional.pad(batch, (*[0] * 9, missing))
        return some, self._thread.run(partial(self._runner.logits, batch))

    def _add(
        self, window: Window, members: Sequence[Float[Tensor, "output i j k"]]
    ) -> None:
        first, a, b = self._layout.row_first(window.box)
        corner = (first.start, a.start, b.start)
        for member, logits in enumerate(members):
            rows = logits.permute(1, 2, 3, 0).movedim(self._layout.axis, 0)
            self._retried(partial(self._add_to_ring, member, corner, rows))

    def _add_to_ring(self, member: int, corner: Shape3, rows: Tensor) -> None:
        self._ring.add(member, corner, rows)

    def _finished(self, stop: int) -> Iterator[LogitsSlab]:
        """The rows before one, which no later window overlaps."""
        step = max(1, _SLAB_BYTES // self._ring.shape.row_bytes)
        for stretch in stretches(self._given, stop, self._ring.shape.rows):
            for first in range(stretch.start, stretch.stop, step):
                rows = slice(first, min(first + step, stretch.stop))
                inside, _, _ = self._layout.row_first(self._layout.inside)
                own = slice(max(rows.start, inside.start), min(rows.stop, inside.stop))
                if own.start < own.stop:
                    yield self._retried(partial(self._slab, own))
                self._ring.clear(rows)
        self._given = stop

    def _slab(self, rows: slice) -> LogitsSlab:
        """Rows of the padded image that are finished."""
        inside, a, b = self._layout.row_first(self._layout.inside)
        own = slice(rows.start - inside.start, rows.stop - inside.start)
        logits = self._ring.mean(rows)[:, :, a, b]
        left_out = torch.from_numpy(self._layout.background(own))
        if left_out.any():
            fill = self._background.to(logits.device)
            logits[:, left_out.to(logits.device)] = fill
        return LogitsSlab(
            axis=self._layout.axis,
            rows=own,
            row_count=inside.stop - inside.start,
            logits=logits.permute(0, 4, 1, 2, 3),
        )

    def _retried(
        self,
        work: Callable[[], Result],
        helps: Sequence[_Relief] = (_Relief.SUMS_ELSEWHERE,),
    ) -> Result:
        """Do some work, with less memory each time it runs out.

        Args:
            work: What may be done again.
            helps: What would leave more memory to it, the least loss first.

        Raises:
            torch.OutOfMemoryError: When there is no step left.
        """
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            self._runner.rest()
            if self._runner.device.type == "cuda":
                torch.cuda.empty_cache()
            if not any(self._step_down(relief) for relief in helps):
                raise torch.OutOfMemoryError(reason)

    def _step_down(self, relief: _Relief) -> bool:
        """Need less memory from now on; False where that is not possible."""
        if relief is _Relief.SUMS_ELSEWHERE:
            return self._move_sums()
        if self._at_once == 1:
            return False
        self._at_once //= 2
        self._runner.shortages.too_many_windows(self._bytes, self._at_once)
        _log.info("out of memory: %d windows at once from now on", self._at_once)
        return True

    def _move_sums(self) -> bool:
        ring = self._ring
        lower = ring.shape.lower_places(ring.place, available_bytes())
        if not lower:
            return False
        self._source = self._on_cpu
        try:
            self._ring = first_with_room(lower, ring.moved)
        except torch.OutOfMemoryError as error:
            _log.info("out of memory: %s", error)
            return False
        self._runner.shortages.no_room(self._bytes, ring.place)
        where = self._ring.place
        _log.info("out of memory: sums are kept in %s from now on", where)
        return True


def _sure_of_background(plan: Plan) -> Float32[Tensor, " output"]:
    """Logits of a voxel that is not computed."""
    logits = torch.full((plan.output_count,), -_SURE_LOGIT)
    logits[len(plan.output_names) :] = 0  # no centre, no offset
    if not plan.regions:
        logits[0] = _SURE_LOGIT
    return logits
