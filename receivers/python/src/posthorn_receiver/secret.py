"""Signing secrets. The rules are those of the Standard Webhooks spec, widened to plain-text secrets."""

import base64
import binascii
import secrets as random_source
from collections.abc import Iterable
from dataclasses import dataclass, field

Secrets = str | Iterable[str | None] | None
"""One secret or several (while one is rotated). Unset ones, an environment variable that is not there, are skipped."""

_PREFIX = "whsec_"

# No secret that Posthorn signs with has a shorter key, so a receiver that holds one is misconfigured ('', 'None', a truncated
# copy), and anyone could forge its signatures.
_MIN_KEY_BYTES = 12

_UNUSABLE = f"The signing secret is empty, too short or damaged: it is {_PREFIX} and base64, or a text of at least {_MIN_KEY_BYTES} bytes."


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of one secret. Neither shows when it is printed."""

    x: bytes = field(repr=False)
    standard: bytes = field(repr=False)


def generate_secret() -> str:
    """A new secret: `whsec_` and the base64 of 32 random bytes."""
    return _PREFIX + base64.b64encode(random_source.token_bytes(32)).decode()


def standard_secret(secret: str) -> str:
    """The `whsec_` form of any secret, for Standard Webhooks libraries, which take no other.

    It stands for the same key of `webhook-signature`, but not of `X-Signature`, which uses the secret's own characters.

    Raises ValueError if the secret cannot sign.
    """
    return _PREFIX + base64.b64encode(keys_of(secret).standard).decode()


def keys_of(secret: str) -> Keys:
    """Derives a secret's keys. Raises ValueError, which does not repeat it, if it cannot sign."""
    keys = usable_keys(secret)
    if keys is None:
        raise ValueError(_UNUSABLE)
    return keys


def usable_keys(secret: object) -> Keys | None:
    """The keys of a secret, or None if it is unset or cannot sign."""
    if not isinstance(secret, str):
        return None
    try:
        x = secret.encode()
        standard = x
        if secret.startswith(_PREFIX):
            standard = base64.b64decode(secret[len(_PREFIX) :], validate=True)
            # Only what encodes back to itself means the same key in every language's library.
            if base64.b64encode(standard) != x[len(_PREFIX) :]:
                return None
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    return Keys(x, standard) if len(standard) >= _MIN_KEY_BYTES else None


def usable_keys_of_all(secrets: Secrets) -> list[Keys]:
    """The keys of those secrets that can sign; maybe none."""
    return [keys for keys in map(usable_keys, _listed(secrets)) if keys is not None]


def keys_to_start_with(secrets: Secrets) -> list[Keys]:
    """The keys of a receiver that is about to start.

    Unset and empty secrets are skipped, since the next secret of a rotation mostly is; but without any, or with a damaged
    one, there is nothing to start: it would refuse every webhook.

    Raises ValueError in those two cases; it does not repeat a secret.
    """
    given = [secret for secret in _listed(secrets) if secret is not None and secret != ""]
    if not given:
        raise ValueError("No signing secret: it is unset or empty. Is its environment variable there?")
    return [keys_of(secret) for secret in given]


def _listed(secrets: Secrets) -> list[str | None]:
    return [secrets] if isinstance(secrets, str) or secrets is None else list(secrets)
