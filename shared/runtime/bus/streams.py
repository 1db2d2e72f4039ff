"""The streams and consumers of the bus on NATS JetStream.

| stream     | retention  | subjects                | what                                              |
|------------|------------|-------------------------|---------------------------------------------------|
| STAGES     | work queue | stage.<stage>.<run>     | tasks; one durable pull consumer per stage        |
| PARTS      | work queue | part.<stage>.<run>.<n>  | parts offered to idle workers, in memory, an hour |
| EVENTS     | limits     | run.<run>.<status>      | changes of runs, kept for `events_days`           |
| DLQ        | limits     | dlq.<stage>.<run>       | abandoned tasks, one per stage and run            |
| KV_runs    | limits     | $KV.runs.<run>          | states, the newest of each                        |
| KV_starts  | limits     | $KV.starts.<owner>      | when an owner's runs were started, kept for a day |
| HEALTH     | limits     | health                  | last write of `check`                             |

A dot in a stage's name is a dash in subjects.
"""

from typing import Final, get_args

from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError
from nats.js.kv import KeyValue

from humanpose3d.options import StageName
from shared.runtime.settings import Settings

STAGES: Final = "STAGES"
PARTS: Final = "PARTS"
EVENTS: Final = "EVENTS"
DEAD: Final = "DLQ"
HEALTH: Final = "HEALTH"
BUCKET: Final = "runs"
STARTS: Final = "starts"
STATES: Final = f"KV_{BUCKET}"
ON_DISK: Final = (STAGES, EVENTS, DEAD, HEALTH, STATES, f"KV_{STARTS}")
"""All except the parts."""

PROBE_BYTES: Final = 4096
_HEALTH_BYTES: Final = 64 * PROBE_BYTES
_DUPLICATE_WINDOW_S: Final = 120.0
_STARTS_KEPT_S: Final = 86_400.0
_OFFER_S: Final = 3600.0
_STREAM_NAME_IN_USE: Final = 10058


def consumer_name(stage: StageName) -> str:
    """The durable consumer of a stage, and the stage as token of a subject."""
    return stage.replace(".", "-")


async def declare(jetstream: JetStreamContext, settings: Settings) -> tuple[KeyValue, KeyValue]:
    """Declare every stream and consumer, or update existing ones to these settings.

    Returns the buckets of the states and of the starts.
    """
    replicas, days = settings.stream_replicas, settings.events_days
    work_queue, limits = api.RetentionPolicy.WORK_QUEUE, api.RetentionPolicy.LIMITS
    file, memory = api.StorageType.FILE, api.StorageType.MEMORY
    for stream in (
        api.StreamConfig(name=STAGES, subjects=["stage.*.*"], retention=work_queue),
        api.StreamConfig(name=PARTS, subjects=["part.*.*.*"], retention=work_queue, storage=memory, max_age=_OFFER_S),
        api.StreamConfig(name=EVENTS, subjects=["run.*.*"], retention=limits, max_age=days * 86400),
        api.StreamConfig(name=DEAD, subjects=["dlq.*.*"], retention=limits, max_msgs_per_subject=1),
        api.StreamConfig(name=HEALTH, subjects=["health"], retention=limits, max_msgs=1, max_bytes=_HEALTH_BYTES),
    ):
        await _declare_stream(
            jetstream,
            stream.evolve(storage=stream.storage or file, num_replicas=replicas, duplicate_window=_DUPLICATE_WINDOW_S),
        )
    # history 1 and no direct reads: the newest state of each run, from the leader
    bucket = await jetstream.create_key_value(
        api.KeyValueConfig(bucket=BUCKET, history=1, replicas=replicas, direct=False)
    )
    starts = await jetstream.create_key_value(
        api.KeyValueConfig(bucket=STARTS, history=1, ttl=_STARTS_KEPT_S, replicas=replicas, direct=False)
    )
    for stage in get_args(StageName):
        await _declare_consumer(jetstream, settings, STAGES, consumer_name(stage), "stage.{}.*")
        await _declare_consumer(jetstream, settings, PARTS, consumer_name(stage), "part.{}.*.*")
    return bucket, starts


async def _declare_consumer(
    jetstream: JetStreamContext, settings: Settings, stream: str, name: str, subjects: str
) -> None:
    await jetstream.add_consumer(
        stream,
        api.ConsumerConfig(
            durable_name=name,
            filter_subject=subjects.format(name),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=settings.ack_wait_s,
            max_deliver=-1,
            max_ack_pending=settings.max_ack_pending,
        ),
    )


async def _declare_stream(jetstream: JetStreamContext, config: api.StreamConfig) -> None:
    """Create the stream, or update an existing one to this configuration."""
    try:
        await jetstream.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _STREAM_NAME_IN_USE:
            raise
        await jetstream.update_stream(config)
