"""A receiver with the kit and Flask."""

from flask import Flask
from posthorn_receiver.flask import Webhook, verified_webhook
from werkzeug.serving import make_server

from settings import listen, options

app = Flask(__name__)


@app.post("/webhooks")
@verified_webhook(**options())
def receive(webhook: Webhook) -> tuple[str, dict[str, str]]:
    print(f"{webhook.event.type} {webhook.event.id}")
    return "Valid signature", {"Content-Type": "text/plain"}


if __name__ == "__main__":
    with listen() as listening:
        host, port = listening.getsockname()
        make_server(host, port, app, threaded=True, fd=listening.fileno()).serve_forever()
