"""What speaks to a bucket: obstore's clients, with the endpoint and credentials of the environment.

Credentials are found by the rules of each cloud, in every process anew, and are never part of a value.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from augcli.errors import MissingPartError, StorageError, UsageError
from augcli.io.store.object_errors import CREDENTIALS
from augcli.io.store.urls import Access, hide_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = "120s"
"""For one request, with its bytes; obstore's own 30 s are short for large files. It tries ten times."""

INSTALL_OBSTORE = "run: pip install 'augcli[remote]'"

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT",),
    "hf": (),
    "hub": ("HF_ENDPOINT",),
}
"""Variables that name another server, the first that is set; `hub` is Hugging Face's data sets."""

CREDENTIALS_FROM = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_USE_AZURE_CLI"),
    "GOOGLE_APPLICATION_CREDENTIALS",
    *(name for names in ENDPOINTS.values() for name in names),
)
"""Variables by which clients are built: where one changes, as in a notebook, they are built anew."""

HUGGING_FACE, ITS_REGION = "https://s3.hf.co", "us-east-1"
"""The server by which Hugging Face's buckets are reached by S3's protocol, each below its owner."""


@cache
def load_obstore() -> Any:
    """Load obstore.

    Raises:
        MissingPartError: If it is not installed.
    """
    try:
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        raise MissingPartError(
            "obstore is not installed, by which s3://, gs:// and az:// are read and written;"
            f" {INSTALL_OBSTORE}"
        ) from error
    return obstore


def hash_environment() -> int:
    """Return what differs, most likely, where another client is to be built: a number that says no secret."""
    return hash(tuple(map(os.environ.get, CREDENTIALS_FROM)))


@cache
def connect(scheme: str, bucket: str, access: Access, process: int, environment: int = 0) -> Any:
    """Return the client of a bucket, one in each process; `memory://` is a store of this process alone.

    Args:
        scheme: One of `SCHEMES`.
        bucket: The bucket.
        access: How it is reached.
        process: Id of this process: a client must not outlive a fork.
        environment: What `hash_environment` returns.

    Raises:
        MissingPartError: If what it needs is not installed.
        StorageError: If there are no credentials.
        UsageError: If a variable names a server in a way that is not accepted.
    """
    stores = load_obstore().store
    if scheme == "memory":
        return stores.MemoryStore()
    endpoint = find_endpoint(scheme, access, os.environ)
    known: dict[str, Any] = {"client_options": {"timeout": TIMEOUT}}
    if endpoint and endpoint.startswith("http://"):
        known["client_options"]["allow_http"] = True
    if access.anonymous:
        known["skip_signature"] = True
    if scheme == "gs":
        return stores.GCSStore(bucket, **known, **({"base_url": endpoint} if endpoint else {}))
    if scheme == "hf":
        _, owner, bucket = bucket.split("/")
        endpoint = f"{endpoint or HUGGING_FACE}/{owner}"
        known["region"] = ITS_REGION
    known |= {"endpoint": endpoint} if endpoint else {}
    if scheme == "az":
        return stores.AzureStore(bucket, **known)
    if scheme == "s3" and not access.anonymous and "AWS_ACCESS_KEY_ID" not in os.environ:
        known |= _find_profile(bucket)
    return stores.S3Store(bucket, **known)


def find_endpoint(scheme: str, access: Access, environment: Mapping[str, str]) -> str | None:
    """Return the server that is spoken to in the place of the cloud's own; None for the latter.

    Raises:
        UsageError: If a variable names it in a way that is not accepted.
    """
    if access.endpoint_url is not None:
        return access.endpoint_url
    variable = next((name for name in ENDPOINTS[scheme] if environment.get(name)), None)
    if variable is None:
        return None
    try:
        return Access(environment[variable]).endpoint_url
    except UsageError as error:
        shown = hide_secret(environment[variable])
        raise UsageError(f"{variable} must be as https://HOST:PORT, got {shown!r}") from error


def _find_profile(bucket: str) -> dict[str, Any]:
    """Return what gives credentials of a profile (SSO, too) or of the machine, where boto3 is installed.

    Raises:
        MissingPartError: If a profile is named, and boto3 is not installed.
        StorageError: If boto3 finds no credentials.
    """
    if find_spec("boto3") is None:
        if "AWS_PROFILE" in os.environ:
            raise MissingPartError(
                "boto3 is not installed, by which the profile of AWS_PROFILE is read; run: pip install boto3"
            )
        return {}
    from boto3 import Session
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        return {"credential_provider": Boto3CredentialProvider(Session())}
    except BotoCoreError as error:
        raise StorageError(f"cannot reach 's3://{bucket}': {error}; correct AWS_PROFILE") from error
    except ValueError as error:
        raise StorageError(f"cannot reach 's3://{bucket}': no credentials; {CREDENTIALS['s3']}") from error
