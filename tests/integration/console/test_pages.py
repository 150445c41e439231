"""Pages show what the API says, to whoever may see it, and never run what is stored in them."""

import re
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import unescape
from urllib.parse import quote_plus

import pytest
import urllib3

from meterline.api.auth import forget_cached
from meterline.api.console import asking
from meterline.api.console.formats import NONE
from meterline.services.account.api_keys import create_key
from meterline.services.credits.grants import create_credit_grant
from meterline.services.metering.alerts import create_alert
from meterline.services.subscriptions.update import update_subscription
from tests.engines import Engine
from tests.factories.busy_deployment import Busy, busy
from tests.factories.objects import context, customer, licence, meter, subscribe
from tests.factories.usage import use
from tests.integration.console.operators import ADDRESS, Answer, Operator

LISTS = (
    "/console",
    "/console/search?q=Customer",
    "/console/customers",
    "/console/subscriptions",
    "/console/schedules",
    "/console/schedules?status=canceled",
    "/console/invoices",
    "/console/meters",
    "/console/alerts",
    "/console/alerts?status=archived",
    "/console/events",
    "/console/events?delivery=false",
    "/console/webhooks",
    "/console/destinations",
    "/console/test-clocks",
    "/console/catalogue",
    "/console/prices/new",
)
OBJECTS = (
    "/console/customers/{customer 0}",
    "/console/customers/{customer 3}",
    "/console/customers/{clock customer}",
    "/console/subscriptions/{subscription 2}",
    "/console/invoices/{invoice}",
    "/console/meters/{meter}?days=30",
    "/console/meters/{meter}/events?customer={customer 0}",
    "/console/alerts/{alert}",
    "/console/alerts/{alert}?customer={customer 0}",
    "/console/schedules/{schedule}",
    "/console/webhooks/{endpoint}",
    "/console/destinations/{destination}",
    "/console/test-clocks/{clock}",
    "/console/catalogue/{product}",
    "/console/catalogue/{usage product}",
    "/console/prices/new?product={product}",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'--></title></bdi><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:alert(1)//</pre></code>",
)
"""Texts that would run, or break out, where anything is put into a page as it is."""

MOST_BYTES = 100_000
ANY = [*LISTS, *(re.sub(r"\{(\w+)[^}]*\}", r"\1_1", page) for page in OBJECTS)]
"""The address of each page, about objects that may be there or not."""


def pages(made: Busy) -> list[str]:
    """The address of each page, about objects that there are."""
    return [*LISTS, *(page.format_map(made.ids) for page in OBJECTS)]


def dangers(answer: Answer) -> Iterator[str]:
    """What in a page would run, or leads to what would run."""
    for tag, attributes in answer.tags.found:
        if tag in ("style", "iframe", "object", "embed", "base", "img"):
            yield tag
        if tag == "script" and not (attributes.get("src") or "").startswith("/console/assets/"):
            yield "an inline script"
        for name, value in attributes.items():
            if name.startswith("on") or name == "style":
                yield f"{tag}[{name}]"
            if name in ("href", "src", "action") and not _leads_inside(value or ""):
                yield f"{tag} to {value}"


def _leads_inside(target: str) -> bool:
    """Whether an address is the console's, or that of an invoice's page on this deployment."""
    inside = ("/console", "#", "?", f"{ADDRESS}/i/")
    return target == "" or target.startswith(inside)


def test_a_timeline_leads_on_through_a_second_with_more_than_a_page(
    operator: Operator, now: int
) -> None:
    subscription_id = subscribe(customer(at=now), licence(at=now), at=now)["id"]
    for place in range(60):
        change = {"metadata": {"place": str(place)}}
        update_subscription(context(now), subscription_id, change)
    shown: list[str] = []
    page = f"/console/subscriptions/{subscription_id}"
    while page:
        answer = operator.get(page)
        shown += re.findall(r"/console/(events/evt_\w+)", answer.text)
        following = re.search(r'rel="next" href="([^"]+)', answer.text)
        page = unescape(following[1]).partition("#")[0] if following else ""
    assert len(shown) == len(set(shown)) >= 60


@pytest.fixture
def hostile(deployment: Engine, now: int) -> Busy:  # noqa: ARG001 - where they are
    return busy(now, HOSTILE)


def test_no_stored_text_runs_on_any_page(hostile: Busy, operator: Operator) -> None:
    seen = set()
    for page in pages(hostile):
        answer = operator.get(page)
        assert answer.status == 200, page
        assert list(dangers(answer)) == [], page
        assert len(answer.text.encode()) <= MOST_BYTES, page
        seen |= {text for text in HOSTILE if text in unescape(answer.text)}
        assert ">49<" not in answer.text, f"a template of a customer's ran on {page}"
    assert seen == set(HOSTILE), "each of them was on some page"


@pytest.mark.parametrize(
    "page",
    [
        "/console/search?q=",
        "/console/customers?email=",
        "/console/customers?done=",
        "/console/events?type=",
        "/console/invoices?customer=",
        "/console/invoices?status=",
        "/console/alerts?status=",
        "/console/customers?seen=",
        "/console/prices/new?name=",
        "/console/sign-in?next=",
    ],
)
def test_no_text_of_an_address_runs(operator: Operator, page: str) -> None:
    answer = operator.get(page + quote_plus(" ".join(HOSTILE)))
    assert answer.status == 200
    assert list(dangers(answer)) == []


def test_events_show_their_object_as_text(operator: Operator, key: str, now: int) -> None:
    customer(at=now, name=HOSTILE[0], description=HOSTILE[1], metadata={"note": HOSTILE[2]})
    api = asking.Api(ADDRESS, key, time.monotonic() + 10)
    for event in api.get("/v1/events", limit=100).rows:
        answer = operator.get(f"/console/events/{event['id']}")
        assert answer.status == 200
        assert list(dangers(answer)) == []
        if "customer.created" in answer.text:
            assert HOSTILE[2] in unescape(answer.text)


@pytest.mark.usefixtures("deployment")
def test_each_page_of_an_empty_deployment_teaches_the_next_step(operator: Operator) -> None:
    for page in LISTS:
        answer = operator.get(page)
        assert answer.status == 200, page
    for page in ("customers", "subscriptions", "invoices", "meters", "webhooks"):
        assert "curl https://billing.example.com/v1/" in operator.get(f"/console/{page}").text, page


@pytest.mark.usefixtures("deployment")
def test_a_key_without_rights_is_told_so_on_each_page() -> None:
    operator = Operator()
    operator.sign_in(create_key(livemode=False, rights={"account": "read"}).secret)
    for page in ANY:
        answer = operator.get(page)
        assert answer.status == 200, page
        assert "Not for this key." in answer.text or "/prices/new" in page, page


@pytest.mark.usefixtures("deployment")
def test_a_figure_that_a_key_may_not_read_is_not_shown_as_none() -> None:
    operator = Operator()
    operator.sign_in(create_key(livemode=False, rights={"events": "read"}).secret)
    figures = re.findall(r'class="figure">(.*?)</p>', operator.get("/console").text)
    assert figures == [NONE, NONE, NONE, '<a href="/console/events?delivery=false">0</a>', NONE]


def test_another_mode_s_objects_are_not_found(deployment: Engine, now: int) -> None:  # noqa: ARG001 - where all is
    made, operator = busy(now), Operator()
    operator.sign_in(create_key(livemode=True).secret)
    for page in OBJECTS[:-1]:
        answer = operator.get(page.format_map(made.ids))
        assert answer.status == 404, page


@pytest.mark.parametrize(
    "page",
    [
        "/console/nothing",
        "/console/customers/cus_no",
        "/console/subscriptions/sub_no",
        "/console/invoices/in_no",
        "/console/meters/mtr_no",
        "/console/events/evt_no",
        "/console/webhooks/we_no",
        "/console/alerts/alrt_no",
        "/console/destinations/ed_no",
        "/console/schedules/sub_sched_no",
        "/console/test-clocks/clock_no",
        "/console/catalogue/prod_no",
        "/console/assets/none.0.css",
    ],
)
def test_what_is_not_there_is_not_found(operator: Operator, page: str) -> None:
    assert operator.get(page).status == 404


def test_a_list_says_where_its_page_stands_and_leads_on_and_back(
    operator: Operator, now: int
) -> None:
    made = [customer(at=now - 60 * place) for place in range(45)]

    def turned(page: str, way: str) -> tuple[str, list[str], str]:
        tags = operator.get(page).tags
        links = [one for tag, one in tags.found if tag == "a" and one.get("rel") == way]
        following = str(links[0]["href"])
        answer = operator.get(following)
        rows = re.search(r"Rows <span data-first>(\d+)</span> to (\d+)", answer.text)
        assert rows
        shown = [one.rpartition("/")[2] for one in answer.tags.values("a", "href")]
        return (
            following,
            [one for one in shown if one.startswith("cus_")],
            " to ".join(rows.groups()),
        )

    second = turned("/console/customers", "next")
    third = turned(second[0], "next")
    again = turned(third[0], "prev")
    first = turned(again[0], "prev")
    assert [page[2] for page in (second, third, again, first)] == [
        "21 to 40",
        "41 to 45",
        "21 to 40",
        "1 to 20",
    ]
    assert first[1] + second[1] + third[1] == made
    assert again[1] == second[1]


def test_the_rate_of_events_is_that_of_all_customers_and_meters(
    operator: Operator, now: int
) -> None:
    within = now // 3_600 * 3_600 - 1_800
    for meter_id in (meter("calls"), meter("tokens")):
        for whose in [customer(at=now) for _ in range(6)]:
            use(meter_id, whose, at=within, quantity=1_000)
    text = operator.get("/console").text
    assert "12 in the last 24 hours" in text
    assert '<p class="figure">0.000139</p>' in text


def test_a_panel_of_several_calls_shows_each_of_them(operator: Operator, now: int) -> None:
    whose = [customer(at=now) for _ in range(3)]
    calls = meter("calls")
    for one in whose:
        use(calls, one, at=now // 3_600 * 3_600 - 1_800, quantity=1_000)
    text = unescape(operator.get("/console").text)
    assert "curl: GET /v1/billing/analytics/meter_usage and 2 more" in text
    for one in whose:
        assert f"-d customer={one} \\\n  -d starts_at=" in text
    assert "/v1/meterline/analytics/top_customers" in text


def test_credits_in_units_of_a_meter_are_shown_as_numbers(operator: Operator, now: int) -> None:
    whose, calls = customer(at=now), meter("calls")
    create_credit_grant(
        context(now),
        {
            "customer": whose,
            "amount": {
                "type": "custom_pricing_unit",
                "custom_pricing_unit": {"id": calls, "value": Decimal("1234.5")},
            },
            "applicability_config": {"scope": {"price_type": "metered"}},
        },
    )
    alert = create_alert(
        context(now),
        {
            "alert_type": "credit_balance_threshold",
            "title": "Few left",
            "credit_balance_threshold": {
                "filters": [{"type": "customer", "customer": whose}],
                "lte": {
                    "balance_type": "custom_pricing_unit",
                    "custom_pricing_unit": {"id": calls, "value": Decimal(50)},
                },
            },
        },
    )
    shown = operator.get(f"/console/customers/{whose}").text
    assert re.search(rf'Units left of <a href="\S*/console/meters/{calls}"', shown)
    assert '<dd>1,234.5 <span class="quiet">of 1,234.5 in the ledger' in shown
    assert f"50 units of {calls} or fewer" in operator.get(f"/console/alerts/{alert['id']}").text


@pytest.mark.usefixtures("deployment")
def test_every_page_needs_a_session() -> None:
    for page in ANY:
        answer = Operator().get(page)
        assert answer.status == 303, page
        assert answer.location.startswith("/console/sign-in"), page


def test_a_page_says_what_the_api_did_not_answer(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> tuple[int, bytes]:
        raise urllib3.exceptions.TimeoutError

    monkeypatch.setattr(asking, "send", silent)
    for page in ANY:
        answer = operator.get(page)
        assert answer.status == 200, page
        assert "The API did not answer." in answer.text or "/prices/new" in page, page


def test_a_session_that_the_api_has_let_go_of_is_said(operator: Operator) -> None:
    def refuse(*_: object) -> tuple[int, bytes]:
        return 401, b'{"error":{"message":"The session of the console has ended."}}'

    forget_cached()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "send", refuse)
        assert "The session of the console has ended." in operator.get("/console").text


def test_each_panel_shows_its_call_with_no_credential_in_it(
    operator: Operator, key: str, now: int
) -> None:
    whose = customer(at=now)
    text = unescape(operator.get(f"/console/customers/{whose}").text)
    path = f"{ADDRESS}/v1/customers/{whose}"
    assert f'curl {path} -u "$METERLINE_KEY:"' in text
    assert f'curl -G {path}/balance_transactions -u "$METERLINE_KEY:" \\\n  -d limit=' in text
    assert key not in text
    assert not [token for token in operator.cookies.values() if token in text]


@pytest.mark.parametrize(
    ("method", "params", "shown"),
    [
        ("GET", {}, 'curl https://a.example/v1/x -u "$METERLINE_KEY:"'),
        ("DELETE", {}, 'curl -X DELETE https://a.example/v1/x -u "$METERLINE_KEY:"'),
        ("POST", {}, 'curl https://a.example/v1/x -u "$METERLINE_KEY:" \\\n  -X POST'),
        (
            "POST",
            {"name": "it's; rm -rf $HOME", "items": [{"price": "p"}], "no": None, "yes": True},
            (
                'curl https://a.example/v1/x -u "$METERLINE_KEY:" \\\n'
                "  -d 'name=it'\"'\"'s; rm -rf $HOME' \\\n"
                "  -d 'items[0][price]=p' \\\n  -d yes=true"
            ),
        ),
    ],
)
def test_a_call_is_shown_as_a_shell_takes_it(
    method: str, params: Mapping[str, asking.Value], shown: str
) -> None:
    assert asking.Call(method, "/v1/x", params).curl("https://a.example") == shown


@pytest.mark.parametrize(
    "page",
    [
        "customers",
        "subscriptions",
        "schedules",
        "invoices",
        "catalogue",
        "meters",
        "alerts",
        "webhooks",
        "destinations",
        "test-clocks",
    ],
)
def test_a_page_with_nothing_on_it_says_what_to_do_next(operator: Operator, page: str) -> None:
    text = unescape(operator.get(f"/console/{page}").text)
    [empty] = re.findall(
        r'class="empty">(<strong>[^<]+</strong>.*?)<details class="curl"', text, re.DOTALL
    )[:1]
    assert "curl " in empty or "<form" in text.partition(empty)[2] or "/console/prices/new" in empty


def test_credits_in_units_of_a_meter_are_shown_as_units(
    operator: Operator, key: str, now: int
) -> None:
    whose, calls = customer(at=now), meter("calls", at=now)
    api = asking.Api(ADDRESS, key, time.monotonic() + 10)
    amount = {"type": "custom_pricing_unit"}
    units = {"custom_pricing_unit": {"id": calls, "value": "1250.5"}}
    granted = api.ask(
        asking.Call(
            "POST",
            "/v1/billing/credit_grants",
            {
                "customer": whose,
                "amount": {**amount, **units},
                "applicability_config": {"scope": {"price_type": "metered"}},
                "category": "promotional",
            },
        )
    )
    assert granted.is_good, granted.problem
    text = operator.get(f"/console/customers/{whose}").text
    assert "1,250.5 <" in text
    assert f"/console/meters/{calls}" in text
