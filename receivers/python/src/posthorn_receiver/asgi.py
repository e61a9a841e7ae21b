"""The adapter for ASGI apps: Starlette, FastAPI, Quart, Django, Litestar, or none of them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Unpack

from .receiver import Options, Receiver, Refused, Webhook

__all__ = ["Webhook", "webhook_middleware", "webhook_of"]

# The names of the ASGI specification.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_WEBHOOK = "posthorn.webhook"


def webhook_of(scope: Scope) -> Webhook:
    """The verified webhook of this request.

    Raises LookupError if the middleware did not verify it: better a 500 than an unverified webhook.
    """
    webhook = scope.get(_WEBHOOK)
    if not isinstance(webhook, Webhook):
        raise LookupError("This request was not verified. Is webhook_middleware added, and its path that of the route?")
    return webhook


def webhook_middleware(*, path: str | None = None, **options: Unpack[Options]) -> Callable[[App], App]:
    """A middleware that lets verified webhooks through only; `webhook_of(scope)` is where the app behind it finds them.

    Wrap an app in it, `webhook_middleware(...)(app)`, or hand it to `app.add_middleware`. With `path`, requests to other paths
    pass untouched; without it, all are verified. What does not verify is answered here: 403 `Invalid signature`, or 413. The
    body reaches the app unchanged.

    Raises ValueError at once on options that cannot work: above all a secret that is unset. (A middleware class would raise it
    only when its framework builds it, and servers such as uvicorn run on without.)
    """
    receiver = Receiver(**options)

    def middleware(app: App) -> App:
        async def verifying(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or (path is not None and scope["path"] != path):
                await app(scope, receive, send)
                return
            try:
                outcome = await _outcome(receiver, list(scope["headers"]), receive)
            except _ClientGone:
                return
            if isinstance(outcome, Refused):
                await _refuse(outcome, send)
            else:
                await app({**scope, _WEBHOOK: outcome}, _replay(outcome.body, receive), send)

        return verifying

    return middleware


class _ClientGone(Exception):
    """The body broke off: there is nobody to answer."""


async def _outcome(receiver: Receiver, headers: list[tuple[bytes, bytes]], receive: Receive) -> Webhook | Refused:
    body = await _read(receive, headers, receiver.limit_bytes)
    return receiver.too_large() if body is None else receiver.receive(body, headers)


async def _read(receive: Receive, headers: list[tuple[bytes, bytes]], limit_bytes: int) -> bytes | None:
    """The whole body, or None if it is larger than the limit."""
    for name, value in headers:
        if name.lower() == b"content-length" and value.isdigit() and (len(value) > 15 or int(value) > limit_bytes):
            return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The app reads the body as if nobody had, and after it hears of what the server hears: the client going away."""
    replayed = False

    async def replaying() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


async def _refuse(refused: Refused, send: Send) -> None:
    text = refused.text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    if refused.status == 413:
        # What is still under way is not read into the next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
