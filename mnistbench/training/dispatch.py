"""Jobs to processes, and what comes back: the part of an engine that is the same for one machine and for many.

Knows neither pipes nor clusters: a :class:`Fleet` starts processes and carries
messages. What is kept here is who has which job, and it may be lost at any
moment: what became of a job stands in its folder.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mnistbench.cluster import SECONDS_OF_PATIENCE
from mnistbench.errors import ArtifactError, ProcessError
from mnistbench.files import check_writable
from mnistbench.locks import is_locked
from mnistbench.training.executor import Sweep
from mnistbench.training.failures import reason_of
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.run import Event, Now, Waiting, utc_now
from mnistbench.training.slots import Slot, least_loaded
from mnistbench.training.states import read_run, write_failure
from mnistbench.training.sweep import Observer, next_job

Message = tuple[str, str, Any]
"""What a process says: a kind, the key of the job it is about or an empty text, and what belongs to it.

``ready`` (nothing, or why the process does not suit), ``begun``, ``event``, ``finished``, ``failed`` (the reason),
``broken`` (an error that is no job's fault), ``unusable`` (why its device computes nothing; the process ends),
``died`` (how, in words)."""

Task = tuple[Job, bool]
"""A job for a process, and whether it goes on with what is in the job's folder; otherwise it starts over."""

BREAKS = 2
"""A fresh process is given a device that has broken; one that breaks so often, with nothing done between, is left."""


class Fleet(Protocol):
    """Starts processes that train, and speaks with them. What it gives for a process means something to it alone."""

    at_once_ready: bool
    """Whether a process can be given jobs before it says that it is ready."""

    shares_folder: bool
    """Whether every process trains in the work folder of this one, so that any goes on where another stopped."""

    def start(self, slot: Slot) -> Any:
        """Start a process."""

    def give(self, worker: Any, task: Task) -> bool:
        """Hand over a job; whether the process was there to take it."""

    def listen(self, workers: Sequence[Any]) -> Sequence[tuple[Any, Message]]:
        """What processes say, each in its order; waits for it, but not for ever."""

    def joined(self) -> Sequence[Slot]:
        """Slots that have come since the last time."""

    def stop(self, workers: Sequence[Any], *, ask: bool) -> None:
        """See every process end; ``ask`` those that may be in the middle of a job."""


@dataclass(eq=False)
class _Seat:
    """A slot, the process in it and the jobs that it has."""

    slot: Slot
    worker: Any = None
    since: float = 0.0
    """When its process was started, in seconds of the clock."""
    ready: bool = False
    """Whether it can be given jobs; may be no more than a hope, see ``at_once_ready``."""
    able: bool = False
    """Whether its process has said that it is ready, or taken up a job."""
    jobs: dict[str, Job] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    """Keys of those jobs that its process has taken up."""
    breaks: int = 0
    """How often its device has broken, or its process has ended before it could train, since a job ended there."""


def dispatch(
    sweep: Sweep,
    slots: Sequence[Slot],
    fleet: Fleet,
    observer: Observer,
    *,
    tries: int = 1,
    on_note: Callable[[str], None] | None = None,
    now: Now = utc_now,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Train every job, as :class:`mnistbench.training.executor.Executor` promises.

    Args:
        sweep: The jobs.
        slots: Where.
        fleet: Starts the processes.
        observer: Told of everything.
        tries: How often a job is taken up whose process dies.
        on_note: Gets what the user should know of processes that are left out and jobs that are taken up again.
        now: Says when a job failed whose process died.
        clock: Seconds that only go up; tells which processes are long in coming.
    """
    state = _Dispatch(sweep, fleet, observer, tries, on_note or (lambda _text: None), now, clock)
    state.seats = [_Seat(slot) for slot in slots]
    whole = False
    try:
        while state.fill():
            for worker, message in fleet.listen([seat.worker for seat in state.seats if seat.worker is not None]):
                state.hear(worker, message)
        whole = True
    finally:
        fleet.stop(state.started, ask=not whole)


class _Dispatch:
    """Who has which job."""

    def __init__(
        self,
        sweep: Sweep,
        fleet: Fleet,
        observer: Observer,
        tries: int,
        note: Callable[[str], None],
        now: Now,
        clock: Callable[[], float],
    ) -> None:
        self.seats: list[_Seat] = []
        self.started: list[Any] = []
        self._fleet, self._observer, self._tries, self._note, self._now = fleet, observer, tries, note, now
        self._clock = clock
        self._work_dir, self._resume = sweep.work_dir, sweep.resume
        # Each once: two of the same would wait for each other.
        self._waiting = deque(dict.fromkeys(sweep.jobs))
        self._due: deque[Job] = deque()
        self._begun: set[str] = set()
        # Keys, each with the machine of the folder: what is there now was made by this sweep.
        self._cleared: set[tuple[str, str]] = set()
        # The machine that took up a job last, by key.
        self._homes: dict[str, str] = {}
        self._deaths: Counter[str] = Counter()
        # Machines of which a process was fit to train.
        self._suited: set[str] = set()
        self._checked = False

    def fill(self) -> bool:
        """Give out as many jobs as there is room for; whether any is under way or due."""
        self.seats += [_Seat(slot) for slot in self._fleet.joined()]
        room = sum(seat.slot.at_once - len(seat.jobs) for seat in self.seats)
        while len(self._due) < room and (job := next_job(self._waiting, self._work_dir, self._resume, self._observer)):
            self._due.append(job)
        if self._due and not self._checked:
            check_writable(self._work_dir / "training")
            self._checked = True
        self._start_processes()
        self._hand_out()
        return bool(self._due or any(seat.jobs for seat in self.seats))

    def _start_processes(self) -> None:
        """As many as there are jobs due that no idle process awaits: rather one job on each device than two on one.

        One that is long in coming, as on a machine that is busy, is not waited for where there is another slot.
        """
        late = [seat for seat in self.seats if self._is_late(seat)]
        idle = sum(seat.worker is not None and not seat.jobs for seat in self.seats) - len(late)
        if idle >= len(self._due):
            return
        busy = {seat.slot.node for seat in late}
        vacant = [seat for seat in self.seats if seat.worker is None]
        # Machines that answer come first.
        for seat in sorted(vacant, key=lambda seat: seat.slot.node in busy)[: len(self._due) - idle]:
            seat.worker, seat.since = self._fleet.start(seat.slot), self._clock()
            seat.ready = self._fleet.at_once_ready
            self.started.append(seat.worker)

    def _is_late(self, seat: _Seat) -> bool:
        """Whether its process should have said by now that it is ready."""
        waits = seat.worker is not None and not seat.ready
        return waits and self._clock() - seat.since > SECONDS_OF_PATIENCE

    def _hand_out(self) -> None:
        deaf: set[int] = set()
        while self._due:
            open_ = self._nearest([seat for seat in self.seats if seat.ready and id(seat) not in deaf], self._due[0])
            index = least_loaded([len(seat.jobs) for seat in open_], [seat.slot.at_once for seat in open_])
            if index is None:
                return
            seat, job = open_[index], self._due[0]
            if self._fleet.give(seat.worker, (job, self._resume or self._is_cleared(job, seat))):
                seat.jobs[job.key] = self._due.popleft()
            else:  # word of its death is on the way
                deaf.add(id(seat))

    def _nearest(self, seats: list[_Seat], job: Job) -> list[_Seat]:
        """Those with room on the machine that may have epochs of a job, where no other has them; else all."""
        if self._fleet.shares_folder or job.key not in self._homes:
            return seats
        home = self._homes[job.key]
        return [seat for seat in seats if seat.slot.node == home and len(seat.jobs) < seat.slot.at_once] or seats

    def hear(self, worker: Any, message: Message) -> None:
        """Take note of one message, and pass it on."""
        seat = next((seat for seat in self.seats if seat.worker is worker), None)
        if seat is None:  # it was left out meanwhile
            return
        kind, key, content = message
        match kind:
            case "ready":
                seat.ready = seat.able = True
                if content is None:
                    self._suited.add(seat.slot.node)
                elif self._has_others(seat):
                    self._leave_out(seat, content)
            case "broken":
                if seat.ready:
                    raise content
                self._bury(seat, "has ended")
                self._miss_start(seat, str(content), content, again=False)
            case "died":
                self._lose(seat, content)
            case "unusable":
                self._retire(seat, content)
            case "begun":
                seat.able = True
                seat.begun.add(key)
                self._homes[key] = seat.slot.node
                self._begin(seat.jobs[key])
            case "event":
                self._tell(seat, seat.jobs[key], content)
            case "finished":
                seat.breaks = 0
                self._observer.finish(seat.jobs.pop(key), content)
            case "failed":
                seat.breaks = 0
                self._observer.fail(seat.jobs.pop(key), content)

    def _begin(self, job: Job) -> None:
        """Tell that a job is taken up, once however often it is."""
        if job.key not in self._begun:
            self._begun.add(job.key)
            self._observer.begin(job)

    def _tell(self, seat: _Seat, job: Job, event: Event) -> None:
        """Pass on an event. All but one kind come after an earlier run of a job that starts over was removed."""
        if not isinstance(event, Waiting):
            self._cleared.add((job.key, self._folder_of(seat)))
        self._observer.event(job, event)

    def _folder_of(self, seat: _Seat) -> str:
        """The machine that has the work folder of a seat; empty for the one that all share."""
        return "" if self._fleet.shares_folder else seat.slot.node

    def _is_cleared(self, job: Job, seat: _Seat) -> bool:
        """Whether what a seat finds in the folder of a job is of this sweep. That it was begun does not say so."""
        return (job.key, self._folder_of(seat)) in self._cleared

    def _has_others(self, seat: _Seat) -> bool:
        """Whether there is another machine to train on."""
        return any(other.slot.node != seat.slot.node for other in self.seats)

    def _is_awaited(self, node: str) -> bool:
        """Whether a process of a machine trains, or is on its way."""
        return any(seat.worker is not None for seat in self.seats if seat.slot.node == node)

    def _lose(self, seat: _Seat, how: str) -> None:
        """A process has died, perhaps before it could train."""
        able = seat.able
        self._bury(seat, how)
        if not able:
            why = f"a process {how} before it could train"
            error = ProcessError(f"{why}; see what its machine says, then repeat the command")
            self._miss_start(seat, why, error, again=self._is_awaited(seat.slot.node))

    def _miss_start(self, seat: _Seat, why: str, error: Exception, *, again: bool) -> None:
        """A process has ended before it could train, which need not be the fault of its machine.

        Args:
            seat: Where.
            why: For the user.
            error: Raised when nothing else can train.
            again: Whether to try it again on a machine that no process has been fit on.
        """
        if not (again or self._fleet.at_once_ready or seat.slot.node in self._suited):
            if not self._has_others(seat):
                raise error
            self._leave_out(seat, why)
            return
        seat.breaks += 1
        if seat.breaks < BREAKS:
            return
        often = f"{why} ({BREAKS} times in a row)"
        if len(self.seats) > 1:
            self._leave_out(seat, often)
        elif self._fleet.at_once_ready:
            self._fail_rest(often)
        else:
            raise error

    def _fail_rest(self, why: str) -> None:
        """Nothing is left to train on; what is not finished fails."""
        while job := (
            self._due.popleft() if self._due else next_job(self._waiting, self._work_dir, self._resume, self._observer)
        ):
            what = f"{job.network.name} was not trained: {why}, and there is no other device to train on"
            self._begin(job)
            self._observer.fail(job, _note_failure(job, self._work_dir, what, self._now))

    def _leave_out(self, seat: _Seat, why: str) -> None:
        """Start nothing more in a slot whose machine does not suit: it would take up job after job in vain."""
        self._note(f"left out: {why}")
        self.seats.remove(seat)

    def _retire(self, seat: _Seat, why: str) -> None:
        """A process has ended since its device computes nothing; what it had not taken up is no worse for it."""
        seat.breaks += 1
        untouched = [job for key, job in seat.jobs.items() if key not in seat.begun]
        seat.jobs = {key: job for key, job in seat.jobs.items() if key in seat.begun}
        self._bury(seat, f"has ended: {why}")
        self._due.extendleft(reversed(untouched))
        if seat.breaks < BREAKS:
            return
        if len(self.seats) > 1:
            self._leave_out(seat, f"{why} ({BREAKS} times in a row)")
        elif self._due or self._waiting:
            raise ProcessError(f"{why} ({BREAKS} times in a row), and there is no other device to train on")

    def _bury(self, seat: _Seat, how: str) -> None:
        """A process has died; what it had is finished, tried again or failed."""
        jobs, begun = seat.jobs, seat.begun
        seat.jobs, seat.worker, seat.ready, seat.able, seat.begun = {}, None, False, False, set()
        again = []
        for key, job in jobs.items():
            try:
                run = self._find_finished(job)
            except (ArtifactError, OSError) as error:
                self._begin(job)
                self._observer.fail(job, reason_of(job, error))
                continue
            if run is not None:  # it died between its result and its word of it
                self._begin(job)
                self._observer.finish(job, run)
                continue
            if key not in begun and self._fleet.at_once_ready:  # it may have died of another job, or of none
                again.append(job)
                continue
            # Elsewhere, word that it was begun may have been lost with the process.
            self._deaths[key] += 1
            if self._deaths[key] < self._tries:
                self._note(f"the process that trained {job.network.name} {how}; it is taken up again")
                again.append(job)
            else:
                self._begin(job)
                what = f"the process that trained {job.network.name} {how}"
                self._observer.fail(job, _note_failure(job, self._work_dir, what, self._now))
        self._due.extendleft(reversed(again))

    def _find_finished(self, job: Job) -> FinishedRun | None:
        """The run that a process finished before it died; an earlier one that was to be replaced is none."""
        if self._resume or (self._fleet.shares_folder and (job.key, "") in self._cleared):
            return read_finished(job.folder(self._work_dir))
        return None


def _note_failure(job: Job, work_dir: Path, what: str, now: Now) -> str:
    """Write ``failure.json`` for a process that could not; what is to be said of it."""
    reason = f"{what}; its saved epochs are kept, repeat the command"
    folder = job.folder(work_dir)
    # A disk that takes no note must not end the other jobs.
    with contextlib.suppress(OSError):
        # Somebody else may have taken the run up by now; then nothing has failed there.
        if folder.is_dir() and not is_locked(folder):
            write_failure(folder, job, state="failed", error=reason, epoch=read_run(folder).epochs_done + 1, when=now())
    return reason
