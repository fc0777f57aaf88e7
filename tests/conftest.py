"""Fixtures for all tests; `lovebird` is what plugin authors get."""

pytest_plugins = ["lovebird.plugins.testing", "cli_kit"]
