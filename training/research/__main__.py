"""`python -m training.research`: see `run.py`."""

from training.research.run import main

main()
