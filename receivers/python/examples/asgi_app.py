"""A receiver with the kit and no framework: an ASGI app, on uvicorn."""

import uvicorn
from posthorn_receiver.asgi import Receive, Scope, Send, webhook_middleware, webhook_of

from settings import listen, options


async def receive_webhook(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http" and scope["path"] == "/webhooks"
    event = webhook_of(scope).event
    print(f"{event.type} {event.id}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Valid signature"})


app = webhook_middleware(**options())(receive_webhook)

if __name__ == "__main__":
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listen()])
