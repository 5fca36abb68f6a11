"""`aurops preview --since REV`: what a change does to stacks that are up as another revision has them."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import testbeds.lab
from aurops.caches import cache_home
from aurops.clock import RealClock
from aurops.errors import UsageError
from components.data import holds_data
from runbooks.sites import OpenSite, open_site
from runbooks.terminal import timeline
from stacks.policy.pack import FOLDER, WAIVERS
from stacks.policy.waivers import known
from stacks.preview import exported
from stacks.review import Baseline, Orphan, Review
from stacks.revision.bringing import bring_up, settle
from stacks.revision.cache import Cache
from stacks.revision.git import Repository
from stacks.revision.process import Programs
from stacks.revision.records import compare, record_again, record_all
from stacks.revision.tree import Tree, deciding, key_of, surroundings
from stacks.site import PROGRAM_FILE, Site
from testbeds.lab.folder import LabFolder, forget_encryption, unreal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aurops.errors import AuropsError
    from stacks.engine import Served
    from stacks.preview import StackPreview
    from stacks.review import Waiver
    from stacks.revision.cache import Place
    from stacks.revision.git import Commit, File
    from stacks.revision.messages import Failure
    from stacks.revision.records import Comparison, Recording

    Tell = Callable[[str], None]
    Preview = Callable[[Site, Sequence[str], Mapping[str, Served]], Sequence[StackPreview]]

ANSWERS = "testbeds.lab.answers:LabAnswers"
"""What answers for the providers while programs are recorded."""
_RUNNING = Path(__file__).resolve().parents[1]
"""Where the aurops that runs has its program."""
_RECORDERS = ("graph.py", "recording.py", "revision")
"""What in `stacks` makes the recordings."""
_LOCK_FILE = "uv.lock"
_JUDGES = (
    f"{FOLDER}/",
    "stacks/policy/",
    "stacks/dangers.py",
    "stacks/noise.py",
    "components/data.py",
    "components/safeguards.py",
)
"""What decides which changes are told as dangerous, as noise, or as against policy."""
_WAIVERS = f"{FOLDER}/{WAIVERS}"
_HURRY = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""The engine writes its state at its end only, which halves its time: a lab that is killed half-way is thrown away."""


@dataclass(frozen=True)
class Question:
    """What is to be compared with what.

    Args:
        root: The work tree.
        commit: The revision.
        before: Its files that decide.
        after: Those of the work tree.
        wanted: The stacks to look at.
        present: All stacks of the work tree.
        all_: Whether stacks that are equal are previewed, too: the policy differs, and is asked.
        judges: Files that differ and decide what is said of the change.
        waivers: The revision's file of waivers, by its path; None where it is the same.
    """

    root: Path
    commit: Commit
    before: Mapping[str, File]
    after: Mapping[str, File]
    wanted: Sequence[str]
    present: Sequence[str]
    all_: bool = False
    judges: tuple[str, ...] = ()
    waivers: Mapping[str, File] | None = None

    def key(self) -> str:
        """The revision's name in the cache."""
        code = [Path(testbeds.lab.__file__).parent, *(_RUNNING / "stacks" / name for name in _RECORDERS)]
        if PROGRAM_FILE not in self.before:
            code += [_RUNNING / each for each in ("aurops", "components", "stacks")]
        return key_of(self.before, surroundings(code))


def ask(root: Path, revision: str, wanted: Sequence[str], present: Sequence[str], *, policy: bool = False) -> Question:
    """Find the revision.

    Args:
        root: The work tree.
        revision: As a person says it.
        wanted: The stacks to look at.
        present: All stacks of the work tree.
        policy: Whether policy is asked; where it differs itself, an equal stack may break it all the same.

    Raises:
        UsageError: There is none, or another clone's aurops is running.
        OutsideError: The clone is shallow, or git refuses.
    """
    if Tree(root).has_program and root.resolve() != _RUNNING:
        raise UsageError(
            "this aurops has a program of its own and would not run that of the work tree",
            where=f"aurops in {_RUNNING}, work tree {root}",
            next_step="run the work tree's own: uv run aurops",
        )
    git = Repository(root)
    commit = git.find(revision)
    before, after = git.files(commit.id), git.present((root / "stacks").glob("Pulumi*.yaml"))
    differing = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    # A path is bytes; what is told of it is text.
    judges = tuple(sorted(os.fsencode(path).decode(errors="replace") for path in differing if path.startswith(_JUDGES)))
    all_ = policy and any(path.startswith(f"{FOLDER}/") for path in judges)
    waivers = {path: file for path, file in before.items() if path == _WAIVERS} if _WAIVERS in differing else None
    return Question(root, commit, deciding(before), deciding(after), wanted, present, all_, judges, waivers)


def known_waivers(question: Question, folder: Path) -> tuple[Waiver, ...] | None:
    """The waivers of the revision; None where the change leaves them as they are.

    Args:
        question: What is compared.
        folder: Is written to.
    """
    if question.waivers is None:
        return None
    Repository(question.root).write(question.waivers, folder)
    return known(folder / _WAIVERS)


@dataclass
class Since:
    """One comparison with a revision.

    Args:
        question: What is compared.
        scratch: A folder that goes with this command.
        cache: Where recordings and labs are kept.
        tell: Told what takes its time.
        session: Closes the lab.
    """

    question: Question
    scratch: Path
    cache: Cache
    tell: Tell
    session: ExitStack
    is_warm: bool = True
    seconds: float = 0.0
    up: dict[str, bool] = field(default_factory=dict)
    broken: Mapping[str, Failure] = field(default_factory=dict)
    unsettled: Mapping[str, AuropsError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = self.question.key()
        self.name = f"{self.question.commit.revision} ({self.question.commit.id[:12]})"

    def tree(self) -> Tree:
        """The revision's files."""
        folder = self.scratch / "tree"
        if not folder.exists():
            (folder / "stacks").mkdir(parents=True)
            Repository(self.question.root).write(self.question.before, folder)
            forget_encryption(folder)
        return Tree(folder)

    def recording(self) -> Recording:
        """The graphs of the revision."""
        with self.cache.locked(self.key, alone=False, waiting=self._waits) as place:
            entry = place.entry()
        if entry is not None:
            return entry.recording
        with self._cold(), self.cache.locked(self.key, alone=True, waiting=self._waits) as place:
            if (entry := place.entry()) is not None:
                return entry.recording
            self.tell(f"recording the graphs of {self.name}")
            with Programs(self.tree(), ANSWERS, unreal()) as programs:
                made = record_all(programs)
            if not made.failures:  # what failed here and now is tried again next time
                place.put(made)
            return made

    def compared(self, before: Recording, programs: Programs) -> Comparison:
        """Which stacks the change touches.

        Args:
            before: The graphs of the revision.
            programs: Those of the work tree.
        """
        shared = [stack for stack in self.question.wanted if stack in before.stacks]
        self.tell("recording the graphs of the work tree")
        after, self.broken = record_again(programs, shared, before.exports)
        question = self.question
        return compare(before, after, self.broken, question.wanted, question.present, all_=question.all_)

    def open_lab(self) -> OpenSite:
        """Open the lab as it is kept: whether it has what is needed is known later, but its servers start meanwhile."""
        self.session.close()
        folder = self.scratch / "lab"
        with self.cache.locked(self.key, alone=False, waiting=self._waits) as place:
            self.up = _taken(place, folder)
        return self.session.enter_context(open_site(lab=True, folder=folder))

    def ready_lab(
        self, opened: OpenSite, recording: Recording, stacks: Sequence[str]
    ) -> tuple[OpenSite, tuple[str, ...]]:
        """The lab in which stacks are up, and have settled, as the revision has them; and what is not, and why."""
        if not _lacking(recording, stacks, self.up):
            return opened, ()
        with self._cold(), self.cache.locked(self.key, alone=True, waiting=self._waits) as place:
            entry = place.entry()
            if entry and entry.lab and not _lacking(recording, stacks, entry.lab.up):
                self.session.close()  # another command has made it meanwhile
                self.up = _taken(place, self.scratch / "lab")
                opened = self.session.enter_context(open_site(lab=True, folder=self.scratch / "lab"))
            failures = self._made(opened, recording, stacks, self.up)
            if opened.lab and not (failures or self.unsettled or recording.failures):
                keep = self.scratch / "keep"
                LabFolder(opened.lab.folder).keep(opened.lab.world, keep)
                place.put(recording, keep, self.up)
            said = [f"{stack}: no baseline, it did not come up: {error.what}" for stack, error in failures.items()]
            said += [f"{stack}: its baseline has not settled: {error.what}" for stack, error in self.unsettled.items()]
            return opened, tuple(said)

    def _made(
        self, opened: OpenSite, recording: Recording, stacks: Sequence[str], up: dict[str, bool]
    ) -> dict[str, AuropsError]:
        """Bring up what is lacking; `up` gets it."""
        env = {**opened.site.env, **_HURRY}
        site = Site(self.tree().folder, env, is_lab=True)
        lacking = _lacking(recording, stacks, up)
        fresh = {stack: recording.before[stack] for stack in lacking if stack not in up}
        with Programs(self.tree(), ANSWERS, unreal()) as programs:
            failures = bring_up(site, programs, fresh, lambda said: self.tell(f"{said} as in {self.name}"))
            up |= {stack: False for stack in fresh if stack not in failures}
            later = [stack for stack in stacks if stack in recording.settles and up.get(stack) is False]
            self.unsettled = settle(site, programs, later, self.tell)
            up |= {stack: True for stack in later if stack not in self.unsettled}
        for stack in failures:
            for file in self.scratch.glob(f"lab/state/.pulumi/stacks/*/{stack}.json*"):
                file.unlink()
        return failures

    @contextmanager
    def _cold(self) -> Iterator[None]:
        clock = RealClock()
        began_s = clock.now_s()
        self.is_warm = False
        try:
            yield
        finally:
            self.seconds += clock.now_s() - began_s

    def _waits(self) -> None:
        self.tell(f"another command is at the baseline of {self.name}: waiting for it")

    def baseline(self) -> Baseline:
        """What was compared with, and what it cost."""
        commit = self.question.commit
        return Baseline(commit.revision, commit.id, self.is_warm, self.seconds)


def _taken(place: Place, folder: Path) -> dict[str, bool]:
    """The stacks that are up in a copy of the lab that is kept; the folder is empty where none is."""
    shutil.rmtree(folder, ignore_errors=True)
    entry = place.entry()
    return dict(entry.lab.up) if entry and entry.lab and place.take(entry.lab, folder) else {}


def _lacking(recording: Recording, stacks: Sequence[str], up: Mapping[str, bool]) -> tuple[str, ...]:
    """What must be brought up, or settle, before stacks are as the revision has them; in the order of creation."""
    late = [stack for stack in stacks if stack in recording.settles and not up.get(stack)]
    needed = recording.needed([*stacks, *(after for stack in late for after in recording.settles[stack])])
    return tuple(stack for stack in needed if stack not in up or stack in late)


def orphans(recording: Recording, removed: Sequence[str]) -> tuple[Orphan, ...]:
    """What holds data in stacks that are removed."""
    return tuple(
        Orphan(stack, each.urn, each.type, each.protect)
        for stack in removed
        if stack in recording.stacks
        for each in recording.stacks[stack].resources
        if holds_data(each.type)
    )


def explained(previews: Sequence[StackPreview], programs: Programs, served: Sequence[str]) -> Sequence[StackPreview]:
    """The same, where a program that was served failed with its own error: the engine knows only what that says."""
    return [
        replace(each, error=programs.of(each.stack).refused(each.stack) or each.error)
        if each.error and each.stack in served
        else each
        for each in previews
    ]


def notes(
    question: Question, recording: Recording, compared: Comparison, lab: Sequence[str], previews: Sequence[StackPreview]
) -> tuple[str, ...]:
    """What the reader of a comparison must know; `lab`: what did not come up there."""
    found = [*compared.notes, *lab]
    commit = question.commit
    if not commit.related:
        found.insert(0, f"HEAD and {commit.revision} have no common ancestor: compared with {commit.revision} itself.")
    if question.before.get(_LOCK_FILE) != question.after.get(_LOCK_FILE):
        found.append(f"{_LOCK_FILE} differs: both sides were run with the packages that are installed here.")
    if question.all_:
        found.append(f"{FOLDER} differs: every stack is previewed, also those that are equal.")
    paths = exported(previews)
    for stack in compared.left_out:
        read = [name for name in recording.stacks[stack].reads if paths.get(name) and name != stack]
        found += [f"{stack} is left out and reads {name}, which would then export other values." for name in read]
    return tuple(found)


def same(question: Question) -> Review | None:
    """The answer when no file differs that could change a stack; None: it takes a closer look."""
    if question.before != question.after or question.all_:
        return None
    baseline = Baseline(question.commit.revision, question.commit.id, is_warm=True, seconds=0.0)
    return Review((), left_out=tuple(question.wanted), baseline=baseline, judges=question.judges)


def review(question: Question, preview: Preview, *, lab: bool) -> Review:
    """Preview what a change touches.

    Args:
        question: What is compared.
        preview: Previews stacks, at least one; given who serves their programs already.
        lab: Whether the revision is brought up in a lab; else what is up is what it is.
    """
    if (found := same(question)) is not None:
        return found
    cache = Cache(cache_home())
    lacking: tuple[str, ...] = ()
    previews: Sequence[StackPreview] = ()
    with ExitStack() as stack:
        speaking = stack.enter_context(ExitStack())
        told = speaking.enter_context(timeline())
        scratch, session = stack.enter_context(cache.scratch()), stack.enter_context(ExitStack())
        since = Since(question, scratch, cache, told.tell, session)
        recording = since.recording()
        programs = stack.enter_context(Programs(Tree(question.root), ANSWERS, unreal()))
        programs.start([each for each in question.wanted if each in recording.stacks])
        opened = since.open_lab() if lab else stack.enter_context(open_site(lab=False))
        compared = since.compared(recording, programs)
        if lab:
            opened, lacking = since.ready_lab(opened, recording, compared.touched)
        speaking.close()  # the previews have a display of their own
        if compared.touched:
            # Whose program fails is run by this process, which then knows the very error.
            ours = [each for each in compared.touched if each not in since.broken] if lab else []
            previews = preview(opened.site, compared.touched, {each: programs.of(each).served() for each in ours})
            previews = explained(previews, programs, ours)
        cache.prune()
        waivers = known_waivers(question, scratch / "waivers")
    gone = compared.removed if set(question.wanted) == set(question.present) else ()
    return Review(
        previews,
        left_out=compared.left_out,
        removed=gone,
        baseline=since.baseline(),
        notes=notes(question, recording, compared, lacking, previews),
        orphans=orphans(recording, gone),
        judges=question.judges,
        known_waivers=waivers,
    )
