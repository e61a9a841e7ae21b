"""What the examples take from the environment."""

import os
import socket
import sys
from collections.abc import Mapping

from posthorn_receiver import Options, WebhookError


def _tell(error: WebhookError) -> None:
    print(f"refused, {error.code}: {error}", file=sys.stderr)


def options(env: Mapping[str, str] = os.environ) -> Options:
    return {
        # The second one is there while the secret is being rotated.
        "secrets": [env.get("WEBHOOK_SECRET"), env.get("WEBHOOK_SECRET_NEXT")],
        "scheme": "x-signature" if env.get("WEBHOOK_SCHEME") == "x-signature" else "standard",
        "on_refused": _tell,
    }


def listen(env: Mapping[str, str] = os.environ) -> socket.socket:
    listening = socket.create_server((env.get("HOST", "127.0.0.1"), int(env.get("PORT", "4000"))))
    host, port = listening.getsockname()[:2]
    print(f"listening on http://{host}:{port}", flush=True)
    return listening
