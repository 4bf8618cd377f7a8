"""Measure the napari plugin on a large CT with many structures, as a user feels it.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/measure_large_ct.py CT LABELS

CT and LABELS (NIfTI files) are each brought to 512 x 512 x 300 voxels by repeating
voxels. The second label map is the first one moved by two voxels. All is done in one
real window. A timer in the window's thread ticks every 10 ms: the longest time
between two ticks is how long the window did not answer. With --stacks, what the thread
was doing meanwhile is printed.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import napari
import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QComboBox, QPushButton, QTableView, QWidget

import medseg

Control = TypeVar("Control", bound=QWidget)

_SHAPE = (512, 512, 300)
_STEPS = 20
_LATE_S = 0.05


class Heartbeat:
    """The longest time the window's thread did not answer, and what it did then."""

    def __init__(self, *, with_stacks: bool) -> None:
        self.longest_s = 0.0
        self.stacks: Counter[str] = Counter()
        self._last = time.perf_counter()
        self._main = threading.get_ident()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(10)
        if with_stacks:
            threading.Thread(target=self._look, daemon=True).start()

    def start(self) -> None:
        """Forget what was measured so far."""
        self.longest_s = 0.0
        self.stacks.clear()
        self._last = time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now

    def _look(self) -> None:
        while True:
            time.sleep(0.01)
            if time.perf_counter() - self._last > _LATE_S:
                self.stacks[" > ".join(places_of(self._main))] += 1


def places_of(thread: int) -> list[str]:
    """Where a thread is; quick, since frames held on to keep what is in them alive."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001
    codes = []
    while frame is not None:
        codes.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return [
        f"{Path(code.co_filename).parent.name}/{Path(code.co_filename).stem}"
        f":{code.co_name}:{line}"
        for code, line in codes[11::-1]
    ]


class Measure:
    """Does things in a window and prints a line for each."""

    def __init__(self, *, with_stacks: bool) -> None:
        self._beat = Heartbeat(with_stacks=with_stacks)
        self._with_stacks = with_stacks
        print(f"{'':44}{'call (ms)':>12}{'until done (s)':>16}{'longest gap (ms)':>18}")

    def once(
        self, name: str, act: Callable[[], object], is_done: Callable[[], bool]
    ) -> None:
        """Do something once, and wait until it is done and shown."""
        settle(0.5)
        self._beat.start()
        start = time.perf_counter()
        act()
        call_s = time.perf_counter() - start
        while not is_done():
            QApplication.processEvents()
            time.sleep(0.001)
        done_s = time.perf_counter() - start
        settle(0.3)
        gap_ms = 1000 * self._beat.longest_s
        print(f"{name:44}{1000 * call_s:12.0f}{done_s:16.2f}{gap_ms:18.0f}", flush=True)
        if self._with_stacks:
            for stack, count in self._beat.stacks.most_common(4):
                print(f"    {count} x {stack}")

    def often(self, name: str, act: Callable[[int], object]) -> None:
        """Do something many times, drawn each time; the median."""
        settle(0.5)
        times = []
        for number in range(_STEPS):
            start = time.perf_counter()
            act(number)
            QApplication.processEvents()
            times.append(time.perf_counter() - start)
        median_ms = 1000 * statistics.median(times)
        print(
            f"{name:44}{median_ms:12.0f}    median of {_STEPS}, most "
            f"{1000 * max(times):.0f}",
            flush=True,
        )


def main() -> None:
    """Make the large scan, open it, and use every panel on it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--stacks", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(arguments.ct, arguments.labels, Path(folder))
        viewer = napari.Viewer(show=True)
        viewer.window.resize(1280, 800)
        use(viewer, files, Measure(with_stacks=arguments.stacks))
        viewer.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"most memory {peak_mb:.0f} MB")


def make_files(ct: Path, labels: Path, folder: Path) -> dict[str, Path]:
    """The large CT as DICOM series and as NIfTI, and two label maps."""
    scan, structures = medseg.read_volume(ct), medseg.read_segmentation(labels)
    geometry = scan.geometry.with_shape(_SHAPE)
    hu = enlarged(scan.array[0]).astype(np.int16)
    volume = medseg.Volume(
        array=hu[None], geometry=geometry, channels=("CT",), case_id="large"
    )
    array = enlarged(structures.array)
    made = {name: folder / f"{name}.nii.gz" for name in ("ct", "truth", "mine")}
    made["series"] = folder / "series"
    for name, moved in (("truth", array), ("mine", np.roll(array, (2, -2), (0, 1)))):
        label_map = medseg.Segmentation(
            array=moved, geometry=geometry, labels=structures.labels
        )
        medseg.write_segmentation(label_map, made[name])
    medseg.write_volume(volume, made["ct"])
    truth = medseg.Segmentation(
        array=array, geometry=geometry, labels=structures.labels
    )
    phantom = medseg.Phantom(seed=0, volume=volume, reference=truth, tumours=array)
    medseg.write_phantom_series(phantom, made["series"])
    return made


def enlarged(array: np.ndarray) -> np.ndarray:
    """An array of the large shape, by repeating voxels."""
    sizes = zip(_SHAPE, array.shape, strict=True)
    return np.ascontiguousarray(
        array[np.ix_(*(np.arange(n) * m // n for n, m in sizes))]
    )


def use(viewer: napari.Viewer, files: dict[str, Path], measure: Measure) -> None:
    """Open the files and do what a user does."""
    settle(1)
    for name in ("series", "ct", "truth", "mine"):
        path = files[name]
        measure.once(
            f"open {path.name}",
            partial(viewer.open, path, plugin="medseg"),
            lambda: True,
        )
    viewer.layers.remove(viewer.layers["ct"])
    measure.often("slice step, CT and two label maps", lambda _: step(viewer))
    use_structures(viewer, measure)
    use_scores(viewer, measure)
    use_correct(viewer, measure)


def use_structures(viewer: napari.Viewer, measure: Measure) -> None:
    """Volumes and components, a structure hidden and shown, an outline."""
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Structures")
    labels = part(panel, "Labels", QComboBox)
    measure.once(
        "structures: volumes and components",
        lambda: labels.setCurrentText("truth"),
        quiet(panel),
    )
    table = part(panel, "Structures", QTableView).model()
    checked, unchecked = Qt.CheckState.Checked, Qt.CheckState.Unchecked
    role = Qt.ItemDataRole.CheckStateRole
    measure.often(
        "structure toggle",
        lambda n: table.setData(
            table.index(n // 2, 0), checked if n % 2 else unchecked, role
        ),
    )
    viewer.window.remove_dock_widget(panel)


def use_scores(viewer: napari.Viewer, measure: Measure) -> None:
    """The table, errors, a row, a stroke of the brush."""
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Scores")
    part(panel, "Prediction", QComboBox).setCurrentText("mine")
    part(panel, "Reference", QComboBox).setCurrentText("truth")
    compute = part(panel, "Compute", QPushButton)
    measure.once("scores: table", compute.click, quiet(panel))
    measure.often("slice step with the slice curve", lambda _: step(viewer))
    errors = part(panel, "Errors shown", QComboBox)
    measure.once("scores: all errors", lambda: errors.setCurrentIndex(1), quiet(panel))
    rows = part(panel, "Scores", QTableView)
    measure.once(
        "scores: go to a structure",
        lambda: rows.clicked.emit(rows.model().index(0, 0)),
        quiet(panel),
    )
    measure.once(
        "scores: its worst place",
        lambda: rows.clicked.emit(rows.model().index(0, 0)),
        quiet(panel),
    )
    labels = viewer.layers["mine"]
    measure.once(
        "scores: update after a stroke", lambda: stroke(labels), quiet(panel, 2)
    )
    errors.setCurrentIndex(0)
    viewer.window.remove_dock_widget(panel)


def use_correct(viewer: napari.Viewer, measure: Measure) -> None:
    """A preview over the whole scan, applied and undone."""
    viewer.layers.selection.active = viewer.layers["mine"]
    _, panel = viewer.window.add_plugin_dock_widget("medseg", "Correct")
    tool = part(panel, "Tool", QComboBox)
    measure.once(
        "correct: smoothing previewed",
        lambda: tool.setCurrentText("Smooth"),
        quiet(panel, 1),
    )
    for name in ("Apply", "Undo"):
        button = part(panel, name, QPushButton)
        measure.once(f"correct: {name}", button.click, quiet(panel, 1))
    viewer.window.remove_dock_widget(panel)


def step(viewer: napari.Viewer) -> None:
    """One slice up."""
    viewer.dims.set_current_step(0, viewer.dims.current_step[0] + 1)


def stroke(labels: Labels) -> None:
    """A stroke of the brush in the middle of the slice that is seen."""
    labels.selected_label = 1
    labels.brush_size = 10
    middle = [n // 2 for n in labels.data.shape]
    for shift in range(0, 30, 3):
        labels.paint((middle[0], middle[1], middle[2] + shift), 1)


def quiet(panel: QWidget, at_least_s: float = 0.5) -> Callable[[], bool]:
    """Whether a panel has had nothing to do for a while; asked again and again."""
    works = [
        getattr(panel, name)
        for name in ("background", "details", "updates", "preview")
        if hasattr(panel, name)
    ]
    since = [time.perf_counter()]
    begun = time.perf_counter()

    def is_quiet() -> bool:
        now = time.perf_counter()
        if any(getattr(work, "is_busy", False) for work in works):
            since[0] = now
        return now - since[0] > 0.1 and (since[0] > begun or now - begun > at_least_s)

    return is_quiet


def part(panel: QWidget, name: str, kind: type[Control]) -> Control:
    """The control of a panel with an accessible name."""
    (found,) = (w for w in panel.findChildren(kind) if w.accessibleName() == name)
    return found


def settle(seconds: float) -> None:
    """Let the window come to rest."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
