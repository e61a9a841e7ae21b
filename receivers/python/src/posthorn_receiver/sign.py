"""Making the two signatures, for tests of your own receiver."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from .secret import Keys, keys_of


def sign_x(body: bytes, secret: str) -> str:
    """The value of `X-Signature`: HMAC-SHA256 over the raw body in lowercase hex, keyed with the secret's own characters.

    Raises ValueError if the secret cannot sign.
    """
    return x_signature(keys_of(secret), body)


def sign_standard(*, id: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> str:
    """The value of `webhook-signature` (Standard Webhooks): `v1,<base64>` for each secret, separated by spaces.

    `timestamp` is Unix time in whole seconds. Raises ValueError if there is no secret, or one cannot sign.
    """
    signatures = [standard_signature(keys_of(secret), id, str(int(timestamp)), body) for secret in secrets]
    if not signatures:
        raise ValueError("sign_standard needs at least one secret.")
    return " ".join(signatures)


def x_signature(keys: Keys, body: bytes) -> str:
    return hmac.new(keys.x, body, hashlib.sha256).hexdigest()


def standard_signature(keys: Keys, id: str, timestamp: str, body: bytes) -> str:
    """One `v1,<base64>`. The timestamp is the header's text, so that verifying signs exactly what was received."""
    # A header may hold any character; surrogatepass, since encoding must not raise on a stranger's.
    content = f"{id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return "v1," + base64.b64encode(hmac.new(keys.standard, content, hashlib.sha256).digest()).decode()
