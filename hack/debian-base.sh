#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian base image where none can be pulled, and prints its name. Made once, then kept by buildah.
#   hack/debian-base.sh NAME [PACKAGE…]
set -euo pipefail
name=${1:?name of the image} suite=bookworm
shift
wanted="debootstrap minbase $suite $*"
image=localhost/$name:$suite
if [ "$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "dev.dromos.recipe"}}' "$image" 2>/dev/null)" = "$wanted" ]; then
  echo "$image"
  exit 0
fi
[ "$(id -u)" = 0 ] || { echo "no base image can be pulled, and making one with debootstrap needs root (or set BASE_IMAGE)" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing; run hack/install-debian.sh" >&2; exit 1; }

echo "making the base image $image with debootstrap (a minute, once)" >&2
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT
# The machine's own mirror, where it says one.
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
[ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
comma=$(IFS=,; echo "$*")
debootstrap --variant=minbase ${comma:+--include="$comma"} "$suite" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; exit 1; }
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/var/cache/ldconfig/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/dev/* "$root"/etc/{hostname,resolv.conf,machine-id}

container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null 2>&1; rm -rf "$root" "$root.log"' EXIT
buildah add -q "$container" "$root" / >/dev/null
buildah config --label "dev.dromos.recipe=$wanted" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
buildah commit -q "$container" "$image" >/dev/null
echo "$image"
