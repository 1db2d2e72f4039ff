"""The settings of a server process: one typed object, read once from the environment.

Every field is a key `HUMANPOSE3D_<FIELD>`; an invalid value prevents the start with an error that names the key.
Secrets print as stars.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from humanpose3d.errors import InvalidSetting
from shared.models import MODELS_DIRECTORY

PREFIX: Final = "HUMANPOSE3D_"

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """Settings of gateway and workers from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(description="address that the HTTP server listens on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="its port; 0 takes a free one")] = 8000

    nats_url: Annotated[
        str, Field(pattern=r"^(nats|tls)://[^@\s]+$", description="NATS servers, comma-separated, without password")
    ]
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    stream_replicas: Annotated[
        Literal[1, 3, 5], BeforeValidator(int), Field(description="copies of every stream in a NATS cluster")
    ] = 1
    ack_wait_s: Annotated[
        Seconds, Field(description="a task whose worker is silent for this long is delivered again")
    ] = 30
    max_deliveries: Annotated[int, Field(ge=1, le=100, description="tries of one task before the run fails")] = 5
    max_ack_pending: Annotated[int, Field(ge=1, description="tasks of one stage at work at once; near the workers")] = (
        64
    )
    retry_delay_s: Annotated[
        Seconds, Field(description="pause before the second try; fourfold before each later one")
    ] = 2
    events_days: Annotated[float, Field(gt=0, description="how long the events of a run can be replayed")] = 7
    stage_silence_s: Annotated[Seconds, Field(description="a stage without progress for this long is stopped")] = 900
    grace_s: Annotated[Seconds, Field(description="time to finish the current task after SIGTERM")] = 25

    store_directory: Annotated[Path | None, Field(description="folder of the directory store")] = None
    s3_endpoint: Annotated[str | None, Field(pattern=r"^https?://[^/@]+/?$", description="address of the S3 store")] = (
        None
    )
    s3_public_endpoint: Annotated[
        str | None,
        Field(pattern=r"^https?://[^/@]+/?$", description="the same as browsers reach it (presigned uploads)"),
    ] = None
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = "humanpose3d"
    s3_region: str = "us-east-1"
    s3_access_key: str | None = None
    s3_secret_key: SecretStr | None = None

    api_keys_file: Annotated[Path | None, Field(description="file of hashed API keys; none: no key is requested")] = (
        None
    )
    published_on: Annotated[
        str | None,
        Field(description="names and addresses under which others reach the gateway, comma-separated, beside `host`"),
    ] = None
    cors_origins: Annotated[
        str | None, Field(description="sites whose pages may call the API, comma-separated; none: no other site's")
    ] = None
    share_secret: Annotated[
        Annotated[SecretStr, Field(min_length=32)] | None,
        BeforeValidator(lambda value: value or None),
        Field(
            description="32 random characters or more, which sign links to results; the same for all gateways; "
            "none: nothing can be shared",
        ),
    ] = None
    private_webhooks: Annotated[
        bool, Field(description="webhooks may be sent to addresses in private networks, and without TLS")
    ] = False
    max_upload_bytes: Annotated[int, Field(gt=0, description="largest video that is taken")] = 4 * 10**9
    max_video_pixels: Annotated[int, Field(gt=0, description="largest image that is taken: 8K")] = 7680 * 4320
    max_video_s: Annotated[float, Field(gt=0, description="longest video that is taken")] = 3600
    retention_days: Annotated[float | None, Field(gt=0, description="after this a run is erased; none: never")] = None
    index_directory: Annotated[
        Path | None,
        Field(description="folder of the gateway's list of runs; none: a temporary one, begun by a copy in the store"),
    ] = None
    models_directory: Annotated[Path, Field(description="where `*_path` options find models")] = MODELS_DIRECTORY

    log_format: Literal["plain", "json"] = "plain"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otlp_endpoint: Annotated[str | None, Field(description="where OpenTelemetry traces go; none: no traces")] = None

    @property
    def public_names(self) -> tuple[str, ...]:
        """Names and addresses under which others reach the gateway, as configured."""
        return _listed(self.published_on)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Sites whose pages may call the API."""
        return _listed(self.cors_origins)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read and check. Raises InvalidSetting with the key of every bad value, never the value of a secret."""
        keys = {name: f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        try:
            return cls.model_validate({name: environment[key] for name, key in keys.items() if key in environment})
        except ValidationError as error:
            faults = [
                f"{keys.get(str(item['loc'][0]), item['loc'][0]) if item['loc'] else PREFIX + '*'}: {item['msg']}"
                for item in error.errors(include_input=False)
            ]
            raise InvalidSetting("; ".join(faults)) from None

    @model_validator(mode="after")
    def _one_store(self) -> Self:
        if (self.store_directory is None) == (self.s3_endpoint is None):
            raise ValueError(f"set one of {PREFIX}STORE_DIRECTORY and {PREFIX}S3_ENDPOINT")
        if self.s3_endpoint and not (self.s3_access_key and self.s3_secret_key):
            raise ValueError(f"{PREFIX}S3_ENDPOINT needs {PREFIX}S3_ACCESS_KEY and {PREFIX}S3_SECRET_KEY")
        return self


def _listed(value: str | None) -> tuple[str, ...]:
    return tuple(item.strip() for item in (value or "").split(",") if item.strip())
