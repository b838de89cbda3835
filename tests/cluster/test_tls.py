"""Certificates on this machine, and real schedulers of dask that take them or do not."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adaptive_scheduler.addresses import parse
from adaptive_scheduler.cluster.tls import Certificates, refusal, security
from adaptive_scheduler.errors import UsageError
from tests import servers
from tests.cluster.making import NOW, copied, make
from tests.cluster.schedulers import schedulers
from tests.platforms import modes

pytest.importorskip("cryptography")
pytest.importorskip("distributed")

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clusters, `ours` and `rogue`, and folders of ours with something wrong."""
    folder = tmp_path_factory.mktemp("tls")
    for cluster in ("ours", "rogue"):
        make(folder / cluster, "master", "me")
    make(folder / "ours", "expired", ago=timedelta(hours=2), life=timedelta(hours=1))
    make(folder / "ours", "future", ago=timedelta(days=-9))
    distrustful = copied(folder / "distrustful", folder / "ours" / "master")
    (distrustful / "ca.pem").write_bytes((folder / "rogue" / "ca.pem").read_bytes())
    return folder


@pytest.fixture(scope="module")
def at(made: Path) -> Iterator[dict[str, str]]:
    """The addresses of real schedulers."""
    wanted: dict[str, Path | None] = {host: made / "ours" / host for host in ("master", "expired", "future")}
    with schedulers({**wanted, "distrustful": made / "distrustful", "plain": None}) as addresses:
        yield addresses


@pytest.fixture
def ours(made: Path) -> Certificates:
    return Certificates.of(str(made / "ours" / "me"))


@pytest.fixture
def rogue(made: Path) -> Certificates:
    return Certificates.of(str(made / "rogue" / "me"))


def test_a_machine_that_was_thrown_out_is_refused_and_all_others_get_in(tmp_path: Path) -> None:
    make(tmp_path / "tls", "master", "me", "stolen")
    stolen = copied(tmp_path / "stolen", tmp_path / "tls" / "stolen")
    make(tmp_path / "tls", expel=["stolen"])
    with schedulers({"master": tmp_path / "tls" / "master"}) as at:
        assert refusal(at["master"], Certificates.of(str(tmp_path / "tls" / "me")), PATIENCE_S) == ""
        assert "was not made with the CA in" in refusal(at["master"], Certificates.of(str(stolen)), PATIENCE_S)
        credulous = copied(tmp_path / "credulous", stolen)
        (credulous / "ca.pem").write_bytes((tmp_path / "tls" / "ca.pem").read_bytes())
        assert "refuses the certificate in" in refusal(at["master"], Certificates(credulous), PATIENCE_S)


# -- the folder of a machine ---------------------------------------------------------------------------


def test_a_folder_that_was_copied_whole_is_taken(made: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "me", made / "ours" / "me")
    assert Certificates.of(str(folder)) == Certificates(folder)


def test_a_month_before_they_expire_it_is_said_which_and_the_way_out(tmp_path: Path) -> None:
    make(tmp_path, "me", life=timedelta(days=40))
    mine = Certificates.of(str(tmp_path / "me"))
    assert mine.expire_soon(NOW + timedelta(days=9)) == ""
    assert mine.expire_soon(NOW + timedelta(days=11)).startswith(f"'{mine.certificate}' expires on ")
    make(tmp_path, "me", renew=True, life=timedelta(days=4000))
    told = mine.expire_soon(NOW + timedelta(days=3640))
    assert told.startswith(f"'{mine.ca}' expires on ")
    assert told.endswith("make a new folder for all machines: cluster certs NEWDIR")


def lost(name: str) -> Callable[[Path, Path], None]:
    return lambda folder, _: (folder / name).unlink()


def nonsense(name: str) -> Callable[[Path, Path], None]:
    def spoil(folder: Path, _: Path) -> None:
        (folder / name).write_text("nonsense")

    return spoil


def foreign(*names: str) -> Callable[[Path, Path], None]:
    def spoil(folder: Path, other: Path) -> None:
        for name in names:
            (folder / name).write_bytes((other / name).read_bytes())

    return spoil


@pytest.mark.parametrize(
    ("spoil", "culprit", "says"),
    [
        (lost("ca.pem"), "ca.pem", "is missing; copy the whole folder"),
        (lost("cert.pem"), "cert.pem", "is missing; copy the whole folder"),
        (lost("key.pem"), "key.pem", "is missing; copy the whole folder"),
        (nonsense("ca.pem"), "ca.pem", "holds no certificate; copy it again"),
        (nonsense("cert.pem"), "cert.pem", "holds no certificate; copy it again"),
        (nonsense("key.pem"), "key.pem", "holds no key without a password; copy it again"),
        (foreign("key.pem"), "key.pem", "is not the key of"),
        (foreign("cert.pem", "key.pem"), "cert.pem", "was not made with the CA in"),
        (foreign("ca.pem"), "cert.pem", "was not made with the CA in"),
    ],
    ids=["no CA", "no certificate", "no key", "bad CA", "bad certificate", "bad key", "a key", "a pair", "a CA"],
)
def test_a_folder_with_a_fault_is_refused_by_the_file_at_fault(
    made: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], culprit: str, says: str
) -> None:
    folder = copied(tmp_path / "me", made / "ours" / "me")
    spoil(folder, made / "rogue" / "me")
    with pytest.raises(UsageError) as error:
        Certificates.of(str(folder))
    assert str(error.value).startswith(f"'{folder / culprit}' {says}")


def test_a_file_that_cannot_be_read_is_told_with_the_reason(made: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "me", made / "ours" / "me")
    (folder / "cert.pem").unlink()
    (folder / "cert.pem").mkdir()
    with pytest.raises(UsageError, match=r"cert\.pem' cannot be read: .*; give it to the user who runs this"):
        Certificates.of(str(folder))


def test_a_key_with_a_password_is_refused_for_nobody_is_there_to_type_it(made: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    folder = copied(tmp_path / "me", made / "ours" / "me")
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    (folder / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(UsageError, match=r"key\.pem' holds no key without a password"):
        Certificates.of(str(folder))


@modes
def test_a_key_that_others_can_read_is_refused(made: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path / "me", made / "ours" / "me")
    (folder / "key.pem").chmod(0o644)
    with pytest.raises(UsageError) as error:
        Certificates.of(str(folder))
    key = folder / "key.pem"
    assert str(error.value) == f"'{key}' is a key that others can read (mode 0644); run: chmod 600 '{key}'"


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (NOW + timedelta(days=824), ""),
        (NOW + timedelta(days=826), f"cert.pem' expired on {NOW + timedelta(days=825):%Y-%m-%d}; make it anew"),
        (NOW + timedelta(days=4000), f"ca.pem' expired on {NOW + timedelta(days=3653):%Y-%m-%d}; make it anew"),
        (NOW - timedelta(hours=23), ""),
        (NOW - timedelta(hours=25), "is not valid before"),
    ],
    ids=["its last day", "too late", "years too late", "a clock that is slow", "a clock that is wrong"],
)
def test_a_certificate_has_its_time(made: Path, now: datetime, says: str) -> None:
    folder = str(made / "ours" / "me")
    if not says:
        assert Certificates.of(folder, now=now).folder == Path(folder)
        return
    with pytest.raises(UsageError) as error:
        Certificates.of(folder, now=now)
    assert says in str(error.value)


def test_without_a_time_it_is_the_true_one(made: Path) -> None:
    with pytest.raises(UsageError, match=r"expired on .*; make it anew: adaptive-scheduler cluster certs"):
        Certificates.of(str(made / "ours" / "expired"))


# -- what dask makes of them ---------------------------------------------------------------------------


def test_every_role_of_dask_has_the_same_certificate_and_must_encrypt(ours: Certificates) -> None:
    asked = security(ours)
    for role in ("client", "scheduler", "worker"):
        config = asked.get_tls_config_for_role(role)  # type: ignore[no-untyped-call]
        files = (config["ca_file"], config["cert"], config["key"])
        assert files == (str(ours.ca), str(ours.certificate), str(ours.key))
        arguments = asked.get_connection_args(role)  # type: ignore[no-untyped-call]
        assert arguments["ssl_context"].minimum_version == ssl.TLSVersion.TLSv1_2
    assert asked.require_encryption
    assert not security(None).require_encryption


def client(address: str, certificates: Certificates | None) -> tuple[int, str]:
    """Connect as dask does and count the workers, in a process of its own; returns its exit code and all it said."""
    body = (
        "import sys\n"
        "from pathlib import Path\n"
        "from distributed import Client\n"
        "from adaptive_scheduler.cluster.tls import Certificates, security\n"
        "ours = Certificates(Path(sys.argv[2])) if sys.argv[2:] else None\n"
        "with Client(sys.argv[1], security=security(ours), timeout=5, set_as_default=False) as client:\n"
        "    print(len(client.scheduler_info()['workers']), 'workers')\n"
    )
    words = [sys.executable, "-c", body, address, *([str(certificates.folder)] if certificates else [])]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return answer.returncode, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["master", "plain"])
def test_a_client_of_dask_connects_where_nothing_is_refused(at: dict[str, str], ours: Certificates, name: str) -> None:
    certificates = ours if name == "master" else None
    assert refusal(at[name], certificates, PATIENCE_S) == ""
    assert client(at[name], certificates) == (0, "0 workers\n")


def test_a_client_with_the_certificates_of_another_ca_does_not_connect(at: dict[str, str], rogue: Certificates) -> None:
    code, said = client(at["master"], rogue)
    assert code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in said


def test_a_scheduler_hears_nobody_without_a_certificate(at: dict[str, str], ours: Certificates) -> None:
    """With TLS 1.3 its refusal comes after the handshake."""
    _, host, port = parse(at["master"])
    context = ssl.create_default_context(cafile=str(ours.ca))
    plain = socket.create_connection((host, port), PATIENCE_S)
    with context.wrap_socket(plain, server_hostname=host) as secured, pytest.raises(ssl.SSLError) as error:
        secured.recv(1)
    assert error.value.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


# -- why not -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_scheduler_answers_by_every_name_of_its_certificate(
    at: dict[str, str], ours: Certificates, host: str
) -> None:
    assert refusal(at["master"].replace("127.0.0.1", host), ours, PATIENCE_S) == ""


def test_a_scheduler_of_another_ca_is_not_believed(at: dict[str, str], rogue: Certificates) -> None:
    assert refusal(at["master"], rogue, PATIENCE_S) == (
        f"the certificate of '{at['master']}' was not made with the CA in '{rogue.folder}'; "
        "is it another cluster, or are these another cluster's certificates?"
    )


def test_a_certificate_for_other_names_is_not_believed(at: dict[str, str], ours: Certificates) -> None:
    """127.1 is an old way to write 127.0.0.1: the same machine by a name that no certificate is for."""
    address = at["master"].replace("127.0.0.1", "127.1")
    assert refusal(address, ours, PATIENCE_S) == (
        f"the certificate of '{address}' is not for '127.1'; use a name that it is for, "
        "or make it anew with --renew --host NAME=127.1"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("expired", "has expired; make it anew with --renew and start the scheduler again"),
        ("future", "is not valid yet; set the clocks of both machines right"),
    ],
)
def test_a_certificate_out_of_its_time_is_not_believed(
    at: dict[str, str], ours: Certificates, name: str, says: str
) -> None:
    assert refusal(at[name], ours, PATIENCE_S) == f"the certificate of '{at[name]}' {says}"


def test_a_scheduler_that_does_not_believe_us_is_told_from_one_that_is_believed(
    at: dict[str, str], ours: Certificates
) -> None:
    assert refusal(at["distrustful"], ours, PATIENCE_S) == (
        f"'{at['distrustful']}' refuses the certificate in '{ours.folder}' (unknown ca); "
        "compare the CA and the clock of both"
    )


def test_a_scheduler_refuses_a_certificate_that_has_expired(at: dict[str, str], made: Path) -> None:
    expired = Certificates(made / "ours" / "expired")
    assert "(certificate expired)" in refusal(at["master"], expired, PATIENCE_S)


def test_tls_against_a_scheduler_without_it(at: dict[str, str], ours: Certificates) -> None:
    address = at["plain"].replace("tcp:", "tls:")
    assert refusal(address, ours, PATIENCE_S) == (
        f"'{address}' does not speak TLS; start it with certificates: adaptive-scheduler cluster scheduler"
    )
    assert refusal(at["plain"], None, PATIENCE_S) == "", "it has survived that"


def test_no_tls_against_a_scheduler_with_it(at: dict[str, str]) -> None:
    address = at["master"].replace("tls:", "tcp:")
    assert refusal(address, None, PATIENCE_S) == (
        f"'{address}' speaks TLS; write tls:// and name the folder of this machine's certificates"
    )


def test_certificates_and_an_address_without_tls_do_not_fit(at: dict[str, str], ours: Certificates) -> None:
    assert "is without TLS, and there are certificates; write tls://" in refusal(at["plain"], ours, PATIENCE_S)


def test_where_nobody_listens_tls_makes_no_difference(ours: Certificates) -> None:
    with servers.nobody() as port:
        assert refusal(f"tls://127.0.0.1:{port}", ours, PATIENCE_S).startswith("nobody listens at 127.0.0.1, port")


def test_who_never_shakes_hands_is_given_up(ours: Certificates) -> None:
    with servers.server(servers.silent) as port:
        said = refusal(f"tls://127.0.0.1:{port}", ours, 0.2)
        assert said == f"'tls://127.0.0.1:{port}' takes connections but says nothing within 0.2 s; look at its log"


def test_who_hangs_up_in_the_handshake_is_told(ours: Certificates) -> None:
    with servers.server(lambda connection, _: None) as port:
        assert "hangs up before it says a word" in refusal(f"tls://127.0.0.1:{port}", ours, PATIENCE_S)


def test_who_speaks_tls_and_is_not_dask_is_a_stranger(made: Path, ours: Certificates) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made / "ours" / "master" / "cert.pem", made / "ours" / "master" / "key.pem")

    def treat(connection: socket.socket, _: object) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(b"220 mail\r\n")

    with servers.server(treat) as port:
        assert "is no dask scheduler" in refusal(f"tls://127.0.0.1:{port}", ours, PATIENCE_S)
