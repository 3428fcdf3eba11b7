# Clients of ArangoDB for the tests of test/arangodb, each unchanged from its
# registry. Included from the Makefile of the root.

ARANGO_CLIENTS := test/arangodb/clients

## arango-clients: ArangoDB's clients for Python and JavaScript, and PyG's adapter
.PHONY: arango-clients
arango-clients: build/arango-venv/.setup-done build/arangojs/.setup-done

# The adapter asks for torch-scatter and torch-sparse, which it does not import,
# so nothing is installed but what the list names; torch, PyG and pandas are
# those of $(VENV).
build/arango-venv/.setup-done: $(ARANGO_CLIENTS)/requirements.txt | $(VENV_OK)
	rm -rf $(@D)
	$(VENV)/bin/python -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' | { read -r own; \
	  $(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$own/torch.pth"; }
	touch $@

build/arangojs/.setup-done: $(ARANGO_CLIENTS)/package.json $(ARANGO_CLIENTS)/package-lock.json | build/arango-venv/.setup-done
	mkdir -p $(@D)
	cp $^ $(@D)
	PATH=$(ROOT)/build/arango-venv/bin:$$PATH npm ci --prefix $(@D) --silent --no-audit --no-fund
	touch $@
