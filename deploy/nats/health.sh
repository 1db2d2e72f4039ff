#!/bin/sh
# Asks NATS how it is, inside its own container. Exits with
#   0  it works
#   1  not ready yet: it is recovering its streams, or catching up with the cluster
#   2  it does not answer
#   3  only a restart helps: a write failed, and a stream that could not be written, as on a full disk, refuses every
#      later write, also when there is room again. NATS reports it since 2.14.
answer=$(printf 'GET /healthz HTTP/1.0\r\n\r\n' | nc -w 3 127.0.0.1 "${NATS_MONITOR_PORT:-8222}")
case $answer in
    *'"status":"ok"'*) exit 0 ;;
    *'write error'* | *'could not be recovered'* | *'JetStream not enabled'*) exit 3 ;;
    ?*) exit 1 ;;
    *) exit 2 ;;
esac
