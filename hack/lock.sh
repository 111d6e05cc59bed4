#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pins every dependency with hashes: requirements.lock (run time, the extra `otel` included: the image can trace) and requirements-dev.lock (tests and checks too).
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --quiet "$@"; }
compile --extra otel --output-file requirements.lock
compile --extra dev --extra otel --constraint requirements.lock --output-file requirements-dev.lock
