# Sourced by run.sh, with $work a folder of its own. Sets engine (docker or podman) and the functions below it.
# shellcheck shell=bash

targets=(gateway detector refiner augmenter angles)

if docker info >/dev/null 2>&1; then
    engine=docker
    compose() { docker compose --progress quiet "$@"; }
    build_images() { compose -f docker-compose.yml build; }
    stop_engine() { :; }
elif command -v podman >/dev/null && [ "$(id -u)" = 0 ]; then
    engine=podman
    # Images go where there is room. Limits that every kernel grants; the rest as it is without systemd.
    export CONTAINERS_STORAGE_CONF="$work/storage.conf" CONTAINERS_CONF="$work/containers.conf"
    storage=${SMOKE_STORAGE:-$work/storage}  # named, it is kept, and the next time is shorter
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$storage" "$storage-run" \
        > "$CONTAINERS_STORAGE_CONF"
    cat > "$CONTAINERS_CONF" << EOF
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
EOF
    # crun, which podman prefers, refuses machines that mix both versions of cgroups.
    if command -v runc >/dev/null; then
        echo 'runtime = "runc"' >> "$CONTAINERS_CONF"
    fi
    export DOCKER_HOST="unix://$work/podman.sock"
    podman system service --time 0 "$DOCKER_HOST" > "$work/podman.log" 2>&1 &
    service=$!
    # Without systemd nothing asks the containers how they are.
    while sleep 5; do
        for container in $(podman ps --quiet); do
            podman healthcheck run "$container" >/dev/null 2>&1 || true
        done
    done &
    ticker=$!
    compose() { .venv/bin/docker-compose --progress quiet "$@"; }
    build_images() {
        local target
        for target in "${targets[@]}"; do
            # chroot: also where a build may have no network or namespaces of its own.
            podman build --quiet --isolation chroot --format docker -f deploy/Dockerfile --target "$target" \
                --build-arg "BASE_IMAGE=${HUMANPOSE3D_BASE_IMAGE:-python:3.11-slim-bookworm}" \
                --build-arg "PIP_INDEX_URL=${PIP_INDEX_URL:-}" \
                --build-arg "CA_BUNDLE=${HUMANPOSE3D_CA_BUNDLE:-deploy/ca-bundle.pem}" \
                --build-arg "VERSION=$HUMANPOSE3D_VERSION" \
                --tag "docker.io/humanpose3d/$target:$HUMANPOSE3D_VERSION" . >/dev/null
        done
    }
    stop_engine() {
        kill "$ticker" "$service" 2>/dev/null || true
        wait "$ticker" "$service" 2>/dev/null || true
        [ -n "${SMOKE_STORAGE:-}" ] || podman rmi --all --force >/dev/null 2>&1 || true
        umount "$storage/overlay" 2>/dev/null || true
    }
else
    echo "There is neither a Docker engine nor, for root, podman (Debian: apt install podman buildah runc netavark aardvark-dns)." >&2
    exit 1
fi

# Images for what cannot be pulled where the registry is out of reach: Debian's Python by debootstrap, and in it the
# servers that pip installs. Needs debootstrap.
make_stand_ins() {
    if "$engine" pull --quiet docker.io/library/nats:2.15-alpine >/dev/null 2>&1; then
        return
    fi
    say "the registry of images is out of reach: stand-ins take the place of the base image, NATS and the store"
    export HUMANPOSE3D_BASE_IMAGE=localhost/humanpose3d-smoke/python
    if ! "$engine" image inspect "$HUMANPOSE3D_BASE_IMAGE" >/dev/null 2>&1; then
        debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates,busybox \
            bookworm "$work/debian" > "$work/debootstrap.log"
        tar -C "$work/debian" -c . | "$engine" import - "$HUMANPOSE3D_BASE_IMAGE" >/dev/null 2>&1
        rm -rf "$work/debian"
    fi
    cp .venv/bin/nats-server .venv/bin/weed deploy/smoke/Dockerfile deploy/smoke/silo "$work/"
    local target
    for target in nats store; do
        "$engine" build --quiet --isolation chroot --target "$target" --tag "localhost/humanpose3d-smoke/$target" \
            --build-arg "BASE_IMAGE=$HUMANPOSE3D_BASE_IMAGE" -f "$work/Dockerfile" "$work/" >/dev/null
    done
    files+=(-f deploy/smoke/stand-ins.yml)
}

show_sizes() {
    local target
    for target in "${targets[@]}"; do
        "$engine" run --rm --network none --no-healthcheck --entrypoint sh "humanpose3d/$target:$HUMANPOSE3D_VERSION" -c \
            "echo $target: \$(du -s --block-size=MB /venv | cut -f1) of packages, \$(du -s --block-size=MB /app | cut -f1) of the project"
    done
}
