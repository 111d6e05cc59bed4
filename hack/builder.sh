#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the image builder of this machine: $BUILDER, else the first of buildah, podman and docker that answers.
# A `docker` without an engine does not answer.
set -euo pipefail
for builder in ${BUILDER:-buildah podman docker}; do
  if command -v "$builder" >/dev/null && timeout 20 "$builder" info >/dev/null 2>&1; then
    echo "$builder"
    exit 0
  fi
done
echo "no image builder answers: ${BUILDER:-install buildah, or start podman or docker}" >&2
exit 1
