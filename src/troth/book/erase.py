"""Turns, and what is kept of people, taken out of a book with everything that rested on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.book._forms import FORMS
from troth.book.store import REWRITE_DUE, Store

_SEALED: Final = frozenset({"forecasts"})
"""Numbers without words, sealed day by day: taking a row out would break every later seal."""
_POINTERS: Final = {
    "promises": ("evidence_turn_id", "evidence_"),
    "decisions": ("machine_evidence_turn_id", "machine_evidence_"),
    "questions": ("answer_turn_id", "answer"),
}
"""Rows that stand without the turn they point to: the column that points, and how what came from there is named."""

_NAMING: Final = ("speaker", "recipients", "cc")
_TOLD: Final = ("hook_events", "hook_levels", "invitations")
"""Tables of what is told to other programs or asked by link: ids, and the relationship that it is about."""
_NAMED_ALONE: Final = ("outcomes", "answers")
"""Tables whose rows are of the relationship, which may be one person's address."""
_WORDED: Final = ("sentences", "findings", "turn_versions")
"""Tables of words that stand with a turn."""
_CARRYING: Final = ("address", "phone", "handle")
"""Columns of turns and of contacts that hold addresses, handles and phones."""


def drop_turns(store: Store, turn_ids: Iterable[str]) -> dict[str, int]:
    """Take turns out of every table, in one transaction.

    Sentences, findings, tool calls, promises, decisions and history of these turns go, and of promises that began with
    them as a request or an offer. What a person decided of another turn's promise stays, without the words that came
    from these. States that these turns had shown leave the history, and the machine's states are worked out without
    them when the book is read next. Who is who is forgotten of those whom no turn and no contact names any more, and
    so is that they or their firm took part in a trial.

    Args:
        store: the book.
        turn_ids: those to drop; ids that are not there are passed over.

    Returns: how many rows went, by table; tables that lost none are left out.
    """
    ids = sorted(set(turn_ids))
    gone: dict[str, int] = {}
    with store.transaction():
        talks = store.table("turns", columns=["conversation_id"], where={"turn_id": ids})
        named = _names_in(store.table("turns", columns=list(_NAMING), where={"turn_id": ids}))
        rested = store.table("promises", columns=["promise_id"], where={"origin_turn_id": ids})
        for name in ("promises", "decisions", "promise_history"):
            _count(gone, name, _drop(store, name, "promise_id", rested["promise_id"].to_pylist()))
        for name, form in FORMS.items():
            if "turn_id" in form.schema.names and name not in _SEALED:
                _count(gone, name, _drop(store, name, "turn_id", ids))
        _count(gone, "calls", _drop_orphans(store, set(talks["conversation_id"].to_pylist())))
        _count(gone, "promise_history", _drop(store, "promise_history", "evidence_turn_id", ids))
        for name, (column, prefix) in _POINTERS.items():
            rows = store.table(name, where={column: ids})
            if rows.num_rows:
                store.upsert(name, _clear(rows, [one for one in rows.column_names if one.startswith(prefix)]))
        _count(gone, "person_decisions", _forget_unmentioned(store, named))
        _count(gone, "trial_accounts", _forget_unmentioned_accounts(store, named))
        _count(gone, "audit", _forget_unmentioned_audited(store, named, ids))
        for name in _TOLD:
            _count(gone, name, _forget_unmentioned_told(store, name, named))
        _count(gone, "jobs", _forget_jobs(store))
        if gone:
            store.set_setting(REWRITE_DUE, True)
    return gone


def drop_strays(store: Store) -> dict[str, int]:
    """Take out words of turns that are not there: whoever worked on a turn while it was dropped writes them afterwards.

    Returns: how many rows went, by table.
    """
    gone: dict[str, int] = {}
    with store.transaction():
        there = store.table("turns", columns=["turn_id"])["turn_id"].combine_chunks()
        for name in _WORDED:
            ids = store.table(name, columns=["turn_id"])["turn_id"].unique()
            _count(gone, name, _drop(store, name, "turn_id", ids.filter(pc.invert(pc.is_in(ids, there))).to_pylist()))
        if gone:
            store.set_setting(REWRITE_DUE, True)
    return gone


def forget_names(store: Store, names: Iterable[str]) -> dict[str, int]:
    """Take addresses, handles and phones out of what is kept of people, in one transaction.

    Contacts that carry one of them go. Decisions of who is who stay without them, where names are left on both sides.
    An account of a trial that is one of them keeps its arm and loses its name; an entry of the log of who looked at
    what keeps its seal and loses the name. Closes that were sent to them leave the outbox, and so does what was told
    of them to other programs; their tokens are no longer good, and no link to a survey of them is. What they decided or
    contested stands, without saying that it was they, and so do promises to them that somebody decided.

    Args:
        store: the book.
        names: as turns and contacts carry them; those that are not there are passed over.

    Returns: how many rows went or lost a name, by table; tables that lost none are left out.
    """
    chosen = set(names)
    gone: dict[str, int] = {}
    with store.transaction():
        for column in _CARRYING:
            _count(gone, "contacts", _drop(store, "contacts", column, sorted(chosen)))
        _count(gone, "person_decisions", _forget_decided(store, chosen))
        _count(gone, "trial_accounts", _forget_accounts(store, chosen))
        _count(gone, "audit", _forget_audited(store, chosen))
        for name in ("digests", "tokens", "invitations"):
            _count(gone, name, _drop(store, name, "person", sorted(chosen)))
        _count(gone, "answers", _drop(store, "answers", "person", sorted(chosen)))
        deals = store.table("outcomes", columns=["outcome_id"], where={"relationship": sorted(chosen)})
        _count(gone, "outcome_steps", _drop(store, "outcome_steps", "outcome_id", deals["outcome_id"].to_pylist()))
        for name in _NAMED_ALONE:
            _count(gone, name, _drop(store, name, "relationship", sorted(chosen)))
        _count(gone, "contacts", _forget_in(store, "contacts", "owner", chosen))
        for name in _TOLD:
            _count(gone, name, _drop(store, name, "relationship", sorted(chosen)))
        for name, form in FORMS.items():
            if "by" in form.schema.names:
                _count(gone, name, _forget_in(store, name, "by", chosen))
        for column in ("actor", "addressee", "relationship"):  # of promises that somebody decided, which are kept
            _count(gone, "promises", _forget_in(store, "promises", column, chosen))
        _count(gone, "jobs", _forget_jobs(store))
        _count(gone, "settings", _forget_settings(store, chosen))
        if gone:
            store.set_setting(REWRITE_DUE, True)
    return gone


def _forget_unmentioned(store: Store, names: set[str]) -> int:
    """Forget what was decided of those among these names that no turn and no contact has any more."""
    decided = store.table("person_decisions", columns=["left", "right"])
    asked = names & _names_in(decided)
    if not asked:
        return 0
    known = _names_in(store.table("turns", columns=list(_NAMING)))
    known |= _names_in(store.table("contacts", columns=list(_CARRYING)))
    return _forget_decided(store, asked - known)


def _forget_unmentioned_accounts(store: Store, names: set[str]) -> int:
    """Forget which accounts of trials these were, where no turn and no contact names anybody of them any more."""
    told = store.table("trial_accounts", columns=["relationship"])
    asked = _with_firms(names) & _names_in(told)
    if not asked:
        return 0
    known = _names_in(store.table("turns", columns=list(_NAMING)))
    known |= _names_in(store.table("contacts", columns=list(_CARRYING)))
    return _forget_accounts(store, asked - _with_firms(known))


def _forget_unmentioned_audited(store: Store, named: set[str], ids: Iterable[str]) -> int:
    """Take these turns out of AUDIT, and the names, with their firms, that no turn and no contact has any more."""
    if not store.table("audit", columns=["number"]).num_rows:
        return 0
    known = _names_in(store.table("turns", columns=list(_NAMING)))
    known |= _names_in(store.table("contacts", columns=list(_CARRYING)))
    return _forget_audited(store, _with_firms(named) - _with_firms(known) | set(ids))


def _forget_audited(store: Store, names: set[str]) -> int:
    """Take names out of AUDIT, each with its salt: what is left cannot be guessed back, and the seals still hold."""
    rows = store.table("audit").to_pylist()
    changed: list[dict[str, Any]] = []
    for row in rows:
        told = [
            name for name in ("who", "object") if row[name] is not None and not names.isdisjoint(row[name].split("\n"))
        ]
        if told:
            changed.append(row | {column: None for name in told for column in (name, f"{name}_salt")})
    store.upsert("audit", pa.Table.from_pylist(changed, schema=FORMS["audit"].schema))
    return len(changed)


def _forget_unmentioned_told(store: Store, name: str, names: set[str]) -> int:
    """Forget what was told of these or their firms, where no turn and no contact names anybody of them any more."""
    asked = _with_firms(names) & _names_in(store.table(name, columns=["relationship"]))
    if not asked:
        return 0
    known = _names_in(store.table("turns", columns=list(_NAMING)))
    known |= _names_in(store.table("contacts", columns=list(_CARRYING)))
    return _drop(store, name, "relationship", sorted(asked - _with_firms(known)))


def _forget_jobs(store: Store) -> int:
    """Forget what came of jobs that are over: names of files, and places in them, may name anybody."""
    over = store.table("jobs", columns=["job_id"], where={"state": ["done", "failed"]})
    return _drop(store, "jobs", "job_id", over["job_id"].to_pylist())


def _forget_settings(store: Store, names: set[str]) -> int:
    """Take addresses out of what is ours, unless nothing is left then, and marks of mailboxes that carry them."""
    ours = store.settings("us") or []
    left = [name for name in ours if name.lower() not in names]
    if left and left != ours:
        store.set_setting("us", left)
    marks = [
        key for key in store.table("marks", columns=["source_key"])["source_key"].to_pylist()
        if any("@" in name and name in key.lower() for name in names)
    ]  # fmt: skip
    return _drop(store, "marks", "source_key", marks) + (len(ours) - len(left) if left else 0)


def _with_firms(names: set[str]) -> set[str]:
    """Names, and the domains of those that are addresses."""
    return names | {name.rpartition("@")[2] for name in names if "@" in name}


def _forget_accounts(store: Store, names: set[str]) -> int:
    """Take names out of TRIAL_ACCOUNTS; the row stays, since a trial counts everybody whom the lot drew."""
    rows = store.table("trial_accounts", where={"relationship": sorted(names)}) if names else None
    if rows is None or not rows.num_rows:
        return 0
    store.upsert("trial_accounts", _clear(rows, ["relationship"]))
    return rows.num_rows


def _forget_in(store: Store, name: str, column: str, names: set[str]) -> int:
    """Take names out of one column of a table; the rows stay."""
    rows = store.table(name, where={column: sorted(names)}) if names else None
    if rows is None or not rows.num_rows:
        return 0
    place, field = rows.schema.get_field_index(column), rows.schema.field(column)
    nobody = pa.array([None if field.nullable else ""] * rows.num_rows, field.type)
    store.upsert(name, rows.set_column(place, field, nobody))
    return rows.num_rows


def _forget_decided(store: Store, names: set[str]) -> int:
    """Take names out of PERSON_DECISIONS; a row without a name on one side says nothing any more, and goes."""
    rows = [row for row in store.table("person_decisions").to_pylist() if names & {*row["left"], *row["right"]}]
    for row in rows:
        row["left"], row["right"] = ([name for name in row[side] if name not in names] for side in ("left", "right"))
    kept = [row for row in rows if row["left"] and row["right"]]
    schema = FORMS["person_decisions"].schema
    table = pa.Table.from_pylist(kept, schema=schema)
    store.replace("person_decisions", table, keys_column="decision_id", keys=[row["decision_id"] for row in rows])
    return len(rows)


def _names_in(table: pa.Table) -> set[str]:
    """Every name in the columns of a table, whether they hold one or a list."""
    found: set[str] = set()
    for column in table.columns:
        flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
        found.update(flat.drop_null().unique().to_pylist())
    return found


def _drop(store: Store, name: str, column: str, ids: list[str]) -> int:
    there = store.table(name, columns=[column], where={column: ids}).num_rows
    if there:
        store.replace(name, FORMS[name].schema.empty_table(), keys_column=column, keys=ids)
    return there


def _drop_orphans(store: Store, talks: set[str]) -> int:
    """Take out the calls, also from before the first turn, of those of these conversations that have no turn left."""
    left = store.table("turns", columns=["conversation_id"], where={"conversation_id": sorted(talks)})
    return _drop(store, "calls", "conversation_id", sorted(talks - set(left["conversation_id"].to_pylist())))


def _clear(rows: pa.Table, columns: Iterable[str]) -> pa.Table:
    for column in columns:
        field = rows.schema.field(column)
        rows = rows.set_column(rows.schema.get_field_index(column), field, pa.nulls(rows.num_rows, field.type))
    return rows


def _count(gone: dict[str, int], name: str, rows: int) -> None:
    if rows:
        gone[name] = gone.get(name, 0) + rows
