"""Measure how long each panel of the napari plugin takes to open.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/measure_panels.py [REPEATS]

Each panel is opened in a napari of its own, with nothing of the plugin imported before,
as when a user opens it first, and once more in the same napari.
"""

import statistics
import subprocess
import sys

import npe2

_LIMIT_S = 0.5
_CODE = """
import sys, time
import napari
viewer = napari.Viewer(show=False)
times = []
for _ in range(2):
    start = time.perf_counter()
    viewer.window.add_plugin_dock_widget("medseg", sys.argv[1])
    times.append(time.perf_counter() - start)
    viewer.window.remove_dock_widget("all")
heavy = [name for name in ("torch", "monai") if name in sys.modules]
print("times", *times, *heavy)
viewer.close()
"""


def main() -> int:
    """Print a line a panel; 1 when one takes too long or imports torch or MONAI."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    manifest = npe2.PluginManifest.from_distribution("medseg")
    print(f"median of {repeats} runs; at most {_LIMIT_S} s at first")
    print(f"{'panel':16}{'first (s)':>10}{'again (s)':>10}  heavy imports")
    is_slow = False
    for widget in manifest.contributions.widgets or ():
        runs = [_opened(widget.display_name) for _ in range(repeats)]
        first = statistics.median(float(run[0]) for run in runs)
        again = statistics.median(float(run[1]) for run in runs)
        heavy = sorted({name for run in runs for name in run[2:]})
        print(
            f"{widget.display_name:16}{first:10.2f}{again:10.2f}  "
            f"{', '.join(heavy) or 'none'}"
        )
        is_slow = is_slow or first > _LIMIT_S or bool(heavy)
    return int(is_slow)


def _opened(panel: str) -> list[str]:
    """Seconds to open a panel, to open it again, and what was imported for it."""
    done = subprocess.run(  # noqa: S603 - this interpreter and the code above
        [sys.executable, "-c", _CODE, panel],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (x for x in done.stdout.splitlines() if x.startswith("times "))
    return line.split()[1:]


if __name__ == "__main__":
    sys.exit(main())
