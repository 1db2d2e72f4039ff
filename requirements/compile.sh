#!/bin/sh
# Compile the hashed requirement files from pyproject.toml. No index address is written into them.
set -eu
uv=${1:-uv}
cd "$(dirname "$0")/.."

compile() {
    target=$1
    shift
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        "$@" pyproject.toml -o "requirements/$target.txt"
}

compile run --extra cpu
compile gpu --extra gpu
compile test --extra cpu --extra test
compile train --extra cpu --extra test --extra train
compile reference --extra cpu --extra test --extra reference
