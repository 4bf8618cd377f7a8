"""The bench of training steps, on tiny patches; never by the clock."""

from dataclasses import replace
from itertools import islice

import pytest

import medseg
from medseg import Device, WrongUse, bench
from medseg.bench.trainers import Trainer, bench_plan, bench_settings
from medseg.bench.training import timed_trainers
from medseg.cli.bench_tables import training_table
from medseg.core.plan import Architecture
from medseg.networks import build_network, parameter_count

WIDTHS = (4, 8, 16)


def trainer(architecture=Architecture.UNET, **changes) -> Trainer:
    made = Trainer(
        name=architecture.value,
        plan=bench_plan(architecture, WIDTHS, (12, 12, 12), 1),
        settings=bench_settings(device=Device("cpu"), is_compiled=False),
    )
    return replace(made, **changes)


@pytest.mark.parametrize("is_plain", [False, True])
def test_every_way_of_training_takes_steps(is_plain):
    losses = list(islice(trainer(is_plain=is_plain).losses(), 5))
    assert all(0 < loss < 5 for loss in losses)
    assert len({*losses}) == 5


def test_trainers_take_turns_and_are_compared_with_the_first():
    heard: list[medseg.Progress] = []
    both = [trainer(), trainer(is_plain=True, name="plain")]
    timings = timed_trainers(both, repeats=2, on_progress=heard.append)
    assert [step.note for step in heard] == ["unet", "plain"] * 4
    assert heard[-1].fraction == 1
    assert timings[0].times_first == 1
    for timing in timings:
        assert len(timing.seconds) == 2
        assert timing.parameters == parameter_count(build_network(both[0].plan))
        assert timing.peak_mb is None or timing.peak_mb > 0
    header, *lines = training_table(timings).splitlines()
    assert header.startswith("by")
    assert "GPU busy" in header
    assert [line.split()[0] for line in lines] == ["unet", "plain"]


def test_the_table_gives_the_busy_share_in_percent():
    (timing,) = timed_trainers([trainer()], repeats=1)
    assert "87%" in training_table([replace(timing, busy_share=0.874)])


@pytest.mark.parametrize(
    "options", [{"patch": 16}, {"patch": 36}, {"batch": 0}, {"repeats": 0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        bench.bench_train(**options)
