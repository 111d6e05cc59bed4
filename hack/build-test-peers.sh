#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds localhost/dromos-test-peers:dev (DCMTK, Orthanc, nginx, an OAuth 2.0 server) for the end-to-end tests and writes build/test-peers.tar.
set -euo pipefail
cd "$(dirname "$0")/.."
image=localhost/dromos-test-peers:dev archive=build/test-peers.tar upstream=docker.io/library/debian:bookworm-slim
builder=$(hack/builder.sh)
mkdir -p build
key=$({ echo "$builder $image"; sha256sum hack/test-peers/Dockerfile hack/test-peers/kheops.py hack/test-peers/oidc/* hack/build-test-peers.sh; } | sha256sum | cut -d' ' -f1)
if [ -f "$archive" ] && [ "$(cat build/test-peers.key 2>/dev/null)" = "$key" ]; then
  echo "$image is up to date ($archive)"
  exit 0
fi
rm -f build/test-peers.key
base=${BASE_IMAGE:-}
if [ -z "$base" ]; then
  # the base of `make image` does as well; pull only where that one was pulled
  if [[ $(cat "build/base.$builder" 2>/dev/null) != localhost/* ]] && timeout 120 "$builder" pull "$upstream" >/dev/null 2>&1; then base=$upstream
  else base=$(hack/debian-base.sh dromos-base python3 ca-certificates); fi
fi
echo "building $image with $builder on $base" >&2
started=$SECONDS
hack/oidc-provider.sh
context=build/test-peers-context
rm -rf "$context" && mkdir -p "$context/oidc"
cp hack/test-peers/Dockerfile hack/test-peers/kheops.py "$context"/
cp -r build/oidc/package.json build/oidc/server.js build/oidc/node_modules "$context/oidc"/
chmod -R go+rX "$context" # another account reads it, whatever the umask here is
case $builder in
  buildah) buildah bud --layers --isolation chroot -q -t "$image" --build-arg "BASE_IMAGE=$base" "$context" >/dev/null ;;
  *) "$builder" build -q -t "$image" --build-arg "BASE_IMAGE=$base" "$context" >/dev/null ;;
esac
rm -f "$archive.part"
case $builder in
  buildah) buildah push -q "$image" "docker-archive:$archive.part:$image" ;;
  podman) podman save -q --format docker-archive -o "$archive.part" "$image" ;;
  docker) docker save -o "$archive.part" "$image" ;;
esac
mv "$archive.part" "$archive"
echo "$key" >build/test-peers.key
echo "$image, $archive: $(du -h "$archive" | cut -f1) in $((SECONDS - started)) s"
