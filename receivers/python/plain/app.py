import hashlib
import hmac
import os

from flask import Flask, request

secret = os.environ.get("WEBHOOK_SECRET", "").encode()
if len(secret) < 12:
    raise SystemExit("WEBHOOK_SECRET is unset or too short: anyone could forge webhooks.")
app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024


@app.post("/webhooks")
def receive() -> tuple[str, int, dict[str, str]]:
    expected = hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
    # As bytes: compare_digest raises on text that is not ASCII.
    valid = hmac.compare_digest(request.headers.get("X-Signature", "").encode(), expected.encode())
    return "Valid signature" if valid else "Invalid signature", 200 if valid else 403, {"Content-Type": "text/plain"}
