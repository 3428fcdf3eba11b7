#!/usr/bin/env bash
# The chart and the image files, without a cluster and without building an image.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/tools.sh
need_helm
need_python
need_podmonitor
deploy/checks/variables.py
"$tools/venv/bin/hadolint" Dockerfile Dockerfile.cuda
HELM=$helm PODMONITOR=$podmonitor exec "$python" deploy/checks/check.py
