"""What a page, a form or a cookie cannot be made to do by somebody else."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from meterline.api.console import (
    alerts,
    asking,
    catalogue,
    clocks,
    customers,
    destinations,
    events,
    invoices,
    meters,
    overview,
    schedules,
    search,
    signing,
    subscriptions,
    visits,
    webhooks,
)
from meterline.api.pages.answers import HEADERS
from meterline.services.account.api_keys import create_key
from tests.engines import Engine
from tests.handlers import gateway_event, load_handler
from tests.integration.console.operators import Operator, in_process
from tests.integration.console.test_pages import ANY
from tests.integration.console.test_sessions import COOKIE, ask_api, signing_out

ROOMS: tuple[Any, ...] = (
    *(alerts, catalogue, clocks, customers, destinations, events, invoices, meters),
    *(overview, schedules, search, signing, subscriptions, webhooks),
)
ROWS = [row for room in ROOMS for row in room.PAGES]
FORMS = sorted({row.path for row in ROWS if row.method == "POST"} - {"/console/sign-in"})


@pytest.fixture
def calls(deployment: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: ARG001 - what answers
    """The methods of the calls of the API that pages make."""
    made: list[str] = []

    def heard(method: str, *rest: Any) -> tuple[int, bytes]:
        made.append(method)
        return in_process(method, *rest)

    monkeypatch.setattr(asking, "send", heard)
    return made


def test_every_page_of_the_console_is_looked_at_here() -> None:
    assert len(FORMS) > 15
    folder = visits.__file__.rpartition("/")[0]
    assert {room.__file__.rpartition("/")[0] for room in ROOMS} == {folder}


def _foreign(operator: Operator, key: str) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Forms that are not of a session's own page: what they hold, and what browsers say of them."""
    other = Operator()
    other.sign_in(key)
    own = signing_out(operator)
    mask, _, signed = own.partition(".")
    for token in ("", "0" * 64, ".", f"{mask}.", f"{mask}0.{signed}", signed, signing_out(other)):
        yield {"token": token}, {}
    yield {}, {}
    yield {"token": own}, {"sec-fetch-site": "cross-site"}
    yield {"token": own}, {"sec-fetch-site": "", "origin": "https://billing.example.com.evil"}


@pytest.mark.parametrize("form", FORMS)
def test_no_form_acts_that_is_not_of_the_session_s_own_page(
    operator: Operator, key: str, calls: list[str], form: str
) -> None:
    target = form.replace("{id}", "x_1")
    for sent, headers in _foreign(operator, key):
        calls.clear()
        assert operator.ask("POST", target, sent, **headers).status == 403, (sent, headers)
        assert calls == [], "the API was not asked"
    assert operator.get("/console/search").status == 200, "nobody was signed out"


def test_looking_changes_nothing(operator: Operator, calls: list[str]) -> None:
    for page in ANY:
        operator.get(page)
    assert set(calls) == {"GET"}


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/console/sign-in", 200),
        ("POST", "/console/sign-in", 401),
        ("GET", "/console", 303),
        ("GET", "/console/nothing", 404),
        ("GET", "/console/assets/console.0.css", 200),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_every_answer_is_kept_by_no_cache_and_shown_in_no_frame(
    method: str, target: str, status: int
) -> None:
    answer = Operator().ask(method, target, {})
    assert answer.status == status
    assert HEADERS.items() <= answer.headers.items()


def test_pages_of_a_session_are_not_kept_either_nor_is_what_failed(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert HEADERS.items() <= operator.get("/console/customers").headers.items()

    def fail(*_: object) -> tuple[int, bytes]:
        raise RuntimeError

    monkeypatch.setattr(asking, "send", fail)
    answer = operator.get("/console/customers")
    assert answer.status == 500
    assert HEADERS.items() <= answer.headers.items()


def test_a_cookie_that_somebody_planted_becomes_no_session(key: str) -> None:
    planted = "mtr_console_" + "A" * 43
    operator = Operator(cookies={COOKIE: planted})
    operator.sign_in(key)
    assert operator.cookies[COOKIE] != planted
    assert ask_api(planted)[0] == 401


def test_signing_in_again_is_a_new_session_and_ends_the_one_before(
    operator: Operator, key: str
) -> None:
    before = Operator(cookies=dict(operator.cookies))
    assert operator.sign_in(key).status == 303
    assert operator.cookies != before.cookies
    assert before.get("/console/search").status == 303
    assert operator.get("/console/search").status == 200


def test_a_key_that_is_refused_does_not_end_the_session_that_is_there(operator: Operator) -> None:
    assert operator.sign_in("sk_test_wrong").status == 401
    assert operator.get("/console/search").status == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:3000", "evil.example"])
def test_no_header_makes_the_cookie_weaker_or_leads_the_console_elsewhere(
    key: str, host: str, calls: list[str]
) -> None:
    operator = Operator()
    headers = {"host": host, "x-forwarded-host": host, "x-forwarded-proto": "http"}
    [cookie] = operator.ask("POST", "/console/sign-in", {"key": key}, **headers).cookies
    assert cookie.startswith(f"{COOKIE}=")
    assert cookie.endswith("; Secure")
    answer = operator.ask("GET", "/console/customers", None, **headers)
    assert answer.status == 200
    assert host not in answer.text
    assert calls, "the API was asked at its own address: nothing else answers here"


def test_the_api_does_not_take_the_cookie(operator: Operator) -> None:
    """So no other site's page can call the API through a browser that is signed in."""
    [token] = operator.cookies.values()
    for name in (COOKIE, "meterline-console"):
        event = gateway_event("GET", "/v1/customers", {"cookie": f"{name}={token}"})
        assert load_handler("serve_customers")(event, None)["statusCode"] == 401


@pytest.mark.parametrize("given", ["sk_test_" + "A" * 48, "sk_live_" + "A" * 48, "x" * 90_000])
@pytest.mark.usefixtures("deployment")
def test_who_guesses_writes_nothing_and_costs_a_read_at_most(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = vars(BaseClient)["_make_api_call"]
    asked: list[str] = []

    def noting(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        asked.append(operation)
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noting)
    assert Operator().sign_in(given).status == 401
    assert asked in ([], ["GetItem"])
    create_key(livemode=False)
    assert len(asked) > 1, "calls are noted"


@pytest.mark.parametrize("rights", [{"customers": "read"}, {"*": "read"}, {"customers": "write"}])
def test_no_form_gives_more_than_the_key_s_rights(
    deployment: Engine, rights: dict[str, str]
) -> None:
    operator = Operator()
    operator.sign_in(create_key(livemode=False, rights=rights).secret)
    token = signing_out(operator)
    before = _stored(deployment)
    for form in FORMS:
        if form != "/console/sign-out":
            sent = {"token": token, "once": form, "act": "create", "model": "flat"}
            sent |= {"amount": "1", "currency": "usd", "name": "n", "interval": "month"}
            assert operator.post(form.replace("{id}", "x_1"), sent).status != 303, form
    assert _stored(deployment) == before


def _stored(deployment: Engine) -> list[dict[str, Any]]:
    """What there is, but for what reading notes of lists."""
    items = deployment.scan("billing")
    return [item for item in items if "#listings#" not in item["pk"]["S"]]
