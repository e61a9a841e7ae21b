"""Verifies deliveries with PyPI's `standardwebhooks`, unmodified. A list of deliveries comes in, a list of outcomes goes out, as JSON."""

import base64
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def outcome(delivery: dict) -> str:
    try:
        Webhook(delivery["secret"]).verify(base64.b64decode(delivery["body_base64"]), delivery["headers"])
    except WebhookVerificationError as error:
        return f"refused: {error}"
    return "valid"


print(json.dumps([outcome(delivery) for delivery in json.load(sys.stdin)]))
