"""What each error code means and what to do: the table of `docs/errors.md`."""

from dataclasses import dataclass

from medseg.core.errors import ErrorCode


@dataclass(frozen=True)
class Explanation:
    """One row of the table.

    Attributes:
        meaning: What is wrong.
        remedy: What the user can do.
    """

    meaning: str
    remedy: str


ERROR_GUIDE = {
    ErrorCode.NOT_FOUND: Explanation(
        "there is no such file or folder, or the scan of an RTSTRUCT is not beside it",
        "check the path; put the series beside the RTSTRUCT",
    ),
    ErrorCode.NOT_READABLE: Explanation(
        "the system does not let the file be read",
        "check permissions, disk and network",
    ),
    ErrorCode.NOT_AN_IMAGE: Explanation(
        "the file is of no known format, or holds colours or complex numbers",
        "give DICOM, NIfTI, NRRD or MHA with intensities or labels",
    ),
    ErrorCode.TRUNCATED_FILE: Explanation(
        "the file ends too early or is damaged",
        "copy, download or export it again",
    ),
    ErrorCode.INVALID_HEADER: Explanation(
        "the header holds values that cannot be (sizes, NaN, slope 0 ...)",
        "convert or export it again from the original",
    ),
    ErrorCode.SFORM_QFORM_CONFLICT: Explanation(
        "the two affines of a NIfTI file place the scan differently",
        "find out which is right; --accept SFORM_QFORM_CONFLICT takes the sform",
    ),
    ErrorCode.SHEARED_AFFINE: Explanation(
        "the axes are not at right angles",
        "--accept SHEARED_AFFINE resamples onto an upright grid",
    ),
    ErrorCode.NOT_FINITE: Explanation(
        "voxels are NaN or infinite",
        "replace them by the value of air or background",
    ),
    ErrorCode.TOO_LARGE: Explanation(
        "the header claims more voxels than are read",
        "crop or resample; if it should be small, the file is damaged",
    ),
    ErrorCode.EMPTY_FOLDER: Explanation(
        "the folder holds no image",
        "give a folder with DICOM files, or an image file",
    ),
    ErrorCode.NOT_A_VOLUME: Explanation(
        "localizers, secondary captures, colour pictures, fewer than three slices",
        "give a CT, MR or PET series with positions",
    ),
    ErrorCode.MISSING_GEOMETRY: Explanation(
        "a slice has no usable position, orientation or pixel spacing",
        "export the series again with complete headers",
    ),
    ErrorCode.MISSING_SLICES: Explanation(
        "there are gaps between the slices; it says where",
        "export the whole series; --accept MISSING_SLICES interpolates the gaps",
    ),
    ErrorCode.DUPLICATE_POSITIONS: Explanation(
        "different pictures of the same place",
        "keep one acquisition (time, echo, reconstruction)",
    ),
    ErrorCode.INCONSISTENT_ORIENTATION: Explanation(
        "slices are turned against each other",
        "give one acquisition, or one part of the series with --series UID#n",
    ),
    ErrorCode.INCONSISTENT_MATRIX: Explanation(
        "slices differ in rows or columns",
        "give one acquisition, or one part of the series with --series UID#n",
    ),
    ErrorCode.INCONSISTENT_SPACING: Explanation(
        "slices differ in the size of their pixels",
        "give one acquisition, or one part of the series with --series UID#n",
    ),
    ErrorCode.VARIABLE_SPACING: Explanation(
        "the distance between slices changes",
        "--accept VARIABLE_SPACING resamples onto a regular grid",
    ),
    ErrorCode.GANTRY_TILT: Explanation(
        "the stack leans against its slices; it says by how many degrees",
        "--accept GANTRY_TILT resamples onto an upright grid",
    ),
    ErrorCode.TEMPORAL_SERIES: Explanation(
        "several volumes of one place: times, echoes or b-values",
        "choose one with --series UID#n, as inspect lists them, or split the series",
    ),
    ErrorCode.UNSUPPORTED_ENCODING: Explanation(
        "no decoder for the compression of the pixels",
        "convert it first, for example with gdcmconv --raw",
    ),
    ErrorCode.DECODER_FAILED: Explanation(
        "a decoder crashed, or took too much time or memory",
        "the file is damaged or hostile; export it again",
    ),
    ErrorCode.NOT_A_LABEL_MAP: Explanation(
        "the voxels are not whole numbers from 0 to 65535, or shares of a structure; "
        "or the .json of names beside them is damaged",
        "give a label map; for shares give a threshold; restore or remove the .json",
    ),
    ErrorCode.UNKNOWN_LABEL: Explanation(
        "a number is not among the labels named",
        "give the label set that the file was made with",
    ),
    ErrorCode.OVERLAPPING_SEGMENTS: Explanation(
        "structures overlap, so one label map cannot hold them",
        "medseg.read_segments keeps all of them",
    ),
    ErrorCode.LABEL_MISMATCH: Explanation(
        "prediction and reference, or file and format, have other structures",
        "use the same names and numbers in both",
    ),
    ErrorCode.GRID_MISMATCH: Explanation(
        "two files, or a result and its DICOM source, lie on different grids",
        "use files of one grid, or resample one onto the other",
    ),
    ErrorCode.CHANNEL_MISMATCH: Explanation(
        "the channels are not those of the model, or a fourth dimension has no names",
        "--channel NAME=PATH for each; classical and instances: --channel NUMBER",
    ),
    ErrorCode.INVALID_DATASET: Explanation(
        "the dataset's description and its files do not agree",
        "mend dataset.json or the files it names",
    ),
    ErrorCode.NO_PAIRS: Explanation(
        "no prediction has a reference of the same name",
        "name the files alike",
    ),
    ErrorCode.DOWNLOAD_FAILED: Explanation(
        "the server cannot be reached, refuses, or breaks off",
        "check network and proxy and run it again; it goes on where it stopped",
    ),
    ErrorCode.WRONG_CHECKSUM: Explanation(
        "what was downloaded is not the file that was published",
        "run it again; it starts from the beginning",
    ),
    ErrorCode.UNSAFE_ARCHIVE: Explanation(
        "an archive holds links, devices, or names outside its folder, or far more "
        "than its size",
        "get the archive from its publisher",
    ),
    ErrorCode.UNSAFE_CHECKPOINT: Explanation(
        "a checkpoint holds objects that would run code when opened",
        "have its maker save tensors and plain values only",
    ),
    ErrorCode.UNSUPPORTED_MODEL: Explanation(
        "a model of another tool uses what MedSeg has no equal of; it is named",
        "use that model with its own tool, or train one with MedSeg",
    ),
    ErrorCode.DAMAGED_MODEL: Explanation(
        "a file of the model is missing or was changed",
        "copy or train the model again",
    ),
    ErrorCode.DAMAGED_CHECKPOINT: Explanation(
        "the checkpoint cannot be read",
        "start again without --resume",
    ),
    ErrorCode.DIVERGED: Explanation(
        "the loss is no longer a number",
        "train with a lower learning rate or in float32",
    ),
    ErrorCode.OTHER_RECIPE: Explanation(
        "the folder holds a training with other settings or data",
        "give the same settings, or another folder",
    ),
    ErrorCode.DISK_FULL: Explanation(
        "there is no room for the result; nothing half-written is left",
        "make room and run it again",
    ),
    ErrorCode.NOT_WRITABLE: Explanation(
        "the system does not let the result be written",
        "check permissions, or write elsewhere",
    ),
    ErrorCode.OUT_OF_MEMORY: Explanation(
        "there is not enough memory",
        "close other programs, use the CPU, or a larger machine",
    ),
    ErrorCode.WORKER_DIED: Explanation(
        "a worker process was ended from outside, as when memory runs out",
        "run it again with fewer workers; finished cases are kept",
    ),
    ErrorCode.TIMED_OUT: Explanation(
        "a case of a cohort took longer than it may",
        "look at it alone, or give a longer --time-limit-s",
    ),
    ErrorCode.UNFORESEEN: Explanation(
        "a case of a cohort ended in an error of MedSeg itself",
        "report it with the traceback in the folder logs",
    ),
    ErrorCode.INVALID_MANIFEST: Explanation(
        "the list of cases has faults, each of which is printed",
        "mend them all, then run again",
    ),
    ErrorCode.IN_USE: Explanation(
        "another run works in the same folder",
        "wait until it ends; what it does is not done twice",
    ),
    ErrorCode.NO_CLUSTER: Explanation(
        "there is no dask scheduler at the address, or no worker that can be used",
        "start them in MedSeg's environment, with the resources asked for",
    ),
    ErrorCode.SEVERAL_SERIES: Explanation(
        "there is more than one scan here",
        "choose one: --series UID, or give its file",
    ),
    ErrorCode.UNKNOWN_SERIES: Explanation(
        "no series here has this UID, or several have",
        "see medseg inspect for the UIDs",
    ),
    ErrorCode.UNKNOWN_MODEL: Explanation(
        "no shipped model has this name, and no model folder is there",
        "see medseg models list",
    ),
    ErrorCode.UNKNOWN_DATASET: Explanation(
        "no dataset that can be downloaded has this name",
        "see medseg data list",
    ),
    ErrorCode.UNKNOWN_FORMAT: Explanation(
        "the file's suffix, or its kind of DICOM object, is not one that is handled",
        "use .nii.gz, .nii, .nrrd, .mha, or .dcm",
    ),
    ErrorCode.NO_DICOM_SOURCE: Explanation(
        "DICOM output needs the DICOM series that was segmented",
        "segment a DICOM series, or write .nii.gz",
    ),
    ErrorCode.INVALID_OPTION: Explanation(
        "an option has a value it cannot have, or does not belong here",
        "see --help of the command",
    ),
    ErrorCode.NO_SUCH_DEVICE: Explanation(
        "this machine has no such GPU",
        "use --device cpu or auto",
    ),
    ErrorCode.OUTPUT_EXISTS: Explanation(
        "the result is there already",
        "give another name, or --overwrite",
    ),
}
