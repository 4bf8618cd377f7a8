"""Print the n-th shell block of the README that is meant for a fresh machine."""

import re
import sys
from pathlib import Path

readme = Path(__file__).parents[1] / "README.md"
blocks = re.findall(r"```bash\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
print(blocks[int(sys.argv[1]) - 1].strip())
