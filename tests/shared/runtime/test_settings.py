"""Settings: every key from the environment, every invalid value named, no secret disclosed."""

import pytest

from humanpose3d.errors import InvalidSetting
from shared.runtime.settings import Settings

DIRECTORY = {"HUMANPOSE3D_NATS_URL": "nats://bus:4222", "HUMANPOSE3D_STORE_DIRECTORY": "store"}
S3 = {
    "HUMANPOSE3D_NATS_URL": "nats://a:4222,nats://b:4222",
    "HUMANPOSE3D_S3_ENDPOINT": "http://minio:9000",
    "HUMANPOSE3D_S3_ACCESS_KEY": "owner",
    "HUMANPOSE3D_S3_SECRET_KEY": "open-sesame",
}


def test_values_are_read_by_their_type():
    settings = Settings.from_environment({**DIRECTORY, "HUMANPOSE3D_ACK_WAIT_S": "7.5", "PATH": "ignored"})
    assert settings.ack_wait_s == 7.5
    assert settings.store_directory is not None
    assert settings.max_deliveries == 5


def test_secrets_print_as_stars():
    settings = Settings.from_environment(S3)
    assert settings.s3_secret_key is not None
    assert settings.s3_secret_key.get_secret_value() == "open-sesame"
    assert "open-sesame" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"HUMANPOSE3D_ACK_WAIT_S": "soon"}, "HUMANPOSE3D_ACK_WAIT_S"),
        ({"HUMANPOSE3D_ACK_WAIT_S": "0"}, "HUMANPOSE3D_ACK_WAIT_S"),
        ({"HUMANPOSE3D_MAX_DELIVERIES": "0"}, "HUMANPOSE3D_MAX_DELIVERIES"),
        ({"HUMANPOSE3D_STREAM_REPLICAS": "2"}, "HUMANPOSE3D_STREAM_REPLICAS"),
        ({"HUMANPOSE3D_PORT": "tcp://10.0.0.1:80"}, "HUMANPOSE3D_PORT"),
        ({"HUMANPOSE3D_LOG_FORMAT": "xml"}, "HUMANPOSE3D_LOG_FORMAT"),
        ({"HUMANPOSE3D_NATS_URL": "nats://user:open-sesame@bus"}, "HUMANPOSE3D_NATS_URL"),
        ({"HUMANPOSE3D_S3_ENDPOINT": "http://user:open-sesame@minio"}, "HUMANPOSE3D_S3_ENDPOINT"),
        ({"HUMANPOSE3D_S3_ENDPOINT": "http://minio:9000"}, "HUMANPOSE3D_STORE_DIRECTORY"),
    ],
)
def test_a_bad_value_is_named_by_its_key_and_not_repeated(change, named):
    with pytest.raises(InvalidSetting, match=named) as invalid:
        Settings.from_environment({**DIRECTORY, **change})
    assert "open-sesame" not in str(invalid.value)


@pytest.mark.parametrize("missing", ["HUMANPOSE3D_NATS_URL", "HUMANPOSE3D_S3_ENDPOINT", "HUMANPOSE3D_S3_SECRET_KEY"])
def test_a_missing_value_is_named_by_its_key(missing):
    with pytest.raises(InvalidSetting, match=missing):
        Settings.from_environment({key: value for key, value in S3.items() if key != missing})
