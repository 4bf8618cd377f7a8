"""What the figures in every table mean; printed wherever they are."""

from medseg.core.metric import METRICS

RESEARCH_ONLY = "Research use only. Not a medical device."

DEFINITIONS: tuple[tuple[str, str], ...] = (
    *((metric.title, metric.definition) for metric in METRICS),
    (
        "Volume",
        "Number of voxels times the volume of one voxel, in millilitres. Small "
        "structures lose much Dice by a thin error: read the two together.",
    ),
    (
        "State",
        "both_present: both masks have voxels. prediction_empty (missed) and "
        "reference_empty (spurious): only one has; overlaps are 0 and count in every "
        "mean, distances have no value. both_empty (absent): neither has, there is no "
        "score and the row is left out of the means.",
    ),
    (
        "Missed",
        "A missed or spurious structure has no distance. In means the diagonal of the "
        "image stands for it (when_missed is diagonal), so that missing a structure is "
        "never better than finding it, or it is left out (leave-out); imputed is the "
        "number of such values in a mean.",
    ),
    (
        "HU",
        "Mean, standard deviation (divided by n) and median of the CT in Hounsfield "
        "units over the voxels of the prediction.",
    ),
    (
        "Lesions",
        "Connected pieces of a structure that is counted (a tumour, a cyst). Those of "
        "prediction and reference are matched one to one, as many as possible with an "
        "IoU above each threshold; found, missed and spurious are counted. F1 is "
        "the recognition quality, SQ the mean IoU of the matches, panoptic quality the "
        "product of both (Kirillov et al., 2019).",
    ),
    (
        "Means",
        "Each structure is averaged over the cases first, then the structures are "
        "averaged, each counting the same. n is the number of values in a mean. "
        "Lesions are counted over all cases together.",
    ),
    (
        "Grids",
        "Prediction and reference are compared voxel by voxel and only when their "
        "grids put every corner within 0.001 mm of each other; a note says where the "
        "reference was resampled for that.",
    ),
)
