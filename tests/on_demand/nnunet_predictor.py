"""nnU-Net's own predictor, run by the Python of nnU-Net's environment.

    PYTHON nnunet_predictor.py float16|float32 MODEL OUT SCAN...

The first word is what windows are blended in: nnU-Net itself does it in float16.
MODEL is a results folder (Trainer__Plans__configuration). For every scan, a NIfTI file
of one channel, `OUT/NAME.nii.gz` is nnU-Net's label map (half overlap, Gaussian
weights, mirrored, on the CPU). `OUT/window.npz` holds one window of the first scan as
nnU-Net prepares it and the logits its network gives for it, in float32.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np
import torch
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor


def main() -> None:
    """Predict every scan named."""
    precision, *words = sys.argv[1:]
    if precision == "float32":
        torch.half = torch.float32  # what nnU-Net makes its sums of
    model, out, *scans = (Path(word) for word in words)
    with contextlib.redirect_stdout(sys.stderr):
        predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(model), None)
        save_window(predictor, scans[0], out / "window.npz")
        for scan in scans:
            image, properties = SimpleITKIO().read_images([str(scan)])
            labels = predictor.predict_single_npy_array(image, properties)
            name = scan.name.removesuffix(".nii.gz")
            SimpleITKIO().write_seg(labels, str(out / f"{name}.nii.gz"), properties)


@torch.inference_mode()
def save_window(predictor: nnUNetPredictor, scan: Path, file: Path) -> None:
    """The middle window of a scan, and the network's answer."""
    config = predictor.configuration_manager
    image, properties = SimpleITKIO().read_images([str(scan)])
    prepared, _, _ = config.preprocessor_class(verbose=False).run_case_npy(
        *(image, None, properties, predictor.plans_manager, config),
        predictor.dataset_json,
    )
    window = torch.zeros((1, len(image), *config.patch_size))
    edges = zip(prepared.shape[1:], config.patch_size, strict=True)
    box = tuple(slice(0, min(edge, most)) for edge, most in edges)
    window[0][:, *box] = torch.from_numpy(prepared)[:, *box]
    logits = predictor.network.eval()(window)
    np.savez(file, prepared=prepared, window=window.numpy(), logits=logits.numpy())


if __name__ == "__main__":
    main()
