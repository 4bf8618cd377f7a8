"""What a paper must say: CLAIM 2024 and Metrics Reloaded, and where it is here.

Tejani et al., Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024
Update, Radiology: Artificial Intelligence 6 (2024) e240300; Maier-Hein et al., Metrics
Reloaded, Nature Methods 21 (2024) 195-212. Items in our own words.
"""

TO_FILL_IN = "to fill in"

CHECKLIST: tuple[tuple[str, str, str], ...] = (
    ("Study design", "Prospective or retrospective; aim and hypothesis", TO_FILL_IN),
    ("Data", "Where the scans come from, dates, eligibility", TO_FILL_IN),
    ("Data", "Scanners, protocols, de-identification, ethics approval", TO_FILL_IN),
    ("Data", "Number of cases, patients, centres and structures", "Data"),
    ("Data", "Cases left out and why", "Data"),
    ("Reference standard", "How it was made, by whom, with what tools", TO_FILL_IN),
    ("Reference standard", "Agreement of readers", "Readers, where several were given"),
    ("Data partitions", "How training and test cases were kept apart", TO_FILL_IN),
    ("Data partitions", "Test cases that a model was trained on", "Limitations"),
    ("Model", "Architecture, inputs, outputs, initialisation", TO_FILL_IN),
    (
        "Training",
        "Augmentation, hyperparameters, choice of the final model",
        TO_FILL_IN,
    ),
    ("Evaluation", "Measures, with definitions and why they fit the task", "Methods"),
    ("Evaluation", "Tolerance of NSD and its source", "Methods"),
    ("Evaluation", "How empty and missed structures count", "Methods"),
    ("Evaluation", "Measures of uncertainty and statistical tests", "Methods"),
    ("Evaluation", "Software and versions", "Methods"),
    ("Results", "Performance with intervals, per structure", "Results"),
    ("Results", "Performance in subgroups", "Subgroups, where columns were given"),
    ("Results", "Failures, with examples", "Failures"),
    ("Results", "Calibration", "Calibration, where probabilities were given"),
    ("Discussion", "Limitations", "Limitations, and " + TO_FILL_IN),
    ("Discussion", "Use in practice", TO_FILL_IN),
    ("Other", "Registration, funding, access to data and code", TO_FILL_IN),
)
