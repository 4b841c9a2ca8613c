# make demo    set up, then build the quickstart dataset: no key, no network to any model
# make test    set up, then lint, types, import law and tests
# make bench    the benchmarks; those that have peers leave them out until `make bench-peers` has set them up (3 GB)
# make test-ray    set up .venv-ray, then the tests on a real Ray of this machine
# make test-train    set up .venv-train (torch, transformers, llama.cpp), then the tests against real servers
PY := .venv/bin/python
TRAIN := .venv-train/bin/python
UV_VERSION := 0.13.9
TORCH_VERSION := 2.13.0
RAY_VERSION := 2.60.0
# llama.cpp is compiled here: unoptimised, which halves the time; the model it serves has two layers
LLAMACPP := llama-cpp-python:cmake.args=-DLLAVA_BUILD=OFF;-DCMAKE_C_FLAGS_RELEASE=-O0;-DCMAKE_CXX_FLAGS_RELEASE=-O0

.PHONY: demo test test-ray test-train lint types format bench bench-peers lock clean

demo: .venv/ready
	.venv/bin/builder build quickstart

test: .venv/ready lint types
	$(PY) -m pytest

test-ray: .venv-ray/ready
	.venv-ray/bin/python -m pytest tests/on_ray

test-train: .venv-train/ready
	$(TRAIN) -m pytest tests/train

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache

types: .venv/ready
	.venv/bin/mypy

format: .venv/ready
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/ready
	@for file in tests/benchmarks/*.py; do echo "== $$file"; $(PY) $$file || exit 1; done

PEERS := rensa datasketch datatrove datajuicer textdedup
bench-peers: $(PEERS:%=.venv-peers/%/ready)

# whole pinned lists, no resolver: two of the peers would fight over the module `fasttext`
.venv-peers/%/ready: tests/benchmarks/peers/%.txt | .venv/ready
	test -x .venv-peers/$*/bin/python || python3 -m venv --without-pip .venv-peers/$*
	.venv/bin/uv pip install --quiet --no-deps --python .venv-peers/$*/bin/python -r $<
	@touch $@

# requirements.lock holds the exact versions of everything; `make lock` renews it from the bounds in pyproject.toml
.venv/ready: pyproject.toml requirements.lock
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(PY) || python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	.venv/bin/uv pip install --quiet --python $(PY) -r requirements.lock
	.venv/bin/uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

.venv-ray/ready: pyproject.toml requirements.lock
	test -x .venv-ray/bin/python || python3 -m venv .venv-ray
	.venv-ray/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	.venv-ray/bin/uv pip install --quiet --python .venv-ray/bin/python -r requirements.lock "ray[data]==$(RAY_VERSION)"
	.venv-ray/bin/uv pip install --quiet --python .venv-ray/bin/python --no-deps --no-build-isolation -e .
	@touch $@

# torch comes by pip and pinned, or the others would bring a CUDA build of several GB
.venv-train/ready: pyproject.toml requirements.lock
	test -x $(TRAIN) || python3 -m venv .venv-train
	.venv-train/bin/pip install --quiet --disable-pip-version-check torch==$(TORCH_VERSION) uv==$(UV_VERSION)
	.venv-train/bin/uv pip install --quiet --python $(TRAIN) --config-settings-package "$(LLAMACPP)" \
		-r requirements.lock --group train
	.venv-train/bin/uv pip install --quiet --python $(TRAIN) --no-deps --no-build-isolation -e .
	@touch $@

lock:
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --group dev --no-emit-index-url \
		--no-annotate --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .venv-ray .venv-train .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
