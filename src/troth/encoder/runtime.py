"""Running the shipped network: sentences of like length together, two batches at a time.

The network is small, so the cost lies in the number of word pieces pushed through it, padding included. Sentences
are sorted by length, cut into batches of about equal work, and padded only to the next rung of a ladder of widths:
few shapes, since the kernels of each new one cost time to make and some megabytes to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources.abc import Traversable
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from troth.encoder.card import Card, Head, card, verified, weights_folder
from troth.encoder.tokenise import LONGEST, Tokeniser, pad
from troth.errors import EncoderError

_WIDTHS: Final = (*range(4, 33, 2), *range(36, 65, 4), *range(72, LONGEST + 1, 8))
BATCH_PIECES: Final = 1024
"""Word pieces in one batch: measured best among 512 to 3,072 on two cores with two streams."""

_STREAMS: Final = 2
_WAITING: Final = 2  # batches that lie ready for each stream, so that none waits for the interpreter
_AHEAD: Final = 1024  # sentences that become word pieces before the network gets the next batches


class Batch(NamedTuple):
    """Rows that go through the network together."""

    chosen: NDArray[np.intp]  # which rows
    rows: int  # rows of the array they are put into; those beyond `chosen` are padding alone
    width: int  # word pieces that each is padded to


class OpenVinoEncoder:
    """The shipped network, compiled for this machine.

    Args:
        heads: its outputs, in order.
        tokeniser: text to word pieces.
        queue: an OpenVINO queue of requests to the compiled network, which takes int64 (rows, width) and gives
            float32 (rows, heads).
    """

    def __init__(self, *, heads: tuple[Head, ...], tokeniser: Tokeniser, queue: Any) -> None:
        self.heads = heads
        self._tokeniser = tokeniser
        self._queue = queue
        self._in_use = Lock()  # the queue has one callback: web threads take turns, each call already fills both cores
        self._scale = np.array([head.scale for head in heads], dtype=np.float32)
        self._offset = np.array([head.offset for head in heads], dtype=np.float32)
        self._binary = np.array([head.kind == "binary" for head in heads])

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Calibrated scores, shape (len(texts), len(heads)): probabilities, and values of graded heads.

        Cost: linear in the texts, of which at most 4,096 characters and 128 word pieces are looked at.
        """
        scores = self.run(texts) * self._scale + self._offset
        binary = self._binary
        scores[:, binary] = 1.0 / (1.0 + np.exp(-np.clip(scores[:, binary], -30.0, 30.0)))
        return scores

    def run(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The network's own outputs, before calibration; the same shape."""
        with self._in_use:
            return self._run(texts)

    def _run(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raw = np.zeros((len(texts), len(self.heads)), dtype=np.float32)
        tokenise, rows, waiting = self._tokeniser.tokenise, list[list[int]](), np.empty(0, np.intp)

        def keep(request: Any, chosen: NDArray[np.intp]) -> None:
            raw[chosen] = request.get_output_tensor(0).data[: len(chosen)]

        self._queue.set_callback(keep)
        try:
            for start in range(0, len(texts), _AHEAD):
                # While these become word pieces, on one core, the network reads those before.
                rows += [tokenise(text) for text in texts[start : start + _AHEAD]]
                waiting = np.concatenate([waiting, np.arange(start, len(rows))])
                lengths = np.array([len(rows[at]) for at in waiting], dtype=np.int64)
                goes = np.zeros(len(waiting), bool)
                for batch in cut_batches(lengths, full=len(rows) < len(texts)):
                    chosen = waiting[batch.chosen]
                    padding = self._tokeniser.padding
                    pieces = pad([rows[at] for at in chosen], width=batch.width, padding=padding, height=batch.rows)
                    self._queue.start_async({0: pieces}, chosen)
                    goes[batch.chosen] = True
                waiting = waiting[~goes]
        finally:
            # Also after Ctrl-C: a request that ends while the interpreter is shutting down aborts the whole process.
            self._queue.wait_all()
        return raw


def cut_batches(lengths: NDArray[np.int64], *, full: bool = False) -> list[Batch]:
    """Cut rows of these lengths into batches of few different shapes; widest first, so that the streams end together.

    Every row is in exactly one batch. From the narrowest rung up, a rung gives whole and half batches; what is left
    over moves up to the next rung, where a little more padding costs less than one more shape would. Where more rows
    are to come, only `full` ones are cut, of rows of one rung, and the others are in none.
    """
    if full:
        return _cut_full(lengths)
    rungs = np.searchsorted(_WIDTHS, lengths)
    order = np.argsort(rungs, kind="stable")
    batches: list[Batch] = []
    left = order[:0]
    met = np.unique(rungs)
    for rung in met:
        width = _WIDTHS[int(rung)]
        first, last = np.searchsorted(rungs[order], [rung, rung + 1])
        members = np.concatenate([left, order[first:last]])
        whole = max(1, BATCH_PIECES // width)
        half = max(1, whole // 2)
        at = 0
        while len(members) - at >= half:
            size = whole if len(members) - at >= whole else half
            batches.append(Batch(members[at : at + size], rows=size, width=width))
            at += size
        left = members[at:]
        if rung == met[-1] and len(left):
            batches.append(Batch(left, rows=_fit_rows(len(left), whole), width=width))
    return batches[::-1]


def _cut_full(lengths: NDArray[np.int64]) -> list[Batch]:
    rungs = np.searchsorted(_WIDTHS, lengths)
    batches: list[Batch] = []
    for rung in np.unique(rungs)[::-1]:
        width = _WIDTHS[int(rung)]
        members, size = np.flatnonzero(rungs == rung), max(1, BATCH_PIECES // width)
        for at in range(0, len(members) - size + 1, size):
            batches.append(Batch(members[at : at + size], rows=size, width=width))
    return batches


def _fit_rows(rows: int, whole: int) -> int:
    """The least of a whole batch, its half, its quarter, ... that holds these rows."""
    fitting = whole
    while fitting // 2 >= rows:
        fitting //= 2
    return fitting


@cache
def load_encoder() -> OpenVinoEncoder:
    """The encoder shipped in this package, checked against its hashes and compiled once per process.

    Raises: EncoderError when a weight file is missing or was altered, or the network cannot be compiled here.
    """
    return build_encoder(card(), weights_folder())


def build_encoder(described: Card, folder: Traversable) -> OpenVinoEncoder:
    """Compile the network whose files lie in `folder`, as the card describes it."""
    names = ("encoder.xml", "encoder.bin", "vocabulary.txt")
    structure, weights, vocabulary = verified(folder, described.files, names)
    # Imported here: it takes a third of a second, and whoever only reads the card does not need it.
    import openvino  # noqa: PLC0415

    core = openvino.Core()
    try:
        network = core.read_model(model=structure, weights=weights)
        compiled = core.compile_model(network, "CPU", {"NUM_STREAMS": str(_STREAMS)})
    except RuntimeError as error:
        raise EncoderError(f"the encoder cannot run on this machine: {error}") from error
    queue = openvino.AsyncInferQueue(compiled, _STREAMS * _WAITING)
    tokeniser = Tokeniser(vocabulary.decode("utf-8").rstrip("\n").split("\n"))
    return OpenVinoEncoder(heads=described.heads, tokeniser=tokeniser, queue=queue)
