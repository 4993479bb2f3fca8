"""The examples in docstrings do what they say."""

import doctest
import importlib
import pkgutil

import pytest

import wireproof.protocols

MODULES = [
    module.name
    for module in pkgutil.walk_packages(wireproof.protocols.__path__, "wireproof.protocols.")
    if not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str):
    """Each example of a module of protocols, run, prints what stands below it."""
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed
