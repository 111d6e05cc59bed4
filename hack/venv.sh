#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the virtual environment from the locked, hashed dependencies and installs Dromos into it in editable form.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv} python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "Dromos needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Try: make PYTHON=python3.12 venv" >&2; exit 2; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian splits venv off; on a fresh machine we may add it when we are root
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
  else
    echo "$python has no venv module. As root: apt-get install python3-venv" >&2; exit 2
  fi
fi
echo "setting up $venv (half a minute the first time)" >&2
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
