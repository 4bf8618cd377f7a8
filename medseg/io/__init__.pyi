from .datasets.reading import read_dataset
from .dicom.source_slices import read_source
from .dicom.volumes import read_dicom_series
from .dicom_labels import (
    count_dicom_instances,
    read_dicom_labels,
    read_dicom_panoptic,
)
from .dicom_seg.writing import save_dicom_seg, save_panoptic_dicom_seg
from .file_kinds import FileKind, SegmentationFormat
from .finding import Problem, VolumeInfo, find_volumes
from .nifti.files import (
    read_nifti_labels,
    read_nifti_volume,
    save_nifti,
    save_nifti_shares,
    write_nifti_labels,
    write_nifti_volume,
)
from .nrrd_mha.files import (
    read_itk_labels,
    read_itk_volume,
    save_itk,
    write_itk_volume,
)
from .panoptic_files import holds_instances, read_panoptic, write_panoptic
from .reading import read_segmentation, read_segments, read_volume
from .rtstruct.writing import save_rtstruct
from .safe_writing import written_whole, written_whole_folder
from .writing import write_probabilities, write_segmentation, write_volume

__all__ = [
    "FileKind",
    "Problem",
    "SegmentationFormat",
    "VolumeInfo",
    "count_dicom_instances",
    "find_volumes",
    "holds_instances",
    "read_dataset",
    "read_dicom_labels",
    "read_dicom_panoptic",
    "read_dicom_series",
    "read_itk_labels",
    "read_itk_volume",
    "read_nifti_labels",
    "read_nifti_volume",
    "read_panoptic",
    "read_segmentation",
    "read_segments",
    "read_source",
    "read_volume",
    "save_dicom_seg",
    "save_itk",
    "save_nifti",
    "save_nifti_shares",
    "save_panoptic_dicom_seg",
    "save_rtstruct",
    "write_itk_volume",
    "write_nifti_labels",
    "write_nifti_volume",
    "write_panoptic",
    "write_probabilities",
    "write_segmentation",
    "write_volume",
    "written_whole",
    "written_whole_folder",
]
