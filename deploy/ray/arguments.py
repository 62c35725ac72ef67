"""What the two applications of a Serve config take: `args` and `user_config`."""

from pydantic import BaseModel, ConfigDict, Field

_DIGEST = "^[0-9a-f]{64}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelArguments(_Strict):
    """`args` of `deploy.ray.application:model`: one version of a model.

    Attributes:
        url: Of its archive: a path that every node has, or what fsspec opens.
        sha256: Hex digest of the archive.
        name: Name that answers carry.
        version: Version that answers carry.
        batch_size: Most requests that are answered at once.
        batch_wait_s: Longest wait of the first request of a batch for others.
        response_timeout_s: A replica that takes longer over a batch is replaced.
    """

    url: str
    sha256: str = Field(pattern=_DIGEST)
    name: str
    version: str
    batch_size: int = Field(default=1, ge=1)
    batch_wait_s: float = Field(default=0.005, ge=0)
    response_timeout_s: float = Field(default=120.0, gt=0)


class GatewayArguments(_Strict):
    """`args` of `deploy.ray.application:gateway`.

    Attributes:
        key_file: File of every node that holds the key of requests; without one none is needed.
            It is read at each request, so that a key can be changed.
        max_request_bytes: Larger requests get 413.
        body_timeout_s: Longest time for a request's body to come.
        answer_timeout_s: Longest wait of a request for a replica and its answer.
    """

    key_file: str | None = None
    max_request_bytes: int = Field(default=67_108_864, ge=1)
    body_timeout_s: float = Field(default=60.0, gt=0)
    answer_timeout_s: float = Field(default=300.0, gt=0)


class ServedModel(_Strict):
    """One model in the gateway's `user_config`.

    Attributes:
        default: The version that requests without one get; where it is none of `versions`, the
            one before it stays, and a gateway that knows none before it answers 404.
        versions: Name of the Serve application by version.
    """

    default: str
    versions: dict[str, str]


class GatewayConfig(_Strict):
    """`user_config` of the gateway; a change of it restarts nothing.

    Attributes:
        models: By name.
    """

    models: dict[str, ServedModel] = {}
