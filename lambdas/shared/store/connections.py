"""Connections to DynamoDB: HTTP/1.1 by the standard library, kept alive, one request at a time.

botocore sends through urllib3, which looks up a pool, a proxy and a certificate for each request.
There is one address here and no proxy. What fails is told in botocore's exceptions, by which it
decides what is tried again.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import wait_for_read

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest


class Content:
    """A response's body, read already, as botocore asks for it."""

    def __init__(self, content: bytes) -> None:
        """Take the body."""
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield all of it."""
        yield self._content


class Connections:
    """Sends requests to one URL, in place of botocore's `URLLib3Session`; timeouts in seconds.

    As many connections are kept as were ever in use at once.
    """

    def __init__(
        self, url: str, *, certificates: str, connect_timeout: float, read_timeout: float
    ) -> None:
        """Open nothing yet; `certificates` is the file of those to trust."""
        self._address = urlsplit(url)
        self._certificates = certificates
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._context: ssl.SSLContext | None = None
        # Threads share it; append and pop of a list are atomic.
        self._idle: list[HTTPConnection] = []

    def send(self, request: "AWSPreparedRequest") -> AWSResponse:
        """Send a request and read all of its response.

        Raises:
            HTTPClientError: it could not be sent, or its response did not come whole or in time.
        """
        connection = self._kept() or self._opened(request.url)
        body, headers = cast("bytes", request.body), cast("Mapping[str, bytes]", request.headers)
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            # A body of no known length ends wherever the connection does, too early as well.
            if response.length is None and not response.chunked:
                raise IncompleteRead(b"")
            content = response.read()
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise ConnectionClosedError(
                error=error, request=request, endpoint_url=request.url
            ) from error
        except BaseException:
            # Half a response is on it: the next request would take the rest for its own.
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        # Of a success nobody reads them.
        told = (
            HTTPHeaders()
            if response.status == HTTPStatus.OK
            else cast("HTTPHeaders", response.headers)
        )
        return AWSResponse(request.url, response.status, told, Content(content))

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    # A client that is no longer used is not closed as a rule: what it held goes with it.
    __del__ = close

    def _kept(self) -> HTTPConnection | None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            # What can be read before anything was asked is the end of it.
            if connection.sock and not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()
        return None

    def _opened(self, url: str) -> HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        connection: HTTPConnection
        if self._address.scheme == "https":
            connection = HTTPSConnection(
                host, port, timeout=self._connect_timeout, context=self._tls()
            )
        else:
            connection = HTTPConnection(host, port, timeout=self._connect_timeout)
        try:
            connection.connect()
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        # An idle connection that a middlebox dropped is noticed before it is used.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._certificates)
        return self._context
