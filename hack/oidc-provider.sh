#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the OAuth 2.0 server that tests use, with what it needs from npm, below build/oidc; does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
source=hack/test-peers/oidc target=build/oidc
mkdir -p "$target"
exec 9>"$target/.lock"
flock 9
cp "$source"/package.json "$source"/package-lock.json "$source"/server.js "$target"/
cmp -s "$source/package-lock.json" "$target/.installed" && exit 0
(cd "$target" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund >/dev/null)
cp "$source/package-lock.json" "$target/.installed"
