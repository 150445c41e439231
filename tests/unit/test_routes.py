"""Every operation of the API has a route in the template that leads to a function."""

import importlib
import pkgutil

import pytest

from meterline.api import routes
from meterline.api.router import Operation, Routes
from tests.integration.api.bridge import route

BY_DEFAULT = {"/", "/openapi.json"}
"""What the function of the default route serves beside refusals."""

OPERATIONS = [
    operation
    for module in pkgutil.iter_modules(routes.__path__)
    for found in vars(importlib.import_module(f"{routes.__name__}.{module.name}")).values()
    if isinstance(found, Routes)
    for operation in found.operations
]


def name_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_an_operation_s_path_leads_to_a_function_that_serves(operation: Operation) -> None:
    by_default = route(operation.method, operation.path) == "answer_unknown_route"
    assert by_default == (operation.path in BY_DEFAULT)
