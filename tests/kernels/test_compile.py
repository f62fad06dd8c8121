"""How compiled kernels are kept."""

from __future__ import annotations

from numba.core.caching import IndexDataCacheFile

from augcli.kernels import cpu_loops
from augcli.kernels.cpu_compile import name_by_key


def test_what_two_processes_compile_at_once_is_never_taken_for_each_other(tmp_path):
    first, second, later = (IndexDataCacheFile(str(tmp_path), "loop", "stamp") for _ in range(3))
    name_by_key(first)
    name_by_key(second)
    second._load_index = dict  # it looked before the first wrote anything
    save = first._save_data

    def save_late(name, data):
        second.save("16 bit", "code of the second")
        save(name, data)

    first._save_data = save_late
    first.save("8 bit", "code of the first")
    assert later.load("16 bit") == "code of the second"
    assert later.load("8 bit") is None  # it is compiled again


def test_kernels_are_kept_so():
    assert cpu_loops.apply_steps._cache._cache_file.save.__qualname__.startswith("name_by_key")
