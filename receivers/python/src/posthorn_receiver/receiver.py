"""What the adapters of all frameworks share: options that are checked when the receiver starts, and one request verified."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NotRequired, Required, TypedDict, Unpack

from .errors import WebhookError
from .event import WebhookEvent
from .headers import Headers
from .secret import Secrets, keys_to_start_with
from .verify import TOLERANCE_SECONDS, Scheme, verified_event

# 1 MiB, four times the largest event that Posthorn takes.
LIMIT_BYTES = 1_048_576


class Options(TypedDict):
    """What each adapter takes."""

    secrets: Required[Secrets]
    """One secret or, during a rotation, several; unset ones beside a good one are skipped."""
    scheme: NotRequired[Scheme]
    """`standard` (default) or `x-signature`."""
    limit_bytes: NotRequired[int]
    """The largest body that is taken; 1 MiB by default."""
    tolerance_seconds: NotRequired[float]
    """How far `webhook-timestamp` may be from now, either way; 300 by default."""
    now: NotRequired[Callable[[], float]]
    """The clock, Unix time in seconds; for tests."""
    on_refused: NotRequired[Callable[[WebhookError], object]]
    """Hears why a request was refused, for your log: the answer itself does not say."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request that was verified."""

    event: WebhookEvent
    body: bytes
    """Byte for byte as it came."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a refused request is answered, as text/plain. It tells a stranger nothing about why."""

    status: int
    text: str


class Receiver:
    """Verifies requests by options that were checked once.

    Raises ValueError when it is made with a secret that is unset or cannot sign, an unknown scheme or an impossible limit.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        self._keys = keys_to_start_with(options["secrets"])
        self._scheme = options.get("scheme", "standard")
        self.limit_bytes = options.get("limit_bytes", LIMIT_BYTES)
        self._tolerance_seconds = options.get("tolerance_seconds", TOLERANCE_SECONDS)
        self._now = options.get("now")
        self._on_refused = options.get("on_refused")
        # A misspelled scheme would silently mean the default.
        if self._scheme not in ("standard", "x-signature"):
            raise ValueError("scheme is 'standard' or 'x-signature'.")
        if not isinstance(self.limit_bytes, int) or self.limit_bytes < 1:
            raise ValueError("limit_bytes is a whole number of bytes, 1 or more.")

    def receive(self, body: bytes, headers: Headers) -> Webhook | Refused:
        """Verifies what was read whole."""
        if len(body) > self.limit_bytes:
            return self.too_large()
        try:
            event = verified_event(
                body,
                headers,
                keys=self._keys,
                scheme=self._scheme,
                now=None if self._now is None else self._now(),
                tolerance_seconds=self._tolerance_seconds,
            )
        except WebhookError as error:
            self._tell(error)
            return Refused(403, "Invalid signature")
        return Webhook(event, body)

    def too_large(self) -> Refused:
        """The outcome of a body that is larger than the limit."""
        self._tell(WebhookError("too_large"))
        return Refused(413, "Payload too large")

    def _tell(self, error: WebhookError) -> None:
        if self._on_refused is not None:
            self._on_refused(error)
