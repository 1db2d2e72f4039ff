#!/usr/bin/env bash
# `make smoke`: builds the five images, starts everything by Docker Compose and shows that it does what is promised:
# a run through HTTP equals `humanpose3d run`; NATS comes back after a full disk; published, it asks for a key.
# Takes everything down again. Runs on Docker, or else, as root, on podman (see engine.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."

make -s .venv/.test
work=$(mktemp -d /var/tmp/humanpose3d-smoke.XXXXXX)
# shellcheck source=deploy/smoke/engine.sh
. deploy/smoke/engine.sh

export COMPOSE_PROJECT_NAME=humanpose3d-smoke
export HUMANPOSE3D_VERSION=${HUMANPOSE3D_VERSION:-0.dev0}
export HUMANPOSE3D_S3_SECRET_KEY=${HUMANPOSE3D_S3_SECRET_KEY:-$(head -c 24 /dev/urandom | base64 | tr -d '+/=')}
files=(-f docker-compose.yml -f deploy/smoke/small-disk.yml)
url=http://127.0.0.1:8000

finish() {
    status=$?
    [ "$status" = 0 ] || compose "${files[@]}" logs --tail 40 || true
    compose "${files[@]}" down --volumes --timeout 30 || true
    stop_engine
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

say() { printf '%s  %s\n' "$(date -u +%T)" "$*"; }

# Start a run of the sample; its key. Extra arguments go to curl.
submit() {
    curl -fsS "$@" -F video=@examples/sample.mp4 -F height=1.72 -F weight=70 -F consent=accepted -F force_complete=on \
        "$url/api/runs/" | sed 's/.*"run_key":"\([^"]*\)".*/\1/'
}

await_run() {
    local tries=600
    until curl -fsS "$url/api/runs/$1/progress/" | grep -q '"done":true'; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "the run did not end in time" >&2; return 1; }
        sleep 1
    done
}

compare() {
    local same=0 file
    while read -r file; do
        curl -fsS -o "$work/served" "$url/api/runs/$1/files/$file"
        cmp "$work/served" "$work/run/sample/$file"
        same=$((same + 1))
    done < <(cd "$work/run/sample" && find . -name '*.trc' -o -name '*.csv' | sed 's|^\./||')
    say "$same files are the same, byte for byte, as those of 'humanpose3d run'"
}

say "engine: $engine"
make_stand_ins
build_images
say "images built"
show_sizes

.venv/bin/humanpose3d run --video examples/sample.mp4 --height 1.72 --weight 70 --output "$work/run" --force-complete > "$work/run.log" 2>&1

compose "${files[@]}" up --detach --no-build --wait --wait-timeout 600
say "all healthy"
key=$(submit)
await_run "$key"
compare "$key"

nats=$(compose "${files[@]}" ps --quiet nats)
inside() { "$engine" exec "$nats" sh -c "$1"; }
inside 'head -c 1000000000 /dev/zero > /data/filler || true' 2>/dev/null
before=$("$engine" inspect --format '{{.State.StartedAt}}' "$nats")
curl -sS -o "$work/refused" -w 'with a full disk, a new run is answered with %{http_code}\n' --max-time 60 -F video=@examples/sample.mp4 \
    -F height=1.72 -F weight=70 -F consent=accepted "$url/api/runs/" || true
tries=120
until [ "$("$engine" inspect --format '{{.State.StartedAt}}' "$nats")" != "$before" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "NATS was not restarted" >&2; exit 1; }
    sleep 1
done
say "NATS was restarted after its disk was full"
inside 'rm /data/filler'
tries=120
until key=$(submit 2>/dev/null) && [ -n "$key" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "no run is accepted after room was made" >&2; exit 1; }
    sleep 1
done
await_run "$key"
compare "$key"

export HUMANPOSE3D_PUBLIC_NAME=pose.example.org
files+=(-f docker-compose.public.yml)
api_key=$(compose "${files[@]}" run --rm keys --owner smoke | sed -n 's/.*shown this once: //p')
[ -n "$api_key" ] || { echo "no key was made" >&2; exit 1; }
compose "${files[@]}" up --detach --no-build --wait --wait-timeout 600
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/runs/")" = 401 ]
curl -fsS -o /dev/null -H "Authorization: Bearer $api_key" "$url/api/runs/"
say "published, the gateway lists runs with a key and not without"
say "smoke test passed"
