"""The command line: answers go to standard output, talk to standard error.

Exit codes: 0 done, 1 failed, 2 something the caller can fix, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import os
import sys

import typer

from troth.cli import (
    agents,
    audit,
    check,
    contest,
    digest,
    export,
    forget,
    influence,
    learn,
    mcp,
    people,
    promises,
    proof,
    questions,
    read,
    reciprocity,
    relationships,
    review,
    serve,
    show,
    structure,
    survey,
    token,
    touchpoints,
    trial,
    validity,
    watch,
    webhook,
    worth,
)
from troth.errors import InputError, TrothError

app = typer.Typer(
    name="troth",
    help="How much reason was given for trust, how much came back, and the sentences that say so. "
    "Nothing leaves this machine. Start with: troth review --sample",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_MODULES = (
    review, read, serve, mcp, token, watch, check, relationships, show, contest, people, promises, questions,
    agents, proof,
    survey, structure, touchpoints, reciprocity, influence, worth, trial, learn, validity, export,
    forget, audit, digest, webhook,
)  # fmt: skip
for _module in _MODULES:
    _module.register(app)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except TrothError as error:
        sys.stderr.write(f"troth: {error}\n")
        sys.exit(2 if isinstance(error, InputError) else 1)
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing of ours is lost.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
