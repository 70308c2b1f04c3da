#!/usr/bin/env bash
# Resolve pyproject.toml into the two locks: requirements.txt (GPU image) and requirements-cpu.txt
# (laptop, tests, development tools). Any arguments go to uv, e.g. --upgrade-package httpx.
set -euo pipefail
cd "$(dirname "$0")/.."
links=$(python3 -m pip config get global.find-links 2>/dev/null || true)
compile=(.tools/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11
         --no-header --no-annotate --override requirements/overrides.txt "$@")
"${compile[@]}" --extra gpu -o requirements.txt
if [ -n "$links" ]; then source=(--find-links "$links"); else source=(--torch-backend cpu); fi
"${compile[@]}" --extra cpu --group dev --override requirements/overrides-cpu.txt "${source[@]}" \
    -o requirements-cpu.txt
