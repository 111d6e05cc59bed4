#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds localhost/dromos:dev with the builder that answers, and writes it to build/image.tar (docker-archive).
#   IMAGE       its name                 (localhost/dromos:dev)
#   BASE_IMAGE  what it stands on        (python:3.11-slim-bookworm where it can be pulled, else a Debian made by debootstrap)
#   BUILDER     buildah, podman, docker  (the first that answers)
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-localhost/dromos:dev} archive=build/image.tar upstream=docker.io/library/python:3.11-slim-bookworm
builder=$(hack/builder.sh)
mkdir -p build

base=${BASE_IMAGE:-$(cat "build/base.$builder" 2>/dev/null || true)}
if [ -z "$base" ]; then
  if timeout 120 "$builder" pull "$upstream" >/dev/null 2>&1; then base=$upstream; else base=$(hack/debian-base.sh dromos-base python3 ca-certificates); fi
  echo "$base" >"build/base.$builder"
elif [[ $base == localhost/dromos-base:* ]]; then
  base=$(hack/debian-base.sh dromos-base python3 ca-certificates)
fi

# Up to date? Everything that goes in, by content.
inputs=(Dockerfile .dockerignore hack/build-image.sh hack/debian-base.sh requirements.lock requirements-dev.lock pyproject.toml README.md LICENSE)
key=$({ echo "$builder $base $image"; sha256sum "${inputs[@]}"; find crds gateway operator -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -d' ' -f1)
if [ -f "$archive" ] && [ "$(cat build/image.key 2>/dev/null)" = "$key" ] && "$builder" inspect --type image "$image" >/dev/null 2>&1; then
  echo "$image is up to date ($archive)"
  exit 0
fi
rm -f build/image.key

# The way out of this machine (index, CA, proxies come by themselves) serves the build only: secrets and arguments of the build stage.
arguments=(--build-arg "BASE_IMAGE=$base" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT; do
  [ -z "${!name:-}" ] || arguments+=(--build-arg "$name")
done
ca=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
[ ! -r "$ca" ] || arguments+=(--secret "id=pip-ca,src=$ca")
configuration=${PIP_CONFIG_FILE:-/etc/pip.conf}
[ ! -s "$configuration" ] || arguments+=(--secret "id=pip-conf,src=$configuration")

echo "building $image with $builder on $base" >&2
started=$SECONDS
case $builder in
  buildah) buildah bud --layers --isolation chroot -q -t "$image" "${arguments[@]}" . >/dev/null ;;
  podman) podman build --layers -q -t "$image" "${arguments[@]}" . >/dev/null ;;
  docker) DOCKER_BUILDKIT=1 docker build -q -t "$image" "${arguments[@]}" . >/dev/null ;;
esac
rm -f "$archive.part"
case $builder in
  buildah) buildah push -q "$image" "docker-archive:$archive.part:$image" ;;
  podman) podman save -q --format docker-archive -o "$archive.part" "$image" ;;
  docker) docker save -o "$archive.part" "$image" ;;
esac
mv "$archive.part" "$archive"
echo "$key" >build/image.key
echo "$image, $archive: $(du -h "$archive" | cut -f1) in $((SECONDS - started)) s"
