"""A receiver with the kit and FastAPI, on uvicorn."""

import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from posthorn_receiver.fastapi import VerifiedWebhook, webhook_middleware

from settings import listen, options

app = FastAPI()
app.add_middleware(webhook_middleware(path="/webhooks", **options()))


@app.post("/webhooks")
async def receive(webhook: VerifiedWebhook) -> PlainTextResponse:
    print(f"{webhook.event.type} {webhook.event.id}")
    return PlainTextResponse("Valid signature")


if __name__ == "__main__":
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listen()])
