# The Python package and its checks. Included from the Makefile of the root.

PYTHON_VENV := build/python-venv

# Beside tools of its own it has what $(VENV) has: torch, PyG and pandas are
# neither fetched nor installed a second time.
$(PYTHON_VENV)/.setup-done: python/requirements-dev.txt | $(VENV_OK)
	rm -rf $(@D)
	$(VENV)/bin/python -m venv $(@D)
	$(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' | { read -r own; \
	  $(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$own/torch.pth"; }
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Threads that wait must not spin: the tests may share their processors.
## python-test: the Python package: formats, types, and tests on what the built program leaves
.PHONY: python-test
python-test: build $(PYTHON_VENV)/.setup-done $(SERVERS)/minio-$(MINIO).stamp
	cd python && $(ROOT)/$(PYTHON_VENV)/bin/ruff format --check --quiet . && $(ROOT)/$(PYTHON_VENV)/bin/ruff check --quiet .
	cd python && $(ROOT)/$(PYTHON_VENV)/bin/mypy
	cd python && OMP_WAIT_POLICY=passive PYTHONPATH=src $(ROOT)/$(PYTHON_VENV)/bin/python -m pytest
