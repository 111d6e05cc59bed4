#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the test tiers and the image need; does nothing when all are there.
#   hack/install-debian.sh [--check]     --check: only say what is missing (exit 1 when something is)
set -euo pipefail

# wire tests: real DICOM peers; pixels: other decoders, dciodvfy; survival: strace, disks that forget, clocks that lie;
# cluster: runtime, network plugins and tools of the one-node cluster; image: buildah, debootstrap
packages=(
  dcmtk orthanc orthanc-dicomweb nginx-light tinyproxy-bin openssl redis-server
  libgdcm-tools dicom3tools
  strace fuse3 faketime
  containerd runc containernetworking-plugins iptables iproute2 conntrack ethtool socat
  buildah debootstrap ca-certificates
  exim4-daemon-light # mail, with StartTLS and authentication
)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
# any Go will do: it fetches the toolchain that the cluster's modules ask for
[ -n "${GO:-}" ] || command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || packages+=(golang-go)

command -v dpkg-query >/dev/null || { echo "hack/install-debian.sh: this is not Debian; install yourself: ${packages[*]}" >&2; exit 1; }
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "${1:-}" = --check ] || [ "$(id -u)" != 0 ]; then
  echo "missing Debian packages; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing Debian packages: ${missing[*]}" >&2
# Services that come with packages stay off: tests start their own, on their own ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2; rm -f "$log"
  echo "hack/install-debian.sh: apt-get failed, see above" >&2
  exit 1
fi
rm -f "$log"
