"""Why a request was refused."""

from typing import Literal

Code = Literal["no_secret", "missing_header", "bad_signature", "bad_timestamp", "bad_body", "too_large"]

_MESSAGES: dict[Code, str] = {
    "no_secret": "No usable signing secret is configured: it is unset (an environment variable?), too short or damaged.",
    "missing_header": "A signature header is missing or empty: the request is not from Posthorn, or something in between removes headers.",
    "bad_signature": "No signature fits: another secret, or the body is not byte for byte what was sent (parsed and written again?).",
    "bad_timestamp": "webhook-timestamp is not Unix seconds, or too far from the clock here: an old request, or a clock that is wrong.",
    "bad_body": "The signature is good, but the body is not a Posthorn event.",
    "too_large": "The body is larger than the limit (limit_bytes).",
}


class WebhookError(Exception):
    """A request that was refused. `code` is stable; the text is for your log and holds nothing of the request or the secret."""

    def __init__(self, code: Code) -> None:
        super().__init__(_MESSAGES[code])
        self.code: Code = code
