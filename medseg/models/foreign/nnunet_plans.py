"""plans.json and dataset.json of nnU-Net v2 -> Plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.geometry import Shape3, Spacing
from medseg.core.plan import (
    MOST_STRUCTURES,
    PatientAxes,
    Plan,
    Recipe,
)
from medseg.io.datasets.labels import described_labels
from medseg.models.foreign.nnunet_axes import axes_of, mirroring_reasons
from medseg.models.foreign.nnunet_files import NnunetConfiguration
from medseg.models.foreign.nnunet_intensities import (
    ForegroundIntensities,
    normalisation_of,
)
from medseg.models.foreign.nnunet_network import (
    ForeignNetwork,
    network_of,
    unsupported,
)
from medseg.models.foreign.texts import one_line

_RESAMPLING = "resample_data_or_seg_to_shape"
_LABELS = "LabelManager"
_LARGEST_EDGE, _FINEST_MM, _COARSEST_MM = 1024, 0.01, 100


class _Resampling(BaseModel):
    """How an image, label map or logits are resampled."""

    model_config = ConfigDict(extra="allow")

    is_seg: bool
    order: int
    order_z: int
    force_separate_z: bool | None = None
    separate_z_anisotropy_threshold: float = 3.0


class _Configuration(BaseModel):
    """One configuration of plans.json, what it inherits included."""

    model_config = ConfigDict(extra="allow")

    preprocessor_name: str = "DefaultPreprocessor"
    batch_size: int
    patch_size: Shape3
    spacing: Spacing
    normalization_schemes: list[str]
    use_mask_for_norm: list[bool]
    resampling_fn_data: str
    resampling_fn_data_kwargs: _Resampling
    resampling_fn_probabilities: str
    resampling_fn_probabilities_kwargs: _Resampling
    resampling_fn_seg: str
    resampling_fn_seg_kwargs: _Resampling
    previous_stage: str | None = None


class _Plans(BaseModel):
    """plans.json, as far as it concerns inference."""

    dataset_name: str
    image_reader_writer: str
    transpose_forward: Shape3
    label_manager: str = _LABELS
    foreground_intensity_properties_per_channel: dict[str, ForegroundIntensities] = (
        Field(default_factory=dict)
    )


@dataclass(frozen=True, kw_only=True)
class NnunetPlan:
    """What the descriptions of a model say.

    Attributes:
        plan: For MedSeg.
        network: How nnU-Net built its network.
        dataset: Name of the dataset.
        previous_stage: Configuration of the cascade's first stage; often empty.
    """

    plan: Plan
    network: ForeignNetwork
    dataset: str
    previous_stage: str


def nnunet_plan(
    plans: Mapping[str, Any],
    dataset: Mapping[str, Any],
    configuration: str,
    mirror_axes: Sequence[int],
    trained_as: PatientAxes | None,
) -> NnunetPlan:
    """The plan of one configuration.

    Args:
        plans: Content of plans.json.
        dataset: Content of dataset.json.
        configuration: Its name.
        mirror_axes: Which the checkpoint allows.
        trained_as: Where the voxel axes i, j, k of all scans pointed that it was
            trained on and is run on; None when nnU-Net took the files as they were.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming what has no equal here; DAMAGED_MODEL
            when the descriptions lack something or contradict themselves.
    """
    content = _inherited(plans, configuration)
    if len(content.get("patch_size", ())) == 2:
        raise unsupported(f"the configuration {configuration} is 2D", configuration)
    try:
        config = _Configuration.model_validate(content)
        known = _Plans.model_validate(_with_old_names(plans))
        known.dataset_name = one_line(known.dataset_name)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _damaged(f"{place}: {first['msg']}", configuration) from None
    if known.label_manager != _LABELS:
        what = f"the label manager {one_line(known.label_manager)}"
        raise unsupported(what, configuration)
    _require_known_rules(config, configuration)
    _require_possible(config, configuration)
    network = network_of(content, configuration)
    try:
        labels = described_labels(_with_clean_names(dataset))
        if len(labels.labels) > MOST_STRUCTURES:
            raise unsupported(
                f"a model of {len(labels.labels)} structures", configuration
            )
        channels = _channels(dataset)
        axes, axes_reason = axes_of(
            known.image_reader_writer,
            known.transpose_forward,
            known.dataset_name,
            trained_as,
        )
        plan = Plan(
            channels=channels,
            labels=labels.labels,
            regions=labels.regions,
            spacing_mm=config.spacing,
            patch_shape=config.patch_size,
            batch_size=config.batch_size,
            normalisation=normalisation_of(
                config.normalization_schemes[: len(channels)],
                config.use_mask_for_norm[: len(channels)],
                known.foreground_intensity_properties_per_channel,
                known.dataset_name,
            ),
            mirror_axes=tuple(mirror_axes),
            axes=axes,
            recipe=Recipe.NNUNET,
            reasons=(
                ("source", f"nnU-Net's {configuration}, imported"),
                ("axes", axes_reason),
                *mirroring_reasons(labels.labels, mirror_axes),
            ),
            architecture=network.architecture,
            widths=network.widths,
            kernels=network.kernels,
            strides=network.strides,
            blocks=network.blocks,
            upsampling_bias=network.upsampling_bias,
            decoder_kernels=network.decoder_kernels,
        )
    except MedSegError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise _damaged(str(error) or type(error).__name__, configuration) from None
    _require_consecutive(plan, configuration)
    return NnunetPlan(
        plan=plan,
        network=network,
        dataset=known.dataset_name,
        previous_stage=config.previous_stage or "",
    )


def _inherited(plans: Mapping[str, Any], configuration: str) -> dict[str, Any]:
    """A configuration with all it takes over from others."""
    known = plans.get("configurations")
    if not isinstance(known, dict):
        raise _damaged("plans.json names no configurations", configuration)
    chain: list[dict[str, Any]] = []
    name: object = configuration
    while name is not None:
        found = known.get(name) if isinstance(name, str) else None
        if not isinstance(found, dict) or found in chain:
            raise _damaged(f"plans.json has no configuration {name}", configuration)
        chain.append(found)
        name = found.get("inherits_from")
    return {key: value for each in reversed(chain) for key, value in each.items()}


def _with_old_names(plans: Mapping[str, Any]) -> dict[str, Any]:
    """Statistics under the name they have had since nnU-Net 2.0."""
    new, old = (
        f"foreground_intensity_properties_{suffix}"
        for suffix in ("per_channel", "by_modality")
    )
    return {**plans, new: plans.get(new, plans.get(old, {}))}


def _require_known_rules(config: _Configuration, configuration: str) -> None:
    if config.preprocessor_name != "DefaultPreprocessor":
        what = f"the preprocessor {one_line(config.preprocessor_name)}"
        raise unsupported(what, configuration)
    rules = (
        (config.resampling_fn_data, config.resampling_fn_data_kwargs, 3, False),
        (config.resampling_fn_seg, config.resampling_fn_seg_kwargs, 1, True),
        (
            config.resampling_fn_probabilities,
            config.resampling_fn_probabilities_kwargs,
            *(1, False),
        ),
    )
    for name, given, order, is_seg in rules:
        if name != _RESAMPLING:
            raise unsupported(f"the resampling {one_line(name)}", configuration)
        wanted = _Resampling(is_seg=is_seg, order=order, order_z=0)
        if given != wanted:
            known = dict(wanted)
            differing = ", ".join(
                f"{key} {value}" for key, value in given if known.get(key) != value
            )
            raise unsupported(
                f"the resampling with {one_line(differing)}", configuration
            )


def _require_possible(config: _Configuration, configuration: str) -> None:
    if max(config.patch_size) > _LARGEST_EDGE:
        raise unsupported(f"a patch of {config.patch_size}", configuration)
    if not all(_FINEST_MM <= edge <= _COARSEST_MM for edge in config.spacing):
        raise unsupported(f"a spacing of {config.spacing} mm", configuration)
    if config.previous_stage not in (None, "", *NnunetConfiguration):
        what = f"the first stage {one_line(config.previous_stage)}"
        raise unsupported(what, configuration)


def _with_clean_names(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The labels' names without what a terminal takes for a command."""
    named = dataset.get("labels")
    if not isinstance(named, dict):
        return dict(dataset)
    return {**dataset, "labels": {one_line(key): ids for key, ids in named.items()}}


def _channels(dataset: Mapping[str, Any]) -> tuple[str, ...]:
    named = dataset.get("channel_names", dataset.get("modality", {}))
    ordered = sorted(named.items(), key=lambda item: int(item[0]))
    names = [one_line(name) or f"channel {place}" for place, name in ordered]
    twice = len({name.upper() for name in names}) != len(names)
    if twice:  # a scan's channels are matched by name
        names = [f"{name} {place}" for place, name in enumerate(names, start=1)]
    return tuple(names)


def _require_consecutive(plan: Plan, configuration: str) -> None:
    """nnU-Net writes the place of an output as its label."""
    if not plan.regions and plan.labels.ids != tuple(range(1, len(plan.labels) + 1)):
        raise _damaged("the labels are not 1, 2, 3 and so on", configuration)


def _damaged(what: str, configuration: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DAMAGED_MODEL,
        f"nnU-Net's descriptions of the model do not hold: {what}",
        where=configuration,
        remedy="Copy or export the model again, with an nnU-Net of version 2.",
    )
