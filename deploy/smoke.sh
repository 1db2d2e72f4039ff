#!/bin/sh
# Builds the images, starts everything by Docker Compose, uploads the sample, compares the results with those of
# `humanpose3d run`, and takes everything down again. Uses only `docker compose`, curl and this project.
set -eu
cd "$(dirname "$0")/.."

export HUMANPOSE3D_S3_SECRET_KEY="${HUMANPOSE3D_S3_SECRET_KEY:-$(head -c 24 /dev/urandom | base64 | tr -d '+/=')}"
work=$(mktemp -d)
trap 'docker compose down --volumes --timeout 30; rm -rf "$work"' EXIT

make -s install
.venv/bin/humanpose3d run --video examples/sample.mp4 --height 1.72 --weight 70 --output "$work/run" --force-complete

docker compose up --build --detach --wait --wait-timeout 300

url=http://127.0.0.1:8000
run_key=$(curl -fsS -F video=@examples/sample.mp4 -F height=1.72 -F weight=70 -F consent=accepted -F force_complete=on \
    "$url/api/runs/" | sed 's/.*"run_key":"\([^"]*\)".*/\1/')
tries=300
until curl -fsS "$url/api/runs/$run_key/progress/" | grep -q '"done":true'; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the run did not end in time" >&2; docker compose logs --tail 50; exit 1; }
    sleep 1
done

for file in sample_initial.trc sample_final.trc sample_raw_landmarks.csv joint_angles/sample_angles_knee_r.csv; do
    curl -fsS -o "$work/served" "$url/api/runs/$run_key/files/$file"
    cmp "$work/served" "$work/run/sample/$file"
    echo "the same: $file"
done
echo "smoke test passed"
