#!/usr/bin/env bash
# `make smoke`: builds the five images, starts everything by Docker Compose and shows that it does what is promised:
# a run through HTTP equals `humanpose3d run`; NATS comes back after a full disk; published, it asks for a key.
# Takes everything down again. Runs on Docker, or else, as root, on podman (see engine.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."

url=http://127.0.0.1:8000
files=(-f docker-compose.yml -f deploy/smoke/small-disk.yml)
form=(-F video=@examples/sample.mp4 -F height=1.72 -F weight=70 -F consent=accepted -F force_complete=on)

main() {
    export COMPOSE_PROJECT_NAME=humanpose3d-smoke
    HUMANPOSE3D_VERSION=${HUMANPOSE3D_VERSION:-0.dev0}
    export HUMANPOSE3D_VERSION=${HUMANPOSE3D_VERSION#v} # a release is tagged with a v
    HUMANPOSE3D_S3_SECRET_KEY=$(head -c 24 /dev/urandom | base64 | tr -d '+/=')
    export HUMANPOSE3D_S3_SECRET_KEY
    make -s .venv/.test
    work=$(mktemp -d /var/tmp/humanpose3d-smoke.XXXXXX)
    # shellcheck source=deploy/smoke/engine.sh
    . deploy/smoke/engine.sh
    trap finish EXIT
    say "engine: $engine"
    make_stand_ins
    build_images
    say "images built"
    show_sizes
    .venv/bin/humanpose3d run --video examples/sample.mp4 --height 1.72 --weight 70 --output "$work/run" \
        --force-complete > "$work/run.log" 2>&1

    up
    say "all healthy"
    complete_a_run
    fill_the_disk_of_nats
    complete_a_run
    publish
    say "smoke test passed"
}

finish() {
    status=$?
    [ "$status" = 0 ] || compose "${files[@]}" logs --tail 40 || true
    compose "${files[@]}" down --volumes --timeout 30 || true
    stop_engine
    rm -rf "$work"
    exit "$status"
}

say() { printf '%s  %s\n' "$(date -u +%T)" "$*"; }

up() { compose "${files[@]}" up --detach --no-build --wait --wait-timeout 600; }

# Repeat a command every second, up to so many times, until it succeeds.
patiently() {
    local tries=$1
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "gave up on: $*" >&2; return 1; }
        sleep 1
    done
}

# Sets run_key.
submit() {
    run_key=$(curl -fsS --max-time 60 "${form[@]}" "$url/api/runs/" 2>/dev/null | sed 's/.*"run_key":"\([^"]*\)".*/\1/')
}

is_completed() { curl -fsS "$url/api/runs/$run_key/" | grep -q '"status":"completed"'; }

complete_a_run() {
    local same=0 file
    patiently 120 submit
    patiently 600 is_completed
    while read -r file; do
        curl -fsS -o "$work/served" "$url/api/runs/$run_key/files/$file"
        cmp "$work/served" "$work/run/sample/$file"
        same=$((same + 1))
    done < <(cd "$work/run/sample" && find . -name '*.trc' -o -name '*.csv' | sed 's|^\./||')
    [ "$same" -gt 10 ]
    say "a run is completed; its $same TRC and CSV files equal those of 'humanpose3d run' byte for byte"
}

fill_the_disk_of_nats() {
    local nats before accepted=()
    nats=$(compose "${files[@]}" ps --quiet nats)
    started() { "$engine" inspect --format '{{.State.StartedAt}}' "$nats"; }
    # Every try is a write; the runs that are accepted are remembered.
    restarted() { submit && accepted+=("$run_key"); [ "$(started)" != "$before" ]; }
    before=$(started)
    "$engine" exec "$nats" sh -c 'cat /dev/zero > /data/filler' 2>/dev/null || true
    patiently 120 restarted
    say "NATS was restarted after its disk was full"
    patiently 60 "$engine" exec "$nats" rm /data/filler
    for run_key in "${accepted[@]}"; do
        patiently 600 is_completed
    done
    say "the ${#accepted[@]} runs accepted on a nearly full disk are completed"
}

publish() {
    local api_key
    export HUMANPOSE3D_PUBLIC_NAME=pose.example.org
    files+=(-f docker-compose.public.yml)
    api_key=$(compose "${files[@]}" run --rm keys --owner smoke | sed -n 's/.*shown this once: //p')
    [ -n "$api_key" ]
    up
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/runs/")" = 401 ]
    curl -fsS -o /dev/null -H "Authorization: Bearer $api_key" "$url/api/runs/"
    say "published, the gateway lists runs with a key and not without"
}

main
