"""Looks a machine over, whatever state it is in; each look is an argument, and nothing is changed or fetched."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import ProviderError
from mnistbench.measure.conditions import Watch
from mnistbench.measure.doctor import hardware, software, surroundings
from mnistbench.measure.doctor.answers import Installed
from mnistbench.measure.doctor.ask import Ask, ask_process
from mnistbench.measure.doctor.devices import check_devices
from mnistbench.measure.doctor.patient import Patient, choose_models
from mnistbench.measure.doctor.places import AREA
from mnistbench.measure.environment import Reader, Runner, collect_environment, read_text, run_command
from mnistbench.results import Diagnosis, Environment, Finding


def examine(
    *,
    work_dir: Path = Path("runs"),
    data_dir: Path | None = None,
    zoo: Path | None = None,
    environment: Environment | None = None,
    packages: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    processors: int | None = None,
    ask: Ask = ask_process,
    read: Reader = read_text,
    run: Runner = run_command,
    sleep: Callable[[float], None] = time.sleep,
    watch: Callable[[], Watch] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Find out what is installed, what each device really runs, what is missing and how to mend it.

    Args:
        work_dir: Where results are to be written.
        data_dir: The user's data; ``None`` looks into the cache.
        zoo: The models that come with the package; ``None`` takes :func:`mnistbench.artifacts.bundled_zoo`.
        environment: The machine; ``None`` looks.
        packages: Versions of what is installed, by name; ``None`` looks.
        variables: The process's environment; ``None`` takes ``os.environ``.
        processors: Of the whole machine; ``None`` asks the system.
        ask: What runs models and looks into onnxruntime; by default in fresh processes, so that no driver or
            plug-in can end this one.
        read: Reads a file of ``/proc`` or ``/sys``.
        run: Asks a program.
        sleep: Waits, while other programs are watched.
        watch: Starts to watch them; ``None`` reads the system's counters.
        on_step: Told which device is tried next.
    """
    environment = environment or collect_environment(run=run, read=read)
    packages = software.installed_packages() if packages is None else packages
    variables = os.environ if variables is None else variables
    zoo = bundled_zoo() if zoo is None else zoo
    # First: the probes make the machine busy.
    load = surroundings.check_load(watch or (lambda: Watch.start(read=read)), sleep)
    installed, num_gpus, silent = _first_questions(ask)
    about_software = software.check_software(environment, packages, installed.onnxruntime if installed else None)
    patient = Patient(
        ask=ask,
        models=choose_models(zoo),
        installed=installed,
        num_gpus=num_gpus,
        environment=environment,
        extras={found.subject.removeprefix("extra "): found for found in about_software},
        gpus_hidden="CUDA_VISIBLE_DEVICES" in variables,
    )
    about_devices, probes = check_devices(patient, on_step or (lambda _: None))
    findings = (
        *about_software,
        *hardware.check_cpu(environment, processors or os.cpu_count(), read),
        *hardware.check_gpus(environment, run),
        *silent,
        *about_devices,
        surroundings.check_data(data_dir),
        surroundings.check_work_dir(work_dir),
        *surroundings.check_zoo(zoo, bundled=True),
        *surroundings.check_zoo(work_dir / "zoo", bundled=False),
        *surroundings.check_variables(variables, environment, num_gpus or 0),
        *load,
    )
    return Diagnosis(environment, findings, tuple(probes))


def _first_questions(ask: Ask) -> tuple[Installed | None, int | None, list[Finding]]:
    """What onnxruntime has, how many GPUs CUDA sees, and which of the two cannot be asked."""
    installed, num_gpus, silent = None, None, []
    try:
        installed = Installed.from_dict(ask({"what": "installed"})["installed"])
    except ProviderError as error:
        silent.append(Finding(AREA, "onnxruntime", "problem", f"it cannot be asked for its providers: {error}"))
    try:
        num_gpus = int(ask({"what": "gpus"})["gpus"])
    except ProviderError as error:
        silent.append(Finding(AREA, "NVIDIA driver", "problem", f"it cannot be asked for its GPUs: {error}"))
    return installed, num_gpus, silent
