"""The quick road of the research recipe: linear heads on what the shipped encoder makes of a turn, no more training.

Minutes on two cores. The states of the turn before stand beside those of the turn for tasks that judge an answer, so
here too every turn is encoded once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

from training.research.learn import draw_rows, tasks_of, weigh_rows
from training.research.metrics import judge
from training.research.packed import Packed, Pieces, Sets, Split
from training.research.tasks import Task
from troth.encoder.runtime import cut_batches
from troth.encoder.tokenise import LONGEST, pad

MOST: Final = 15_000  # rows of one set's training part, the rarer classes first
_POOLED: Final = "aten::cat/Concat"  # the states before the heads, in the shipped network
_STREAMS: Final = 2
_STRENGTHS: Final = (0.0003, 0.003, 0.03)  # of the penalty's inverse; dev chooses
_MANY: Final = 8  # outputs beyond which one closed solution is found for all of them
_RIDGES: Final = (100.0, 300.0, 1000.0, 3000.0, 10_000.0)

States = NDArray[np.float32]


def read_states(rows: Sequence[Pieces], weights: Path) -> States:
    """The shipped network's pooled states, shape (rows, width); equal rows are run once."""
    import openvino  # noqa: PLC0415  # only this road needs it

    core = openvino.Core()
    model = core.read_model(weights / "encoder.xml")
    node = next(op for op in model.get_ops() if op.get_friendly_name() == _POOLED)
    model.add_outputs(node.output(0))
    queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", {"NUM_STREAMS": str(_STREAMS)}), _STREAMS)
    numbers: dict[bytes, int] = {}
    place = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])
    # The shipped network does without the opening mark.
    pieces = [np.frombuffer(row, dtype=np.uint16)[1:] for row in numbers]
    cut = [[*row[: LONGEST - 1].tolist(), int(row[-1])] if len(row) > LONGEST else row.tolist() for row in pieces]
    found = np.zeros((len(cut), node.output(0).get_partial_shape()[1].get_length()), dtype=np.float32)

    def keep(request: Any, chosen: NDArray[np.intp]) -> None:
        found[chosen] = request.get_output_tensor(1).data[: len(chosen)]

    queue.set_callback(keep)
    for batch in cut_batches(np.array([len(row) for row in cut], dtype=np.int64)):
        padded = pad([cut[at] for at in batch.chosen], width=batch.width, padding=0, height=batch.rows)
        queue.start_async({0: padded}, batch.chosen)
    queue.wait_all()
    return found[place]


def view_part(part: Packed, weights: Path) -> tuple[States, States | None]:
    """What a task sees of each row: alone, and beside the turn before."""
    count = len(part.texts)
    states = read_states([*part.texts, *(part.before or [])], weights)
    length = np.log(np.array([len(row) for row in part.texts], dtype=np.float32))[:, None]
    alone = np.hstack([states[:count], length])
    if part.before is None:
        return alone, None
    before = states[count:]
    return alone, np.hstack([alone, before, states[:count] * before])


def choose_rows(part: Packed, tasks: Sequence[Task]) -> Packed:
    """At most `MOST` rows to learn from; pairs need all."""
    if len(part.texts) <= MOST or len(part.pairs):
        return part
    weight = weigh_rows(part, [task for task in tasks if task.name in part.said])
    return part.take(np.sort(draw_rows(weight, MOST, np.random.default_rng(0))))


class Linear:
    """One linear head for each output of a task, its penalty chosen on dev."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._scale = StandardScaler()
        self._models: list[Any] = []

    def fit(self, part: Packed, seen: States, dev: Packed, dev_seen: States) -> None:
        """Learn from `part`, and take the penalty whose figure on dev is best."""
        seen, dev_seen = self._scale.fit_transform(seen), self._scale.transform(dev_seen)
        task = self.task
        if task.kind == "score":
            for column in range(len(task.outputs)):
                known = ~np.isnan(part.said[task.name][:, column])
                wanted = part.said[task.name][known, column]
                self._models.append(RidgeCV(alphas=_RIDGES).fit(seen[known], wanted))
            return
        found: list[tuple[float, list[Any]]] = []
        at_once = len(task.outputs) > _MANY and not np.isnan(part.said[task.name]).any()
        for strength in _RIDGES if at_once else _STRENGTHS:
            models = [self._learn_at_once(part, seen, strength)] if at_once else self._learn(part, seen, strength)
            raw = self._say(models, dev_seen)
            label = dev.said.get(task.name, np.zeros((len(raw), 1), dtype=np.float32))
            found.append((judge(task, label.astype(np.float64), raw.astype(np.float64), dev.pairs), models))
        self._models = max(found, key=lambda pair: pair[0])[1]

    def _learn_at_once(self, part: Packed, seen: States, penalty: float) -> Ridge:
        """Ridge towards 1 where an output is right and 0 elsewhere: one solution for all outputs, rows of rarer
        classes counting more."""
        wanted = part.said[self.task.name]
        if self.task.kind == "class":
            wanted = (wanted == np.arange(len(self.task.outputs))).astype(np.float32)
        weight = np.where(wanted > 0, wanted.mean(0).clip(1e-4) ** -0.5, 1.0).max(1)
        return Ridge(alpha=penalty).fit(seen, wanted, sample_weight=weight)

    def _learn(self, part: Packed, seen: States, strength: float) -> list[Any]:
        def make() -> LogisticRegression:
            return LogisticRegression(C=strength, class_weight="balanced", max_iter=150, tol=1e-3)

        task = self.task
        if task.kind == "pair":
            gap = seen[part.pairs[:, 0]] - seen[part.pairs[:, 1]]
            both = np.concatenate([gap, -gap])
            label = np.repeat([1, 0], len(gap))
            return [LogisticRegression(C=strength, fit_intercept=False, max_iter=150, tol=1e-3).fit(both, label)]
        values = part.said[task.name]
        columns = range(values.shape[1])
        known = [~np.isnan(values[:, column]) for column in columns]
        return [
            make().fit(seen[known[column]], values[known[column], column])
            if len(np.unique(values[known[column], column])) > 1
            else None
            for column in columns
        ]

    def _say(self, models: Sequence[Any], seen: States) -> NDArray[np.float32]:
        if isinstance(models[0], Ridge):
            return np.asarray(models[0].predict(seen), dtype=np.float32)
        if self.task.kind == "class":
            raw = np.full((len(seen), len(self.task.outputs)), -30.0, dtype=np.float32)
            raw[:, models[0].classes_.astype(int)] = models[0].predict_log_proba(seen)
            return raw
        columns = [np.full(len(seen), -30.0) if model is None else _say_one(model, seen) for model in models]
        return np.stack(columns, axis=1).astype(np.float32)

    def say(self, seen: States) -> NDArray[np.float32]:
        """Raw outputs, shape (rows, outputs): log-odds, log-chances of classes, values, or what ridge makes of each."""
        return self._say(self._models, self._scale.transform(seen))


def _say_one(model: Any, seen: States) -> NDArray[np.float64]:
    return model.predict(seen) if isinstance(model, RidgeCV) else model.decision_function(seen)


def learn_heads(
    name: str, sets: Mapping[Split, Sets], tasks: Sequence[Task], *, weights: Path
) -> dict[Split, dict[str, NDArray[np.float32]]]:
    """Fit the tasks of one set on train, and say what they make of dev and test, under "set/task"."""
    said: dict[Split, dict[str, NDArray[np.float32]]] = {"dev": {}, "test": {}}
    mine = [task for task in tasks_of(sets["train"][name], tasks) if task.set == name and task.goals]
    if not mine:
        return said
    part = choose_rows(sets["train"][name], mine)
    for other, also in sets["train"].items():
        if other != name and mine[0].name in also.said:  # our own turns teach the acts of real mail
            part = part.join(also)
    seen = {
        "train": view_part(part, weights),
        "dev": view_part(sets["dev"][name], weights),
        "test": view_part(sets["test"][name], weights),
    }
    for task in mine:
        view = int(task.answers and seen["train"][1] is not None)
        head = Linear(task)
        head.fit(part, _view(seen["train"], view), sets["dev"][name], _view(seen["dev"], view))
        for split in ("dev", "test"):
            said[split][f"{name}/{task.name}"] = head.say(_view(seen[split], view))
        print(f"{task.name} learned", flush=True)
    return said


def _view(views: tuple[States, States | None], which: int) -> States:
    view = views[which]
    assert view is not None
    return view
