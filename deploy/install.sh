#!/bin/sh
# Installs a requirement file into /venv, inside the image that is built: without pip itself, setuptools and bytecode.
set -eu
cd /installer
if grep -q 'BEGIN CERTIFICATE' ca-bundle.pem; then
    export PIP_CERT=/installer/ca-bundle.pem
fi
python=$(command -v python3)  # before there is one in /venv
"$python" -m venv --without-pip /venv
"$python" -m pip --python /venv/bin/python3 install --no-cache-dir --no-compile --require-hashes --no-deps -r "$1"
