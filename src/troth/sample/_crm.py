"""Lay firms, people, deals and invoices into the CSV files of a CRM, under its own names for their properties."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from troth.sample._source import Person, read_text

_FIRST_CONTACT: Final = 501
_OVER: Final = ("closedwon", "closedlost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """What `crm/crm.toml` holds."""

    companies: Sequence[Mapping[str, Any]]
    phones: Mapping[str, str]  # short name to number
    deals: Sequence[Mapping[str, Any]]
    invoices: Sequence[Mapping[str, Any]]


def read_crm() -> Crm:
    """The CRM as it was written down."""
    table = tomllib.loads(read_text("crm", "crm.toml"))
    return Crm(companies=table["company"], phones=table["phones"], deals=table["deal"], invoices=table["invoice"])


def build_crm(crm: Crm, people: Mapping[str, Person]) -> dict[str, bytes]:
    """File name to CSV."""
    names = {company["id"]: company["name"] for company in crm.companies}
    return {
        "companies.csv": _table([_company(company, people) for company in crm.companies]),
        "contacts.csv": _table(_contacts(crm, people)),
        "deals.csv": _table([_deal(deal, names, people) for deal in crm.deals]),
        "deal_property_history.csv": _table([row for deal in crm.deals for row in _history(deal)]),
        "invoices.csv": _table([_invoice(invoice, names) for invoice in crm.invoices]),
    }


def _company(company: Mapping[str, Any], people: Mapping[str, Person]) -> Mapping[str, Any]:
    return {
        "hs_object_id": company["id"],
        "name": company["name"],
        "domain": company["domain"],
        "country": company["country"],
        "segment": company["segment"],
        "hubspot_owner_id": people[company["owner"]].address,
    }


def _contacts(crm: Crm, people: Mapping[str, Person]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for company in crm.companies:
        for short in company["people"]:
            first, _, last = people[short].name.rpartition(" ")
            rows.append(
                {
                    "hs_object_id": _FIRST_CONTACT + len(rows),
                    "firstname": first,
                    "lastname": last,
                    "email": people[short].address,
                    "phone": crm.phones.get(short, ""),
                    "company": company["name"],
                    "associatedcompanyid": company["id"],
                    "hubspot_owner_id": people[company["owner"]].address,
                }
            )
    return rows


def _deal(deal: Mapping[str, Any], names: Mapping[int, str], people: Mapping[str, Person]) -> Mapping[str, Any]:
    began, (changed, stage, amount) = deal["stages"][0], deal["stages"][-1]
    return {
        "hs_object_id": deal["id"],
        "dealname": deal["name"],
        "amount": amount or "",
        "deal_currency_code": "EUR",
        "dealstage": stage,
        "pipeline": deal["pipeline"],
        "createdate": began[0],
        "closedate": changed if stage in _OVER else deal.get("closes", ""),
        "hs_is_closed": _flag(stage in _OVER),
        "hs_is_closed_won": _flag(stage == "closedwon"),
        "hubspot_owner_id": people[deal["owner"]].address,
        "associatedcompanyid": deal["company"],
        "company": names[deal["company"]],
    }


def _history(deal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A row for each stage and each amount the deal went through, oldest first."""
    rows: list[Mapping[str, Any]] = []
    before: tuple[str, int] = ("", 0)
    for at, stage, amount in deal["stages"]:
        for name, value, previous in (("dealstage", stage, before[0]), ("amount", amount, before[1])):
            if value != previous:
                rows.append({"deal_id": deal["id"], "timestamp": at, "source": "CRM_UI", "name": name, "value": value})
        before = (stage, amount)
    return rows


def _invoice(invoice: Mapping[str, Any], names: Mapping[int, str]) -> Mapping[str, Any]:
    paid: date | None = invoice.get("paid")
    refunded: date | None = invoice.get("refunded")
    return {
        "invoice_id": invoice["number"],
        "company": names[invoice["company"]],
        "associatedcompanyid": invoice["company"],
        "amount": f"{invoice['amount']:.2f}",
        "currency": "EUR",
        "status": "refunded" if refunded else "paid" if paid else "open",
        "issued_at": invoice["issued"].isoformat(),
        "due_at": invoice["due"].isoformat(),
        "paid_at": paid.isoformat() if paid else "",
        "refunded_at": refunded.isoformat() if refunded else "",
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
