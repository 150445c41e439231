"""A key is exchanged for a session that has its rights and no more, and ends when it should."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from meterline.api.auth import forget_cached
from meterline.api.console.sessions import SESSION_SECONDS
from meterline.services.account import api_keys
from meterline.services.account.api_keys import create_key
from meterline.store.account import access
from tests.engines import Engine
from tests.handlers import gateway_event, load_handler
from tests.integration.console.operators import Operator
from tests.rights import keeping_to_its_rights

COOKIE = "__Host-meterline-console"


def key_of(secret: str) -> str:
    """The id of a key."""
    found = access.find_key(access.digest_of(secret))
    assert found is not None
    return found.id


def ask_api(token: str, path: str = "/v1/customers", method: str = "GET") -> tuple[int, str]:
    """What the API answers to a credential."""
    headers = {"authorization": f"Bearer {token}"}
    response = load_handler("serve_customers")(gateway_event(method, path, headers), None)
    return response["statusCode"], response["body"]


def test_signing_in_sets_a_cookie_that_nothing_but_this_origin_can_read_or_send(key: str) -> None:
    answer = Operator().sign_in(key)
    assert (answer.status, answer.location) == (303, "/console")
    [cookie] = answer.cookies
    name, *rest = cookie.split("; ")
    assert re.fullmatch(rf"{COOKIE}=mtr_console_[\w-]{{43}}", name)
    assert rest == [
        "Path=/",
        f"Max-Age={SESSION_SECONDS}",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
    ]


def test_neither_the_key_nor_the_session_is_stored_or_shown(
    deployment: Engine, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = Operator()
    operator.sign_in(key)
    shown = operator.get("/console").text
    [token] = operator.cookies.values()
    stored = str(deployment.scan("access"))
    for place in (shown, stored, capsys.readouterr().out):
        assert key not in place
        assert token not in place


def test_the_console_has_no_right_but_to_keep_its_sessions(deployment: Engine, key: str) -> None:
    operator = Operator()
    with keeping_to_its_rights("ServeConsoleFunction", deployment):
        operator.sign_in(key)
    with keeping_to_its_rights("ServeCustomersFunction", deployment):
        assert ask_api(operator.cookies[COOKIE])[0] == 200
    with keeping_to_its_rights("ServeConsoleFunction", deployment):
        token = signing_out(operator)
        assert operator.post("/console/sign-out", {"token": token}).status == 303


def signing_out(operator: Operator) -> str:
    """The token of the form that signs out, without the page's calls of the API."""
    return operator.get("/console/search").field("token")


@pytest.mark.parametrize(
    "given",
    ["", "sk_test_unknown", "sk_test_" + "A" * 48, "mtr_console_" + "A" * 43, "<script>"],
)
def test_what_is_no_key_of_the_deployment_is_refused(deployment: Engine, given: str) -> None:
    answer = Operator().sign_in(given)
    assert answer.status == 401
    assert answer.cookies == []
    assert "Invalid API Key" in answer.text
    assert not [item for item in deployment.scan("access") if "console#" in str(item["pk"])]


def test_a_session_is_no_key_that_another_session_could_be_made_of(operator: Operator) -> None:
    [token] = operator.cookies.values()
    assert Operator().sign_in(token).status == 401


def _let_pass(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    later = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: later)


def _time_out(operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    _let_pass(monkeypatch, SESSION_SECONDS + 1)


def _sign_out(operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    kept = dict(operator.cookies)
    assert operator.post("/console/sign-out", {"token": signing_out(operator)}).status == 303
    assert operator.cookies == {}
    operator.cookies = kept


def _revoke(operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    api_keys.revoke_key(key_of(key))
    _let_pass(monkeypatch, 1)


def _roll(operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    api_keys.roll_key(key_of(key), old_usable_seconds=600)
    _let_pass(monkeypatch, 601)


@pytest.mark.parametrize("end", [_time_out, _sign_out, _revoke, _roll])
def test_an_ended_session_is_worth_nothing_to_the_console_and_to_the_api(
    operator: Operator, key: str, monkeypatch: pytest.MonkeyPatch, end: Callable[..., Any]
) -> None:
    [token] = operator.cookies.values()
    assert ask_api(token)[0] == 200
    end(operator, key, monkeypatch)
    forget_cached()  # as a minute later, in each function
    answer = operator.get("/console/search?q=in_1")
    assert (answer.status, answer.location) == (
        303,
        "/console/sign-in?next=%2Fconsole%2Fsearch%3Fq%3Din_1",
    )
    assert operator.cookies == {}
    status, body = ask_api(token)
    assert status == 401
    assert "console_session_expired" in body


def test_a_session_ends_no_later_than_its_key(key: str) -> None:
    api_keys.roll_key(key_of(key), old_usable_seconds=600)
    [cookie] = Operator().sign_in(key).cookies
    found = re.search(r"Max-Age=(\d+)", cookie)
    assert found
    assert 590 <= int(found[1]) <= 600


@pytest.mark.parametrize(
    ("livemode", "seen", "hidden"),
    [(False, "Tess of test", "Liv of live"), (True, "Liv of live", "Tess of test")],
)
def test_a_session_sees_the_mode_of_its_key_alone(
    deployment: Engine,  # noqa: ARG001 - where both modes are
    livemode: bool,  # noqa: FBT001 - of a table
    seen: str,
    hidden: str,
) -> None:
    for mode, name in ((False, "Tess of test"), (True, "Liv of live")):
        secret = create_key(livemode=mode).secret
        headers = {"authorization": f"Bearer {secret}"}
        event = gateway_event("POST", "/v1/customers", headers, f"name={name}".encode())
        assert load_handler("serve_customers")(event, None)["statusCode"] == 200
    operator = Operator()
    operator.sign_in(create_key(livemode=livemode).secret)
    [token] = operator.cookies.values()
    _, body = ask_api(token)
    assert seen in body
    assert hidden not in body
    page = operator.get("/console").text
    assert (">Live<" in page, ">Test mode<" in page) == (livemode, not livemode)


@pytest.mark.usefixtures("deployment")
def test_a_restricted_key_gives_a_restricted_session() -> None:
    operator = Operator()
    operator.sign_in(create_key(livemode=False, rights={"customers": "read"}).secret)
    [token] = operator.cookies.values()
    assert ask_api(token)[0] == 200
    assert ask_api(token, method="POST")[0] == 403
    page = operator.get("/console").text
    assert "Not for this key." in page
    links = operator.get("/console").tags.values("a", "href")
    assert "/console/customers" in links
    assert "/console/invoices" not in links


def test_a_session_sends_no_meter_events_in_a_stream(operator: Operator) -> None:
    [token] = operator.cookies.values()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    event = gateway_event("POST", "/v2/billing/meter_event_stream", headers, b'{"events":[]}')
    assert load_handler("ingest_meter_events")(event, None)["statusCode"] == 401


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({}, {}, 403),
        ({"token": "0" * 64}, {}, 403),
        ({"token": "OTHERS"}, {}, 403),
        ({"token": "OWN"}, {"sec-fetch-site": "cross-site"}, 403),
        ({"token": "OWN"}, {"sec-fetch-site": "same-site"}, 403),
        ({"token": "OWN"}, {"sec-fetch-site": "", "origin": "https://evil.example"}, 403),
        ({"token": "OWN"}, {"sec-fetch-site": "", "origin": "null"}, 403),
        ({"token": "OWN"}, {"sec-fetch-site": "", "origin": "https://billing.example.com"}, 303),
        ({"token": "OWN"}, {}, 303),
    ],
)
def test_a_form_acts_only_if_the_session_s_own_page_sent_it(
    operator: Operator, key: str, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    other = Operator()
    other.sign_in(key)
    tokens = {"OWN": signing_out(operator), "OTHERS": signing_out(other)}
    sent = {name: tokens.get(value, value) for name, value in form.items()}
    assert operator.ask("POST", "/console/sign-out", sent, **headers).status == status
    assert (operator.get("/console/search").status == 200) == (status == 403)


def test_another_site_cannot_sign_somebody_in(key: str) -> None:
    operator = Operator()
    form = {"key": key}
    answer = operator.ask("POST", "/console/sign-in", form, **{"sec-fetch-site": "cross-site"})
    assert (answer.status, operator.cookies) == (403, {})


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/console/invoices?status=open", "/console/invoices?status=open"),
        ("https://evil.example/console", "/console"),
        ("//evil.example", "/console"),
        ("/console/..//evil.example", "/console"),
        ("/console\r\nset-cookie: a=b", "/console"),
        ("/consolex", "/console"),
        ("javascript:alert(1)", "/console"),
    ],
)
def test_signing_in_leads_back_to_pages_of_the_console_alone(
    key: str, asked: str, led_to: str
) -> None:
    answer = Operator().post("/console/sign-in", {"key": key, "next": asked})
    assert answer.location == led_to


def test_below_a_base_path_all_links_stay_below_it(key: str) -> None:
    operator = Operator(base_path="/billing")
    assert operator.sign_in(key).location == "/billing/console"
    tags = operator.get("/console/search").tags
    targets = [
        *tags.values("a", "href"),
        *tags.values("form", "action"),
        *tags.values("link", "href"),
        *tags.values("script", "src"),
    ]
    inside = [target for target in targets if not target.startswith("#")]
    assert inside
    assert [target for target in inside if not target.startswith("/billing/console")] == []


def test_a_customer_made_through_a_session_is_known_by_the_key(
    operator: Operator, key: str
) -> None:
    [token] = operator.cookies.values()
    assert ask_api(token, method="POST")[0] == 200
    headers = {"authorization": f"Bearer {key}"}
    event = gateway_event("GET", "/v1/events?type=customer.created", headers)
    body = load_handler("serve_events")(event, None)["body"]
    assert key_of(key) in body
    assert token not in body
