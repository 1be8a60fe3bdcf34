"""What nvidia-smi would print of a GPU, and what is made of it."""

from __future__ import annotations

import os

import pytest

from mnistbench.measure.smi_probe import SmiProbe, parse_look, smi_probe

LINE = "1980, 3201, 61, 345.60, 0x0000000000000044\n"
LOOK = {
    "sm_mhz": 1980,
    "memory_mhz": 3201,
    "temperature_celsius": 61,
    "power_watts": 345.6,
    "throttle_reasons": ["power_cap", "hardware_thermal"],
}


class Smi:
    """Stands for nvidia-smi; ``knows`` is its name of the mask."""

    def __init__(self, knows="clocks_event_reasons.active", line=LINE, processes="1\n2\n"):
        self.knows, self.line, self.processes = knows, line, processes
        self.asked = []

    def __call__(self, command):
        assert command[:2] == ("nvidia-smi", "--id=0000:17:00.0")
        self.asked.append(command[2])
        if command[2].startswith("--query-compute-apps"):
            return self.processes
        return self.line if self.knows is not None and self.knows in command[2] else None


def look(smi):
    return dict(SmiProbe("0000:17:00.0", smi).look())


def test_a_look():
    assert look(Smi()) == LOOK | {"other_processes": 1}


def test_an_older_driver_calls_the_reasons_otherwise_and_is_asked_once():
    smi = Smi(knows="clocks_throttle_reasons.active")
    probe = SmiProbe("0000:17:00.0", smi)
    assert probe.look() == probe.look() == LOOK | {"other_processes": 1}
    assert ["event" in question for question in smi.asked] == [True, False, False, False, False]


def test_without_nvidia_smi_there_is_nothing_and_without_an_address_no_probe():
    assert look(Smi(knows=None)) == {}
    assert smi_probe(None) is None
    assert smi_probe("0000:17:00.0") is not None


@pytest.mark.parametrize(
    ("processes", "others"),
    [
        ("", 0),
        ("7\n", 0),
        ("7\n8\n9\n", 2),
        (f"{os.getpid()}\n", 0),
        (f"{os.getpid()}\n{os.getppid()}\n", 0),
        (f"{os.getpid()}\n4194305\n", 1),
        ("No running processes found\n", 0),
        ("[N/A]\n[N/A]\n", 0),
    ],
)
def test_this_process_and_the_one_that_started_it_are_no_others(processes, others):
    assert look(Smi(processes=processes))["other_processes"] == others


def test_processes_that_cannot_be_asked_for_are_left_out():
    assert look(Smi(processes=None)) == LOOK


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (LINE, LOOK),
        (
            "1980, [N/A], 61, [Not Supported], 0x0\n",
            {"sm_mhz": 1980, "temperature_celsius": 61, "throttle_reasons": []},
        ),
        ("[N/A], [N/A], [N/A], [N/A], [N/A]", {}),
        ("nan, inf, -1, 1e99, 0xffffffffffffffffff", {}),
        ("9999999999, \u00b2, , , 0x", {}),
        (LINE + "1, 2, 3, 4, 0x1\n", LOOK),
        ("1980, 3201", {}),
        ("1, 2, 3, 4, 5, 6", {}),
        ("", {}),
        ("Unable to determine the device handle", {}),
    ],
)
def test_what_is_printed(line, found):
    assert parse_look(line) == found
