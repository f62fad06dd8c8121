"""Packages that are left out of the command line's process."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from augcli.left_out import PACKAGES, leave_out, let_in


def test_packages_are_left_out_until_they_are_let_in(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    leave_out()
    leave_out()
    for name in PACKAGES:
        with pytest.raises(ModuleNotFoundError, match=f"augcli does without {name}"):
            importlib.util.find_spec(name)
    let_in()
    assert all(map(importlib.util.find_spec, PACKAGES))
