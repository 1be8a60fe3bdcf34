"""Jobs to processes that exist in these tests only: what they say and how they die is written down beforehand."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from observed import Log
from tiny import make_dataset, tiny_job

from mnistbench.cluster import SECONDS_OF_PATIENCE
from mnistbench.errors import DataError, ProcessError
from mnistbench.training import dispatch as dispatching
from mnistbench.training.dispatch import Message, Task, dispatch
from mnistbench.training.executor import Sweep
from mnistbench.training.job import Job
from mnistbench.training.run import StepsDone, Waiting, run_job
from mnistbench.training.slots import Slot

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOBS = [tiny_job("9-10", seed=seed) for seed in range(4)]

Play = Callable[["Actor", Job], Sequence[Message]]


class Actor:
    """A process: its slot, and the jobs that it was given."""

    def __init__(self, slot: Slot) -> None:
        self.slot, self.given, self.says = slot, [], deque[Message]()
        self.resumes: list[bool] = []


class Stage:
    """A fleet whose processes play what ``play`` says of each job."""

    def __init__(
        self,
        play: Play,
        *,
        hello: Callable[[Actor], Sequence[Message]] | None = None,
        shares_folder: bool = True,
    ) -> None:
        self.at_once_ready, self.shares_folder = hello is None, shares_folder
        self.actors: list[Actor] = []
        self.stopped: list[bool] = []
        self.coming: list[Slot] = []
        self._play, self._hello = play, hello

    def start(self, slot: Slot) -> Actor:
        self.actors.append(Actor(slot))
        if self._hello is not None:
            self.actors[-1].says.extend(self._hello(self.actors[-1]))
        return self.actors[-1]

    def give(self, worker: Actor, task: Task) -> bool:
        job, resume = task
        worker.given.append(job)
        worker.resumes.append(resume)
        worker.says.extend(self._play(worker, job))
        return True

    def listen(self, workers: Sequence[Actor]) -> list[tuple[Actor, Message]]:
        said = [(worker, worker.says.popleft()) for worker in workers if worker.says]
        assert said, "everybody waits for ever"
        return said

    def joined(self) -> list[Slot]:
        new, self.coming = self.coming, []
        return new

    def stop(self, workers: Sequence[Actor], *, ask: bool) -> None:
        assert list(workers) == self.actors
        self.stopped.append(ask)


def well(_actor: Actor, job: Job) -> list[Message]:
    return [("begun", job.key, None), ("failed", job.key, "as it was written")]


def run(
    stage: Stage,
    slots: Sequence[Slot],
    work_dir: Path,
    jobs: Sequence[Job] = JOBS,
    *,
    resume: bool = True,
    **given: Any,
) -> tuple[Log, list[str]]:
    log, notes = Log(), []
    sweep = Sweep(tuple(jobs), make_dataset, work_dir, resume)
    dispatch(sweep, slots, stage, log, on_note=notes.append, now=lambda: NOON, **given)
    return log, notes


def test_jobs_are_spread_over_the_devices_before_they_share_one(tmp_path: Path) -> None:
    stage = Stage(well)
    log, _ = run(stage, [Slot(f"cuda:{index}", at_once=4) for index in range(3)], tmp_path, JOBS[:2])
    assert [actor.slot.device for actor in stage.actors] == ["cuda:0", "cuda:1"]
    assert [len(actor.given) for actor in stage.actors] == [1, 1]
    assert stage.stopped == [False]
    assert len(log.reasons) == 2


def test_a_slot_has_no_more_jobs_than_it_takes(tmp_path: Path) -> None:
    at_once: list[int] = []

    def silent(actor: Actor, job: Job) -> list[Message]:
        at_once.append(len(actor.given))
        # The last of a pair ends both.
        return (
            [message for one in actor.given[-2:] for message in well(actor, one)] if len(actor.given) % 2 == 0 else []
        )

    stage = Stage(silent)
    run(stage, [Slot("cuda:0", at_once=2)], tmp_path)
    assert at_once == [1, 2, 3, 4]
    assert stage.actors[0].given == JOBS


def test_a_job_that_is_named_twice_is_trained_once(tmp_path: Path) -> None:
    stage = Stage(well)
    run(stage, [Slot("cuda:0", at_once=4)], tmp_path, [JOBS[0], JOBS[1], JOBS[0]])
    assert stage.actors[0].given == JOBS[:2]


def test_what_is_finished_starts_nothing(tmp_path: Path) -> None:
    job = tiny_job()
    run_job(job, make_dataset(), torch.device("cpu"), tmp_path)
    stage = Stage(well)
    log, _ = run(stage, [Slot("cpu")], tmp_path, [job])
    assert (stage.actors, log.of(job)) == ([], ["begin", "finish"])


READY: Message = ("ready", "", None)


def dies(how: str = "was killed by SIGKILL", *, begun: bool = True) -> Play:
    return lambda _actor, job: [*([("begun", job.key, None)] if begun else []), ("died", "", how)]


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_job_whose_process_dies_is_taken_up_so_many_times_and_told_of_once(
    tmp_path: Path, tries: int, begun: bool
) -> None:
    JOBS[0].folder(tmp_path).mkdir(parents=True)
    # Of a process that had said that it is ready, word that the job was begun may be lost.
    stage = Stage(dies(begun=begun), hello=None if begun else lambda _actor: [READY])
    log, notes = run(stage, [Slot("cpu")], tmp_path, JOBS[:1], tries=tries)
    assert len(stage.actors) == tries
    assert log.of(JOBS[0]) == ["begin", "fail"]
    assert "the process that trained 9-10 was killed by SIGKILL; its saved epochs" in log.reasons[JOBS[0].key]
    assert len(notes) == tries - 1
    note = json.loads((JOBS[0].folder(tmp_path) / "failure.json").read_text())
    assert (note["state"], note["when"], note["epoch"]) == ("failed", "2026-11-22T12:00:00+00:00", 1)


def test_a_death_takes_every_job_of_its_process_and_none_of_others(tmp_path: Path) -> None:
    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if actor.slot.device == "cuda:1":
            return well(actor, job)
        return [("begun", job.key, None)] if len(actor.given) == 1 else dies()(actor, job)

    stage = Stage(play)
    log, _ = run(stage, [Slot("cuda:0", at_once=2), Slot("cuda:1", at_once=2)], tmp_path)
    dead = {job.key for job in stage.actors[0].given}
    assert len(dead) == 2
    assert {key for key, reason in log.reasons.items() if "SIGKILL" in reason} == dead
    assert {key for key, reason in log.reasons.items() if "written" in reason} == {job.key for job in JOBS} - dead


def test_a_result_that_a_process_wrote_before_it_died_counts(tmp_path: Path) -> None:
    job = tiny_job()

    def play(_actor: Actor, job: Job) -> list[Message]:
        run_job(job, make_dataset(), torch.device("cpu"), tmp_path)
        return [("died", "", "was killed by SIGKILL")]

    log, _ = run(Stage(play), [Slot("cpu")], tmp_path, [job])
    assert log.of(job) == ["begin", "finish"]
    assert not log.reasons


def test_a_disk_that_takes_no_note_of_a_death_ends_no_other_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    JOBS[0].folder(tmp_path).mkdir(parents=True)
    monkeypatch.setattr(dispatching, "write_failure", full)
    log, _ = run(Stage(dies()), [Slot("cpu")], tmp_path)
    assert len(log.reasons) == len(JOBS)


def test_a_damaged_result_of_a_job_whose_process_died_fails_that_job(tmp_path: Path) -> None:
    def play(_actor: Actor, job: Job) -> list[Message]:
        folder = job.folder(tmp_path)
        folder.mkdir(parents=True)
        (folder / "result.json").write_text("{")
        (folder / "weights.safetensors").touch()
        return [("died", "", "was killed by SIGKILL")]

    log, _ = run(Stage(play), [Slot("cpu")], tmp_path, JOBS[:1])
    assert "result.json is damaged" in log.reasons[JOBS[0].key]


HERE, THERE = Slot("cpu", node="here"), Slot("cpu", node="there")


def only_there(*message: Any) -> Callable[[Actor], list[Message]]:
    """Machines of which the first says something else than that it is ready."""
    return lambda actor: [("ready", "", None)] if actor.slot.node == "there" else [message]


@pytest.mark.parametrize(
    ("message", "noted"),
    [
        (("broken", "", DataError("no data at 10.0.0.1")), "left out: no data at 10.0.0.1"),
        (("ready", "", "another dataset at 10.0.0.1"), "left out: another dataset at 10.0.0.1"),
        (("died", "", "was lost"), "left out: a process was lost before it could train"),
    ],
)
def test_a_machine_that_does_not_suit_is_left_out_and_takes_no_job_with_it(
    tmp_path: Path, message: Any, noted: str
) -> None:
    stage = Stage(well, hello=only_there(*message))
    log, notes = run(stage, [HERE, THERE], tmp_path)
    assert notes == [noted]
    assert [(actor.slot.node, len(actor.given)) for actor in stage.actors] == [("here", 0), ("there", 4)]
    assert len(log.reasons) == 4


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (("broken", "", DataError("no data at 10.0.0.1")), DataError),
        (("died", "", "was lost"), ProcessError),
    ],
)
def test_when_no_machine_suits_that_is_the_error(tmp_path: Path, message: Any, error: type[Exception]) -> None:
    stage = Stage(well, hello=lambda _actor: [message])
    log, notes = Log(), []
    with pytest.raises(error):
        dispatch(Sweep(tuple(JOBS), make_dataset, tmp_path), [HERE, THERE], stage, log, on_note=notes.append)
    assert len(notes) == 1
    assert not log.told
    assert stage.stopped == [True]


def test_the_last_machine_says_itself_of_each_job_that_its_dataset_is_another(tmp_path: Path) -> None:
    stage = Stage(well, hello=lambda _actor: [("ready", "", "another dataset")])
    log, notes = run(stage, [HERE, THERE], tmp_path)
    assert (len(notes), len(log.reasons)) == (1, 4)


def test_a_mistake_of_ours_in_the_middle_ends_everything(tmp_path: Path) -> None:
    stage = Stage(lambda *_: [("broken", "", ZeroDivisionError("ours"))], hello=lambda _actor: [("ready", "", None)])
    with pytest.raises(ZeroDivisionError):
        run(stage, [HERE, THERE], tmp_path)
    assert stage.stopped == [True]


GPUS = [Slot("cuda:0"), Slot("cuda:1")]
BROKEN = ("unusable", "", "device cuda:0 does not compute")


def breaks(*, begun: bool = True, times: int = 1000) -> Play:
    """The first device breaks as soon as a job comes to it, so many times."""
    broken: list[Job] = []

    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if actor.slot.device == "cuda:1" or len(broken) >= times:
            return well(actor, job)
        broken.append(job)
        return [*([("begun", job.key, None)] if begun else []), BROKEN]

    return play


@pytest.mark.parametrize("tries", [1, 3])
def test_a_device_that_breaks_twice_in_a_row_is_left_out_and_no_other_job_is_lost_to_it(
    tmp_path: Path, tries: int
) -> None:
    stage = Stage(breaks())
    log, notes = run(stage, GPUS, tmp_path, tries=tries)
    assert notes[-1] == "left out: device cuda:0 does not compute (2 times in a row)"
    assert len(notes) == (1 if tries == 1 else 3)
    assert [len(actor.given) for actor in stage.actors if actor.slot.device == "cuda:0"] == [1, 1]
    assert [log.of(job) for job in JOBS] == [["begin", "fail"]] * 4
    lost = [
        reason for reason in log.reasons.values() if "has ended: device cuda:0 does not compute; its saved" in reason
    ]
    assert len(lost) == (2 if tries == 1 else 0)


def test_what_a_broken_process_had_not_taken_up_is_no_worse_for_it(tmp_path: Path) -> None:
    stage = Stage(breaks(begun=False))
    log, notes = run(stage, GPUS, tmp_path)
    assert len(notes) == 1
    assert [log.of(job) for job in JOBS] == [["begin", "fail"]] * 4
    assert not any("cuda:0" in reason for reason in log.reasons.values())


def test_a_device_that_computes_again_in_a_fresh_process_stays(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def play(actor: Actor, job: Job) -> Sequence[Message]:
        seen[actor.slot.device] += 1
        odd = seen[actor.slot.device] % 2
        return [("begun", job.key, None), BROKEN] if odd else well(actor, job)

    stage = Stage(play)
    log, notes = run(stage, [Slot("cuda:0")], tmp_path, JOBS[:3], tries=2)
    assert [log.of(job) for job in JOBS[:3]] == [["begin", "fail"]] * 3
    assert all("as it was written" in reason for reason in log.reasons.values())
    assert not any("left out" in note for note in notes)


@pytest.mark.parametrize("begun", [True, False])
def test_when_every_device_is_broken_that_is_the_error(tmp_path: Path, begun: bool) -> None:
    stage = Stage(breaks(begun=begun))
    log, notes = Log(), []
    with pytest.raises(ProcessError, match=r"cuda:0 does not compute \(2 times in a row\), and there is no other"):
        dispatch(Sweep((*JOBS, tiny_job()), make_dataset, tmp_path), GPUS[:1] * 2, stage, log, on_note=notes.append)
    assert len(notes) == 1
    assert stage.stopped == [True]


def test_a_device_that_breaks_over_the_last_job_is_no_error_but_the_jobs(tmp_path: Path) -> None:
    log, notes = run(Stage(breaks()), GPUS[:1], tmp_path, JOBS[:2])
    assert len(log.reasons) == 2
    assert notes == []


def test_a_process_that_finds_its_device_broken_before_it_is_ready_has_a_second_try(tmp_path: Path) -> None:
    stage = Stage(well, hello=only_there(*BROKEN))
    log, notes = run(stage, [HERE, THERE], tmp_path)
    assert notes == ["left out: device cuda:0 does not compute (2 times in a row)"]
    assert [actor.slot.node for actor in stage.actors].count("here") == 2
    assert len(log.reasons) == 4


def test_a_machine_that_joins_gets_jobs(tmp_path: Path) -> None:
    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if actor.slot == HERE:
            stage.coming = [THERE]
        return well(actor, job)

    stage = Stage(play)
    log, _ = run(stage, [HERE], tmp_path)
    assert {actor.slot.node for actor in stage.actors} == {"here", "there"}
    assert len(log.reasons) == 4


def test_a_process_that_hears_nothing_any_more_loses_no_job(tmp_path: Path) -> None:
    stage = Stage(well)
    plain = stage.give

    def give(worker: Actor, task: Task) -> bool:
        if worker is stage.actors[0]:
            worker.says.append(("died", "", "was killed"))
            return False
        return plain(worker, task)

    stage.give = give
    log, _ = run(stage, [HERE], tmp_path)
    assert len(log.reasons) == 4
    assert not any("killed" in reason for reason in log.reasons.values())


STEPS, WAITS = StepsDone(epoch=1, steps=1, num_steps=3, loss=0.5), Waiting()


def dies_once(*events: Any) -> Play:
    """The first process dies after some events of its job."""
    died: list[Actor] = []

    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if died:
            return well(actor, job)
        died.append(actor)
        return [("begun", job.key, None), *[("event", job.key, event) for event in events], ("died", "", "was lost")]

    return play


@pytest.mark.parametrize(
    ("events", "then"),
    [
        pytest.param([STEPS], True, id="trained"),
        pytest.param([WAITS, STEPS], True, id="waited and trained"),
        # Then nobody knows that the earlier run was removed.
        pytest.param([WAITS], False, id="waited"),
        pytest.param([], False, id="only begun"),
    ],
)
def test_a_job_starts_over_once_and_goes_on_with_its_epochs_when_it_is_taken_up_again(
    tmp_path: Path, events: list[Any], then: bool
) -> None:
    stage = Stage(dies_once(*events))
    run(stage, [HERE], tmp_path, JOBS[:2], resume=False, tries=2)
    assert [actor.resumes for actor in stage.actors] == [[False], [then, False]]


def test_where_each_machine_has_its_own_folder_a_job_starts_over_once_on_each(tmp_path: Path) -> None:
    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if actor.slot == THERE:
            return well(actor, job)
        return [("begun", job.key, None), ("event", job.key, STEPS), BROKEN]

    stage = Stage(play, shares_folder=False)
    run(stage, [HERE, THERE], tmp_path, JOBS[:1], resume=False, tries=3)
    assert [(actor.slot.node, actor.resumes) for actor in stage.actors] == [
        ("here", [False]),
        ("here", [True]),
        ("there", [False]),
    ]


@pytest.mark.parametrize(("events", "ends"), [([STEPS], "finish"), ([], "fail")])
def test_a_result_counts_after_a_death_when_it_is_not_the_one_that_was_to_be_replaced(
    tmp_path: Path, events: list[Any], ends: str
) -> None:
    job = tiny_job()
    run_job(job, make_dataset(), torch.device("cpu"), tmp_path)
    log, _ = run(Stage(dies_once(*events)), [HERE], tmp_path, [job], resume=False)
    assert [log.of(job)[0], log.of(job)[-1]] == ["begin", ends]


def test_where_each_machine_has_its_own_folder_an_earlier_result_in_this_one_is_none_of_theirs(tmp_path: Path) -> None:
    job = tiny_job()
    run_job(job, make_dataset(), torch.device("cpu"), tmp_path)
    log, _ = run(Stage(dies_once(STEPS), shares_folder=False), [HERE], tmp_path, [job], resume=False)
    assert log.of(job)[-1] == "fail"


def in_turn(*hellos: Message) -> Callable[[Actor], list[Message]]:
    """What one process after another says first."""
    left = iter(hellos)
    return lambda _actor: [next(left)]


LOST: Message = ("died", "", "was lost")
NO_DATA: Message = ("broken", "", DataError("no data at 10.0.0.1"))


@pytest.mark.parametrize(
    ("hellos", "why"),
    [
        ([READY, LOST, LOST], "a process was lost before it could train"),
        ([LOST, READY, LOST], "a process was lost before it could train"),
        ([READY, NO_DATA, NO_DATA], "no data at 10.0.0.1"),
    ],
)
def test_a_process_that_fails_twice_beside_one_that_trains_is_left_out(
    tmp_path: Path, hellos: list[Message], why: str
) -> None:
    stage = Stage(well, hello=in_turn(*hellos))
    log, notes = run(stage, [HERE, HERE], tmp_path)
    assert notes == [f"left out: {why} (2 times in a row)"]
    assert [len(actor.given) for actor in stage.actors] == [4 * (hello == READY) for hello in hellos]
    assert len(log.reasons) == 4


@pytest.mark.parametrize("first", [LOST, NO_DATA])
def test_a_process_that_fails_once_beside_one_that_trains_has_a_second_try(tmp_path: Path, first: Message) -> None:
    stage = Stage(well, hello=in_turn(READY, first, READY))
    log, notes = run(stage, [HERE, HERE], tmp_path)
    assert notes == []
    assert [bool(actor.given) for actor in stage.actors] == [True, False, True]
    assert len(log.reasons) == 4


@pytest.mark.parametrize(("message", "error"), [(LOST, ProcessError), (NO_DATA, DataError)])
def test_when_every_process_of_the_only_machine_fails_that_is_the_error(
    tmp_path: Path, message: Message, error: type[Exception]
) -> None:
    stage = Stage(well, hello=in_turn(message, message))
    with pytest.raises(error):
        run(stage, [HERE, HERE], tmp_path)
    assert stage.stopped == [True]


def test_the_only_process_that_trained_and_then_cannot_be_started_again_is_the_error(tmp_path: Path) -> None:
    stage = Stage(dies(), hello=in_turn(READY, LOST, LOST))
    with pytest.raises(ProcessError, match="a process was lost before it could train; see what its machine says"):
        run(stage, [HERE], tmp_path, tries=3)
    assert len(stage.actors) == 3


def killed_at_start(actor: Actor, job: Job) -> Sequence[Message]:
    """The first device ends its process before that takes up anything."""
    return well(actor, job) if actor.slot.device == "cuda:1" else dies(begun=False)(actor, job)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_device_that_kills_its_process_at_start_is_left_out_and_no_job_is_lost_to_it(
    tmp_path: Path, at_once: int
) -> None:
    stage = Stage(killed_at_start)
    log, notes = run(stage, [Slot("cuda:0", at_once), Slot("cuda:1", at_once)], tmp_path)
    assert notes == ["left out: a process was killed by SIGKILL before it could train (2 times in a row)"]
    assert [log.of(job) for job in JOBS] == [["begin", "fail"]] * 4
    assert set(log.reasons.values()) == {"as it was written"}


def test_what_a_killed_process_had_not_begun_is_no_worse_for_it(tmp_path: Path) -> None:
    def play(actor: Actor, job: Job) -> Sequence[Message]:
        if actor is not stage.actors[0]:
            return well(actor, job)
        return [("begun", job.key, None)] if len(actor.given) == 1 else dies(begun=False)(actor, job)

    stage = Stage(play)
    log, notes = run(stage, [Slot("cuda:0", at_once=2)], tmp_path)
    assert ["SIGKILL" in log.reasons[job.key] for job in JOBS] == [True, False, False, False]
    assert notes == []


def test_when_the_last_device_kills_its_process_at_start_all_that_is_left_fails(tmp_path: Path) -> None:
    done = tiny_job()
    run_job(done, make_dataset(), torch.device("cpu"), tmp_path)
    JOBS[3].folder(tmp_path).mkdir(parents=True)
    stage = Stage(dies(begun=False))
    log, notes = run(stage, GPUS[:1], tmp_path, [*JOBS, done], tries=1)
    assert len(stage.actors) == 2
    assert [log.of(job) for job in [*JOBS, done]] == [["begin", "fail"]] * 4 + [["begin", "finish"]]
    assert log.reasons[JOBS[3].key] == (
        "9-10 was not trained: a process was killed by SIGKILL before it could train (2 times in a row), and there is "
        "no other device to train on; its saved epochs are kept, repeat the command"
    )
    assert json.loads((JOBS[3].folder(tmp_path) / "failure.json").read_text())["state"] == "failed"
    assert notes == []


class Impatient(Stage):
    """A stage on which a time passes with each silence."""

    seconds = 0.0

    def listen(self, workers: Sequence[Actor]) -> list[tuple[Actor, Message]]:
        if any(worker.says for worker in workers):
            return super().listen(workers)
        self.seconds += 1.0
        assert self.seconds < 100, "everybody waits for ever"
        return []


def test_a_process_that_does_not_come_is_not_waited_for_beside_a_free_slot(tmp_path: Path) -> None:
    stage = Impatient(well, hello=lambda actor: [READY] if actor.slot == THERE else [])
    log, notes = run(stage, [HERE, HERE, THERE], tmp_path, JOBS[:1], clock=lambda: stage.seconds)
    # Not in another slot of the machine that is busy.
    assert [actor.slot.node for actor in stage.actors] == ["here", "there"]
    assert SECONDS_OF_PATIENCE < stage.seconds < SECONDS_OF_PATIENCE + 5
    assert (len(log.reasons), notes) == (1, [])


def test_a_process_that_comes_late_is_given_what_is_left(tmp_path: Path) -> None:
    def listen(workers: Sequence[Actor]) -> list[tuple[Actor, Message]]:
        if stage.seconds == 50.0 and not stage.actors[0].given:
            stage.actors[0].says.append(READY)
        return plain(workers)

    stage = Impatient(well, hello=lambda _actor: [])
    plain, stage.listen = stage.listen, listen
    log, _ = run(stage, [HERE], tmp_path, clock=lambda: stage.seconds)
    assert [len(actor.given) for actor in stage.actors] == [4]
    assert len(log.reasons) == 4


def test_a_process_that_trains_for_long_starts_no_other(tmp_path: Path) -> None:
    def listen(workers: Sequence[Actor]) -> list[tuple[Actor, Message]]:
        if stage.seconds == 50.0:
            stage.actors[0].says.extend(well(stage.actors[0], JOBS[0]))
        return plain(workers)

    stage = Impatient(lambda *_: [], hello=lambda _actor: [READY])
    plain, stage.listen = stage.listen, listen
    run(stage, [HERE, THERE], tmp_path, JOBS[:1], clock=lambda: stage.seconds)
    assert len(stage.actors) == 1


@pytest.mark.parametrize(("shares_folder", "again"), [(False, "here"), (True, "there")])
def test_a_job_that_is_taken_up_again_goes_to_a_free_slot_of_the_machine_that_has_its_epochs(
    tmp_path: Path, shares_folder: bool, again: str
) -> None:
    def play(actor: Actor, job: Job) -> Sequence[Message]:
        return dies()(actor, job) if actor is stage.actors[1] else well(actor, job)

    stage = Stage(play, shares_folder=shares_folder)
    run(stage, [THERE, HERE, HERE], tmp_path, JOBS[:3], tries=2)
    assert sorted(actor.slot.node for actor in stage.actors if JOBS[1] in actor.given) == ["here", again]
