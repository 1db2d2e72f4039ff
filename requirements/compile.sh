#!/bin/sh
# Compile the hashed requirement files from pyproject.toml. No index address is written into them.
set -eu
uv=${1:-uv}
upgrade=${2:-} # --upgrade: the newest versions, where otherwise those in the files stay
cd "$(dirname "$0")/.."

compile() {
    target=$1
    shift
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $upgrade \
        "$@" pyproject.toml -o "requirements/$target.txt"
}

compile run
compile gpu --group gpu --override requirements/no-onnxruntime.txt
compile test --extra tracing --extra test
compile train --extra test --extra train
compile docs --extra docs
compile standalone --extra standalone -c requirements/run.txt
compile reference --extra test --extra reference

# The conversion of networks, which shares nothing with the project.
"$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $upgrade \
    --group convert -o requirements/convert.txt

# Images: one file a service, at the versions that the tests run with.
mkdir -p requirements/images
for service in gateway detector detector-gpu refiner refiner-gpu augmenter augmenter-gpu angles; do
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $upgrade \
        --group "$service" -c requirements/test.txt -o "requirements/images/$service.txt"
done
