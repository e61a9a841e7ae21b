import asyncio
import json
from typing import Any

import pytest
from apps import APPS, Log, Start, ask, converse, start_asgi
from fastapi import FastAPI
from flask import Flask, request
from posthorn_receiver import Webhook, sign_x
from posthorn_receiver.asgi import Receive, Scope, Send, webhook_middleware, webhook_of
from posthorn_receiver.fastapi import VerifiedWebhook
from posthorn_receiver.flask import verified_webhook

from vectors import CASES, Case

SECRET = "your_secret_key"
BODY = (
    '{"id":"evt_1","type":"shipment.created","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox",'
    '"data":{"name":"Gọ́ld","weight_kg":17.0,"legacy_id":9007199254740993}}'
).encode()

each_app = pytest.mark.parametrize("start", APPS.values(), ids=APPS.keys())


def signed(body: bytes = BODY) -> dict[str, str]:
    return {"x-signature": sign_x(body, SECRET)}


def expected_code(case: Case, scheme: str) -> str:
    code = case.standard if scheme == "standard" else case.x_signature
    return code if code != "valid" or case.is_event else "bad_body"


@each_app
@pytest.mark.parametrize("scheme", ["standard", "x-signature"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vectors(start: Start, scheme: str, case: Case) -> None:
    log = Log()
    code = expected_code(case, scheme)
    options: dict[str, Any] = {"secrets": case.secrets, "scheme": scheme, "now": lambda: case.now}
    if code == "no_secret":
        with pytest.raises(ValueError, match="signing secret"):
            start(log, **options)
        return
    answer = start(log, **options)(case.body, case.wire_headers)
    assert (answer, [error.code for error in log.refused]) == (
        ("200 Valid signature", []) if code == "valid" else ("403 Invalid signature", [code])
    )
    assert len(log.taken) == (code == "valid")


@each_app
def test_the_handler_gets_the_event_and_the_very_bytes(start: Start) -> None:
    log = Log()
    assert start(log, secrets=SECRET, scheme="x-signature")(BODY, signed()) == "200 Valid signature"
    [webhook] = log.taken
    assert webhook.body == BODY
    assert (webhook.event.id, webhook.event.environment) == ("evt_1", "sandbox")
    assert webhook.event.data == {"name": "Gọ́ld", "weight_kg": 17.0, "legacy_id": 9007199254740993}


@each_app
@pytest.mark.parametrize(
    "type", ["application/json", "text/plain; charset=utf-16", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_the_content_type_changes_nothing(start: Start, type: str) -> None:
    post = start(Log(), secrets=SECRET, scheme="x-signature")
    assert post(BODY, {**signed(), "content-type": type}) == "200 Valid signature"


@each_app
@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_holds_in_chunks_too(start: Start, chunked: bool) -> None:
    log = Log()
    post = start(log, secrets=SECRET, scheme="x-signature", limit_bytes=len(BODY))
    assert post(BODY, signed(), chunked=chunked) == "200 Valid signature"
    assert post(BODY + b" ", signed(BODY + b" "), chunked=chunked) == "413 Payload too large"
    assert ([error.code for error in log.refused], len(log.taken)) == (["too_large"], 1)


@each_app
def test_by_default_there_is_room_for_1_mib(start: Start) -> None:
    post = start(Log(), secrets=SECRET, scheme="x-signature")
    large = BODY.replace(b'"name":"', b'"name":"' + b"x" * (1_048_576 - len(BODY)))
    assert len(large) == 1_048_576
    assert post(large, signed(large)) == "200 Valid signature"
    assert post(large + b" ", signed(large + b" ")) == "413 Payload too large"


@each_app
def test_nothing_but_well_signed_requests_reaches_the_handler(start: Start) -> None:
    log = Log()
    post = start(log, secrets=SECRET, scheme="x-signature")
    good = signed()["x-signature"]
    for signature in ("", good[1:], good + "0", good.upper(), "\u00e9" * 64, f"{good}, {good}"):
        assert post(BODY, {"x-signature": signature}) == "403 Invalid signature"
    assert post(BODY, {}) == "403 Invalid signature"
    assert post(b"", {}) == "403 Invalid signature"
    assert log.taken == []


@each_app
@pytest.mark.parametrize("secrets", [None, "", [], [None, ""], "tiny", "whsec_", [SECRET, "whsec_spoilt"]])
def test_secrets_that_cannot_sign_refuse_to_start_and_are_not_repeated(start: Start, secrets: Any) -> None:
    with pytest.raises(ValueError, match=r"^(No|The) signing secret") as caught:
        start(Log(), secrets=secrets)
    for secret in ("tiny", "spoilt", SECRET):
        assert secret not in str(caught.value)


@each_app
def test_a_next_secret_that_is_empty_is_none(start: Start) -> None:
    assert start(Log(), secrets=[SECRET, ""], scheme="x-signature")(BODY, signed()) == "200 Valid signature"


@each_app
def test_options_that_cannot_be_refuse_to_start(start: Start) -> None:
    for bad in ({"scheme": "x_signature"}, {"limit_bytes": 0}, {"limit_bytes": 1.5}):
        with pytest.raises(ValueError, match=r"scheme is|limit_bytes is"):
            start(Log(), secrets=SECRET, **bad)


def test_flask_says_so_if_the_body_was_read_before() -> None:
    app = Flask(__name__)
    app.testing = True  # errors come through
    app.before_request(lambda: request.form and None)

    @app.post("/webhooks")
    @verified_webhook(secrets=SECRET, scheme="x-signature")
    def receive(webhook: Webhook) -> str:
        return "Valid signature"

    form = {"content-type": "application/x-www-form-urlencoded"}
    with pytest.raises(RuntimeError, match="The body was read before"):
        app.test_client().post("/webhooks", data=BODY, headers={**signed(), **form})


def test_flask_takes_what_an_earlier_get_json_kept() -> None:
    app = Flask(__name__)
    app.before_request(lambda: request.get_json() and None)

    @app.post("/webhooks")
    @verified_webhook(secrets=SECRET, scheme="x-signature")
    def receive(webhook: Webhook) -> str:
        return "Valid signature"

    response = app.test_client().post("/webhooks", data=BODY, headers={**signed(), "content-type": "application/json"})
    assert response.status_code == 200


def test_flask_takes_async_views_and_arguments_of_the_path() -> None:
    app = Flask(__name__)

    @app.post("/webhooks/<customer>")
    @verified_webhook(secrets=SECRET, scheme="x-signature")
    async def receive(webhook: Webhook, customer: str) -> str:
        return f"{customer} {webhook.event.id}"

    assert app.test_client().post("/webhooks/acme", data=BODY, headers=signed()).text == "acme evt_1"


def test_asgi_leaves_other_paths_and_kinds_of_connection_alone() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kinds.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def nothing() -> dict[str, Any]:
        return {}

    async def nowhere(message: Any) -> None:
        raise AssertionError(message)

    kinds: list[str] = []
    wrapped = webhook_middleware(path="/webhooks", secrets=SECRET)(app)
    assert ask(wrapped, b"", {}, path="/health") == "204 "
    assert ask(wrapped, b"", {}) == "403 Invalid signature"

    async def live() -> None:
        await wrapped({"type": "lifespan"}, nothing, nowhere)

    asyncio.run(live())
    assert kinds == ["http", "lifespan"]


def test_asgi_hands_the_body_on_unchanged() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        webhook_of(scope)
        message = await receive()
        after = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"] + after["type"].encode()})

    wrapped = webhook_middleware(secrets=SECRET, scheme="x-signature")(app)
    assert ask(wrapped, BODY, signed()) == "200 " + BODY.decode() + "http.disconnect"


def test_asgi_a_sender_that_gives_up_is_answered_nothing() -> None:
    log = Log()
    pieces = [{"type": "http.request", "body": BODY[:10], "more_body": True}]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("called")

    wrapped = webhook_middleware(secrets=SECRET, on_refused=log.refused.append)(app)
    assert asyncio.run(converse(wrapped, list(pieces), signed())) == ""
    assert log.refused == []


def test_asgi_a_body_without_an_end_is_answered_as_soon_as_it_is_too_large() -> None:
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += 100
        return {"type": "http.request", "body": b"x" * 100, "more_body": taken < 100_000}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("called")

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask_endlessly() -> None:
        await webhook_middleware(secrets=SECRET, limit_bytes=1_000)(app)({"type": "http", "path": "/", "headers": []}, endless, send)

    sent: list[Any] = []
    asyncio.run(ask_endlessly())
    assert (sent[0]["status"], taken) == (413, 1_100)


def test_a_content_length_of_thousands_of_digits_is_too_large() -> None:
    assert start_asgi(Log(), secrets=SECRET)(BODY, {"content-length": "9" * 5_000}) == "413 Payload too large"


def test_fastapi_without_the_middleware_never_takes_a_webhook() -> None:
    app = FastAPI()

    @app.post("/webhooks")
    async def receive(webhook: VerifiedWebhook) -> str:
        return "Valid signature"

    with pytest.raises(LookupError, match=r"not verified\. Is webhook_middleware added"):
        ask(app, BODY, signed())


def test_a_byte_order_mark_that_was_signed_is_skipped() -> None:
    body = b"\xef\xbb\xbf" + BODY
    assert start_asgi(Log(), secrets=SECRET, scheme="x-signature")(body, signed(body)) == "200 Valid signature"


def test_a_body_that_is_no_event_is_refused_although_it_is_signed() -> None:
    for body in (
        b"{",
        b"[]",
        b"null",
        b'{"id":1}',
        BODY.replace(b"sandbox", b"test"),
        BODY.replace(b"17.0", b"NaN"),
        b"[" * 100_000,
        json.dumps({}).encode("utf-16"),
    ):
        log = Log()
        assert start_asgi(log, secrets=SECRET, scheme="x-signature")(body, signed(body)) == "403 Invalid signature"
        assert [error.code for error in log.refused] == ["bad_body"]
