"""Objects of a kind have the types of the wire; what is open to any body says why.

A body that is ``dict[str, Any]``, or a document without its body's type, hides mistakes from the
type checker. So an annotation may be open only where it stands for parameters of a request, or in a
function that any kind goes through.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.wire_types import PACKAGE

FLOORS = ("api", "core", "services")
"""The store keeps documents of any kind."""

ROOMS = sorted(
    {
        str(path.parent.relative_to(PACKAGE))
        for floor in FLOORS
        for path in (PACKAGE / floor).rglob("*.py")
    }
)

REQUESTS = {"params", "requested", "details", "price_data", "config"}
"""Names of arguments that hold what a request says, as the tables of parameters have parsed it."""

_ANY_KIND = "documents of any kind"
_IN_JSON = "any kind, as JSON"
_WRITTEN = "the documents that a commit wrote, of any kind"
_LAMBDA = "what Lambda passes"
_PARAMETERS = "parameters of a request"
_ANSWER = "an answer, which shows more than is stored"
_SENT = "what SNS takes"
_PRICES_AND_METERS = "prices and meters, by id"

OPEN = {
    "api/answers/render.py: _Place": _ANY_KIND,
    "api/answers/render.py: _distinct": _ANY_KIND,
    "api/answers/render.py: _list_under": _ANY_KIND,
    "api/answers/render.py: _visible": _ANY_KIND,
    "api/answers/render.py: _referred": _ANY_KIND,
    "api/answers/render.py: _is_current": _ANY_KIND,
    "api/answers/render.py: show": _ANY_KIND,
    "api/answers/render.py: _complete": _ANY_KIND,
    "api/answers/render.py: _follow": _ANY_KIND,
    "api/answers/render.py: _load": _ANY_KIND,
    "api/answers/render.py: _relate": _ANY_KIND,
    "api/answers/render.py: _related": _ANY_KIND,
    "api/answers/render.py: objects": _ANY_KIND,
    "api/answers/render.py: replace": _ANY_KIND,
    "api/app.py: handler": _LAMBDA,
    "api/app.py: lambda_handler": _LAMBDA,
    "api/pages/app.py: handler": _LAMBDA,
    "api/pages/app.py: page_handler": _LAMBDA,
    "core/base/private_state.py: public": _IN_JSON,
    "core/kinds/catalog.py: _emitted_coupon": _ANSWER,
    "core/kinds/invoices.py: _emitted_credit_note": _ANSWER,
    "core/kinds/catalog.py: _judge_coupon": _ANSWER,
    "core/kinds/catalog.py: _show_rate": _ANSWER,
    "core/kinds/catalog.py: shown_rate": _ANSWER,
    "core/kinds/catalog.py: with_shown_rates": _ANSWER,
    "core/kinds/events.py: _as_emitted": _ANSWER,
    "core/kinds/kind.py: Kind": _ANSWER,
    "core/kinds/billing_credits.py: _show_tax": _ANSWER,
    "core/kinds/subscriptions.py: _embed_only_plan": _ANSWER,
    "core/kinds/subscriptions.py: _emitted": _ANSWER,
    "core/kinds/subscriptions.py: _emitted_schedule": _ANSWER,
    "core/kinds/subscriptions.py: _embed_plan": _ANSWER,
    "core/kinds/subscriptions.py: _only_plan": _ANSWER,
    "services/base/context.py: _log_commit": _ANY_KIND,
    "services/base/lookups.py: find": "a kind that only the caller of its caller names",
    "services/base/outbox.py: named_by_events": _ANY_KIND,
    "services/base/outbox.py: _shown": _IN_JSON,
    "services/base/outbox.py: outbox": "batches of events, whatever caused them",
    "services/base/outbox.py: previous_attributes": _IN_JSON,
    "services/base/patch.py: save_update": _ANY_KIND,
    "services/base/progress.py: DueStep": _ANY_KIND,
    "services/base/progress.py: _check": _ANY_KIND,
    "services/base/workers.py: worker_context": _ANY_KIND,
    "services/billing/customer_discounts.py: delete_discount": _ANSWER,
    "services/billing/inline_prices.py: _named": "an item of a request",
    "services/billing/inline_prices.py: with_inline_prices": "items of a request",
    "services/billing/pending_items.py: PendingWrites": _ANY_KIND,
    "services/billing/unit_of_work.py: UnitOfWork": _ANY_KIND,
    "services/billing/unit_of_work.py: check": _ANY_KIND,
    "services/billing/unit_of_work.py: drafted": _ANY_KIND,
    "services/billing/unit_of_work.py: put": _ANY_KIND,
    "services/billing/unit_of_work.py: put_first": _ANY_KIND,
    "services/billing/unit_of_work.py: read": _ANY_KIND,
    "services/billing/unit_of_work.py: remove": _ANY_KIND,
    "services/billing/unit_of_work.py: save": _ANY_KIND,
    "services/billing/tax_basis.py: _asked": "a question to a tax engine",
    "services/billing/tax_basis.py: question_about": "a question to a tax engine",
    "services/billing/given_taxes.py: _given": "what a request names: any kind",
    "services/billing/given_taxes.py: _made": "what a request says of a rate",
    "services/billing/given_taxes.py: _rate": "what a request names: any kind",
    "services/billing/given_taxes.py: _rate_id": "what a request says of a rate",
    "services/catalog/tax_rates.py: named_rates": "what a request names: any kind",
    "services/catalog/tax_rates.py: existing_rates": "what a request names: any kind",
    "services/credits/expiry.py: expire_due_grant": _WRITTEN,
    "services/credits/grant_states.py: written_after": _WRITTEN,
    "services/credits/recurrence.py: make_next_grant": _WRITTEN,
    "services/credits/top_ups.py: Settled": _WRITTEN,
    "services/customers/erasure.py: _erased": _IN_JSON,
    "services/customers/tax_ids.py: _is_same": "what a request says of one",
    "services/customers/tax_ids.py: checked_country": "what a request says of one",
    "services/customers/tax_ids.py: new_tax_id": "what a request says of one",
    "services/invoices/finalize.py: _finalize": _WRITTEN,
    "services/invoices/finalize.py: ask_for_taxes": _WRITTEN,
    "services/invoices/finalize.py: finalization_error": "an error, as the schema shows it",
    "services/invoices/finalize.py: finalize_due_invoice": _WRITTEN,
    "services/invoices/late_usage.py: add_late_lines": _WRITTEN,
    "services/invoices/metered.py: _billed": _PRICES_AND_METERS,
    "services/invoices/metered.py: _price_of": _PRICES_AND_METERS,
    "services/invoices/metered.py: rate_again": _PRICES_AND_METERS,
    "services/events/publishing.py: _Entry": _SENT,
    "services/events/publishing.py: _message_of": _SENT,
    "services/events/thin_listing.py: _event_of": "a report of errors, as v2 shows it",
    "services/previews/preview.py: _resumption": _PARAMETERS,
    "services/subscriptions/clearing.py: drop_more_prorations": _WRITTEN,
    "services/subscriptions/clearing.py: stop_more_invoices": _WRITTEN,
    "services/subscriptions/create.py: Start": _PARAMETERS,
    "services/subscriptions/discount_verbs.py: delete_discount": "what a deleted discount was",
    "services/subscriptions/dunning.py: dun_invoice": _WRITTEN,
    "services/subscriptions/renewals.py: _commit": _WRITTEN,
    "services/subscriptions/renewals.py: bill_pending_items": _WRITTEN,
    "services/subscriptions/renewals.py: expire_subscription": _WRITTEN,
    "services/subscriptions/renewals.py: renew_subscription": _WRITTEN,
    "services/subscriptions/renewals.py: resume_collection": _WRITTEN,
    "services/subscriptions/update.py: _of_only_item": _PARAMETERS,
    "services/subscriptions/update.py: trial_of_prices": _PARAMETERS,
    "services/schedules/new_schedules.py: _invoice_settings": _PARAMETERS,
    "services/schedules/new_schedules.py: new_phase": _PARAMETERS,
    "services/schedules/phase_changes.py: _abort": _WRITTEN,
    "services/schedules/phase_changes.py: _change_phase": _WRITTEN,
    "services/schedules/phase_changes.py: _save": _WRITTEN,
    "services/schedules/phase_changes.py: announce_end": _WRITTEN,
    "services/schedules/phase_changes.py: begin_schedule": _WRITTEN,
    "services/schedules/phase_changes.py: change_phase": _WRITTEN,
    "services/schedules/phase_params.py: _automatic_tax": _PARAMETERS,
    "services/schedules/phase_params.py: _change_of": _PARAMETERS,
    "services/schedules/phase_params.py: _changed_items": _PARAMETERS,
    "services/schedules/phase_params.py: _end": _PARAMETERS,
    "services/schedules/phase_params.py: _fields_of": _PARAMETERS,
    "services/schedules/phase_params.py: _kept": _PARAMETERS,
    "services/schedules/phase_params.py: _merged": _PARAMETERS,
    "services/schedules/phase_params.py: _of_item": _PARAMETERS,
    "services/schedules/phase_params.py: _trial": _PARAMETERS,
    "services/schedules/phase_params.py: _without_former": _PARAMETERS,
    "services/schedules/phase_params.py: bound": _PARAMETERS,
    "services/schedules/phase_params.py: named": _PARAMETERS,
    "services/schedules/phase_params.py: one_off_params": _PARAMETERS,
    "services/schedules/phase_params.py: params_of_entry": _PARAMETERS,
    "services/schedules/phase_params.py: params_of_start": _PARAMETERS,
    "services/schedules/phase_params.py: params_of_update": _PARAMETERS,
    "services/schedules/phase_requests.py: Named": _PARAMETERS,
    "services/schedules/phase_requests.py: _check_anchor": _PARAMETERS,
    "services/schedules/phase_requests.py: _check_touches": _PARAMETERS,
    "services/schedules/phase_requests.py: _check_trial": _PARAMETERS,
    "services/schedules/phase_requests.py: _duration": _PARAMETERS,
    "services/schedules/phase_requests.py: _end": _PARAMETERS,
    "services/schedules/phase_requests.py: _in_instants": _PARAMETERS,
    "services/schedules/phase_requests.py: _requested": _PARAMETERS,
    "services/schedules/phase_requests.py: _taxed": _PARAMETERS,
    "services/schedules/phase_requests.py: with_rates": _PARAMETERS,
    "services/schedules/update.py: _after_past": _PARAMETERS,
    "services/schedules/update.py: _place_of_current": _PARAMETERS,
    "services/top_ups/looks.py: look_at_balance": _WRITTEN,
    "services/work/due_passes.py: do_due_step": _WRITTEN,
    "services/metering/watch_list.py: read_watch_list_beside": _ANY_KIND,
    "services/work/due_passes.py: do_pass": _WRITTEN,
    "services/work/due_work.py: _look_at_balance": _WRITTEN,
    "services/work/due_work.py: do_due_work": _WRITTEN,
    "services/work/due_work.py: is_due": _ANY_KIND,
    "services/work/due_work.py: needed_for": _ANY_KIND,
    "services/work/replay.py: _wire": "an attribute of a DynamoDB item",
    "services/work/test_clocks.py: _claims_of": _ANY_KIND,
    "services/work/test_clocks.py: _remains": _ANY_KIND,
    "services/work/usage_watch.py: _Batch": _ANY_KIND,
    "services/work/usage_watch.py: _documents": _ANY_KIND,
    "services/work/usage_watch.py: _read_list": _ANY_KIND,
}
"""What is open beside requests, by file and function (or class), and what goes through it."""


def open_annotations(path: Path) -> Iterator[str]:
    """The functions and classes of a file that an annotation leaves open, each time it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            annotated = [part.annotation for part in node.body if isinstance(part, ast.AnnAssign)]
            yield from (node.name for each in annotated if is_open(each))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            own = [each.annotation for each in arguments if each.arg not in REQUESTS]
            yield from (node.name for each in [*own, node.returns] if each and is_open(each))


def is_open(annotation: ast.expr) -> bool:
    """Whether an annotation names any body, or a document without saying of what."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return is_open(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.Name):
        return annotation.id in ("Body", "Document")
    if isinstance(annotation, ast.Subscript):
        return ast.unparse(annotation) == "dict[str, Any]" or is_open(annotation.slice)
    parts = ast.iter_child_nodes(annotation)
    return any(is_open(part) for part in parts if isinstance(part, ast.expr))


@pytest.mark.parametrize(
    "annotation",
    [
        "Body",
        "list[Body]",
        "dict[str, Any] | None",
        "Document",
        "'list[Document]'",
        "Callable[[Body], str]",
        "Mapping[str, dict[str, Any]]",
    ],
)
def test_an_annotation_is_open_to_any_body(annotation: str) -> None:
    assert is_open(ast.parse(annotation, mode="eval").body)


@pytest.mark.parametrize(
    "annotation",
    [
        "'Document[Invoice] | None'",
        "'Mapping[str, list[Discount]]'",
        "Mapping[str, Any]",
        "dict[str, str]",
        "int",
    ],
)
def test_an_annotation_names_a_kind_or_only_reads(annotation: str) -> None:
    assert not is_open(ast.parse(annotation, mode="eval").body)


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_open_says_why(room: str) -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in sorted((PACKAGE / room).glob("*.py"))
        for name in open_annotations(path)
    }
    assert found == {name for name in OPEN if name.partition(":")[0].rpartition("/")[0] == room}
