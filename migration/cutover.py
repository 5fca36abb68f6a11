"""Plans a cutover. Pure: observed world, file and journal in; stages with reasons out.

Why there is always a way back. Nothing is taken from V10 before the hand-over: it stays warm, and each gate asks that
it could take the peak. Before the first percent a rollback lies ready on every proxy's host and was rehearsed there. A
rollback needs no runner: whoever makes it, by hand or the watcher, leaves a latch with a higher epoch. The proxies
refuse to steer while it holds, so a runner that is under way loses; and this plan holds whenever it sees a latch, or
weights that this run has not set, so one that is resumed loses too. Only a new run, by another plan, with approvals of
its own, releases a latch.

Why traffic is never past a closed gate. A step forward stands behind one step that looks at all of its gates at once.
Weights that are further than this run has announced are a violation, whoever set them: everything goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.gates.steps import GATES_OF, gate_step
from aurops.history import RESTORE, History
from aurops.plan import Decision, Lasting, Stage, Step
from migration.model import NEW, OLD, REHEARSAL, TOTAL_WEIGHT, World
from migration.outline import Action, Part, outline

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.plan import Json
    from migration.cutover_file import Cutover
    from migration.model import Latched, ProxyState

CALL_S = 20.0
"""Longest time that one call at a proxy may take."""
DRAIN_WITHIN_S = 900.0
"""How long what is left may take to end, beyond the time over which it is told to."""
PREPARE_S = 40.0
"""Longest time to lay a way back ready everywhere: the proxy's own binary and all hosts are asked within it."""
REHEARSE_S = 40.0
"""Longest time for a rehearsed rollback with its report: two thirds of the lease."""
PROBES, PROBES_OVER = "send probes", "probes over"
PROBES_UP_S = 30.0
_WAY_BACK = (Action.PREPARE, Action.REHEARSE, Action.HAND_OVER)
"""Nobody leaves these out with a word: without them there is no way back, or its end is not in the journal."""
PAST_NO_RETURN = (
    "it is past the point of no return, where V10 takes no writes: nothing was rolled back. Mend V11; or, knowing that "
    "it is worse, `aurops rollback --force`"
)
ROLLED_BACK = "was rolled back by"
"""How a run that sees a latch says so."""
BACK = f"back to {OLD}"
"""The stage of an abort, and how the name of each of its steps ends."""
KIND = "cutover"
"""The goal in the first record of such a run."""


def plan(
    world: World, cutover: Cutover, history: History, run: str, *, releases: bool = False
) -> tuple[Stage[World], ...]:
    """The stages from here to the hand-over; back to V10 when it was aborted.

    Args:
        world: What is observed.
        cutover: What is wanted.
        history: The journal.
        run: The run's id: what tells its own rehearsals from a rollback.
        releases: It follows a rollback, whose latches it takes away.
    """
    if history.goal == RESTORE:
        return (_back(world, cutover, history), *_let_go(world, cutover, run), *_probes_over(history))
    if hold := _held(world, cutover, history, run, releases=releases):
        return (Stage("held", hold=hold),)
    stages: list[Stage[World]] = [_decide(world, cutover, releases=releases)]
    for part in outline(cutover, releases=releases):
        stage = Stage(part.name, _steps(part, cutover, history, run))
        if part.gates:
            over = not stage.unfinished(world, history) or (part.action is Action.PROBE and PROBES in history.tries)
            behind = tuple(step.name for step in stage.steps)
            gate: Step[World] = gate_step(part.name, part.gates, history, world.now, behind=behind, over=over)
            stages.append(Stage(f"before {part.name}", (gate,)))
        if part.action is Action.SHIFT:
            stages += _let_go(world, cutover, run)
        stages.append(stage)
    return tuple(stages)


def _decide(world: World, cutover: Cutover, *, releases: bool) -> Stage[World]:
    """Before the first gate, so that approvals are for just these regions, and for taking away just these latches."""
    regions: list[Json] = [region.name for region in cutover.regions]
    decisions = [Decision("regions", regions, "in the order of the file, one after another")]
    if releases:
        states = {proxy: world.state(proxy) for proxy in cutover.proxies}
        epochs: dict[str, Json] = {name: state.latch.epoch for name, state in states.items() if state and state.latch}
        said = [
            f"{name}: {state.latch.who}, {state.latch.reason}"
            for name, state in states.items()
            if state and state.latch
        ]
        decisions.append(Decision("latches", epochs, "; ".join(said) or "none holds any more"))
    return Stage("decide", decisions=tuple(decisions))


def _held(world: World, cutover: Cutover, history: History, run: str, *, releases: bool) -> str:
    """Why a person is needed: a rollback or a hold, or somebody else has steered; empty when there is none."""
    meant = history.decisions.get("latches")
    for proxy in cutover.proxies:
        state = world.state(proxy)
        if state is None:
            continue
        undecided = releases and meant is None
        expected = (meant or {}).get(proxy) if not history.latched(f"{Action.RELEASE} {proxy}") else None
        if state.latch and not (undecided or state.latch.epoch == expected or _is_rehearsal(state.latch, run)):
            return (
                f"{proxy} {ROLLED_BACK} {state.latch.who}: {state.latch.reason}. This run goes nowhere any more. "
                "Find out why; then `aurops cutover release FILE` begins a new one, by a new plan"
            )
        if state.hold and state.hold.run == run:
            return (
                f"{proxy} is held by {state.hold.who}: {state.hold.reason}. Look at it; then "
                f"`aurops release {run} --reason …`, and resume"
            )
        if state.changed:
            return f"{proxy}: somebody else has steered. {state.changed} Then resume; or abort this run"
        done = _reached(proxy, cutover, history, is_done=True)
        if state.weight(NEW) < done:
            return (
                f"{proxy} sends {state.weight(NEW)} of {TOTAL_WEIGHT} to {NEW}, and this run had set {done}: somebody "
                "else has steered. Abort this run, and begin a new one by a new plan"
            )
    return ""


def rehearsal(number: int, run: str) -> str:
    """The reason that a rehearsed rollback leaves in its latch."""
    return f"{REHEARSAL}{number} of run {run}"


def _is_rehearsal(latch: Latched, run: str) -> bool:
    """Whether it is what a rehearsal of this run left that died before it released it."""
    return latch.rehearsal and latch.reason.endswith(f" of run {run}")


def shift_name(proxy: str, weight: int) -> str:
    """The step that gives the new side this weight at a proxy."""
    return f"{Action.SHIFT} {proxy} {weight} to {NEW}"


def _steps(part: Part, cutover: Cutover, history: History, run: str) -> tuple[Step[World], ...]:
    if part.action is Action.SHIFT:
        return tuple(_shift(proxy, part) for proxy in part.proxies)
    if part.action is Action.HAND_OVER:
        return (_latched(part, f"stop writes to {OLD}", {}),)
    if part.action is Action.REHEARSE:
        number = int(part.name.rsplit(" ", 1)[1])
        asked: dict[str, Json] = {"number": number, "reason": rehearsal(number, run)}
        return (_latched(part, part.name, asked, timeout_s=REHEARSE_S),)
    if part.action is Action.PROBE:
        return (_probe(part, history),)
    if not part.proxies:
        return (_latched(part, part.name, {}),)
    deadline_s = 120.0 if part.action is not Action.DRAIN else cutover.drain_s + DRAIN_WITHIN_S
    timeout_s = PREPARE_S if part.action is Action.PREPARE else CALL_S
    return tuple(
        _latched(part, f"{part.action} {proxy}", {"proxy": proxy, **_more(part, history, proxy)}, deadline_s, timeout_s)
        for proxy in part.proxies
    )


def _more(part: Part, history: History, proxy: str) -> dict[str, Json]:
    """What else a part's call at a proxy must know."""
    if part.action is Action.RELEASE:
        return {"latch": history.decisions.get("latches", {}).get(proxy, 0)}
    return {}


def _latched(
    part: Part, name: str, arguments: dict[str, Json], deadline_s: float = 120.0, timeout_s: float = CALL_S
) -> Step[World]:
    """Something that was done when its call said so; every call may be made again."""
    return Step(
        name,
        part.action,
        part.reason,
        done=lambda _: None,
        arguments=arguments,
        timeout_s=timeout_s,
        deadline_s=deadline_s,
        lasting=Lasting.LATCHED,
        no_return=part.no_return,
        may_skip=part.action not in _WAY_BACK,
    )


def step_names(part: Part, cutover: Cutover) -> tuple[str, ...]:
    """What the steps of a part are called."""
    return tuple(step.name for step in _steps(part, cutover, History(()), ""))


def never_skipped(cutover: Cutover, history: History, run: str, *, releases: bool = False) -> dict[str, str]:
    """The steps that nobody leaves out, by name, each with its reason; gates are not among them."""
    parts = outline(cutover, releases=releases)
    return {
        step.name: step.reason for part in parts for step in _steps(part, cutover, history, run) if not step.may_skip
    }


def _probe(part: Part, history: History) -> Step[World]:
    """Whoever takes the run up has probes sent again if they are not, also while somebody holds the run."""
    is_over = PROBES_OVER in history.tries
    return Step(
        PROBES,
        Action.PROBE,
        part.reason,
        done=lambda world: is_over or world.probed,
        timeout_s=PROBES_UP_S,
        deadline_s=120.0,
        may_skip=False,
    )


def _probes_over(history: History) -> tuple[Stage[World], ...]:
    """After an abort nothing is probed any more."""
    if PROBES not in history.tries:
        return ()
    part = Part(PROBES_OVER, 2, Action.STOP_PROBES, "the cutover was aborted")
    return (Stage(part.name, (_latched(part, part.name, {}),)),)


def _shift(proxy: str, part: Part) -> Step[World]:
    weights: dict[str, Json] = {NEW: part.weight, OLD: TOTAL_WEIGHT - part.weight}
    return Step(
        shift_name(proxy, part.weight),
        Action.SHIFT,
        part.reason,
        done=_seen(proxy, lambda state: state.weight(NEW) >= part.weight),
        arguments={"proxy": proxy, "weights": weights},
        timeout_s=CALL_S,
        deadline_s=120.0,
    )


def _seen(proxy: str, is_so: Callable[[ProxyState], bool]) -> Callable[[World], bool | None]:
    return lambda world: None if (state := world.state(proxy)) is None else is_so(state)


def _back(world: World, cutover: Cutover, history: History) -> Stage[World]:
    """An abort: all regions at once, by the runner. A rollback is another thing (`aurops rollback`).

    A proxy that does not answer is left as it is only while the journal holds no call, not even an announced one, that
    could have left weights or a latch anywhere; else each must answer. A step forward that a proxy has not heard of
    goes, too: it would start with it. Under a latch none can lie there.
    """
    dark = tuple(proxy for proxy in cutover.proxies if world.state(proxy) is None and not _may_have_moved(history))
    steps = tuple(_shift_back(proxy) for proxy in cutover.proxies if proxy not in dark)
    return Stage(BACK, steps, decisions=tuple(_leave(proxy, world) for proxy in dark))


def _may_have_moved(history: History) -> bool:
    """Whether this run has announced anything but looks at gates and preparing proxies, which keeps their weights."""
    return not all(step.startswith((GATES_OF, f"{Action.PREPARE} ")) for step in history.tries)


def _leave(proxy: str, world: World) -> Decision:
    why = f"it does not answer ({world.proxies[proxy].why_unknown}), and this run has neither moved nor rehearsed there"
    return Decision(f"leave {proxy} as it is", value=True, reason=why)


def _shift_back(proxy: str) -> Step[World]:
    def is_back(state: ProxyState) -> bool:
        return state.weight(NEW) == 0 and (state.latch is not None or not state.unheard)

    return Step(
        f"{Action.SHIFT} {proxy} {BACK}",
        Action.SHIFT,
        "the cutover was aborted before its point of no return",
        done=_seen(proxy, is_back),
        arguments={"proxy": proxy, "weights": {NEW: 0, OLD: TOTAL_WEIGHT}},
        timeout_s=CALL_S,
        deadline_s=120.0,
    )


def _let_go(world: World, cutover: Cutover, run: str) -> tuple[Stage[World], ...]:
    """The latches that rehearsals of this run left: else they held it, or after an abort the next run.

    Who rehearsed died before it released its own; or an operator's host was late, whose runner was dead by then.

    Exactly those: of a rollback, or of another run's rehearsal, a person decides (`aurops cutover release`). One in
    earnest that takes a rehearsal's place meanwhile has another epoch, and stays.
    """
    left = {
        proxy: state.latch
        for proxy in cutover.proxies
        if (state := world.state(proxy)) and state.latch and _is_rehearsal(state.latch, run)
    }
    steps = tuple(_release_rehearsal(proxy, latch, run) for proxy, latch in left.items())
    return (Stage("rehearsals over", steps),) if steps else ()


def _release_rehearsal(proxy: str, latch: Latched, run: str) -> Step[World]:
    def is_gone(state: ProxyState) -> bool:
        return state.latch is None or not _is_rehearsal(state.latch, run)

    return Step(
        f"{Action.RELEASE} the rehearsal at {proxy}",
        Action.RELEASE,
        f"left by {latch.reason}, and nobody else lets go of it",
        done=_seen(proxy, is_gone),
        arguments={"proxy": proxy, "latch": latch.epoch},
        timeout_s=CALL_S,
        deadline_s=120.0,
    )


def _reached(proxy: str, cutover: Cutover, history: History, *, is_done: bool) -> int:
    """The furthest weight of the new side that this run has set at a proxy, or only announced."""
    weights = (round(percent * TOTAL_WEIGHT / 100) for percent in cutover.steps)
    known = history.latched if is_done else history.tries.__contains__
    return max((weight for weight in weights if known(shift_name(proxy, weight))), default=0)


def violations(world: World, cutover: Cutover, history: History) -> tuple[str, ...]:
    """Weights sum to their total; none is further than this run has announced; under a latch nothing goes forward."""
    return tuple(text for proxy in cutover.proxies for text in _broken(proxy, world, cutover, history))


def _broken(proxy: str, world: World, cutover: Cutover, history: History) -> list[str]:
    """Every invariant that a proxy breaks; one that cannot be seen breaks none."""
    state = world.state(proxy)
    if state is None:
        return []
    broken, weight = [], state.weight(NEW)
    if (total := sum(state.weights.values())) not in (0, TOTAL_WEIGHT):
        broken.append(f"the weights of {proxy} sum to {total}, not to {TOTAL_WEIGHT} or 0")
    if weight > (furthest := _reached(proxy, cutover, history, is_done=False)):
        broken.append(f"{proxy} sends {weight} of {TOTAL_WEIGHT} to {NEW}, past its gates: announced were {furthest}")
    if state.latch and weight:
        broken.append(f"{proxy} sends {weight} to {NEW} although a rollback holds: {state.latch.reason}")
    return broken


def safe_stop(world: World, cutover: Cutover, history: History) -> Stage[World]:
    """Roll back every proxy that is where it must not be; those that are fine stay as they are.

    Past the point of no return V10 takes no writes: nothing is sent back to it. Those proxies are held, whose watchers
    call a person, who decides.
    """
    wrong = {proxy: why for proxy in cutover.proxies if (why := _broken(proxy, world, cutover, history))}
    if history.past_no_return:
        return Stage(
            "safe stop", tuple(_hold(proxy, "; ".join(why)) for proxy, why in wrong.items()), hold=PAST_NO_RETURN
        )
    return Stage(
        "safe stop",
        tuple(
            Step(
                f"{Action.ROLL_BACK} {proxy}",
                Action.ROLL_BACK,
                "traffic is where no gate has let it",
                done=_seen(proxy, lambda state: state.latch is not None and state.weight(NEW) == 0),
                arguments={"proxy": proxy, "reason": "an invariant of the cutover is broken"},
                timeout_s=CALL_S,
            )
            for proxy in wrong
        ),
    )


def _hold(proxy: str, why: str) -> Step[World]:
    return Step(
        f"{Action.HOLD} {proxy}",
        Action.HOLD,
        "nothing goes on there before a person has looked",
        done=_seen(proxy, lambda state: state.hold is not None),
        arguments={"proxy": proxy, "reason": why},
        timeout_s=CALL_S,
    )
