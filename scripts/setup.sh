#!/usr/bin/env bash
# Makes .venv with the pinned packages and this project in it; done at once when nothing has changed.
# PYTHON names the interpreter to use (3.11 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh mnistbench/_version.py | cksum)
stamp=.venv/.complete
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
  exit 0
fi

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3.11 python3 python3.12 python3.13 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
if [ -z "$python" ]; then
  echo "setup: no Python 3.11 or newer found; install one, or name it: make run PYTHON=/path/to/python3.11" >&2
  exit 1
fi

echo "setup: making .venv with the pinned packages (a few minutes, once)" >&2
rm -f "$stamp"
"$python" -m venv .venv
python=.venv/bin/python
install() { "$python" -m pip install --disable-pip-version-check --quiet --constraint constraints.txt "$@"; }
install --upgrade pip

# The plain torch for Linux on x86-64 is a CUDA build of several gigabytes. A machine without a GPU gets the CPU
# build: from pip, when pip finds one by itself, otherwise through uv, which knows where those builds are.
has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
pip_would_take_cuda() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || return 1
  "$python" -m pip install --disable-pip-version-check --quiet --dry-run --no-deps --ignore-installed \
    --constraint constraints.txt --report - torch |
    "$python" -c 'import json, sys; sys.exit("+cpu" in json.load(sys.stdin)["install"][0]["metadata"]["version"])'
}
if ! "$python" -c 'import torch' 2>/dev/null && ! has_gpu && pip_would_take_cuda; then
  install uv
  .venv/bin/uv pip install --quiet --python "$python" --constraint constraints.txt --torch-backend cpu torch
fi
install --build-constraint constraints.txt --editable '.[train,dev]'
echo "$wanted" >"$stamp"
