"""Reading one header out of what servers and frameworks hand over."""

from collections.abc import Iterable, Mapping
from typing import Any

# Names to values, in any case, or pairs: those of werkzeug, Starlette, Django, http.server, a plain dict, an ASGI scope's list.
Headers = Mapping[str, Any] | Iterable[tuple[Any, Any]]


def read_header(headers: Headers | None, name: str) -> str:
    """A header's value, or '' if it is missing. Never raises on plain data.

    A repeated header reads as servers join it: with a comma. No signature, id or timestamp has one, so it is never taken for good.
    """
    # Not isinstance(…, Mapping): werkzeug's and email's headers are none.
    items = getattr(headers, "items", None)
    pairs = headers if items is None else items()
    values: list[str] = []
    for pair in pairs if isinstance(pairs, Iterable) else ():
        if isinstance(pair, tuple | list) and len(pair) == 2 and _text(pair[0]).lower() == name:
            values += [_text(value) for value in (pair[1] if isinstance(pair[1], list | tuple) else [pair[1]])]
    return ", ".join(values)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""
