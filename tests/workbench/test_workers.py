"""Worker processes: eviction, budget, their end, and the judge, with hosts that need no torch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from backends.contract import Load, Picture, Request
from backends.variants import parse_variant
from workbench import quality, rounds, spawning
from workbench.comparison import Comparison
from workbench.conversation import Conversation, Patience, Stopped, WorkerFailed
from workbench.events import Finished, Preparing
from workbench.judging import Judged
from workbench.quality import PromptJudge
from workbench.session import Session
from workbench.spawning import FORKS
from workbench.workers import Worker, WorkerKey, WorkerPool, describe_exit

LIGHT = "tests.workbench.light"
ROOT = Path(__file__).resolve().parents[2]
PICTURE = Picture(8, 8, bytes(192))


SHARED = "workbench.judging"
"""What the workers here have in common, in place of PyTorch and the rest."""


@pytest.fixture(scope="module", autouse=True)
def light_server() -> Iterator[None]:
    """Workers that need no torch are forked from a process that has none."""
    spawning.end_server()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spawning, "COMMON_IMPORTS", SHARED)
        yield
    spawning.end_server()


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(budget_bytes=800_000_000)
    yield made
    made.close()


def talk(
    pool: WorkerPool, worker: Worker, patience: Patience | None = None, cancel: threading.Event | None = None
) -> Iterator[Any]:
    return Conversation(
        worker, pool.inbox, cancel or threading.Event(), patience or Patience(), "testing"
    ).messages()


def key(name: str, model: str = "") -> WorkerKey:
    return WorkerKey(f"{LIGHT}:{name}", model)


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Whether all of them end in time; a zombie that waits for its parent has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_least_recently_used_workers_go_until_there_is_room(pool: WorkerPool) -> None:
    workers = [pool.start(key("heavy", name)) for name in "abc"]
    for worker in workers:
        next(talk(pool, worker))
    assert pool.used_bytes() > 600_000_000
    assert pool.get(key("heavy", "a")) is workers[0], "a was used last"
    assert pool.make_room(250_000_000)
    assert [worker.key.model for worker in pool.warm()] == ["c", "a"]
    assert pool.make_room(250_000_000), "there is room already"
    assert len(pool.warm()) == 2


def test_what_never_fits_ends_nobody(pool: WorkerPool) -> None:
    worker = pool.start(key("echo"))
    assert not pool.make_room(pool.budget_bytes + 1)
    assert worker.alive


def test_a_worker_that_died_while_idle_is_forgotten_and_its_place_is_free(pool: WorkerPool) -> None:
    worker = pool.start(key("echo"))
    worker.send("hello")
    assert next(talk(pool, worker)) == "hello"
    os.kill(worker.pid, signal.SIGKILL)
    worker.process.join(10)
    assert pool.get(worker.key) is None and pool.warm() == []
    again = pool.start(worker.key)
    again.send("hello")
    assert next(talk(pool, again)) == "hello" and pool.get(worker.key) is again


def test_a_worker_that_ends_by_itself_leaves_its_last_words(pool: WorkerPool) -> None:
    worker = pool.start(key("chatty_exit"))
    with pytest.raises(WorkerFailed, match=r"ended by itself \(exit status 3\) while testing") as caught:
        next(talk(pool, worker))
    assert caught.value.log_tail == "the last words"


def test_a_workers_own_children_end_with_it(pool: WorkerPool) -> None:
    worker = pool.start(key("parent"))
    child = next(talk(pool, worker))
    assert psutil.pid_exists(child)
    pool.drop(worker)
    assert gone([child, worker.pid])


def test_what_other_workers_say_meanwhile_is_kept(pool: WorkerPool) -> None:
    first, second = pool.start(key("echo", "first")), pool.start(key("echo", "second"))
    second.send("early")
    time.sleep(1.0)
    first.send("hello")
    assert next(talk(pool, first)) == "hello"
    assert next(talk(pool, second)) == "early"


def test_a_worker_that_computes_is_not_taken_for_a_hanging_one(pool: WorkerPool) -> None:
    busy = pool.start(WorkerKey("tests.workbench.light:spin"))
    assert next(talk(pool, busy, Patience(idle=1.5))) == "done"


def test_loading_is_cancelled_at_once_and_its_process_ended(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(rounds, "MODEL_ENTRY", f"{LIGHT}:slow_loader")
    variant, request = parse_variant("pytorch"), Request("a creature", width=64, height=64)
    with Session() as session:
        ends, pids, cancelled_at = [], [], 0.0
        for event in session.run(Comparison(model, (request,), (variant,), variant)):
            if isinstance(event, Preparing) and event.what == "converting":
                pids = [worker.pid for worker in session.pool.warm()]
                cancelled_at = time.monotonic()
                session.cancel()
            if isinstance(event, Finished):
                ends.append(event.result.status)
        assert ends == ["cancelled"] and time.monotonic() - cancelled_at < 2
        assert len(pids) == 1 and gone(pids)


def test_a_cancel_that_is_not_answered_gives_up_after_the_grace_period(pool: WorkerPool) -> None:
    worker, cancel = pool.start(key("slow_loader")), threading.Event()
    worker.send(Load("", parse_variant("pytorch")))
    messages = talk(pool, worker, Patience(grace=0.5), cancel)
    next(messages)
    cancel.set()
    began = time.monotonic()
    with pytest.raises(Stopped):
        next(messages)
    assert 0.4 < time.monotonic() - began < 3


@pytest.mark.parametrize("stop", [False, True], ids=["idle", "stopped"])
def test_no_worker_outlives_a_killed_parent(stop: bool) -> None:
    if stop and sys.platform != "linux":
        pytest.skip("only Linux ends a stopped process with its parent")
    program = f"""
        import time
        from workbench import spawning
        from workbench.workers import WorkerKey, WorkerPool
        spawning.COMMON_IMPORTS = "{SHARED}"
        if __name__ == "__main__":
            pool = WorkerPool(10**9)
            workers = [pool.start(WorkerKey("{LIGHT}:echo", name)) for name in "ab"]
            for worker in workers:
                worker.send("hello")
            for _ in workers:
                pool.inbox.get()
            print(*(worker.pid for worker in workers), flush=True)
            time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        if stop:
            os.kill(pids[0], signal.SIGSTOP)
        parent.kill()
    assert len(pids) == 2 and gone(pids)


@pytest.mark.parametrize("early", [False, True], ids=["idle", "while it starts"])
def test_no_process_is_left_when_the_last_session_closes(early: bool) -> None:
    """Neither what workers are forked from, nor what multiprocessing starts for itself; until then it serves all sessions."""
    program = f"""
        import threading, time
        import psutil
        from workbench import spawning
        from workbench.session import Session
        from workbench.workers import WorkerKey
        spawning.COMMON_IMPORTS = "{SHARED}"
        def start(session):
            worker = session.pool.start(WorkerKey("{LIGHT}:echo"))
            worker.send("hello")
            session.pool.inbox.get()
            return worker
        if __name__ == "__main__":
            first, second = Session(), Session()
            worker = start(first)
            if {early}:
                threading.Thread(target=second.pool.start, args=[WorkerKey("{LIGHT}:echo")]).start()
                time.sleep(0.05)
            else:
                start(second)
            second.close()
            second.close()
            print(worker.alive, bool(psutil.Process().children(recursive=True)))
            first.close()
            print(psutil.Process().children(recursive=True))
            with Session() as third:
                print(start(third).alive)
            print(psutil.Process().children(recursive=True))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["True True", "[]", "True", "[]"]
    assert done.stderr == ""


def test_a_program_that_forgets_to_close_leaves_no_worker() -> None:
    program = f"""
        from workbench import spawning
        from workbench.workers import WorkerKey, WorkerPool
        spawning.COMMON_IMPORTS = "{SHARED}"
        if __name__ == "__main__":
            pool = WorkerPool(10**9)
            worker = pool.start(WorkerKey("{LIGHT}:echo"))
            worker.send("hello")
            pool.inbox.get()
            print(worker.pid, worker.log_path.parent)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    pid, logs = done.stdout.split()
    assert gone([int(pid)]) and not Path(logs).exists()
    assert done.stderr == ""


def test_a_worker_has_the_environment_of_now(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the server it is forked from is older."""
    next(talk(pool, pool.start(key("heavy", "first"))))
    monkeypatch.setenv("SAID_LATER", "yes")
    worker = pool.start(key("environment"))
    worker.send("SAID_LATER")
    assert next(talk(pool, worker)) == "yes"


def test_what_workers_share_is_imported_once(pool: WorkerPool) -> None:
    worker = pool.start(key("imported"))
    worker.send(SHARED)
    assert next(talk(pool, worker)) is FORKS


def test_workers_are_forked_from_what_no_collector_looks_through() -> None:
    """While their common imports are made it is off, and in the workers it is on for what is theirs."""
    program = "import gc, backends.common_imports; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["True", "True"]


@pytest.fixture
def slow_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that does not come to fork for a minute."""
    if not FORKS:
        pytest.skip("workers are not forked here")
    spawning.end_server()
    monkeypatch.setattr(spawning, "COMMON_IMPORTS", "tests.workbench.slow_imports")
    yield
    spawning.end_server()


def test_a_start_that_waits_for_imports_is_cancelled_at_once(pool: WorkerPool, slow_imports: None) -> None:
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        pool.start(key("echo"), cancelled)
    assert pool.warm() == []
    pool.close()
    assert time.monotonic() - began < 10


def test_a_server_that_is_killed_takes_no_start_with_it(pool: WorkerPool, slow_imports: None) -> None:
    threading.Timer(1.0, spawning.end_server).start()
    worker = pool.start(key("echo"))
    worker.send("hello")
    assert next(talk(pool, worker)) == "hello"


def test_exit_codes_are_told_in_words() -> None:
    assert "SIGSEGV" in describe_exit(-signal.SIGSEGV) and "native code" in describe_exit(-signal.SIGSEGV)
    assert "exit status 3" in describe_exit(3)
    assert "signal 63" in describe_exit(-63) or "SIGRT" in describe_exit(-63)


def test_the_judge_answers_for_a_prompt_that_names_something(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "JUDGE_KEY", key("judge"))
    judge = PromptJudge(pool)
    assert judge.judge("cartoon bird", PICTURE) == Judged(
        1.0, {"species": "bird", "colour": "green"}, {"species": "bird"}
    )
    nameless = judge.judge("beautiful", PICTURE)
    assert nameless and nameless.fidelity is None and judge.notice is None


def test_a_judge_that_cannot_run_is_a_notice_and_is_not_tried_again(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = quality.JUDGE_KEY
    monkeypatch.setattr(quality, "JUDGE_KEY", key("broken_judge"))
    judge = PromptJudge(pool)
    assert judge.judge("cartoon bird", PICTURE) is None
    assert judge.notice and "judge.safetensors is missing" in judge.notice and "installation" in judge.notice
    monkeypatch.setattr(quality, "JUDGE_KEY", working)
    assert judge.judge("cartoon bird", PICTURE) is None, "it would go now"


def test_a_judge_that_was_killed_while_idle_is_started_again(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "JUDGE_KEY", key("judge"))
    judge = PromptJudge(pool)
    judge.wait_until_ready()
    victim = judge.worker()[0]
    victim.process.kill()
    victim.process.join(10)
    assert judge.judge("cartoon bird", PICTURE) is not None and judge.notice is None


def test_workers_are_not_forked_where_a_graphics_card_would_refuse_to_work_in_them(tmp_path: Path):
    card = tmp_path / "card"
    assert spawning.forks([card]) is (sys.platform == "linux")
    card.touch()
    assert not spawning.forks([card])
