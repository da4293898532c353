"""`python -m troth.cli` is the same command."""

from troth.cli import main

main()
