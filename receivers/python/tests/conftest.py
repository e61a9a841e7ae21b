"""How many tests and vectors ran, in the lines that all languages' `check` ends with."""

import sys

import pytest

from vectors import CASES


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    passed, failed = (sum(len(reporter.stats.get(kind, [])) for kind in kinds) for kinds in (["passed"], ["failed", "error"]))
    print(
        f"\nvectors: {len(CASES)} cases, each with both schemes, in each adapter, and without the kit\n{passed} passed, {failed} failed",
        file=sys.__stdout__,
        flush=True,
    )
