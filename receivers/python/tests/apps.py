"""One receiver in each framework, asked in this process with bytes of our own choice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, Unpack

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from flask import Flask
from posthorn_receiver import Options, Webhook, WebhookError
from posthorn_receiver.asgi import App, Message, Receive, Scope, Send, webhook_middleware, webhook_of
from posthorn_receiver.fastapi import VerifiedWebhook
from posthorn_receiver.flask import verified_webhook

Headers = dict[str, str]


@dataclass
class Log:
    taken: list[Webhook] = field(default_factory=list)
    refused: list[WebhookError] = field(default_factory=list)


class Post(Protocol):
    def __call__(self, body: bytes, headers: Headers, *, chunked: bool = False) -> str:
        """Posts the body, in pieces without a Content-Length if `chunked`. The answer is its status and its text."""


Start = Callable[..., Post]


def start_flask(log: Log, **options: Unpack[Options]) -> Post:
    app = Flask(__name__)
    options["on_refused"] = log.refused.append

    @app.post("/webhooks")
    @verified_webhook(**options)
    def receive(webhook: Webhook) -> str:
        log.taken.append(webhook)
        return "Valid signature"

    def post(body: bytes, headers: Headers, *, chunked: bool = False) -> str:
        extra: dict[str, Any] = {"environ_overrides": {"wsgi.input_terminated": True}} if chunked else {}
        client = app.test_client()
        builder: dict[str, Any] = {"data": body, "headers": headers, **extra}
        if chunked:
            builder["environ_overrides"]["CONTENT_LENGTH"] = ""
        response = client.post("/webhooks", **builder)
        return f"{response.status_code} {response.text}"

    return post


def start_asgi(log: Log, **options: Unpack[Options]) -> Post:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        log.taken.append(webhook_of(scope))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"Valid signature"})

    options["on_refused"] = log.refused.append
    middleware = webhook_middleware(**options)
    return lambda body, headers, *, chunked=False: ask(middleware(app), body, headers, chunked=chunked)


def start_fastapi(log: Log, **options: Unpack[Options]) -> Post:
    app = FastAPI()
    options["on_refused"] = log.refused.append
    app.add_middleware(webhook_middleware(path="/webhooks", **options))

    @app.post("/webhooks")
    async def receive(webhook: VerifiedWebhook) -> PlainTextResponse:
        log.taken.append(webhook)
        return PlainTextResponse("Valid signature")

    return lambda body, headers, *, chunked=False: ask(app, body, headers, chunked=chunked)


def ask(app: App, body: bytes, headers: Headers, *, chunked: bool = False, path: str = "/webhooks") -> str:
    """One POST to an ASGI app, as a server would hand it over."""
    pieces: list[Message] = [{"type": "http.request", "body": body[at : at + 7], "more_body": True} for at in range(0, len(body), 7)]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    return asyncio.run(converse(app, pieces, headers if chunked else {"content-length": str(len(body)), **headers}, path))


async def converse(app: App, incoming: list[Message], headers: Headers, path: str = "/webhooks") -> str:
    sent: list[Message] = []
    remaining = iter(incoming)

    async def receive() -> Message:
        return next(remaining, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    if not sent:
        return ""
    return f"{sent[0]['status']} {b''.join(message.get('body', b'') for message in sent[1:]).decode()}"


APPS: dict[str, Start] = {"flask": start_flask, "asgi": start_asgi, "fastapi": start_fastapi}
