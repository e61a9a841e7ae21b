"""The adapter for Flask 3.1 and later."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias, Unpack

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from .receiver import Options, Receiver, Refused, Webhook

__all__ = ["Webhook", "verified_webhook"]

P = ParamSpec("P")
View: TypeAlias = Callable[Concatenate[Webhook, P], ResponseReturnValue | Awaitable[ResponseReturnValue]]


def verified_webhook(**options: Unpack[Options]) -> Callable[[View[P]], Callable[P, ResponseReturnValue]]:
    """A decorator for a view, below its `@app.post`: the view is called with verified webhooks only, as its first argument.

    Anything else is answered here: 403 `Invalid signature`, or 413. Answer with a 2xx within 30 seconds.

    Raises ValueError on options that cannot work: above all a secret that is unset.
    """
    receiver = Receiver(**options)

    def decorate(view: View[P]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def verified_view(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            outcome = _receive(receiver)
            if isinstance(outcome, Refused):
                return Response(outcome.text, outcome.status, mimetype="text/plain")
            answer: ResponseReturnValue = current_app.ensure_sync(view)(outcome, *args, **kwargs)
            return answer

        return verified_view

    return decorate


def _receive(receiver: Receiver) -> Webhook | Refused:
    # This route's own limit, whatever the app's is. One byte more, since a body without a Content-Length is cut there, not refused.
    request.max_content_length = receiver.limit_bytes + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        return receiver.too_large()
    if not body and request.content_length:
        # A 403 would send the developer looking for a wrong secret.
        raise RuntimeError(
            "The body was read before its signature could be verified, and its exact bytes are lost. "
            "Is there a before_request hook that uses request.form or request.stream?"
        )
    return receiver.receive(body, request.headers)
