#!/usr/bin/env bash
# Resolve pyproject.toml into the locks. Any arguments go to uv, e.g. --upgrade-package httpx.
#
#   requirements.txt          a GPU machine: the worker, vLLM, the builder
#   requirements-cpu.txt      a laptop, and CI: the same with vLLM's CPU build, development tools
#   requirements/builder.txt  a machine that builds and pushes images, and runs no model
#   requirements/image.txt    what the worker needs, for an image that has its vLLM already
set -euo pipefail
cd "$(dirname "$0")/.."
links=$(python3 -m pip config get global.find-links 2>/dev/null || true)
compile=(.tools/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11
         --no-header --no-annotate --override requirements/overrides.txt "$@")
"${compile[@]}" --extra gpu --extra builder -o requirements.txt
if [ -n "$links" ]; then source=(--find-links "$links"); else source=(--torch-backend cpu); fi
"${compile[@]}" --extra cpu --extra builder --group dev --override requirements/overrides-cpu.txt \
    "${source[@]}" -o requirements-cpu.txt
# The same versions as above, of fewer packages.
part=("${compile[@]}" --constraint requirements.txt)
"${part[@]}" --extra builder -o requirements/builder.txt
"${part[@]}" -o requirements/image.txt
