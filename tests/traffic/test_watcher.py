"""When a watcher rolls back, and when it does not."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aurops.clock import ManualClock
from aurops.errors import HeldError
from aurops.gates.finding import State
from tests.receivers import Receiver, receiving
from tests.traffic.sites import platforms
from traffic import heartbeat, hold, pager, watching
from traffic.driver import TOTAL_WEIGHT, Active, Flow, Steering
from traffic.folder import Latch
from traffic.memory import Failure, MemoryDriver
from traffic.watcher import Watcher, judge
from traffic.watching import Page, Watching

HELD = Latch(epoch=3, reason="because", who="bob", at="now")


def seen(
    v11: int = 100, *, instead: int = 0, before: int = 0, healthy: int | None = 1, starting: bool = False
) -> Active:
    """A proxy with so much at V11."""
    weights = {"v11": v11, "v10": TOTAL_WEIGHT - v11}
    flows = {"v11": Flow(instead=instead, healthy=healthy, starting=starting), "v10": Flow(healthy=1)}
    return Active(Steering(weights, 2), "2-x", flows, {"v11": before})


@pytest.mark.parametrize(
    ("now", "held", "why"),
    [
        (seen(), None, None),
        (seen(healthy=None), None, None),
        (seen(instead=1), None, "was given 1 requests"),
        (seen(instead=7, before=7), None, None),
        (seen(instead=8, before=7), None, "was given 8 requests"),
        (seen(instead=0, before=7), None, None),
        (seen(instead=2, before=7), None, "was given 2 requests"),
        (seen(healthy=0), None, "none of its backends"),
        (seen(healthy=0, starting=True), None, None),
        (seen(instead=1, healthy=0, starting=True), None, "was given 1 requests"),
        (seen(0, healthy=0), None, None),
        (seen(), HELD, "a latch holds"),
        (seen(0), HELD, None),
        (seen(0, instead=5, healthy=0), HELD, None),
    ],
)
def test_it_rolls_back_for_a_reason(now: Active, held: Latch | None, why: str | None) -> None:
    """Its fallback was given something new, nobody is well, or somebody wrote after a rollback; else never."""
    said = judge(now, held, "v10")
    assert (why is None) == (said is None)
    assert why is None or why in str(said)


def test_what_fails_is_said_once_and_tried_again(tmp_path: Path) -> None:
    """A rollback that fails, before or after it took effect, is done by the next look; each look is a heartbeat."""
    clock, told = ManualClock(), list[str]()
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
    watcher = Watcher(platforms(folder=tmp_path), driver, told.append, clock)
    watcher.look()
    assert heartbeat.is_watched(tmp_path, clock)
    assert told == []
    driver.set_flow("v11", Flow(instead=1, healthy=1))
    for _ in range(2):
        driver.fail("roll_back", Failure.BEFORE)
        watcher.look()
    assert driver.latch() is None
    assert len(told) == 1
    driver.fail("roll_back", Failure.AFTER)
    watcher.look()
    watcher.look()
    assert driver.latch() is not None
    assert driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert len(told) == 2


def test_a_proxy_that_is_down_is_looked_at_again(tmp_path: Path) -> None:
    """Said once; nothing is done on a guess."""
    told = list[str]()
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
    watcher = Watcher(platforms(folder=tmp_path), driver, told.append, ManualClock())
    driver.up = False
    for _ in range(3):
        watcher.look()
    assert len(told) == 1
    assert driver.calls == ["observe"] * 3


@pytest.fixture
def person() -> Iterator[Receiver]:
    """Who is called."""
    with receiving() as one:
        yield one


class Beside:
    """A watcher beside a proxy in memory that V11 has all of, with a cutover's file in its folder."""

    def __init__(self, folder: Path, person: Receiver, argv: tuple[str, ...] = ("true",), for_s: float = 0.0) -> None:
        self.folder, self.clock, self.told = folder, ManualClock(), list[str]()
        self.driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
        check = {"kind": "command", "name": "orders", "argv": list(argv)}
        critical = ({"check": check, "for_s": for_s, "every_s": 0.05},)
        said = {"service": "ledger", "run": "run-1", "proxy": "edge", "critical": critical, "page": {"url": person.url}}
        self.watching = Watching.model_validate(said)
        watching.lay(folder, self.watching)
        self.watcher = self.start()

    def start(self) -> Watcher:
        """Another one."""
        return Watcher(platforms(folder=self.folder), self.driver, self.told.append, self.clock)

    def look_until(self, condition: Callable[[], bool]) -> None:
        """Look again and again; its threads ask and call meanwhile."""
        pause = threading.Event()
        for _ in range(500):
            self.watcher.look()
            if condition():
                return
            pause.wait(0.02)
        raise AssertionError(self.told)


@pytest.fixture
def beside(tmp_path: Path, person: Receiver) -> Iterator[Callable[..., Beside]]:
    """Makes one; its threads are ended at the end."""
    made: list[Beside] = []

    def make(*arguments: object, **more: object) -> Beside:
        made.append(Beside(tmp_path, person, *arguments, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.watcher.end()


def test_it_goes_by_a_critical_gate_and_calls_a_person_once(beside: Callable[..., Beside], person: Receiver) -> None:
    """A no rolls back with gate and evidence; the next watcher, started anew, does not call again."""
    scene = beside(("sh", "-c", "echo 7 of 9 failed; exit 1"))
    scene.look_until(lambda: bool(person.got))
    latch = scene.driver.latch()
    assert latch is not None
    assert "the critical gate `orders` has said no for 0.0 s: `sh -c" in latch.reason
    assert "7 of 9 failed" in latch.reason
    assert scene.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    scene.look_until((scene.folder / "paged.json").exists)
    scene.watcher.end()
    scene.watcher = scene.start()
    for _ in range(20):
        scene.watcher.look()
    assert len(person.got) == 1


def test_nobody_is_asked_while_everything_is_at_the_way_back(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """A gate that says no, and a runner that is lost, are no matter for a proxy whose traffic was not moved."""
    scene = beside(("sh", "-c", f"touch {tmp_path}/asked; exit 1"))
    scene.driver.shift(Steering({"v11": 0, "v10": TOTAL_WEIGHT}, 2))
    attendance = heartbeat.Attendance([tmp_path], "run-1", scene.clock)
    attendance.begin()
    scene.clock.advance(61)
    for _ in range(20):
        scene.watcher.look()
    attendance.__exit__(None, None, None)
    assert not (tmp_path / "asked").exists()
    assert (scene.driver.latch(), hold.read(tmp_path), person.got) == (None, None, [])


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("over", "past the point of no return: writes are stopped"),
        ("torn", "whether there is a way back cannot be read"),
        ("dead", "no backend of v10 answers health checks"),
    ],
)
def test_where_there_is_no_way_back_it_holds(
    why: str, says: str, tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """V10 takes no writes, or nobody knows, or it is dead: traffic stays, nothing goes forward, a person is called."""
    scene = beside(("false",))
    if why == "dead":
        scene.driver.set_flow("v10", Flow(healthy=0))
    else:
        text = json.dumps({"over": "writes are stopped"}) if why == "over" else "{"
        (tmp_path / watching.ROLLBACK_FILE).write_text(text)
    scene.look_until(lambda: bool(person.got))
    for _ in range(20):
        scene.watcher.look()
    assert scene.driver.latch() is None
    assert scene.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
    held = hold.read(tmp_path)
    assert held is not None
    assert (held.run, f"nothing was rolled back: {says}" in held.reason) == ("run-1", True)
    with pytest.raises(HeldError, match="aurops release run-1"):
        hold.refuse(tmp_path)
    assert [page["kind"] for page in person.got] == ["hold"]
    assert len([text for text in scene.told if text.startswith("held: ")]) == 1


def test_past_the_point_of_no_return_a_fallback_does_not_latch(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """V11 died, the proxy fell back to a V10 that takes no writes: it is not made to last."""
    scene = beside()
    (tmp_path / watching.ROLLBACK_FILE).write_text(json.dumps({"over": "writes are stopped"}))
    scene.driver.set_flow("v11", Flow(instead=1, healthy=0))
    scene.look_until(lambda: bool(person.got))
    assert scene.driver.latch() is None
    assert "v11 fell back to v10" in person.got[0]["text"]


@pytest.mark.parametrize("page", [0, 503])
def test_a_person_who_cannot_be_reached_is_called_until_they_are(
    page: int, beside: Callable[..., Beside], person: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that hangs or is ill delays no look and no rollback; that it is, is said once."""
    monkeypatch.setattr(pager, "RETRY_S", 0.05)
    monkeypatch.setattr(pager, "TIMEOUT_S", 0.3)
    person.takes = page or 200
    if not page:
        person.go.clear()
    scene = beside(("false",))
    scene.look_until(lambda: sum("is tried again" in text for text in scene.told) == 1)
    assert scene.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    asked = person.asked
    if page:
        scene.look_until(lambda: person.asked > asked + 3)
        assert person.got == []
    person.takes = 200
    person.go.set()
    scene.look_until((scene.folder / "paged.json").exists)
    assert sum("is tried again" in text for text in scene.told) == 1


def test_a_lost_runner_holds_and_one_that_ended_owes_nothing(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """60 s without a word: a hold and one call. Who said that it ended may be away for days."""
    scene = beside()
    watching.lay(tmp_path, scene.watching.model_copy(update={"critical": ()}))
    with heartbeat.Attendance([tmp_path], "run-1", scene.clock) as attendance:
        attendance.begin()
    scene.clock.advance(86_400)
    scene.watcher.look()
    assert hold.read(tmp_path) is None
    killed = heartbeat.Attendance([tmp_path], "run-1", scene.clock)
    killed.begin()
    killed._stop.set()
    scene.clock.advance(59)
    scene.watcher.look()
    assert hold.read(tmp_path) is None
    scene.clock.advance(2)
    scene.look_until(lambda: bool(person.got))
    held = hold.read(tmp_path)
    assert held is not None
    assert held.reason == "the runner of run-1 is lost while traffic is moved: it has said nothing for 61 s"
    assert scene.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
    hold.release(tmp_path, held, "ann")
    for _ in range(5):
        scene.watcher.look()
    assert hold.read(tmp_path) is None
    assert len(person.got) == 1
    assert json.loads((tmp_path / "hold-1.json").read_text())["released"] == "ann"


def test_a_watcher_that_cannot_do_its_part_says_so_and_nobody_goes_forward(
    tmp_path: Path, beside: Callable[..., Beside]
) -> None:
    """A file that it does not understand, a page by a variable that is not set: `Nobody watches … as it must be`."""
    scene = beside()
    scene.watcher.look()
    assert heartbeat.unwatched(tmp_path, scene.clock) == ""
    made = scene.watching.model_copy(update={"page": Page(url_env="AUROPS_NOT_SET")})
    watching.lay(tmp_path, made)
    assert "does not obey the watch.json" in heartbeat.unwatched(tmp_path, scene.clock)
    scene.watcher.look()
    assert "AUROPS_NOT_SET is not set where the watcher runs" in heartbeat.unwatched(tmp_path, scene.clock)
    (tmp_path / watching.FILE).write_text('{"schema": 2}')
    scene.watcher.look()
    assert "this cannot be obeyed" in heartbeat.unwatched(tmp_path, scene.clock)
    scene.clock.advance(3)
    assert heartbeat.unwatched(tmp_path, scene.clock) == "its watcher is gone or stands still"


def test_a_page_by_a_command_gets_the_event(tmp_path: Path, beside: Callable[..., Beside]) -> None:
    """On its standard input, as JSON."""
    scene = beside(("false",))
    command = ("sh", "-c", f"cat >> {tmp_path}/paged-by-command")
    watching.lay(tmp_path, scene.watching.model_copy(update={"page": Page(argv=command)}))
    scene.look_until((tmp_path / "paged.json").exists)
    told = json.loads((tmp_path / "paged-by-command").read_text())
    assert (told["kind"], told["run"], told["proxy"]) == ("rollback", "run-1", "edge")


def test_a_gate_that_does_not_answer_holds_and_sends_nothing_back(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """Unknown is never no: after 60 s nothing goes forward and a person is called; let go, it holds and calls anew."""
    scene = beside(("sh", "-c", "exit 3"))
    scene.watcher.look()
    scene.look_until(lambda: any(spell.found for _, spell in scene.watcher._cutover.asking.spells()))
    scene.clock.advance(61)
    scene.look_until(lambda: len(person.got) == 1)
    held = hold.read(tmp_path)
    assert held is not None
    assert "the critical gate `orders` has not answered for 6" in held.reason
    assert "ended with 3" in held.reason
    assert scene.driver.latch() is None
    hold.release(tmp_path, held, "ann")
    scene.clock.advance(1)
    scene.look_until(lambda: len(person.got) == 2)
    assert scene.driver.latch() is None


def test_a_watcher_killed_before_a_person_was_called_leaves_that_to_the_next(
    beside: Callable[..., Beside], person: Receiver
) -> None:
    """What it did stands in the latch: who comes after it calls."""
    person.takes = 503
    scene = beside(("false",))
    scene.look_until(lambda: scene.driver.latch() is not None and person.asked > 0)
    scene.watcher.end()
    person.takes = 200
    scene.watcher = scene.start()
    scene.look_until(lambda: bool(person.got))
    assert person.got[0]["kind"] == "rollback"


def test_a_hold_that_the_run_put_calls_a_person_too(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """Past the point of no return the run holds where an invariant is broken: its watcher calls."""
    scene = beside()
    made = hold.Hold(run="run-1", cause="the run", reason="the weights sum to 9500", who="ann", at="now")
    for each in (made, made.model_copy(update={"reason": "another"})):
        hold.put(tmp_path, each)
    scene.look_until(lambda: bool(person.got))
    assert person.got[0]["text"] == "edge: hold: the weights sum to 9500"
    assert len(person.got) == 1


def test_a_critical_gate_that_cannot_be_asked_from_here_is_found_when_it_is_laid(
    tmp_path: Path, beside: Callable[..., Beside]
) -> None:
    """A program is not on the proxy's host: nobody goes forward, and why is said; once it is there, all is well."""
    program = tmp_path / "check-orders"
    scene = beside((str(program),))
    scene.watcher.look()
    assert f"there is no program '{program}'" in heartbeat.unwatched(tmp_path, scene.clock)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    scene.watcher.look()
    scene.watcher.look()
    assert heartbeat.unwatched(tmp_path, scene.clock) == ""


def act(attendance: heartbeat.Attendance, error: BaseException) -> None:
    """As a runner that ends so."""
    attendance.begin()
    raise error


def test_a_runner_that_ends_by_a_bug_is_as_lost_as_one_that_was_killed(tmp_path: Path) -> None:
    """An error that nobody foresaw tells nobody how to go on; an answer, and Ctrl-C, do."""
    clock = ManualClock()
    for error, lost in ((RuntimeError("a bug"), True), (HeldError("shut"), False), (KeyboardInterrupt(), False)):
        attendance = heartbeat.Attendance([tmp_path], "run-1", clock)
        with pytest.raises(type(error)), attendance:
            act(attendance, error)
        clock.advance(61)
        assert (heartbeat.silence(tmp_path, clock, 60) is not None) == lost


def test_who_is_refused_does_not_speak_for_the_runner_that_was_killed(tmp_path: Path) -> None:
    """Another process that never acted says nothing: the one that died is still missed."""
    clock = ManualClock()
    killed = heartbeat.Attendance([tmp_path], "run-1", clock)
    killed.begin()
    killed._stop.set()
    with pytest.raises(HeldError), heartbeat.Attendance([tmp_path], "run-1", clock):
        raise HeldError("another process acts")
    clock.advance(61)
    assert heartbeat.silence(tmp_path, clock, 60) is not None


def test_letting_go_of_another_hold_does_not_excuse_a_runner(tmp_path: Path) -> None:
    """Whoever knows of a gate that is dark need not know of a runner that is lost."""
    clock = ManualClock()
    killed = heartbeat.Attendance([tmp_path], "run-1", clock)
    killed.begin()
    killed._stop.set()
    clock.advance(61)
    dark = hold.Hold(run="run-1", cause="blind orders", reason="dark", who="the watcher", at="now")
    hold.put(tmp_path, dark)
    hold.release(tmp_path, dark, "ann")
    lost = heartbeat.silence(tmp_path, clock, 60)
    assert lost is not None
    hold.put(tmp_path, dark.model_copy(update={"cause": f"{hold.LOST}{lost[0].token}"}))
    held = hold.read(tmp_path)
    assert held is not None
    hold.release(tmp_path, held, "ann")
    assert heartbeat.silence(tmp_path, clock, 60) is None


def test_a_watcher_that_cannot_say_that_it_looks_rolls_back_all_the_same(tmp_path: Path) -> None:
    """A full disk, a leftover that is another user's: said, and latched by what the proxy tells."""
    told = list[str]()
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
    (tmp_path / ".watched.watcher.new").mkdir()
    watcher = Watcher(platforms(folder=tmp_path), driver, told.append, ManualClock())
    driver.set_flow("v11", Flow(instead=1, healthy=1))
    watcher.look()
    assert driver.latch() is not None
    assert "rolled back: v11 fell back" in told[0]
    assert "nobody hears that this watcher looks: " in told[0]
    assert ".watched.watcher.new" in told[0]


@pytest.mark.parametrize(("code", "back"), [(1, True), (3, False)])
def test_a_proxy_that_does_not_answer_hides_no_critical_gate(
    code: int, tmp_path: Path, beside: Callable[..., Beside], person: Receiver, *, back: bool
) -> None:
    """It had traffic when it answered last: a no rolls back, which needs no answer; unknown for 60 s holds."""
    scene = beside(("sh", "-c", f"test ! -e {tmp_path}/ill || exit {code}"))
    scene.look_until(lambda: any(spell.found for _, spell in scene.watcher._cutover.asking.spells()))
    scene.driver.up = False
    (tmp_path / "ill").touch()
    if not back:
        scene.look_until(
            lambda: any(
                spell.found and spell.found.state is State.UNKNOWN
                for _, spell in scene.watcher._cutover.asking.spells()
            )
        )
        scene.clock.advance(61)
    scene.look_until(lambda: bool(person.got))
    assert (scene.driver.latch() is not None, hold.read(tmp_path) is not None) == (back, not back)
    assert "the critical gate `orders` has" in person.got[0]["text"]


@pytest.mark.parametrize(
    ("killed", "says"), [(True, "the runner of run-1 is lost"), (False, "has not answered for 61")]
)
def test_a_proxy_that_does_not_answer_hides_no_runner_that_is_lost(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver, says: str, *, killed: bool
) -> None:
    """Held, and a person is called: about the runner; else, after as long a silence, about the proxy itself."""
    scene = beside()
    watching.lay(tmp_path, scene.watching.model_copy(update={"critical": ()}))
    scene.watcher.look()
    if killed:
        runner = heartbeat.Attendance([tmp_path], "run-1", scene.clock)
        runner.begin()
        runner._stop.set()
    scene.driver.up = False
    scene.clock.advance(59)
    scene.watcher.look()
    assert hold.read(tmp_path) is None
    scene.clock.advance(2)
    scene.look_until(lambda: bool(person.got))
    assert says in person.got[0]["text"]
    assert scene.driver.latch() is None


@pytest.mark.parametrize("text", [None, "{", '{"schema": 2}'])
def test_a_file_that_vanishes_takes_no_critical_gate_away(
    text: str | None, tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """While traffic is moved the last one is obeyed, a person is called; back at V10 nothing is asked any more."""
    scene = beside(("sh", "-c", f"test ! -e {tmp_path}/ill"))
    scene.watcher.look()
    if text is None:
        (tmp_path / watching.FILE).unlink()
    else:
        (tmp_path / watching.FILE).write_text(text)
    scene.look_until(lambda: bool(person.got))
    held = hold.read(tmp_path)
    assert held is not None
    assert ("watch.json" in held.reason, "the one before it is obeyed" in held.reason) == (True, True)
    assert "its watcher cannot do what it must" in heartbeat.unwatched(tmp_path, scene.clock)
    (tmp_path / "ill").touch()
    scene.look_until(lambda: scene.driver.latch() is not None)
    scene.look_until(lambda: len(person.got) == 2)
    assert "the critical gate `orders` has said no" in person.got[1]["text"]
    scene.driver.release("ann", 9)
    scene.watcher.look()
    scene.watcher.look()
    assert scene.watcher._cutover.said is None
    assert (heartbeat.unwatched(tmp_path, scene.clock) == "") == (text is None)


def test_a_runner_whose_word_cannot_be_read_says_nothing(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """From when it was first seen so: after 60 s a hold, and a person is called."""
    scene = beside()
    watching.lay(tmp_path, scene.watching.model_copy(update={"critical": ()}))
    (tmp_path / heartbeat.RUNNER).write_text("{")
    scene.watcher.look()
    scene.clock.advance(59)
    scene.watcher.look()
    assert hold.read(tmp_path) is None
    scene.clock.advance(2)
    scene.look_until(lambda: bool(person.got))
    assert "whether the runner lives cannot be read, for 61 s" in person.got[0]["text"]


def test_a_page_is_taken_when_its_program_has_ended(
    tmp_path: Path, beside: Callable[..., Beside], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that it leaves on its output is no matter."""
    monkeypatch.setattr(pager, "TIMEOUT_S", 1.0)
    scene = beside(("false",))
    command = ("sh", "-c", "sleep 3 &")
    watching.lay(tmp_path, scene.watching.model_copy(update={"page": Page(argv=command)}))
    scene.look_until((tmp_path / "paged.json").exists)
    assert not any("was not taken" in text for text in scene.told)


def test_a_hold_that_cannot_be_written_calls_a_person_in_every_cutover(
    tmp_path: Path, beside: Callable[..., Beside], person: Receiver
) -> None:
    """Once for each run; the next one is not silent because of the one before."""
    scene = beside(("sh", "-c", "exit 3"))
    (tmp_path / hold.FILE).mkdir()
    for number in (1, 2):
        watching.lay(tmp_path, scene.watching.model_copy(update={"run": f"run-{number}"}))
        scene.watcher.look()
        scene.clock.advance(61)
        scene.look_until(lambda: len(person.got) == number)  # noqa: B023 (called within the turn)
        for _ in range(5):
            scene.watcher.look()
    assert [page["run"] for page in person.got] == ["run-1", "run-2"]
    assert "NO hold could be written" in person.got[1]["text"]
