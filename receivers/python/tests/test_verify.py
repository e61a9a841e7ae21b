import base64
import hashlib
import hmac
from email.message import Message
from typing import Any

import pytest
from posthorn_receiver import generate_secret, sign_standard, sign_x, standard_secret, verify_standard, verify_webhook, verify_x
from werkzeug.datastructures import Headers as WerkzeugHeaders

from vectors import code_of

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":null}'
NOW = 1_795_428_000


def signed(timestamp: int = NOW) -> dict[str, str]:
    return {
        "x-signature": sign_x(BODY, SECRET),
        "webhook-id": "evt_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign_standard(id="evt_1", timestamp=timestamp, body=BODY, secrets=[SECRET]),
    }


def signed_by_hand(timestamp: str) -> dict[str, str]:
    digest = hmac.new(KEY, f"evt_1.{timestamp}.".encode() + BODY, hashlib.sha256).digest()
    return {**signed(), "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(digest).decode()}


def standard(headers: Any, **options: Any) -> str:
    return code_of(lambda: verify_standard(BODY, headers, secrets=SECRET, now=NOW, **options))


def email_headers() -> Message:
    message = Message()
    for name, value in signed().items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    "headers",
    [
        signed(),
        {name.title(): value for name, value in signed().items()},
        {name: value.encode() for name, value in signed().items()},
        {name: [value] for name, value in signed().items()},
        list(signed().items()),
        [(name.encode(), value.encode()) for name, value in signed().items()],
        WerkzeugHeaders(signed()),
        email_headers(),
    ],
    ids=["lowercase", "titles", "bytes", "lists of one", "pairs", "an ASGI scope's", "werkzeug's", "http.server's"],
)
def test_headers_of_many_kinds(headers: Any) -> None:
    assert standard(headers) == "valid"
    verify_x(BODY, headers, secrets=SECRET)


def test_a_repeated_header_is_not_taken_for_one_of_its_values() -> None:
    for name in ("x-signature", "webhook-id", "webhook-timestamp"):
        repeated = [*signed().items(), (name, signed()[name])]
        x = code_of(lambda repeated=repeated: verify_x(BODY, repeated, secrets=SECRET))  # type: ignore[misc]
        assert "bad_signature" in (x, standard(repeated))


@pytest.mark.parametrize("seconds, code", [(0, "valid"), (300, "valid"), (-300, "valid"), (301, "bad_timestamp"), (-301, "bad_timestamp")])
def test_five_minutes_both_ways(seconds: int, code: str) -> None:
    assert standard(signed(NOW - seconds)) == code


@pytest.mark.parametrize("timestamp", ["+1795428000", "1795428000\n", "1_795_428_000", " 1795428000", "\uff11795428000", "9" * 5_000])
def test_a_timestamp_is_an_integer_in_ascii_digits(timestamp: str) -> None:
    assert standard(signed_by_hand(timestamp)) == "bad_timestamp"


def test_a_forged_request_says_nothing_about_the_clock() -> None:
    assert standard({**signed(NOW - 400), "webhook-id": "evt_2"}) == "bad_signature"


def test_a_clock_or_a_tolerance_that_is_no_number_refuses() -> None:
    nan = float("nan")
    assert standard(signed(), tolerance_seconds=nan) == "bad_timestamp"
    assert code_of(lambda: verify_standard(BODY, signed(), secrets=SECRET, now=nan)) == "bad_timestamp"


def test_the_scheme_is_never_guessed() -> None:
    headers = signed()
    only_x = {"x-signature": headers.pop("x-signature")}
    assert code_of(lambda: verify_webhook(BODY, only_x, secrets=SECRET, now=NOW)) == "missing_header"
    assert code_of(lambda: verify_webhook(BODY, headers, secrets=SECRET, scheme="x-signature")) == "missing_header"
    assert verify_webhook(BODY, headers, secrets=SECRET, now=NOW).id == "evt_1"


@pytest.mark.parametrize(
    "secrets", [None, "", "None", "short", "whsec_", "whsec_AAAA", [], [None, ""], "whsec_" + "é" * 30, "\ud800" * 20, SECRET[:-2] + "9="]
)
def test_no_secret_comes_before_all_else(secrets: Any) -> None:
    assert code_of(lambda: verify_x(BODY, {}, secrets=secrets)) == "no_secret"
    assert code_of(lambda: verify_standard(BODY, {}, secrets=secrets)) == "no_secret"


def test_either_secret_of_a_rotation_is_good() -> None:
    other = "your_secret_key"
    both = sign_standard(id="evt_1", timestamp=NOW, body=BODY, secrets=[SECRET, other])
    headers = {**signed(), "webhook-signature": both}
    for secrets in (SECRET, other, [other, SECRET], [None, other]):
        verify_standard(BODY, headers, secrets=secrets, now=NOW)
    verify_x(BODY, headers, secrets=[other, SECRET])
    assert code_of(lambda: verify_x(BODY, headers, secrets=other)) == "bad_signature"


def test_a_body_that_was_parsed_is_refused() -> None:
    for parsed in ({"id": "evt_1"}, None, BODY.decode()):
        assert code_of(lambda parsed=parsed: verify_webhook(parsed, signed(), secrets=SECRET, now=NOW)) == "bad_signature"  # type: ignore[misc]


def test_secrets_are_made_and_turned_into_those_of_the_standard() -> None:
    secret = generate_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert standard_secret(secret) == secret
    assert standard_secret("your_secret_key") == "whsec_eW91cl9zZWNyZXRfa2V5"
    with pytest.raises(ValueError, match="too short"):
        standard_secret("short")
    with pytest.raises(ValueError, match="at least one secret"):
        sign_standard(id="evt_1", timestamp=NOW, body=BODY, secrets=[])
