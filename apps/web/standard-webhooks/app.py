import os

from flask import Flask, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])  # raises without a secret
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024


@app.post("/webhooks")
def receive():
    try:
        event = webhook.verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError:
        return "Invalid signature", 403, {"Content-Type": "text/plain"}
    app.logger.info("%s %s", event["id"], event["type"])  # the same id may come twice: remember it
    return "Valid signature", 200, {"Content-Type": "text/plain"}
