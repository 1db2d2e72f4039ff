#!/usr/bin/env bash
# Make the standalone app: dist/HumanPose3D, a folder that runs without Python, on the system that it is made on.
#   deploy/standalone/build.sh linux|macos|windows
set -euo pipefail
cd "$(dirname "$0")/../.."

case "$(uname -s)" in
    Linux) here=linux scripts=bin ;;
    Darwin) here=macos scripts=bin ;;
    *) here=windows scripts=Scripts ;; # Git Bash
esac
if [ $# != 1 ] || [ "$1" != $here ]; then
    echo "usage: $0 linux|macos|windows: the system this runs on, here $here; PyInstaller builds for no other" >&2
    exit 2
fi

python=${PYTHON:-$(command -v python3 || command -v python)}
uv=$(command -v uv || echo .tools/bin/uv)
command -v "$uv" >/dev/null || "$python" -m pip install -q --disable-pip-version-check --target .tools uv
environment=.venv-standalone/$scripts
[ -d .venv-standalone ] || "$uv" venv -q --no-python-downloads --python "$python" .venv-standalone
"$uv" pip sync -q --python "$environment/python" --require-hashes requirements/standalone.txt
"$uv" pip install -q --python "$environment/python" --no-deps --reinstall-package humanpose3d .

"$environment/pyinstaller" --noconfirm --log-level WARN --distpath dist --workpath build/standalone \
    deploy/standalone/HumanPose3D.spec
cp LICENSE NOTICE dist/HumanPose3D
[ $here != linux ] || cp deploy/standalone/start.sh dist/HumanPose3D
echo "dist/HumanPose3D: $(du -sm dist/HumanPose3D | cut -f1) MiB"
