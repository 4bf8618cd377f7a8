"""What there is to say about a model and about a result; knows no Qt."""

import medseg

_MOST_NAMED = 6
SHIPPED = "shipped with MedSeg"


def summary_of(model: medseg.ModelInfo) -> str:
    """What a model finds, what it needs, and under which licence: a few lines."""
    return "\n".join(
        (
            model.summary,
            f"Finds {_some(model.plan.labels.names)}.",
            f"Needs {' + '.join(model.plan.channels)}. Weights: {model.licence}.",
        )
    )


def details_of(model: medseg.ModelInfo, source: str) -> str:
    """All that is known about a model: axes, structures with scores, data, origin.

    Args:
        model: The model.
        source: Where it came from, in words.
    """
    made = model.training
    spacing = " x ".join(f"{edge:g}" for edge in model.plan.spacing_mm)
    facts = {
        "From": source,
        "Works at": f"{spacing} mm along {medseg.axes_in_words(model.plan.axes)}",
        "Networks": str(len(model.weights)),
        "Trained on": ", ".join(word for word in (made.dataset, made.source) if word),
        "Training cases": str(len(made.cases) or ""),
        "Started from": made.started_from,
        "Scored on": model.results_note,
    }
    scores = {result.structure: result for result in model.results}
    structures = [
        f"  {scores[name]}" if name in scores else f"  {name}: not scored"
        for name in model.plan.labels.names
    ]
    lines = [f"{name}: {value}" for name, value in facts.items() if value]
    if model.plan.reasons:
        reasons = (f"  {subject}: {reason}" for subject, reason in model.plan.reasons)
        lines.extend(("Why it is so:", *reasons))
    return "\n".join((*lines, "Structures:", *structures))


def provenance_words(made: medseg.Provenance) -> str:
    """How a result was made, a fact a line."""
    settings = dict(made.settings)
    facts = {
        "Model": f"{made.model} ({made.model_sha256[:12]})",
        "Scan": f"{made.case_id} ({made.input_sha256[:12] or 'made in memory'})",
        "Settings": ", ".join(f"{name} {value}" for name, value in settings.items()),
        "Versions": ", ".join(f"{name} {version}" for name, version in made.versions),
    }
    lines = [f"{name}: {value}" for name, value in facts.items()]
    if made.is_trained_on:
        lines.append("The model was trained on this very scan.")
    return "\n".join((*lines, *made.notes, made.disclaimer))


def _some(names: tuple[str, ...]) -> str:
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    first = ", ".join(names[: _MOST_NAMED - 1])
    return f"{len(names)} structures: {first} …"
