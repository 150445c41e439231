"""The rules of the house: what may import what, what may never be used, what functions may do."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from tests.engines import ROOT, resources
from tests.rights import whole_statement

PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
FLOORS = {"core": 1, "store": 2, "services": 3, "api": 4}
FORBIDDEN_IN_CORE = (
    *("boto3", "botocore", "pynamodb", "aws_lambda_powertools"),
    *("time", "os", "random", "secrets", "uuid"),
)
CLOCKS = re.compile(r"\b(datetime\.(now|utcnow)|date\.today|time\.time)\b")
CODE = sorted(PACKAGE.rglob("*.py")) + sorted((ROOT / "functions").rglob("*.py"))
FUNCTIONS = sorted(resources("AWS::Serverless::Function"))

BINARY_FRACTIONS_ALLOWED = {
    f"{PACKAGE.relative_to(ROOT)}/core/base/wire_numbers.py": "JSON numbers of single fields",
}
"""Where a decimal may become a float, each with the reason: shown only, never calculated with."""

WILDCARDS_THAT_AWS_NEEDS: dict[str, str] = {}
"""Actions that know no resource, each with the reason; there are none yet."""


ROOMS = {
    "core": [
        "base",
        "credits metering catalog",
        "billing",
        "events kinds subscriptions schedules analytics",
    ],
    "store": ["base", "metering events work", "billing", "account"],
    "services": [
        "base",
        "account catalog customers",
        "metering",
        "credits",
        "billing events",
        "invoices",
        "credit_notes documents subscriptions",
        "schedules",
        "previews",
        "top_ups",
        "work",
        "analytics",
    ],
    "api": ["params", "answers", "", "pages routes", "console pdfs"],
}
"""The rooms of each floor from the ground up; those on one line know nothing of each other. ""
are the modules that stand on the floor itself."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield node.module or ""


def floor(module: str) -> int:
    parts = module.split(".")
    return FLOORS.get(parts[1], 0) if parts[0] == "meterline" and len(parts) > 1 else 0


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_imports_point_down_only(path: Path) -> None:
    # core/errors is below every floor; anything else imports its own floor and those below.
    own = FLOORS.get(path.relative_to(PACKAGE).parts[0], 0)
    above = [module for module in imports(path) if floor(module) > own]
    assert above == []


def module_of(path: Path) -> str:
    words = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(words[:-1] if words[-1] == "__init__" else words)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(path: Path) -> set[str]:
    """The modules of the package that a file imports, wherever the import stands."""
    named = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            under = {f"{node.module}.{alias.name}" for alias in node.names}
            named |= (under & MODULES.keys()) or {node.module or ""}
        elif isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
    return named & MODULES.keys()


def room(module: str) -> tuple[str, str]:
    """The floor and the room of a module; "" is the room of what stands on the floor itself."""
    words = module.split(".")[1:]
    return words[0], words[1] if len(words) > 2 or is_room(module) else ""


def is_room(module: str) -> bool:
    return MODULES[module].name == "__init__.py" and module.count(".") > 1


def level(module: str) -> int:
    floor_name, room_name = room(module)
    levels = [line.split(" ") for line in ROOMS[floor_name]]
    return next(i for i, rooms in enumerate(levels) if room_name in rooms)


ON_FLOORS = [module for module in MODULES if module.count(".") > 1]


@pytest.mark.parametrize("module", ON_FLOORS)
def test_no_room_imports_a_room_above_or_beside_it(module: str) -> None:
    others = {
        other
        for other in imported_modules(MODULES[module])
        if other in ON_FLOORS and room(other)[0] == room(module)[0] and room(other) != room(module)
    }
    assert sorted(other for other in others if level(other) >= level(module)) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    arrows = {module: imported_modules(path) for module, path in MODULES.items()}
    assert len(list(TopologicalSorter(arrows).static_order())) == len(MODULES)


@pytest.mark.parametrize("module", [module for module in MODULES if is_room(module)])
def test_every_room_says_what_it_owns_and_what_it_does_not(module: str) -> None:
    said = ast.get_docstring(ast.parse(MODULES[module].read_text())) or ""
    assert "Owns " in said
    assert "Does not own " in said


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name_of)
def test_core_is_pure(path: Path) -> None:
    modules = set(imports(path))
    assert {module.split(".")[0] for module in modules}.isdisjoint(FORBIDDEN_IN_CORE)
    assert not any(module.startswith("meterline.observability") for module in modules)
    assert not CLOCKS.search(path.read_text()), "time is passed in"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_one_module_owns_the_schema_and_alone_imports_pynamodb(path: Path) -> None:
    imported = {module.split(".")[0] for module in imports(path)}
    assert ("pynamodb" in imported) == (path == PACKAGE / "store" / "base" / "models.py")


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_botocore_alone_makes_the_clients(path: Path) -> None:
    assert "boto3" not in {module.split(".")[0] for module in imports(path)}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_binary_fractions_near_money_and_quantities(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert "NumberAttribute" not in imported, "PynamoDB's NumberAttribute gives floats"
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "NumberAttribute" not in names
    assert "float" not in called or name_of(path) in BINARY_FRACTIONS_ALLOWED


def statements(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every policy statement in a resource's properties, wherever it stands."""
    for key, value in properties.items():
        if key == "Statement":
            yield from map(whole_statement, value)
        elif isinstance(value, dict):
            yield from statements(value)
        elif isinstance(value, list):
            yield from (
                s for element in value if isinstance(element, dict) for s in statements(element)
            )


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


POLICIES = [
    (logical_id, statement)
    for kind in ("AWS::Serverless::Function", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role")
    for logical_id, properties in resources(kind).items()
    for statement in statements(properties)
]


@pytest.mark.parametrize(("logical_id", "statement"), POLICIES)
def test_permissions_name_their_actions_and_resources(
    logical_id: str, statement: dict[str, Any]
) -> None:
    actions = as_list(statement["Action"])
    assert not [action for action in actions if "*" in action]
    if "Resource" in statement and "*" in as_list(statement["Resource"]):
        assert set(actions) <= set(WILDCARDS_THAT_AWS_NEEDS), logical_id


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_every_function_has_its_folder_and_a_sample_event(logical_id: str) -> None:
    name = logical_id.removesuffix("Function")
    folder = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    assert resources("AWS::Serverless::Function")[logical_id]["CodeUri"] == f"functions/{folder}"
    assert (ROOT / "functions" / folder / "app.py").exists()
    assert (ROOT / "events" / f"{name}.json").exists()


def test_every_folder_of_functions_is_deployed() -> None:
    folders = {f"functions/{path.parent.name}" for path in ROOT.glob("functions/*/app.py")}
    deployed = {resource["CodeUri"] for resource in resources("AWS::Serverless::Function").values()}
    assert folders == deployed
