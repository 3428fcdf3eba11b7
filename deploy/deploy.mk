# Images, the chart, and releases. Included from the Makefile of the root;
# docs/deployment.md says what for.

TORCH_VERSION := $(shell sed -n 's/^torch==//p' requirements.txt)

# --- the program as it is installed: bin, lib, share; libtorch goes to lib/torch

TREE ?= build/tree
.PHONY: tree sbom
tree: build
	rm -rf $(TREE)
	mkdir -p $(TREE)/bin $(TREE)/lib $(TREE)/share
	install -m 755 bin/gnn-trainer $(TREE)/bin/
	$(PATCHELF) --set-rpath '$$ORIGIN/../lib:$$ORIGIN/../lib/torch' $(TREE)/bin/gnn-trainer
	install -m 755 $(LIB)/libgnn*.so $(LIB)/libcgotorch.so $(TREE)/lib/
	install -m 644 LICENSE $(TREE)/share/
	if [ -e $(LIB)/lib_lightgbm.so ]; then \
	  install -m 755 $(LIB)/lib_lightgbm.so $(TREE)/lib/ && \
	  install -D -m 644 $(TORCH)/../lightgbm-*.dist-info/licenses/LICENSE $(TREE)/share/licenses/lightgbm/LICENSE; \
	fi

# WHEELS and DPKG: what libtorch and the system under it came from, where they
# are part of what is shipped.
sbom:
	$(PYTHON) deploy/images/sbom.py $(TREE) --name gnn-trainer --version '$(VERSION)' --date '$(DATE)' \
	  $(if $(WHEELS),--wheels $(WHEELS)) $(if $(DPKG),--dpkg $(DPKG)) --licenses $(TREE)/share/licenses \
	  > $(TREE)/share/sbom.cdx.json.new
	mv $(TREE)/share/sbom.cdx.json.new $(TREE)/share/sbom.cdx.json

# --- releases

DIST_NAME := gnn-trainer-$(VERSION)-linux-amd64
DIST      := build/dist/$(DIST_NAME)

## dist: a tarball for Debian 12 or later, with checksums and bill of materials, in build/dist
.PHONY: dist dist-check
dist:
	$(MAKE) tree TREE=$(DIST)
	$(MAKE) sbom TREE=$(DIST)
	mkdir -p $(DIST)/share/docs
	install -m 644 README.md CHANGELOG.md requirements.txt deploy/images/libtorch.py $(DIST)/share/
	install -m 644 docs/*.md $(DIST)/share/docs/
	sed 's/@TORCH@/$(TORCH_VERSION)/g' deploy/dist/README > $(DIST)/README
	sed 's/@TORCH@/$(TORCH_VERSION)/g' deploy/dist/use-libtorch > $(DIST)/use-libtorch
	chmod 755 $(DIST)/use-libtorch
	tar --create --directory build/dist --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner --mode=go-w $(DIST_NAME) \
	  | gzip --no-name --best > $(DIST).tar.gz
	cp $(DIST)/share/sbom.cdx.json $(DIST).cdx.json
	cd build/dist && sha256sum $(DIST_NAME).tar.gz $(DIST_NAME).cdx.json > $(DIST_NAME).sha256

## dist-check: the tarball runs on a bare Debian 12 and 13 (debootstrap, as root)
dist-check: dist
	deploy/dist/check.sh $(DIST).tar.gz $(VERSION) $(COMMIT)

# --- images

IMAGE        ?= gnn-trainer
IMAGE_CUDA   ?= $(IMAGE)-cuda
IMAGE_TOOL   ?= $(firstword $(foreach t,podman buildah docker,$(if $(shell command -v $(t)),$(t))))
# Files in the image are of 1970, as other makers of images that can be made
# again have it: the same commit gives the same image whatever layers are kept
# of earlier ones, and a new version leaves the layer of libtorch as it is, to
# the bit. Labels tell the commit's time. docker rewrites times with BuildKit's
# rewrite-timestamp only.
IMAGE_FLAGS  ?= $(if $(filter docker,$(notdir $(firstword $(IMAGE_TOOL)))),,--layers --timestamp 0)
IMAGE_ARGS   := --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) \
                --build-arg SOURCE_DATE_EPOCH=$(EPOCH) --build-arg TORCH=$(TORCH_VERSION) --build-arg JOBS=$(JOBS) \
                $(if $(GO_IMAGE),--build-arg GO_IMAGE=$(GO_IMAGE)) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE))

## image: the CPU image IMAGE:VERSION; GO_IMAGE and BASE_IMAGE name what it is built with and on
.PHONY: image image-cuda images-check deploy-check cluster-check debian-check
image:
	$(if $(IMAGE_TOOL),,$(error neither podman nor buildah nor docker is here: install one, or set IMAGE_TOOL))
	$(IMAGE_TOOL) build $(IMAGE_FLAGS) $(IMAGE_ARGS) --tag $(IMAGE):$(VERSION) --file Dockerfile .

## image-cuda: the image with the CUDA libraries, around the same program
image-cuda: image
	$(IMAGE_TOOL) build $(IMAGE_FLAGS) $(IMAGE_ARGS) --build-arg CPU_IMAGE=$(IMAGE):$(VERSION) \
	  --tag $(IMAGE_CUDA):$(VERSION) --file Dockerfile.cuda .

## images-check: both images built on a debootstrapped Debian, run as a cluster would, and looked into (root, 30 GB, an hour)
images-check:
	deploy/images/check.sh

## deploy-check: the chart and the image files, by helm lint, Kubernetes's schemas and hadolint
deploy-check:
	deploy/checks/check.sh

## cluster-check: the chart installed in a real control plane, and what its Job does at each exit code
cluster-check:
	deploy/checks/cluster.sh

## debian-check: README's `make run` and `make test` on a bare Debian with what README asks for (debootstrap, as root; 20 GB, an hour)
debian-check:
	deploy/debian/check.sh
