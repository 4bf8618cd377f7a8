"""What a large cohort takes: time, storage, network and cost, from a few inputs.

python docs/plan_large_cohort.py
python docs/plan_large_cohort.py --cases 20000 --devices 8 --gpu-seconds 45

prints the two tables of docs/large_cohorts.md: the inputs, each with where it comes
from, and what follows from them. Every input is an option.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

_HOUR_S = 3600
_FILES = 4  # label map, its names, volumes and scores, picture


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is measured, assumed or chosen; the comment says which."""

    cases: int = field(default=100_000, metadata={"from": "chosen"})
    devices: int = field(default=32, metadata={"from": "chosen"})
    scan_mb: float = field(
        default=102.0,
        metadata={"from": "measured: 1.30 bytes a voxel, 512 x 512 x 300, .nii.gz"},
    )
    label_map_mb: float = field(
        default=1.3, metadata={"from": "measured: 41 structures on such a grid"}
    )
    picture_mb: float = field(default=0.1, metadata={"from": "measured"})
    tables_mb: float = field(
        default=0.02, metadata={"from": "measured: JSON of a case and of its labels"}
    )
    journal_kb: float = field(default=0.84, metadata={"from": "measured"})
    gpu_seconds: float = field(
        default=30.0, metadata={"from": "assumed: one model; see below"}
    )
    gpu_seconds_many: float = field(
        default=82.0, metadata={"from": "assumed: five models; see below"}
    )
    cpu_seconds: float = field(
        default=55.0,
        metadata={"from": "measured: 48 windows of 1.15 s on two cores"},
    )
    processor_seconds: float = field(
        default=0.9, metadata={"from": "measured: reading, writing, the picture"}
    )
    efficiency: float = field(
        default=0.9, metadata={"from": "assumed: time devices work, of all"}
    )
    merge_seconds_per_1000: float = field(default=0.56, metadata={"from": "measured"})
    gpu_hour_price: float = field(default=2.0, metadata={"from": "assumed"})
    cpu_hour_price: float = field(
        default=0.1, metadata={"from": "assumed: two cores, 8 GB"}
    )


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to compute it."""

    name: str
    seconds: float
    hour_price: float


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What follows from the inputs for one way."""

    device_hours: float
    hours: float
    cases_an_hour: float
    read_mb_s: float
    cost: float


def ways(inputs: Inputs) -> tuple[Way, ...]:
    """The columns of the table."""
    gpu, cpu = inputs.gpu_hour_price, inputs.cpu_hour_price
    return (
        Way(name="GPU, one model", seconds=inputs.gpu_seconds, hour_price=gpu),
        Way(name="GPU, five models", seconds=inputs.gpu_seconds_many, hour_price=gpu),
        Way(name="two cores, one model", seconds=inputs.cpu_seconds, hour_price=cpu),
    )


def needs(inputs: Inputs, way: Way) -> Needs:
    """Time, network and cost of one way."""
    device_hours = inputs.cases * way.seconds / inputs.efficiency / _HOUR_S
    hours = device_hours / inputs.devices
    return Needs(
        device_hours=device_hours,
        hours=hours,
        cases_an_hour=inputs.cases / hours,
        read_mb_s=inputs.cases * inputs.scan_mb / (hours * _HOUR_S),
        cost=device_hours * way.hour_price,
    )


def result_mb(inputs: Inputs) -> float:
    """What a case leaves behind."""
    journal_mb = inputs.journal_kb / 1000
    return inputs.label_map_mb + inputs.picture_mb + inputs.tables_mb + journal_mb


def lines(inputs: Inputs) -> Iterator[str]:
    """Both tables, in Markdown."""
    yield from _table(
        ("input", "value", "from"),
        [
            (f"`--{each.name.replace('_', '-')}`", f"{value:,}", each.metadata["from"])
            for each in fields(inputs)
            for value in [getattr(inputs, each.name)]
        ],
    )
    yield ""
    columns = [(way, needs(inputs, way)) for way in ways(inputs)]
    yield from _table(
        ("", *(way.name for way, _ in columns)),
        [
            ("device hours", *(f"{n.device_hours:,.0f}" for _, n in columns)),
            (
                f"hours on {inputs.devices}",
                *(f"{n.hours:,.0f}" for _, n in columns),
            ),
            ("cases an hour", *(f"{n.cases_an_hour:,.0f}" for _, n in columns)),
            ("read, MB/s in all", *(f"{n.read_mb_s:,.0f}" for _, n in columns)),
            (
                "read, MB/s a device",
                *(f"{n.read_mb_s / inputs.devices:,.1f}" for _, n in columns),
            ),
            (
                "processor cores busy a device, beside the network",
                *(f"{inputs.processor_seconds / w.seconds:.2f}" for w, _ in columns),
            ),
            (
                "cost, in the currency of the price",
                *(f"{n.cost:,.0f}" for _, n in columns),
            ),
        ],
    )
    yield ""
    scans_tb = inputs.cases * inputs.scan_mb / 1e6
    results_gb = inputs.cases * result_mb(inputs) / 1e3
    pictures_gb = inputs.cases * inputs.picture_mb / 1e3
    journal_mb = inputs.cases * inputs.journal_kb / 1e3
    merge_minutes = inputs.cases / 1000 * inputs.merge_seconds_per_1000 / 60
    yield f"- scans: {scans_tb:,.1f} TB, read once"
    yield (
        f"- results: {results_gb:,.0f} GB, of which pictures {pictures_gb:,.0f} GB, in "
        f"{_FILES * inputs.cases:,} files"
    )
    yield f"- journal: {journal_mb:,.0f} MB"
    yield f"- merge at the end: {merge_minutes:,.0f} min"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Read the inputs from the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for each in fields(Inputs):
        option = f"--{each.name.replace('_', '-')}"
        parser.add_argument(
            option,
            type=type(each.default),
            default=each.default,
            help=each.metadata["from"],
        )
    print("\n".join(lines(Inputs(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
