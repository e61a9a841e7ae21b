"""Runs the version without the kit, as `flask run` would, on the HOST and PORT of the environment."""

import os

from werkzeug.serving import make_server

from app import app

server = make_server(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "4000")), app, threaded=True)
print(f"listening on http://{server.host}:{server.server_port}", flush=True)
server.serve_forever()
