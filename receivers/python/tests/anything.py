"""Anything that a stranger may send, made from a seed: Hypothesis would shrink what fails, and take eight minutes for 200,000 cases."""

import random
from collections.abc import Callable
from typing import Any

NOW = 1_795_428_000
HEADERS = ("x-signature", "webhook-id", "webhook-timestamp", "webhook-signature")

# Values that get past the first checks, or where a careless check breaks.
LIKELY = [
    "",
    str(NOW),
    "-1",
    "1e9",
    "\u0661" * 10,  # digits, but not ASCII
    "9" * 5_000,  # int() raises
    "v1,",
    "v1," + "A" * 43 + "=",
    "a" * 64,
    "\u00e9" * 64,
    "\ud800" * 64,  # has no UTF-8
    "\x00",
]


class Anything:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one_of(self, *makers: Callable[[], Any]) -> Any:
        return self._random.choice(makers)()

    def some(self, make: Callable[[], Any], up_to: int) -> list[Any]:
        return [make() for _ in range(self._random.randint(0, up_to))]

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def among(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def bytes(self) -> bytes:
        return self._random.randbytes(self._random.randint(0, 60))

    def text(self) -> str:
        top = self._random.choice([0x7F, 0xFF, 0x10FFFF])
        return "".join(chr(self._random.randint(0, top)) for _ in range(self._random.randint(0, 30)))

    def value(self) -> Any:
        return self.one_of(
            self.text,
            lambda: self.among(*LIKELY),
            self.bytes,
            lambda: self.some(self.text, 3),
            lambda: None,
            lambda: self.number(-5, 5),
        )

    def name(self) -> Any:
        return self.one_of(lambda: self.among(*HEADERS), lambda: self.among(*HEADERS).upper(), self.text, self.bytes)

    def headers(self) -> Any:
        return self.one_of(
            lambda: {header: self.value() for header in HEADERS if self.number(0, 5) > 0},
            lambda: {self.name(): self.value() for _ in range(self.number(0, 5))},
            lambda: self.some(lambda: (self.name(), self.value()), 5),
            lambda: self.among(None, 5, "", [()], [None], {}),
        )

    def body(self) -> Any:
        return self.one_of(self.bytes, lambda: self.among(None, "{}", {"id": "evt_1"}, [], bytearray(b"{}"), 5))
