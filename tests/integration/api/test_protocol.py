"""What every call has: keys and rights, headers, errors, idempotency."""

import base64
import json

import pytest
import stripe

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key, revoke_key, roll_key
from tests.integration.api.conftest import Api


def test_a_wrong_key_is_refused_without_being_repeated(api: Api) -> None:
    wrong = "sk_test_" + "x" * 20 + "1234"
    with pytest.raises(stripe.AuthenticationError) as refused:
        api.client(wrong).v1.customers.list()
    assert wrong not in str(refused.value)
    assert "1234" in str(refused.value)
    assert refused.value.request_id


def test_no_key_is_told_how_to_give_one(api: Api) -> None:
    status, _, body = api.ask("GET", "/v1/customers", authorization="")
    assert status == 401
    assert "You did not provide an API key" in body["error"]["message"]


@pytest.mark.parametrize(
    ("target", "authorization"),
    [
        ("/v1/customers", ""),
        ("/v1/customers", "Bearer sk_test_nobody"),
        ("/v1/customers", "Bearer sk_test_" + "x" * 48),
        ("/wp-login.php", ""),
    ],
)
def test_a_flood_of_strangers_writes_no_line(
    api: Api, capsys: pytest.CaptureFixture[str], target: str, authorization: str
) -> None:
    status, _, _ = api.ask("GET", target, authorization=authorization)
    assert status in (401, 404)
    assert capsys.readouterr().out == ""


def test_a_refusal_of_somebody_known_writes_its_line(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    status, headers, _ = api.ask("GET", "/v1/customers?limit=none")
    assert status == 400
    line = json.loads(capsys.readouterr().out)
    assert (line["status"], line["correlation_id"]) == (400, headers["request-id"])


def test_basic_authentication_takes_the_key_as_the_user(api: Api) -> None:
    basic = base64.b64encode(f"{api.key}:".encode()).decode()
    status, _, _ = api.ask("GET", "/v1/customers", authorization=f"Basic {basic}")
    assert status == 200


def test_live_and_test_mode_do_not_see_each_other(api: Api) -> None:
    live = api.client(create_key(livemode=True).secret)
    customer = live.v1.customers.create()
    assert customer.livemode
    assert api.client().v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        api.client().v1.customers.retrieve(customer.id)


def test_a_restricted_key_does_what_its_rights_say(api: Api) -> None:
    secret = create_key(livemode=False, rights={"customers": "write", "prices": "read"}).secret
    client = api.client(secret)
    clock = api.client().v1.test_helpers.test_clocks.create({"frozen_time": 1_700_000_000})
    customer = client.v1.customers.create({"test_clock": clock.id})
    assert client.v1.prices.list().data == []
    with pytest.raises(stripe.PermissionError):
        client.v1.prices.create({"currency": "usd"})
    with pytest.raises(stripe.PermissionError):
        client.v1.products.list()
    with pytest.raises(stripe.PermissionError):
        client.v1.customers.retrieve(customer.id, {"expand": ["test_clock"]})


def test_a_revoked_key_ends(api: Api) -> None:
    made = create_key(livemode=False)
    client = api.client(made.secret)
    client.v1.customers.list()
    revoke_key(made.key.id)
    forget_cached()
    with pytest.raises(stripe.AuthenticationError) as refused:
        client.v1.customers.list()
    assert "api_key_expired" in str(refused.value.http_body)


def test_a_rolled_key_can_live_on_for_a_while(api: Api) -> None:
    made = create_key(livemode=False, rights={"customers": "read"})
    fresh = roll_key(made.key.id, old_usable_seconds=3600)
    forget_cached()
    assert fresh.key.rights == made.key.rights
    api.client(made.secret).v1.customers.list()
    api.client(fresh.secret).v1.customers.list()


def test_keys_are_stored_as_digests_only(api: Api) -> None:
    assert api.key not in str(api.engine.scan("access"))


def test_connected_accounts_are_refused(api: Api) -> None:
    with pytest.raises(stripe.PermissionError) as refused:
        api.client(stripe_account="acct_1").v1.customers.list()
    assert "account_invalid" in str(refused.value.http_body)


def test_the_account_s_own_id_may_be_named(api: Api) -> None:
    own = api.client().v1.accounts.retrieve_current()
    client = api.client(stripe_account=own.id)
    assert client.v1.customers.create({"name": "A"}).name == "A"
    assert client.v1.accounts.retrieve(own.id) == own
    live = api.client(create_key(livemode=True).secret)
    assert live.v1.accounts.retrieve_current().id == own.id


def test_the_account_says_what_its_settings_say(api: Api) -> None:
    profile = {"name": "Acme", "support_email": "help@example.com"}
    settings = {"country": "DE", "default_currency": "eur", "business_profile": profile}
    client = api.client()
    client.raw_request("post", "/v1/meterline/settings", **settings)
    client.raw_request("post", "/v1/meterline/settings", business_profile={"name": "Acme Ltd"})
    account = client.v1.accounts.retrieve_current()
    assert (account.country, account.default_currency) == ("DE", "eur")
    assert account.business_profile.name == "Acme Ltd"
    assert account.business_profile.support_email == "help@example.com"
    assert account.settings.dashboard.display_name == "Acme Ltd"


@pytest.mark.parametrize(
    "path",
    ["/v1/charges", "/v1/customers/{}/sources", "/v1/tax_ids", "/v1/refunds"],
)
def test_a_list_of_what_can_never_exist_is_empty(api: Api, path: str) -> None:
    address = path.format(api.client().v1.customers.create().id)
    status, _, body = api.ask("GET", f"{address}?limit=100&expand[]=data.customer")
    assert (status, body["data"], body["url"]) == (200, [], address)


def test_a_list_of_what_can_never_exist_needs_its_owner_and_a_key_with_the_right(api: Api) -> None:
    assert api.ask("GET", "/v1/customers/cus_x/sources")[0] == 404
    assert api.ask("GET", "/v1/charges", authorization="")[0] == 401
    narrow = create_key(livemode=False, rights={"customers": "read"}).secret
    assert api.ask("GET", "/v1/charges", authorization=f"Bearer {narrow}")[0] == 403


_OLD_ENDPOINT = "url=https://example.com&enabled_events[]=*&api_version=2099-01-01"


def test_an_unknown_version_is_refused_in_stripe_s_words(api: Api) -> None:
    _, headers, answer = api.ask("GET", "/v1/customers", **{"stripe-version": "2099-01-01"})
    assert answer["error"]["message"] == "Invalid Stripe API version: 2099-01-01"
    assert headers["stripe-version"] == "2026-10-28.endive"


@pytest.mark.parametrize(
    "version",
    [
        "2020-08-27",
        "2022-11-15",
        "2024-06-20",
        "2025-03-31.basil",
        "2025-03-31.basil; some_beta=v1",
        "2026-09-30.preview",
    ],
)
def test_an_answer_names_the_version_whose_shape_it_has(api: Api, version: str) -> None:
    status, headers, _ = api.ask("GET", "/v1/customers", **{"stripe-version": version})
    assert (status, headers["stripe-version"]) == (200, "2026-10-28.endive")


def test_every_answer_has_its_id_and_version(api: Api) -> None:
    customer = api.client().v1.customers.create()
    headers = customer.last_response.headers
    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == "2026-10-28.endive"
    assert headers["original-request"] == headers["request-id"]
    assert headers["idempotency-key"]


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "code"),
    [
        ("GET", "/v1/customerz", "", {}, 404, None),
        ("GET", "/v1/customers/", "", {}, 404, None),
        ("PUT", "/v1/customers", "", {}, 404, None),
        ("POST", "/v1/customers", "{}", {"content-type": "application/json"}, 400, None),
        ("POST", "/v1/customers", "name=A", {"content-type": "text/plain"}, 400, None),
        ("POST", "/v1/customers", "name=%FF", {}, 400, None),
        ("POST", "/v1/customers", "name=" + "x" * 1_000_001, {}, 413, None),
        ("POST", "/v1/customers", "name[a=1", {}, 400, None),
        ("POST", "/v1/customers", "name[a]=1", {}, 400, None),
        ("POST", "/v1/customers", "metadata=1", {}, 400, None),
        ("POST", "/v1/customers", "metadata[a]=1&metadata=2", {}, 400, None),
        ("POST", "/v1/customers", "foo=1", {}, 400, "parameter_unknown"),
        ("POST", "/v1/products", "", {}, 400, "parameter_missing"),
        ("POST", "/v1/products", "name=", {}, 400, "parameter_invalid_empty"),
        ("GET", "/v1/customers?limit=-1", "", {}, 400, "parameter_invalid_integer"),
        ("GET", "/v1/customers?limit=ten", "", {}, 400, "parameter_invalid_integer"),
        ("GET", "/v1/customers?starting_after=cus_x", "", {}, 400, "resource_missing"),
        ("GET", "/v1/customers?expand[]=data.foo", "", {}, 400, None),
        ("GET", "/v1/customers?expand[]=foo", "", {}, 400, None),
        ("GET", "/v1/customers/cus_x", "", {}, 404, "resource_missing"),
        ("GET", "/v1/customers", "", {"stripe-version": "yesterday"}, 400, None),
        ("GET", "/v1/customers", "", {"stripe-version": "2099-01-01"}, 400, None),
        ("GET", "/v1/customers", "", {"stripe-version": "2025-03-31.clover"}, 400, None),
        ("POST", "/v1/webhook_endpoints", _OLD_ENDPOINT, {}, 400, None),
    ],
)
def test_a_wrong_request_is_refused_in_stripes_words(
    api: Api,
    method: str,
    target: str,
    body: str,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    got, _, answer = api.ask(method, target, body, **(form | headers))
    assert (got, answer["error"].get("code")) == (status, code)


def test_json_in_v1_is_told_which_type_its_body_must_have(api: Api) -> None:
    json_type = {"content-type": "application/json"}
    answer = api.ask("POST", "/v1/customers", '{"name": "A"}', **json_type).body
    assert (
        "check that your POST content type is application/x-www-form-urlencoded"
        in (answer["error"]["message"])
    )


_V2_EVENTS = "/v2/billing/meter_events"


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "code"),
    [
        ("GET", "/v2/nothing", "", {}, 404, "not_found"),
        ("GET", "/v2/core/events/evt_test_x", "", {}, 404, "not_found"),
        ("GET", _V2_EVENTS, "", {}, 405, "method_not_allowed"),
        ("POST", _V2_EVENTS, "{", {}, 400, "invalid_json"),
        ("POST", _V2_EVENTS, "[]", {}, 400, "invalid_json"),
        ("POST", _V2_EVENTS, '{"event_name": NaN}', {}, 400, "invalid_json"),
        ("POST", _V2_EVENTS, "[" * 100_000, {}, 400, "invalid_json"),
        ("POST", _V2_EVENTS, "{}", {}, 400, "parameter_missing"),
        ("POST", _V2_EVENTS, '{"foo": 1}', {}, 400, "parameter_unknown"),
        ("POST", _V2_EVENTS, '{"event_name": 1, "payload": {}}', {}, 400, "invalid_request"),
        ("POST", _V2_EVENTS, "x" * 1_000_001, {}, 413, "request_too_large"),
        (
            "POST",
            _V2_EVENTS,
            "event_name=a",
            {"content-type": "application/x-www-form-urlencoded"},
            415,
            "invalid_request_content_type",
        ),
        ("POST", _V2_EVENTS, "{}", {"authorization": ""}, 401, "unauthenticated"),
        ("POST", _V2_EVENTS, "{}", {"stripe-account": "acct_1"}, 403, "account_invalid"),
        ("GET", "/v2/core/events?limit=0", "", {}, 400, "parameter_invalid_integer"),
        ("GET", "/v2/core/events?page=forged", "", {}, 400, "invalid_request"),
    ],
)
def test_v2_refuses_in_its_own_shape(
    api: Api,
    method: str,
    target: str,
    body: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    json_body = {"content-type": "application/json"}
    got, _, answer = api.ask(method, target, body, **(json_body | headers))
    assert (got, answer["error"]["code"]) == (status, code)
    assert set(answer["error"]) == {"code", "message", "type"}
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    "form",
    [
        "preferred_locales[0]=de&preferred_locales[1]=en",
        "preferred_locales[]=de&preferred_locales[]=en",
        "preferred_locales%5B0%5D=de&preferred_locales%5B1%5D=en",
        "preferred_locales[1]=en&preferred_locales[0]=de",
    ],
)
def test_every_spelling_of_a_list_is_understood(api: Api, form: str) -> None:
    _, _, customer = api.ask("POST", "/v1/customers", form)
    assert customer["preferred_locales"] == ["de", "en"]


def test_a_repeated_post_takes_effect_once(api: Api) -> None:
    client = api.client()
    options = stripe.RequestOptions(idempotency_key="once")
    first = client.v1.customers.create({"name": "A"}, options)
    again = client.v1.customers.create({"name": "A"}, options)
    assert again == first
    assert again.last_response.headers["idempotent-replayed"] == "true"
    original = first.last_response.headers["request-id"]
    assert again.last_response.headers["original-request"] == original
    assert len(client.v1.customers.list().data) == 1


def test_a_key_cannot_be_used_for_something_else(api: Api) -> None:
    client = api.client()
    options = stripe.RequestOptions(idempotency_key="once")
    client.v1.customers.create({"name": "A"}, options)
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.customers.create({"name": "B"}, options)
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        client.v1.products.create({"name": "A"}, options)


def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    client = api.client()
    options = stripe.RequestOptions(idempotency_key="once")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"test_clock": "clock_missing"}, options)
    assert client.v1.customers.create({"name": "A"}, options).name == "A"


def test_an_answer_that_was_lost_is_given_again(api: Api) -> None:
    client = api.client(max_network_retries=2)
    api.bridge.lose_answers = 1
    customer = client.v1.customers.create({"name": "A"})
    assert customer.last_response.headers["idempotent-replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1
