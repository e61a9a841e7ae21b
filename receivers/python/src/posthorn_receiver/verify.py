"""Checking the two signatures.

The order of the checks is the same in the kits of all languages: a usable secret, the headers, the signature, the timestamp;
the first that fails names the error. What a stranger sends raises `WebhookError` and nothing else.
"""

import hmac
import re
import time
from typing import Literal

from .errors import WebhookError
from .event import WebhookEvent, parse_event
from .headers import Headers, read_header
from .secret import Keys, Secrets, usable_keys_of_all
from .sign import standard_signature, x_signature

Scheme = Literal["standard", "x-signature"]
"""Which of the two signatures counts. Never guessed from the headers: whoever replays a request could leave those of the better one out."""

TOLERANCE_SECONDS = 300


def verify_webhook(
    body: bytes,
    headers: Headers | None,
    *,
    secrets: Secrets,
    scheme: Scheme = "standard",
    now: float | None = None,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> WebhookEvent:
    """Verifies a request and returns its event.

    `body` is the raw body, before any parsing. `now` is Unix time in seconds, by default the machine's clock.

    Raises WebhookError, whose `code` is `no_secret`, `missing_header`, `bad_signature`, `bad_timestamp` or, for a good signature
    over something that is not an event, `bad_body`.
    """
    keys = usable_keys_of_all(secrets)
    return verified_event(body, headers, keys=keys, scheme=scheme, now=now, tolerance_seconds=tolerance_seconds)


def verify_x(body: bytes, headers: Headers | None, *, secrets: Secrets) -> None:
    """Verifies `X-Signature`. It covers the body and nothing else, so an old request passes as long as its secret does.

    Prefer `verify_standard`. Raises WebhookError.
    """
    check_x(body, headers, usable_keys_of_all(secrets))


def verify_standard(
    body: bytes,
    headers: Headers | None,
    *,
    secrets: Secrets,
    now: float | None = None,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> None:
    """Verifies `webhook-signature` by the Standard Webhooks spec: body, id and time of the attempt. Raises WebhookError."""
    check_standard(body, headers, usable_keys_of_all(secrets), now=now, tolerance_seconds=tolerance_seconds)


def verified_event(
    body: bytes,
    headers: Headers | None,
    *,
    keys: list[Keys],
    scheme: Scheme,
    now: float | None,
    tolerance_seconds: float,
) -> WebhookEvent:
    """`verify_webhook` with keys that were derived before."""
    if scheme == "x-signature":
        check_x(body, headers, keys)
    else:
        check_standard(body, headers, keys, now=now, tolerance_seconds=tolerance_seconds)
    event = parse_event(_raw(body))
    if event is None:
        raise WebhookError("bad_body")
    return event


def check_x(body: bytes, headers: Headers | None, keys: list[Keys]) -> None:
    if not keys:
        raise WebhookError("no_secret")
    given = read_header(headers, "x-signature")
    if given == "":
        raise WebhookError("missing_header")
    raw = _raw(body)
    if not any(_same_text(given, x_signature(one, raw)) for one in keys):
        raise WebhookError("bad_signature")


def check_standard(body: bytes, headers: Headers | None, keys: list[Keys], *, now: float | None, tolerance_seconds: float) -> None:
    if not keys:
        raise WebhookError("no_secret")
    id = read_header(headers, "webhook-id")
    timestamp = read_header(headers, "webhook-timestamp")
    signatures = read_header(headers, "webhook-signature")
    if "" in (id, timestamp, signatures):
        raise WebhookError("missing_header")
    raw = _raw(body)
    expected = [standard_signature(one, id, timestamp, raw) for one in keys]
    if not any(_same_text(given, one) for given in signatures.split(" ") for one in expected):
        raise WebhookError("bad_signature")
    # int() alone takes '1_7', ' 17 ' and the digits of other scripts, and raises on 5,000 of them. "Is it near" fails for a NaN.
    at = int(timestamp) if re.fullmatch("[0-9]{1,20}", timestamp) else None
    if at is None or not abs((time.time() if now is None else now) - at) <= tolerance_seconds:
        raise WebhookError("bad_timestamp")


def _raw(body: object) -> bytes:
    """The commonest mistake, a parsed body, is a refusal and not a crash: a request without a body may lead here too."""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise WebhookError("bad_signature")


def _same_text(given: str, expected: str) -> bool:
    """Compares without telling by its duration where two texts differ. compare_digest raises on text that is not ASCII."""
    return given.isascii() and hmac.compare_digest(given, expected)
