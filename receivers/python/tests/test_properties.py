"""Any bytes and any header: nothing but `WebhookError`, and every change of a good request is refused.

2,000 cases each; RECEIVER_CASES=200000 is the long form. RECEIVER_SEED repeats a run.
"""

import itertools
import os
import random

from posthorn_receiver import sign_standard, sign_x, verify_standard, verify_webhook, verify_x

from anything import HEADERS, NOW, Anything
from vectors import code_of

CASES = int(os.environ.get("RECEIVER_CASES", "2000"))
SEED = int(os.environ.get("RECEIVER_SEED", random.randrange(2**32)))
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_nothing_makes_verifying_raise_anything_else_and_nothing_is_taken_for_good() -> None:
    anything = Anything(SEED)
    for number in range(CASES):
        body, headers = anything.body(), anything.headers()
        secrets = anything.one_of(lambda: SECRET, lambda: SECRET, anything.text, lambda: anything.some(anything.text, 2), lambda: None)
        case = f"RECEIVER_SEED={SEED}, case {number}: {body!r} {headers!r} {secrets!r}"
        try:
            codes = {
                code_of(lambda: verify_x(body, headers, secrets=secrets)),  # noqa: B023
                code_of(lambda: verify_standard(body, headers, secrets=secrets, now=NOW)),  # noqa: B023
                code_of(lambda: verify_webhook(body, headers, secrets=secrets, now=NOW)),  # noqa: B023
            }
        except Exception as error:
            raise AssertionError(case) from error
        assert codes <= {"no_secret", "missing_header", "bad_signature"}, case


def signed(body: bytes, id: str, timestamp: int) -> dict[str, bytes]:
    return {
        "x-signature": sign_x(body, SECRET).encode(),
        "webhook-id": id.encode(),
        "webhook-timestamp": str(timestamp).encode(),
        "webhook-signature": sign_standard(id=id, timestamp=timestamp, body=body, secrets=[SECRET]).encode(),
    }


def verdicts(body: bytes, headers: dict[str, bytes]) -> tuple[str, str]:
    return (
        code_of(lambda: verify_x(body, headers, secrets=SECRET)),
        code_of(lambda: verify_standard(body, headers, secrets=SECRET, now=NOW)),
    )


def with_byte_changed(value: bytes, at: int, by: int) -> bytes:
    changed = bytearray(value)
    changed[at % len(changed)] ^= by
    return bytes(changed)


def test_every_change_of_one_byte_is_refused() -> None:
    anything = Anything(SEED)
    for number in range(CASES):
        body = anything.bytes() + b"x"
        headers = signed(body, f"evt_{anything.number(0, 10**9)}", NOW + anything.number(-300, 300))
        part = anything.among("body", *HEADERS)
        at, by = anything.number(0, 10**6), anything.number(1, 255)
        case = f"RECEIVER_SEED={SEED}, case {number}: {body!r} {headers!r} {part} {at} {by}"
        assert verdicts(body, headers) == ("valid", "valid"), case
        if part == "body":
            assert verdicts(with_byte_changed(body, at, by), headers) == ("bad_signature", "bad_signature"), case
        else:
            x, standard = verdicts(body, {**headers, part: with_byte_changed(headers[part], at, by)})
            assert (x == "valid", standard == "valid") == (part != "x-signature", part == "x-signature"), case


def test_every_change_of_one_byte_of_one_request_is_refused_without_exception() -> None:
    body = b'{"id":"evt_1","type":"shipment.created","data":{"weight_kg":17.0}}'
    headers = signed(body, "evt_1", NOW)
    changes = 0
    for at, by in itertools.product(range(len(body)), range(1, 256)):
        assert verdicts(with_byte_changed(body, at, by), headers) == ("bad_signature", "bad_signature")
        changes += 1
    for part in HEADERS:
        for at, by in itertools.product(range(len(headers[part])), range(1, 256)):
            changed = {**headers, part: with_byte_changed(headers[part], at, by)}
            assert verdicts(body, changed)[0 if part == "x-signature" else 1] == "bad_signature"
            changes += 1
    assert changes == (len(body) + sum(map(len, headers.values()))) * 255
