"""One request of a browser, from API Gateway's event to its response.

A function is its table of routes: ``handler = page_handler(ROUTES)``.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from meterline.api.operations import Answer, Operation
from meterline.api.pages.answers import HTML, BrowserResponse, Page, response_of
from meterline.api.pages.assets import Assets
from meterline.api.pages.render import OWN_TEMPLATES, render
from meterline.api.requests import read_request
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError
from meterline.observability import log_failure, logger, observed

type Run = Callable[..., Page]
"""What answers: given the request and the values of its path's variables."""


def page(method: str, path: str, run: Run) -> Operation:
    """A row of a table of pages: ``run(request, *path_values)`` answers with a ``Page``."""
    return Operation(
        method=method,
        path=path,
        run=run,
        permission="",
        answer=Answer.BYTES,
        light=True,
        public=True,
        content_type=HTML,
    )


def page_handler(
    routes: Routes, assets: Assets
) -> Callable[[dict[str, Any], object], BrowserResponse]:
    """The Lambda handler that serves pages, which look as ``assets`` say."""

    @observed
    def handler(event: dict[str, Any], _context: object) -> BrowserResponse:
        return handle_page(event, routes, assets)

    return handler


def handle_page(event: Mapping[str, Any], routes: Routes, assets: Assets) -> BrowserResponse:
    """Answer one event; what is not there, and what fails, says nothing of why."""
    started = time.perf_counter()
    request = read_request(event)
    assets = assets.below(request.base_path)
    route = ""
    try:
        operation, values = routes.match(request.method, request.path)
        route = operation.path
        answer: Page = operation.run(request, *values)
    except BillingError:
        answer = not_found(assets)
    except Exception as error:  # noqa: BLE001 - the browser is answered, the operator is told
        log_failure("unexpected exception", error, route=route)
        answer = failed(assets)
    milliseconds = round((time.perf_counter() - started) * 1000)
    logger.info(
        "page",
        method=request.method,
        route=route,
        status=answer.status,
        milliseconds=milliseconds,
    )
    return response_of(answer, request.header("accept-encoding") or "")


def not_found(assets: Assets) -> Page:
    """The page of an address that leads nowhere, or no more: it looks the same for both."""
    text = "There is nothing at this address, or not any more."
    return _message("Page not found", text, 404, assets)


def failed(assets: Assets) -> Page:
    """The page of a failure of ours."""
    text = "That was our fault. Please load the page again in a moment."
    return _message("Something went wrong", text, 500, assets)


def _message(title: str, text: str, status: int, assets: Assets) -> Page:
    addresses = {"style": assets.address("page.css"), "icon": assets.address("icon.svg")}
    said = {"title": title, "text": text, **addresses}
    return Page(render(OWN_TEMPLATES, "message.html", said), status)
