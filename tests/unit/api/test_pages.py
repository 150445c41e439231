"""How a page is answered: escaped, from its own origin alone, kept by no cache."""

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from meterline.api.pages.answers import HEADERS, Page
from meterline.api.pages.app import page, page_handler
from meterline.api.pages.assets import Assets
from meterline.api.pages.render import linkable, render
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError
from tests.handlers import gateway_event
from tests.lambda_context import LambdaContext

ASSETS = Assets("/x/assets")


def answered(path: str, run: Any = None, **headers: str) -> dict[str, Any]:
    routes = Routes([page("GET", "/x/{name}", run), page("GET", "/x/assets/{file}", ASSETS.answer)])
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: Any = page_handler(routes, ASSETS)(gateway_event("GET", path, sent), LambdaContext())
    return dict(answer)


def said(name: str) -> Page:
    return Page(f"<p>{name}</p>".encode())


def test_a_page_is_answered_with_the_values_of_its_path() -> None:
    answer = answered("/x/ada", lambda _, name: said(name))
    assert (answer["statusCode"], answer["body"]) == (200, "<p>ada</p>")
    assert answer["headers"].items() >= HEADERS.items()


def test_no_script_or_style_in_a_page_is_run_and_nothing_of_another_origin() -> None:
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not {"unsafe-inline", "unsafe-eval", "data:", "http:", "https:", "*"} & set(
        policy.replace("'", "").replace(";", "").split()
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("x-robots-tag", "noindex, nofollow"),
    ],
)
def test_every_answer_is_kept_to_who_asked(name: str, value: str) -> None:
    def broken(*_: str) -> Page:
        raise RuntimeError

    for answer in (
        answered("/x/ada", lambda _, name: said(name)),
        answered("/x/ada", broken),
        answered("/y"),
    ):
        assert answer["headers"][name] == value


def refused(*_: object) -> Page:
    raise BillingError("No such invoice: 'in_1'", status=404)


def failing(*_: object) -> Page:
    raise RuntimeError("in_1 has no secret")


@pytest.mark.parametrize(
    ("path", "run", "status"), [("/y", None, 404), ("/x/1", refused, 404), ("/x/1", failing, 500)]
)
def test_what_is_not_there_and_what_fails_says_nothing_of_why(
    path: str, run: Any, status: int
) -> None:
    answer = answered(path, run)
    assert answer["statusCode"] == status
    assert "in_1" not in answer["body"]
    assert "</html>" in answer["body"]


def test_an_address_that_is_unknown_looks_like_one_that_is_refused() -> None:
    assert answered("/y") == answered("/x/1", refused)


@pytest.mark.parametrize(
    ("encodings", "is_packed"), [("gzip, br", True), ("br;q=1.0, gzip;q=0.8", True), ("br", False)]
)
def test_a_long_page_is_packed_for_who_unpacks_it(encodings: str, *, is_packed: bool) -> None:
    body = b"<p>much</p>" * 200
    answer = answered("/x/1", lambda *_: Page(body), accept_encoding=encodings)
    assert ("content-encoding" in answer["headers"]) is is_packed
    data = base64.b64decode(answer["body"]) if is_packed else answer["body"].encode()
    assert (gzip.decompress(data) if is_packed else data) == body


def test_a_page_that_sets_a_cookie_is_not_packed() -> None:
    cookie = "a=b; Secure"
    long = Page(b"<p>much</p>" * 200, cookies=(cookie,))
    answer = answered("/x/1", lambda *_: long, accept_encoding="gzip")
    assert "content-encoding" not in answer["headers"]
    assert answer["cookies"] == [cookie]


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text('<p title="{{ text }}">{{ text }}</p>')
    return tmp_path


def test_a_template_escapes_what_it_is_given_whatever_it_is_called(templates: Path) -> None:
    shown = render(templates, "a.txt", {"text": "<b onclick='x'>\"&"})
    escaped = b"&lt;b onclick=&#39;x&#39;&gt;&#34;&amp;"
    assert shown == b'<p title="' + escaped + b'">' + escaped + b"</p>"


def test_a_name_without_a_value_is_noticed(templates: Path) -> None:
    with pytest.raises(UndefinedError):
        render(templates, "a.txt", {})


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("https://example.com/a?b=c#d", True),
        ("HTTP://example.com", True),
        ("mailto:ada@example.com", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("//example.com", False),
        ("example.com", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_links_lead_to_addresses_only(text: str | None, *, leads: bool) -> None:
    assert linkable(text) == (text if leads else None)


def test_an_asset_s_address_follows_from_its_content_and_is_kept_for_good() -> None:
    address = ASSETS.address("page.css")
    answer = answered(address)
    assert address.startswith("/x/assets/page.")
    assert answer["headers"]["content-type"] == "text/css; charset=utf-8"
    assert answer["headers"]["cache-control"] == "public, max-age=31536000, immutable"
    assert answer["headers"]["x-content-type-options"] == "nosniff"


def test_an_asset_of_another_release_is_this_release_s_and_not_kept() -> None:
    answer = answered("/x/assets/page.0000000000000000.css")
    assert (answer["statusCode"], answer["headers"]["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "name", ["other.0123456789abcdef.css", "page.py", "..%2Fapp.py", "%2e%2e", "page", "."]
)
def test_nothing_but_assets_is_served_as_one(name: str) -> None:
    assert answered(f"/x/assets/{name}")["statusCode"] == 404


def test_a_folder_of_its_own_stands_before_the_shared_one(tmp_path: Path) -> None:
    (tmp_path / "page.css").write_text("p { color: red }")
    own = Assets("/y/assets", (tmp_path, *ASSETS.folders))
    assert own.address("page.css") != ASSETS.address("page.css").replace("/x/", "/y/")
    assert own.address("icon.svg") == ASSETS.address("icon.svg").replace("/x/", "/y/")
