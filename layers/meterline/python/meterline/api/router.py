"""Routes: the operations of one function, found by method and path."""

from collections.abc import Iterable

from meterline.api.absent import absent_operation
from meterline.api.errors import unknown_route, wrong_method
from meterline.api.operations import Operation, is_variable, segments_of


class Routes:
    """The operations of one function, found by method and path.

    ``reserved`` paths are words of Stripe's where other paths have an id: no operation serves them.
    """

    def __init__(self, operations: Iterable[Operation], *, reserved: Iterable[str] = ()) -> None:
        self.operations = tuple(operations)
        self.reserved = tuple(reserved)
        self._by_length: dict[int, list[tuple[tuple[str, ...], Operation]]] = {}
        for operation in self.operations:
            template = segments_of(operation.path)
            self._by_length.setdefault(len(template), []).append((template, operation))
        for routes in self._by_length.values():
            # Fixed words before variables: /customers/search is not the customer "search".
            routes.sort(key=lambda route: [is_variable(segment) for segment in route[0]])

    def match(self, method: str, path: str) -> tuple[Operation, list[str]]:
        """The operation and the values of its path's variables.

        What Stripe has and Meterline has not is answered by ``absent``; BillingError 404 (405 in
        v2) for what neither has.
        """
        segments = segments_of(path)
        allowed: list[str] = []
        is_reserved = any(f"{path}/".startswith(f"{word}/") for word in self.reserved)
        for template, operation in [] if is_reserved else self._by_length.get(len(segments), []):
            if not _fits(template, segments):
                continue
            if operation.method == method:
                pairs = zip(template, segments, strict=True)
                return operation, [segment for name, segment in pairs if is_variable(name)]
            allowed.append(operation.method)
        if allowed and path.startswith("/v2/"):
            raise wrong_method(method, path, sorted(set(allowed)))

        absent = absent_operation(method, path)
        if absent is not None:
            return absent, []
        raise unknown_route(method, path)


def _fits(template: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    pairs = zip(template, segments, strict=True)
    return all(segment != "" if is_variable(name) else name == segment for name, segment in pairs)
