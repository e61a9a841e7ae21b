"""What users get: wheel and sdist build, install and type-check elsewhere, and the README's examples run."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
from apps import ask
from posthorn_receiver import WebhookEvent, sign_standard
from test_adapters import BODY, SECRET

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text()


def run(*command: str | Path, cwd: Path = HOME) -> str:
    """What the command printed; fails with it if the command does."""
    done = subprocess.run(
        command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_types() -> None:
    assert "no issues found" in run(sys.executable, "-m", "mypy")


def test_style() -> None:
    run(sys.executable, "-m", "ruff", "check", ".")
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


CONSUMER = """
from posthorn_receiver import MemoryDedupe, WebhookError, once, sign_x, verify_webhook
import posthorn_receiver.asgi

body = b'{"id":"evt_1","type":"a.b","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":1}'
headers = {"X-Signature": sign_x(body, "your_secret_key")}
event = verify_webhook(body, headers, secrets="your_secret_key", scheme="x-signature")
with once(MemoryDedupe(), event.id) as new:
    assert new
try:
    verify_webhook(body + b" ", headers, secrets="your_secret_key", scheme="x-signature")
except WebhookError as error:
    print(event.id, error.code, posthorn_receiver.__version__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_wheel_and_sdist_install_and_work_without_anything_else(built: Path, kind: str, tmp_path: Path) -> None:
    [package] = built.glob(kind)
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    if kind == "*.tar.gz":
        # Building needs flit_core, which is here already, so that no network is needed.
        site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "venv")}))
        (site_packages / "flit_core.pth").write_text(sysconfig.get_path("purelib"))
        pip.append("--no-build-isolation")
    run(*pip, package)
    program = tmp_path / "consumer.py"
    program.write_text(CONSUMER)
    assert run(python, "-I", program, cwd=tmp_path) == "evt_1 bad_signature 0.1.0\n"
    assert "no issues found" in run(sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program, cwd=tmp_path)


def test_what_the_packages_hold(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    [sdist] = built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert "posthorn_receiver/py.typed" in names
    assert "posthorn_receiver-0.1.0.dist-info/licenses/LICENSE" in names
    metadata = zipfile.ZipFile(wheel).read("posthorn_receiver-0.1.0.dist-info/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "# posthorn-receiver" in metadata
    assert "Requires-Dist" not in metadata
    with tarfile.open(sdist) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "tests/test_vectors.py", "src/posthorn_receiver/py.typed"} <= held
    assert not [name for name in held if ".venv" in name or "__pycache__" in name]


def example(kind: str) -> str:
    found = re.search(rf"```python {kind}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def run_example(kind: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example(kind), f"README.md {kind}", "exec"), names)
    return names


def signed_now() -> dict[str, str]:
    now = int(time.time())
    signature = sign_standard(id="evt_1", timestamp=now, body=BODY, secrets=[SECRET])
    return {"webhook-id": "evt_1", "webhook-timestamp": str(now), "webhook-signature": signature}


def test_the_readmes_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_SECRET", raising=False)
    with pytest.raises(ValueError, match="No signing secret"):
        run_example("flask")
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    client = run_example("flask")["app"].test_client()
    assert client.post("/webhooks", data=BODY, headers=signed_now()).text == "Valid signature"
    assert client.post("/webhooks", data=BODY + b" ", headers=signed_now()).status_code == 403


def test_the_readmes_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_SECRET", raising=False)
    with pytest.raises(ValueError, match="No signing secret"):
        run_example("fastapi")
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    app = run_example("fastapi")["app"]
    assert ask(app, BODY, signed_now()) == "200 Valid signature"
    assert ask(app, BODY + b" ", signed_now()) == "403 Invalid signature"


def test_the_readmes_dedupe_on_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_example("dedupe")
    event = WebhookEvent("evt_1", "shipment.created", "2026-11-23T10:00:00.000Z", "sandbox", {"shipment": {"id": "shp_1"}})
    broken = WebhookEvent("evt_2", "shipment.created", "2026-11-23T10:00:00.000Z", "sandbox", {})
    assert [names["handle"](event), names["handle"](event)] == [True, False]
    with pytest.raises(KeyError):
        names["handle"](broken)
    rows = names["database"].execute("SELECT (SELECT count(*) FROM handled_webhooks), (SELECT count(*) FROM bookings)").fetchall()
    names["database"].close()
    assert rows == [(1, 1)]


def test_the_readme_explains_each_code() -> None:
    codes = re.findall(r'^    "(\w+)": ', (HOME / "src/posthorn_receiver/errors.py").read_text(), re.MULTILINE)
    assert len(codes) == 6
    for code in codes:
        assert f"\n| `{code}` |" in README
