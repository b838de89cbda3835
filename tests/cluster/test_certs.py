"""Making certificates: whose they are, who can read them, and what is never overwritten or left half-made."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from adaptive_scheduler.cluster import certs
from adaptive_scheduler.errors import UsageError
from tests.cluster.making import NOW, make
from tests.console import Inside
from tests.platforms import is_private, modes, posix_only

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

OF_A_HOST = {"ca.pem", "cert.pem", "key.pem"}


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(path: Path) -> set[str]:
    found = load(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in found}


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


# -- what is written -----------------------------------------------------------------------------------


def test_a_cluster_has_a_ca_and_each_machine_a_folder_to_be_copied_as_it_is(tmp_path: Path) -> None:
    made = make(tmp_path / "new" / "tls", "master", "worker")
    folder = tmp_path / "new" / "tls"
    assert (made.new_ca, made.folders) == (True, (folder / "master", folder / "worker"))
    assert {one.name for one in folder.iterdir()} == {"ca.pem", "ca-key.pem", "master", "worker"}
    for host in ("master", "worker"):
        assert {one.name for one in (folder / host).iterdir()} == OF_A_HOST
        assert (folder / host / "ca.pem").read_bytes() == (folder / "ca.pem").read_bytes()
        load(folder / host / "cert.pem").verify_directly_issued_by(load(folder / "ca.pem"))


@modes
def test_nobody_else_can_read_what_was_written(tmp_path: Path) -> None:
    make(tmp_path / "tls", "master")
    assert [one for one in (tmp_path / "tls").rglob("*") if not is_private(one)] == []


def test_a_certificate_is_for_every_name_of_its_machine_and_for_loopback(tmp_path: Path) -> None:
    make(tmp_path, "master=master.example,10.0.0.5,fe80::1", "10.0.0.6", "localhost")
    always = {"localhost", "127.0.0.1", "::1"}
    assert names(tmp_path / "master" / "cert.pem") == always | {"master", "master.example", "10.0.0.5", "fe80::1"}
    assert names(tmp_path / "10.0.0.6" / "cert.pem") == always | {"10.0.0.6"}
    assert names(tmp_path / "localhost" / "cert.pem") == always
    found = load(tmp_path / "master" / "cert.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert ip_address("10.0.0.5") in found.value.get_values_for_type(x509.IPAddress)


def test_a_certificate_is_good_for_both_ends_and_signs_nothing(tmp_path: Path) -> None:
    make(tmp_path, "master")
    host, ca = load(tmp_path / "master" / "cert.pem"), load(tmp_path / "ca.pem")
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert list(host.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == both
    assert not host.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not host.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    for one in (host, ca):
        key = one.public_key()
        assert isinstance(key, EllipticCurvePublicKey)
        assert isinstance(key.curve, SECP256R1)
        assert one.signature_hash_algorithm is not None
        assert one.signature_hash_algorithm.name == "sha256"


@pytest.mark.parametrize(("life", "days"), [(None, 825), (timedelta(days=30), 30), (timedelta(days=9999), 3653)])
def test_certificates_are_valid_since_yesterday_and_never_longer_than_their_ca(
    tmp_path: Path, life: timedelta | None, days: int
) -> None:
    made = make(tmp_path, "master", **({"life": life} if life else {}))
    host, ca = load(tmp_path / "master" / "cert.pem"), load(tmp_path / "ca.pem")
    second = NOW.replace(microsecond=0)
    for one in (host, ca):
        assert one.not_valid_before_utc == second - timedelta(days=1)
    assert ca.not_valid_after_utc == second + timedelta(days=3653)
    assert host.not_valid_after_utc == second + timedelta(days=days) == made.until.replace(microsecond=0)


def test_a_host_that_comes_later_has_the_same_ca(tmp_path: Path) -> None:
    make(tmp_path, "master")
    before = files(tmp_path)
    made = make(tmp_path, "late")
    assert not made.new_ca
    assert {name: text for name, text in files(tmp_path).items() if not name.startswith("late")} == before
    load(tmp_path / "late" / "cert.pem").verify_directly_issued_by(load(tmp_path / "master" / "ca.pem"))


def test_two_clusters_have_two_cas(tmp_path: Path) -> None:
    make(tmp_path / "a", "master")
    make(tmp_path / "b", "master")
    assert load(tmp_path / "a" / "ca.pem").public_key() != load(tmp_path / "b" / "ca.pem").public_key()


def test_a_certificate_is_renewed_when_that_is_said(tmp_path: Path) -> None:
    make(tmp_path, "master", "worker")
    before = files(tmp_path)
    make(tmp_path, "master", renew=True)
    after = files(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {
        str(Path("master", one)) for one in ("cert.pem", "key.pem")
    }
    assert set(after) == set(before)


def test_what_is_renewed_keeps_its_other_names_unless_others_are_given(tmp_path: Path) -> None:
    make(tmp_path, "master=10.0.0.5,master.example", "worker=10.0.0.6")
    make(tmp_path, "master", "worker=10.0.0.7", renew=True)
    always = {"localhost", "127.0.0.1", "::1"}
    assert names(tmp_path / "master" / "cert.pem") == always | {"master", "10.0.0.5", "master.example"}
    assert names(tmp_path / "worker" / "cert.pem") == always | {"worker", "10.0.0.7"}


def test_to_throw_a_machine_out_all_others_get_a_certificate_of_a_new_ca(tmp_path: Path) -> None:
    make(tmp_path, "master=10.0.0.5", "worker", "stolen")
    old = load(tmp_path / "stolen" / "cert.pem")
    made = make(tmp_path, "late", expel=["stolen"])
    assert [(host.name, host.also) for host in made.hosts] == [("master", ("10.0.0.5",)), ("worker", ()), ("late", ())]
    assert {one.name for one in tmp_path.iterdir()} == {"ca.pem", "ca-key.pem", "master", "worker", "late"}
    for host in made.folders:
        assert {one.name for one in host.iterdir()} == OF_A_HOST
        assert (host / "ca.pem").read_bytes() == (tmp_path / "ca.pem").read_bytes()
        load(host / "cert.pem").verify_directly_issued_by(load(tmp_path / "ca.pem"))
    with pytest.raises(InvalidSignature):
        old.verify_directly_issued_by(load(tmp_path / "ca.pem"))


# -- what is refused, and changes nothing --------------------------------------------------------------


def refused(folder: Path, *hosts: str, says: str, **more: Any) -> None:
    before = files(folder)
    with pytest.raises(UsageError) as error:
        make(folder, *hosts, **more)
    assert says in str(error.value)
    assert files(folder) == before


def test_a_folder_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    make(tmp_path, "master")
    refused(tmp_path, "late", "master", says=f"'{tmp_path / 'master'}' is there already; remove it, or add --renew")


def test_what_somebody_put_into_a_folder_is_not_lost_with_it(tmp_path: Path) -> None:
    make(tmp_path, "master")
    (tmp_path / "master" / "notes.txt").write_text("mine")
    refused(tmp_path, "master", renew=True, says=f"'{tmp_path / 'master' / 'notes.txt'}' was not made here")


@pytest.mark.parametrize("lost", ["ca.pem", "ca-key.pem"])
def test_half_a_ca_makes_no_certificates(tmp_path: Path, lost: str) -> None:
    make(tmp_path, "master")
    (tmp_path / lost).unlink()
    refused(tmp_path, "late", says=f"'{tmp_path / lost}' is missing, and half a CA makes no certificates; put it back")


def test_a_ca_with_the_key_of_another_makes_no_certificates(tmp_path: Path) -> None:
    make(tmp_path / "a", "master")
    make(tmp_path / "b", "master")
    (tmp_path / "a" / "ca-key.pem").write_bytes((tmp_path / "b" / "ca-key.pem").read_bytes())
    refused(tmp_path / "a", "late", says=f"'{tmp_path / 'a' / 'ca-key.pem'}' is not the key of")


def test_a_ca_that_has_expired_makes_no_certificates(tmp_path: Path) -> None:
    make(tmp_path, "master", ago=timedelta(days=4000))
    refused(tmp_path, "late", says="use a new folder, and give every machine its new certificate")


@modes
def test_a_ca_whose_key_others_can_read_makes_no_certificates(tmp_path: Path) -> None:
    make(tmp_path, "master")
    (tmp_path / "ca-key.pem").chmod(0o640)
    refused(tmp_path, "late", says="is a key that others can read (mode 0640); run: chmod 600")


def test_where_no_folder_can_be_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "master", says=f"'{tmp_path / 'file'}' cannot be written: ")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("", "'' is neither a name nor an address"),
        ("../etc", "'../etc' is neither"),
        ("a b", "'a b' is neither"),
        (".", "'.' is neither"),
        ("*.example", "'*.example' is neither"),
        ("-a", "'-a' is neither"),
        ("x" * 64, "is neither a name nor"),
        ("서버", "'서버' is neither"),
        ("10.0.0.300", "'10.0.0.300' is neither"),
        ("master=", "'' is neither"),
        ("master=a,,b", "'' is neither"),
        ("master=fe80::1%eth0", "'fe80::1%eth0' is neither"),
        ("fe80::1", "'fe80::1' cannot name a folder; write NAME=fe80::1"),
        ("CA.pem", "'CA.pem' cannot name a folder; write NAME=CA.pem"),
    ],
)
def test_what_is_no_name_of_a_machine_is_quoted(host: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        certs.Host.of(host)
    assert str(error.value).startswith(f"--host '{host}': ")
    assert says in str(error.value)


def test_a_host_is_named_once(tmp_path: Path) -> None:
    refused(tmp_path, "master", "Master", says="--host 'master' is named twice; write all its names at once")


def test_without_the_library_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    refused(tmp_path, "master", says="pip install '.[dask]'")


# -- what fails midway ---------------------------------------------------------------------------------


@contextmanager
def short_of_room(most_bytes: int) -> Iterator[None]:
    """Let no file become longer than this, as a full disk would."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix_only("limits on the size of a file")
def test_what_cannot_be_written_whole_is_not_written_at_all(tmp_path: Path) -> None:
    """A certificate has more bytes than a key: with this limit the keys can be written, and nothing else."""
    with short_of_room(300), pytest.raises(UsageError) as error:
        make(tmp_path, "master")
    assert str(error.value) == f"'{tmp_path}' cannot be written: File too large; nothing was changed"
    assert list(tmp_path.iterdir()) == []
    make(tmp_path, "master")
    before = files(tmp_path)
    with short_of_room(300), pytest.raises(UsageError):
        make(tmp_path, "master", "late", renew=True)
    assert files(tmp_path) == before


def test_a_failure_midway_puts_everything_back(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    moves = [("old", "aside"), ("new", "old"), ("missing", "elsewhere")]
    with pytest.raises(FileNotFoundError):  # any failure, Ctrl-C too
        certs._rename_all([(tmp_path / source, tmp_path / target) for source, target in moves])
    assert files(tmp_path) == {str(Path("old", "content")): b"old", str(Path("new", "content")): b"new"}


# -- the command ---------------------------------------------------------------------------------------


def test_the_command_says_what_it_wrote_and_who_may_have_it(tmp_path: Path) -> None:
    program = Inside(tmp_path)
    folder = tmp_path / "tls"
    answer = program.bare("cluster", "certs", str(folder), "--host", "master=10.0.0.5", "--host", "w", "--days", "9")
    assert (answer.code, answer.err) == (0, "")
    last = f"{made_until(folder / 'w'):%Y-%m-%d}"
    assert answer.out.splitlines() == [
        f"made the CA '{folder / 'ca.pem'}'",
        f"wrote '{folder / 'master'}' for master, 10.0.0.5, valid until {last}; copy it there as it is",
        f"wrote '{folder / 'w'}' for w, valid until {last}; copy it there as it is",
        f"keep '{folder / 'ca-key.pem'}' to yourself: it makes certificates. "
        "Whoever holds one of the folders can run programs on every node.",
    ]
    again = program.bare("cluster", "certs", str(folder), "--host", "w")
    assert (again.code, again.out) == (2, "")
    assert "is there already; remove it, or add --renew" in again.err
    renewed = program.bare("cluster", "certs", str(folder), "--host", "w", "--renew")
    assert (renewed.code, renewed.err) == (0, "")
    assert "made the CA" not in renewed.out
    expelled = program.bare("cluster", "certs", str(folder), "--expel", "w")
    assert (expelled.code, expelled.err, (folder / "w").exists()) == (0, "", False)
    assert "made the CA" in expelled.out
    assert f"wrote '{folder / 'master'}' for master, 10.0.0.5, valid" in expelled.out
    assert "'w' can get in until the scheduler is started again: copy the new folders over the old ones" in expelled.out
    before = files(folder)
    for words, says in (
        (["w"], "has no folder of that name; there is 'master'"),
        (["master", "--host", "master"], "at once"),
    ):
        answer = program.bare("cluster", "certs", str(folder), "--expel", *words)
        assert (answer.code, says in answer.err) == (2, True)
    assert files(folder) == before


def made_until(folder: Path) -> object:
    return load(folder / "cert.pem").not_valid_after_utc.astimezone()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "DIR"),
        (["tls"], "--host"),
        (["tls", "--host", "a", "--days", "0"], "--days"),
        (["tls", "--host", "a/b"], "'a/b' is neither a name nor an address"),
    ],
)
def test_what_the_command_cannot_do_is_a_usage_error(tmp_path: Path, words: list[str], says: str) -> None:
    answer = Inside(tmp_path).bare("cluster", "certs", *words)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_the_command_has_help(tmp_path: Path) -> None:
    answer = Inside(tmp_path).bare("cluster", "certs", "--help")
    assert (answer.code, answer.err) == (0, "")
    assert all(option in answer.out for option in ("DIR", "--host", "--days", "--renew"))
