# `make` alone prints this help. Everything runs in .venv, which is made where it is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test check test-gpu bench bench-cores fuzz soak docs pictures clean

help:  ## show this help
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

.venv/run.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/dev.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ .venv/run.stamp

demo: .venv/run.stamp  ## CutMix of the sample photos, and a contact sheet of it
	$(BIN)/augcli cutmix --alpha 1 sample_data/photos demo_out/photos
	$(BIN)/augcli preview sample_data/photos demo_out/photos demo_out/sheet.png

check: .venv/dev.stamp  ## format, lint, types and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n auto -m 'not slow'

test: .venv/dev.stamp  ## all tests
	$(BIN)/python -m pytest -n auto

test-gpu: .venv/dev.stamp  ## the GPU backend on a real device; without one it says so and exits with 77
	$(BIN)/python tests/benchmarks/gpu.py

bench: .venv/dev.stamp  ## speed against the codec floor and what one would write instead
	$(BIN)/python tests/benchmarks/run.py
	$(BIN)/python tests/benchmarks/encoding.py
	$(BIN)/python tests/benchmarks/arrays.py
	$(BIN)/python tests/benchmarks/startup.py
	$(BIN)/python tests/benchmarks/memory.py
	$(BIN)/python tests/benchmarks/shares.py
	$(BIN)/python tests/benchmarks/annotations.py
	$(BIN)/python tests/benchmarks/preview.py

bench-cores: .venv/dev.stamp  ## how speed grows with 1, 2, 4, 8, 16 workers, as far as there are CPUs
	$(BIN)/python tests/benchmarks/cores.py

fuzz: .venv/dev.stamp  ## damage files of every kind for a minute each, and keep what was found
	$(BIN)/python tests/fuzz/fuzz.py --seconds 60

soak: .venv/dev.stamp  ## 100,000 images, 8 workers, 50 kills: equal bytes, flat memory; many more examples
	$(BIN)/python tests/soak/soak.py
	$(BIN)/python tests/soak/soak.py --images 20000 --kills 20 --format parquet
	$(BIN)/python tests/soak/ray_kills.py
	$(BIN)/python tests/soak/partitions.py --rounds 20
	$(BIN)/python tests/soak/partitions.py --rounds 20 --format parquet
	$(BIN)/python tests/soak/report.py
	$(BIN)/python -m pytest -n auto -m hypothesis --hypothesis-profile soak

docs: .venv/run.stamp  ## the guide's cards of operations and their pictures, from the operations themselves
	for name in $$($(BIN)/python -c 'from augcli.ops import OPERATIONS; print(*OPERATIONS)'); do \
		$(BIN)/augcli $$name sample_data/photos --preview sample_data/cards/$$name.png --preview-count 2 || exit 1; done
	$(BIN)/python -m augcli.report.cards augcli/guide/operations.md ../../sample_data/cards

pictures: .venv/dev.stamp  ## the pictures of the README and of the guide on reports, from real runs; needs Chromium
	$(BIN)/python tests/pictures.py sample_data

clean:  ## remove what make made
	rm -rf .venv demo_out build *.egg-info .*_cache
