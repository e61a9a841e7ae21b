"""For FastAPI, on top of `posthorn_receiver.asgi`: the verified webhook as a parameter of the route."""

from typing import Annotated

from fastapi import Depends, Request

from .asgi import webhook_middleware, webhook_of
from .receiver import Webhook

__all__ = ["VerifiedWebhook", "Webhook", "webhook_middleware"]


def _of_request(request: Request) -> Webhook:
    return webhook_of(request.scope)


VerifiedWebhook = Annotated[Webhook, Depends(_of_request)]
"""The type of the route's parameter; without `app.add_middleware(webhook_middleware(path=..., secrets=...))` the route fails."""
