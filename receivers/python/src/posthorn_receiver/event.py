"""The parsed body of a webhook."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """The body of a webhook. Dedupe on `id`: an event may arrive more than once."""

    id: str
    type: str
    timestamp: str
    """When the event was published, RFC 3339 in UTC with milliseconds."""
    environment: Literal["production", "sandbox"]
    data: Any
    """As `json.loads` reads it: integers keep their digits, 17.0 is a float. Parse the raw body yourself for decimals."""


def parse_event(body: bytes) -> WebhookEvent | None:
    """The event, or None if the body is not one. Fields that a later version may add are ignored."""
    try:
        # Strictly UTF-8: json.loads would guess UTF-16, and take NaN. A byte order mark is skipped: it was signed, too.
        fields = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or "data" not in fields:
        return None
    id, type, timestamp, environment = (fields.get(name) for name in ("id", "type", "timestamp", "environment"))
    if not (isinstance(id, str) and isinstance(type, str) and isinstance(timestamp, str) and environment in ("production", "sandbox")):
        return None
    return WebhookEvent(id, type, timestamp, environment, fields["data"])


def _integer(digits: str) -> int | Decimal:
    try:
        return int(digits)
    except ValueError:
        # Python's guard against long integers. The event is signed and its size bounded: it must not be refused for good.
        return Decimal(digits)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
