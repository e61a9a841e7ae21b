import importlib.util
from pathlib import Path

import pytest
from flask import Flask
from posthorn_receiver import sign_standard, sign_x, verify_standard, verify_x

from vectors import CASES, Case, code_of

PLAIN = Path(__file__).parents[1] / "plain" / "app.py"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_file_holds_every_kind_of_case() -> None:
    assert len(CASES) >= 43
    assert {case.x_signature for case in CASES} | {case.standard for case in CASES} == {
        "valid",
        "missing_header",
        "bad_signature",
        "bad_timestamp",
        "no_secret",
    }


@each_case
@pytest.mark.parametrize("wire", [False, True], ids=["text", "wire"])
def test_x_signature(case: Case, wire: bool) -> None:
    headers = case.wire_headers if wire else case.headers
    assert code_of(lambda: verify_x(case.body, headers, secrets=case.secrets)) == case.x_signature


@each_case
@pytest.mark.parametrize("wire", [False, True], ids=["text", "wire"])
def test_standard(case: Case, wire: bool) -> None:
    headers = case.wire_headers if wire else case.headers
    assert code_of(lambda: verify_standard(case.body, headers, secrets=case.secrets, now=case.now)) == case.standard


def plain_app(monkeypatch: pytest.MonkeyPatch, secret: str) -> Flask:
    """The version without the kit, with this secret in its environment."""
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    spec = importlib.util.spec_from_file_location("plain_app", PLAIN)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: Flask = module.app
    return app


@each_case
def test_the_version_without_the_kit(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows one secret, so during a rotation one of the two has to fit."""
    answers: set[str] = set()
    for secret in case.secrets:
        if case.x_signature == "no_secret":
            with pytest.raises(SystemExit, match="WEBHOOK_SECRET is unset or too short"):
                plain_app(monkeypatch, secret)
            continue
        response = plain_app(monkeypatch, secret).test_client().post("/webhooks", data=case.body, headers=case.wire_headers)
        answers.add(f"{response.status_code} {response.text}")
    if case.x_signature != "no_secret":
        assert ("200 Valid signature" in answers) == (case.x_signature == "valid")
        assert answers <= {"200 Valid signature", "403 Invalid signature"}


# One secret and one signature: signing must come to the very headers.
SIGNED = [
    case
    for case in CASES
    if len(case.secrets) == 1 and case.x_signature == case.standard == "valid" and " " not in case.headers["webhook-signature"]
]


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
def test_signing_gives_the_headers(case: Case) -> None:
    id, timestamp = case.headers["webhook-id"], int(case.headers["webhook-timestamp"])
    assert sign_x(case.body, case.secrets[0]) == case.headers["x-signature"]
    assert sign_standard(id=id, timestamp=timestamp, body=case.body, secrets=case.secrets) == case.headers["webhook-signature"]


def test_a_dozen_cases_are_signed() -> None:
    assert len(SIGNED) >= 12
