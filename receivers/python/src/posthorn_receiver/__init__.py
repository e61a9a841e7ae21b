"""Verify the webhooks that Posthorn sends: `X-Signature` and Standard Webhooks, without dependencies.

`verify_webhook` is all that a framework needs. `posthorn_receiver.flask`, `.asgi` and `.fastapi` hold adapters.
"""

from .dedupe import Dedupe, MemoryDedupe, once
from .errors import Code, WebhookError
from .event import WebhookEvent
from .headers import Headers
from .receiver import Options, Webhook
from .secret import Secrets, generate_secret, standard_secret
from .sign import sign_standard, sign_x
from .verify import Scheme, verify_standard, verify_webhook, verify_x

__version__ = "0.1.0"

__all__ = [
    "Code",
    "Dedupe",
    "Headers",
    "MemoryDedupe",
    "Options",
    "Scheme",
    "Secrets",
    "Webhook",
    "WebhookError",
    "WebhookEvent",
    "generate_secret",
    "once",
    "sign_standard",
    "sign_x",
    "standard_secret",
    "verify_standard",
    "verify_webhook",
    "verify_x",
]
