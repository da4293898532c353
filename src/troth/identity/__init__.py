"""One person over channels: which addresses, handles, names and phones belong together, and why."""

from troth.identity.accounts import Accounts, find_accounts
from troth.identity.accounttable import AccountTable, read_account_table
from troth.identity.decisions import (
    Verdicts,
    choose_leaving,
    decide_join,
    decide_part,
    find_undoable,
    in_force,
    read_verdicts,
    undo_decision,
)
from troth.identity.groups import Link, group_names, links_by_name, order_names, why_joined
from troth.identity.links import link_contacts, link_stated
from troth.identity.names import is_address, is_phone
from troth.identity.suggest import SUGGESTIONS, suggest_joins

__all__ = [
    "SUGGESTIONS",
    "AccountTable",
    "Accounts",
    "Link",
    "Verdicts",
    "choose_leaving",
    "decide_join",
    "decide_part",
    "find_accounts",
    "find_undoable",
    "group_names",
    "in_force",
    "is_address",
    "is_phone",
    "link_contacts",
    "link_stated",
    "links_by_name",
    "order_names",
    "read_account_table",
    "read_verdicts",
    "suggest_joins",
    "undo_decision",
    "why_joined",
]
