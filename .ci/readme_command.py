"""Print the first or second shell command of README.md, so that what is tested is what is written."""

import re
import sys
from pathlib import Path

blocks = re.findall(r"```sh\n(.*?)```", Path("README.md").read_text("utf-8"), flags=re.DOTALL)
sys.stdout.write(blocks[int(sys.argv[1]) - 1])
