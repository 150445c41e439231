"""Hears what the handlers of this process answer, wherever a test calls them."""

import functools
from typing import Any

from meterline.api import app
from meterline.api.requests import read_request
from meterline.api.router import Routes
from tests.contract.answers import WATCH, Answer


def listen_in_process() -> None:
    """From now on ``WATCH`` judges every answer that a handler gives in this process."""
    handle = app.handle

    @functools.wraps(handle)
    def heard(event: dict[str, Any], routes: Routes) -> app.Response:
        response = handle(event, routes)
        request = read_request(event)
        WATCH.hear(
            Answer(
                request.method,
                request.path,
                response["statusCode"],
                response["headers"],
                response["body"],
            )
        )
        return response

    setattr(app, "handle", heard)  # noqa: B010 - one door, which all handlers go through
