#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian base image where none can be pulled, and prints its name. Made once, then kept in the builder's store.
#   hack/debian-base.sh NAME [PACKAGE…]
set -euo pipefail
here=$(dirname "$0")
name=${1:?name of the image} suite=bookworm
shift
builder=$("$here/builder.sh")
image=localhost/$name:$suite
recipe="debootstrap 1 minbase $suite $*"

found=$("$builder" inspect --type image --format "$([ "$builder" = buildah ] && echo '{{index .OCIv1.Config.Labels "dev.dromos.recipe"}}' || echo '{{index .Config.Labels "dev.dromos.recipe"}}')" "$image" 2>/dev/null || true)
if [ "$found" = "$recipe" ]; then
  echo "$image"
  exit 0
fi
[ "$(id -u)" = 0 ] || { echo "no base image can be pulled, and making one with debootstrap needs root; run as root, or set BASE_IMAGE" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing; run hack/install-debian.sh" >&2; exit 1; }

echo "making the base image $image with debootstrap (a minute, once)" >&2
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT
# The machine's own mirror, where it names one.
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
[ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
comma=$(IFS=,; echo "$*")
debootstrap --variant=minbase ${comma:+--include="$comma"} "$suite" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
  { tail -20 "$root.log" >&2; exit 1; }
# Nothing of this machine and no cache; /etc/machine-id stays an empty file
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/var/cache/ldconfig/* \
  "$root"/usr/share/{doc,man,info,locale}/* "$root"/dev/* "$root"/etc/{hostname,resolv.conf}
: >"$root/etc/machine-id"
chmod 0755 "$root"

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$builder" = buildah ]; then
  container=$(buildah from scratch)
  trap 'buildah rm "$container" >/dev/null 2>&1 || true; rm -rf "$root" "$root.log"' EXIT
  buildah add -q "$container" "$root" / >/dev/null
  buildah config --label "dev.dromos.recipe=$recipe" --env "PATH=$path" --cmd bash "$container"
  buildah commit -q "$container" "$image" >/dev/null
else
  tar -C "$root" --numeric-owner -c . | "$builder" import --change "LABEL dev.dromos.recipe=\"$recipe\"" --change "ENV PATH=$path" - "$image" >/dev/null
fi
echo "$image"
