"""The signature vectors that the kits of all languages share, and how the tests ask."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthorn_receiver import WebhookError

FILE = Path(__file__).parents[2] / "vectors" / "signatures.json"


@dataclass(frozen=True)
class Case:
    name: str
    secrets: list[str]
    body: bytes
    now: int
    headers: dict[str, str]
    x_signature: str
    standard: str

    @property
    def wire_headers(self) -> dict[str, str]:
        """The headers as servers hand them over: their bytes read as latin-1."""
        return {name: value.encode().decode("latin-1") for name, value in self.headers.items()}

    @property
    def is_event(self) -> bool:
        """Whether the body is an event of Posthorn's; what is well signed and none is `bad_body`."""
        try:
            fields = json.loads(self.body)
        except ValueError:
            return False
        return isinstance(fields, dict) and {"id", "type", "timestamp", "environment", "data"} <= fields.keys()


def _case(fields: dict[str, Any]) -> Case:
    return Case(
        name=fields["name"],
        secrets=fields.get("secrets", [fields["secret"]]),
        body=base64.b64decode(fields["body_base64"]),
        now=fields["now"],
        headers=fields["headers"],
        x_signature=fields["x_signature"],
        standard=fields["standard"],
    )


CASES = [_case(fields) for fields in json.loads(FILE.read_text())["cases"]]


def code_of(verify: Callable[[], object]) -> str:
    """`valid`, or the code of the refusal."""
    try:
        verify()
    except WebhookError as error:
        return error.code
    return "valid"
