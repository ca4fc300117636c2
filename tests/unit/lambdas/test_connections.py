"""Connections to a server that keeps them, drops them, is slow, lies, or is not there."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Barrier, Thread

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lambdas.shared.store.connections import Connections

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE = 5.0

Serve = Callable[[socket.socket], None]


class Server:
    """Serves each connection, in a thread of its own, by what is given for it."""

    def __init__(self, *serve: Serve) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        self._serve = serve
        self._threads = [Thread(target=self._accept)]

    def __enter__(self) -> "Server":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            serve = self._serve[min(self.connections, len(self._serve) - 1)]
            self.connections += 1
            self._threads.append(Thread(target=self._run, args=(serve, connection)))
            self._threads[-1].start()

    @staticmethod
    def _run(serve: Serve, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            serve(connection)


def received(connection: socket.socket) -> bytes:
    """Return the next request, b"" at the connection's end."""
    data = b""
    while not data.endswith(b"{}"):
        try:
            more = connection.recv(65_536)
        except OSError:
            return b""
        if not more:
            return b""
        data += more
    return data


def always(connection: socket.socket) -> None:
    """Answer every request."""
    while received(connection):
        connection.sendall(OK)


def once(reply: bytes) -> Serve:
    """Return what answers one request, and hangs up."""

    def serve(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(reply)

    return serve


@contextmanager
def connections(
    port: int, read_timeout: float = PATIENCE, scheme: str = "http", trusted: str = ""
) -> Iterator[Connections]:
    """Connections to a port of this machine."""
    made = Connections(
        f"{scheme}://127.0.0.1:{port}",
        certificates=trusted,
        connect_timeout=PATIENCE,
        read_timeout=read_timeout,
    )
    try:
        yield made
    finally:
        made.close()


def request() -> AWSPreparedRequest:
    """A call as botocore hands it over."""
    headers = {"X-Amz-Target": b"DynamoDB_20120810.GetItem", "User-Agent": b"adaptive-quiz"}
    return AWSRequest("POST", "http://127.0.0.1/", headers, b"{}").prepare()


def test_a_connection_serves_one_request_after_the_other() -> None:
    with Server(always) as server, connections(server.port) as made:
        for _ in range(3):
            response = made.send(request())
            assert (response.status_code, response.content) == (200, b"{}")
        assert server.connections == 1


def test_a_failure_tells_its_headers() -> None:
    throttled = b"HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: 7\r\nContent-Length: 2\r\n\r\n{}"
    with Server(once(throttled)) as server, connections(server.port) as made:
        response = made.send(request())
        assert (response.status_code, response.headers["X-Amzn-RequestId"]) == (400, "7")


def test_what_is_sent_is_the_request() -> None:
    sent: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        sent.append(received(connection))
        connection.sendall(OK)

    with Server(serve) as server, connections(server.port) as made:
        made.send(request())
        port = server.port
    head, _, body = sent[0].partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert (first, body) == (b"POST / HTTP/1.1", b"{}")
    assert {line.lower() for line in lines} == {
        b"host: 127.0.0.1:%d" % port,
        b"accept-encoding: identity",
        b"content-length: 2",
        b"user-agent: adaptive-quiz",
        b"x-amz-target: dynamodb_20120810.getitem",
    }


def test_a_connection_that_was_dropped_while_idle_is_not_used() -> None:
    with Server(once(OK), always) as server, connections(server.port) as made:
        made.send(request())
        hung_up(made)
        assert made.send(request()).status_code == 200
        assert server.connections == 2


def test_a_connection_that_is_kept_is_probed_and_read_for_as_long_as_said() -> None:
    with Server(always) as server, connections(server.port, read_timeout=4.0) as made:
        made.send(request())
        [kept] = made._idle  # noqa: SLF001 - it has no other name
        assert kept.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert kept.sock.gettimeout() == 4.0


def hung_up(made: Connections) -> None:
    """Wait for the server's end of the connection that is kept."""
    [kept] = made._idle  # noqa: SLF001 - what would be read next is looked at, and left there
    assert kept.sock.recv(1, socket.MSG_PEEK) == b""


def test_a_connection_the_server_says_it_closes_is_not_kept() -> None:
    closing = OK.replace(b"200 OK\r\n", b"200 OK\r\nConnection: close\r\n")
    with Server(once(closing), always) as server, connections(server.port) as made:
        made.send(request())
        made.send(request())
        assert server.connections == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0\r\n",
    ],
    ids=["nothing", "half a body", "half a head", "another protocol"],
)
def test_a_response_that_does_not_come_whole_is_a_closed_connection(reply: bytes) -> None:
    with Server(once(reply), always) as server, connections(server.port) as made:
        with pytest.raises(ConnectionClosedError):
            made.send(request())
        assert made.send(request()).status_code == 200


def test_a_response_that_does_not_come_in_time_is_not_waited_for_nor_taken_for_the_next() -> None:
    def silent(connection: socket.socket) -> None:
        assert received(connection)
        assert not received(connection)

    with Server(silent, always) as server, connections(server.port, read_timeout=0.05) as made:
        with pytest.raises(ReadTimeoutError):
            made.send(request())
        assert made.send(request()).content == b"{}"
        assert server.connections == 2


def test_a_server_that_is_not_there_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with connections(port) as made, pytest.raises(EndpointConnectionError):
        made.send(request())


def test_requests_made_at_once_have_connections_of_their_own() -> None:
    together = Barrier(4)

    def serve(connection: socket.socket) -> None:
        while received(connection):
            together.wait(PATIENCE)
            connection.sendall(OK)

    with Server(serve) as server, connections(server.port) as made:
        for _ in range(2):
            threads = [Thread(target=made.send, args=(request(),)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert server.connections == 4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, with its key, that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def behind_tls(certificate: Path) -> Serve:
    """Return what answers every request over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                always(wrapped)
        except OSError:
            return

    return serve


def test_a_server_whose_certificate_is_trusted_is_talked_to(certificate: Path) -> None:
    with (
        Server(behind_tls(certificate)) as server,
        connections(server.port, scheme="https", trusted=str(certificate)) as made,
    ):
        assert [made.send(request()).status_code for _ in range(2)] == [200, 200]
        assert server.connections == 1


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(certificate: Path) -> None:
    trusted = ssl.get_default_verify_paths().cafile or ""
    with (
        Server(behind_tls(certificate)) as server,
        connections(server.port, scheme="https", trusted=trusted) as made,
        pytest.raises(SSLError),
    ):
        made.send(request())
