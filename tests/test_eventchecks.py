"""Faults of [events], [probes] and `on`: each line, each sentence, with a way out."""

import pytest

from tests.faults import ONE, fault, faults, read

SPIKE = "[events.cpu_spike]\n"
OWN = "[events.mine]\n"
DB = "[probes.db]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'{ONE}on = ["cpu_spik"]', "4: tasks.a.on[0]: unknown event 'cpu_spik'; did you mean 'cpu_spike'?"),
        (f'{ONE}on = ["zzz"]', "4: tasks.a.on[0]: unknown event 'zzz'; the events are: cpu_spike, memory_leak,"),
        (f'{ONE}on = ["cpu_spike", "cpu_spike"]', "4: tasks.a.on[1]: 'cpu_spike' is named twice"),
        (f"{ONE}on = [1]", "4: tasks.a.on[0]: '1' is not text"),
        (f'{ONE}on = "cpu_spike"', "4: tasks.a.on: the text 'cpu_spike' is not a list"),
        (f'{ONE}trigger = ["cpu_spike"]', "4: tasks.a.trigger: unknown key 'trigger'; did you mean 'on'?"),
        ('[tasks.a]\nscript = "x"', '1: tasks.a.interval: is missing; add interval = "10m", or on = ["cpu_spike"]'),
        ('[tasks.a]\nscript = "x"\non = []', "1: tasks.a.interval: is missing"),
        ('[tasks.a]\nscript = "x"\nevents = ["cpu_spike"]', "3: tasks.a.events: unknown key 'events'; did you mean"),
        ('[tasks.a]\nscript = "x"\non = "cpu_spike"', "3: tasks.a.on: the text 'cpu_spike' is not a list"),
        (f'{SPIKE}level = "calmer"', "2: events.cpu_spike.level: 'calmer' is not one of keen, calm, off; did you mean"),
        (f'{SPIKE}when = "cpu_load > 5"', "2: events.cpu_spike.when: 'cpu_spike' is built in and has its own rule;"),
        (f'{SPIKE}cooldown = "1h"', "2: events.cpu_spike.cooldown: unknown key 'cooldown'; did you mean 'cool_down'?"),
        (f'{SPIKE}cool_down = "5s"', '2: events.cpu_spike.cool_down: must be from "1m" to "30d"'),
        (f"{SPIKE}max_per_hour = 0", "2: events.cpu_spike.max_per_hour: must be at least 1, not '0'"),
        (f"{SPIKE}max_per_hour = 61", "2: events.cpu_spike.max_per_hour: must be at most 60, not '61'"),
        (
            f"{SPIKE}zzz = 1",
            "2: events.cpu_spike.zzz: unknown key 'zzz'; an event knows: cool_down, level, max_per_hour",
        ),
        (f"{OWN}", '1: events.mine.when: is missing; add when = "memory_usage > 85 for 3 cycles"'),
        (
            "[events.cpu_spikes]",
            "1: events.cpu_spikes.when: is missing; did you mean the built-in 'cpu_spike'? An event",
        ),
        (f'{OWN}level = "keen"\nwhen = "cpu_load > 5"', "2: events.mine.level: 'keen' is for built-in events; yours"),
        (f'{OWN}when = "memory_use > 85"', "2: events.mine.when: unknown field 'memory_use' at 'memory_use > 85'; did"),
        (f"{OWN}when = 5", "2: events.mine.when: '5' is not text"),
        (f'{OWN}when = "probes.db > 5"', "2: events.mine.when: unknown probe 'db'; add a table [probes.db]"),
        (
            '[events.Cpu_Spike]\nwhen = "cpu_load > 5"',
            "1: events.Cpu_Spike: 'Cpu_Spike' and 'cpu_spike' differ only in",
        ),
        ('[events."a b"]\nwhen = "cpu_load > 5"', "1: events.\"a b\": ' ' cannot stand in an event's name"),
        ("events = 5", "1: events: '5' is not a table"),
        ("[events]\ncpu_spike = 5", "2: events.cpu_spike: '5' is not a table"),
        (f"{DB}", '1: probes.db.tcp: is missing; add tcp = "host:port", http = "https://..." or command = ["..."]'),
        (f'{DB}tcp = "db:1"\nhttp = "http://db"', "3: probes.db.http: 'tcp' and 'http' exclude each other; keep one"),
        (f'{DB}url = "http://db"', "2: probes.db.url: unknown key 'url'; did you mean 'http'?"),
        (
            f'{DB}tcp = "db:1"\ntimeout = "99ms"',
            '3: probes.db.timeout: must be from "100ms" to "60s": probes are given up',
        ),
        (f'{DB}tcp = "db:1"\ntimeout = "61s"', '3: probes.db.timeout: must be from "100ms" to "60s"'),
        (f'{DB}tcp = "db:1"\ntimeout = 5', "3: probes.db.timeout: '5' is not a duration: write a duration such as"),
        (f'{DB}tcp = "db:1"\ntimeout = "0.5s"', "3: probes.db.timeout: '0.5s' is not a duration: write a number and"),
        (f'{DB}tcp = "a\\u0000b:1"', "2: probes.db.tcp: must be a host and a port"),
        (f'{DB}http = "http://a\\nb/"', "2: probes.db.http: must be a URL"),
        (f'{DB}tcp = "db"', '2: probes.db.tcp: must be a host and a port, such as "db:5432" or "[::1]:5432"'),
        (f'{DB}tcp = "db:0"', "2: probes.db.tcp: must be a host and a port"),
        (f'{DB}tcp = "db:65536"', "2: probes.db.tcp: must be a host and a port"),
        (f'{DB}tcp = "::1:5432"', "2: probes.db.tcp: must be a host and a port"),
        (f'{DB}http = "ftp://db"', "2: probes.db.http: must be a URL that begins with http:// or https://"),
        (f"{DB}command = []", "2: probes.db.command: must not be empty"),
        ('[probes.".x"]\ntcp = "db:1"', "1: probes.\".x\": '.x' cannot be a probe's name"),
    ],
    ids=lambda value: value[-40:],
)
def test_a_fault_is_named_once_with_its_line(text: str, told: str) -> None:
    whole = text if "tasks.a" in text else f"{text}\n{ONE}"
    assert fault(whole).startswith(f"tasks.toml:{told}")


def test_all_faults_are_told_at_once() -> None:
    text = f'{OWN}when = "nope > 1 or probes.dc > 5"\nlevel = "calm"\n{DB}tcp = "db"\n{ONE}on = ["mime", "mine"]\n'
    assert [line.split(": ")[1] for line in faults(text)] == [
        *("events.mine.when", "events.mine.level", "probes.db.tcp", "tasks.a.on[0]"),
    ]


def test_an_unknown_probe_is_told_with_the_one_that_looks_alike() -> None:
    text = f'{OWN}when = "probes.dbs > 5"\n{DB}tcp = "db:1"\n{ONE}'
    assert fault(text) == "tasks.toml:2: events.mine.when: unknown probe 'dbs'; did you mean 'db'?"


@pytest.mark.parametrize(
    "line",
    ['http = "http://me:hunter2@host:port/?key=hunter2"', 'http = "hunter2"', 'tcp = "me:hunter2@db:5432"'],
)
def test_what_may_hold_a_password_is_never_repeated(line: str) -> None:
    (only,) = faults(f"{DB}{line}\n{ONE}")
    assert "hunter2" not in only


@pytest.mark.parametrize(
    "address", ["db:5432", "127.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:22", "data-base.local:80"]
)
def test_an_address_is_kept_as_it_is_written(address: str) -> None:
    assert read(f'{DB}tcp = "{address}"\n{ONE}').probes["db"].target == (address,)


@pytest.mark.parametrize("url", ["http://localhost", "HTTPS://a.b/c?d=e#f", "http://[::1]:80/x", "https://u:p@h:1?x"])
def test_a_url_is_kept_as_it_is_written(url: str) -> None:
    assert read(f'{DB}http = "{url}"\n{ONE}').probes["db"].target == (url,)


def test_events_of_the_user_come_after_the_built_in_ones_whatever_the_file_says_first() -> None:
    text = f'[events.zoo]\nwhen = "cpu_load > 5"\n{OWN}when = "cpu_load > 6"\n{SPIKE}level = "off"\n{ONE}'
    assert list(read(text).watches) == ["cpu_spike", "memory_leak", "high_latency", "missed_cycles", "zoo", "mine"]


def test_a_condition_may_look_at_a_probe_that_there_is() -> None:
    text = f'{OWN}when = "probes.db > 5 and probes.dbs > 5"\n{DB}tcp = "db:1"\n[probes.dbs]\ntcp = "db:2"\n{ONE}'
    assert read(text).watches["mine"].when == "probes.db > 5 and probes.dbs > 5"
