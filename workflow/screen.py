"""What a run shows: the stages with their times, live in a terminal, a line per job elsewhere.

A handler of Snakemake's log records, in place of its own one. Snakemake's log file keeps all that
it says.
"""

import logging
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from snakemake_interface_logger_plugins.common import LogEvent

SAID_OTHERWISE = re.compile(
    r"Using (shell|workflow specific profile)|Building DAG|Provided |Rules claiming|host:|"
    r"Conda environments: ignored|Assuming|Select jobs|Execute \d|Shutting down|Exiting because|"
    r"Reasons:|This was a dry-run|Elapsed time|RuleException:\nCalledProcessError"
)
"""Beginnings of messages that are left out: the screen says it, or nobody needs it."""
END = "At least one job did not complete successfully"
CTRL_C = "Terminating processes on user request"
STATUS = re.compile(r"(exit status \d+|died with .*)\.$")


class Screen(logging.Handler):
    """Shows what Snakemake tells; at the end of a run that failed, why."""

    def __init__(self, plain: Any, workflow: Any, benchmarks: Path):
        """Take Snakemake's own handler, which words what is only passed on."""
        super().__init__()
        self.plain, self.workflow, self.benchmarks = plain, workflow, benchmarks
        self.planning = workflow.output_settings.dryrun
        self.console = Console(file=plain.stream, no_color=plain.nocolor or None)
        self.began = time.monotonic()
        self.total: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}
        """How long jobs of every stage took, those of other runs before those of this one."""
        self.running: dict[int, Any] = {}
        self.failed: dict[int, str] = {}
        self.status = ""
        self.stopped = False
        self.live = Live(get_renderable=self._picture, console=self.console, transient=True)

    def emit(self, record: Any) -> None:
        try:
            event, message = getattr(record, "event", None), record.getMessage()
            if event == LogEvent.RUN_INFO:
                self._plan(record.stats)
            elif event == LogEvent.JOB_INFO and not self.planning:
                self.running[record.jobid] = record, time.monotonic()
            elif event == LogEvent.JOB_FINISHED:
                self._finished(record.job_id)
            elif event == LogEvent.JOB_ERROR:
                self._failed(record)
            elif END in message and self.stopped:
                self._close("Stopped. The same command goes on from here.")
            elif END in message and self.failed:
                self._close(*self.failed.values())
            elif event in (None, LogEvent.ERROR) and not SAID_OTHERWISE.match(message):
                self._close() if record.levelno >= logging.ERROR else None
                self._say(self.plain.format(record))
            self.stopped |= message.startswith(CTRL_C)
            if found := STATUS.search(message):
                self.status = found[1]
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.live.stop()
        super().close()

    def _say(self, text: str) -> None:
        """Print text as it is, above the picture."""
        self.console.print(Text(text), soft_wrap=True)

    def _close(self, *last: str) -> None:
        """Take the picture away, and say what is said last."""
        self.live.stop()
        for text in last:
            self._say(text)

    def _plan(self, stats: dict[str, int]) -> None:
        """Begin a run, or tell what it would be."""
        if self.total:  # -n says it twice
            return
        makes = {rule.name for rule in self.workflow.rules if rule.output}  # others are targets
        self.total.update({stage: n for stage, n in stats.items() if stage in makes})
        self.seconds = measured(self.benchmarks)
        if self.planning:
            self.console.print(self._picture())
            self._say("Nothing was run (-n). Files and reasons: snakemake -n --verbose")
        elif self.console.is_terminal:
            self.live.start()
        else:
            jobs = ", ".join(f"{n} {stage}" for stage, n in self.total.items())
            self._say(f"{self.total.total()} jobs: {jobs}")

    def _finished(self, job: int) -> None:
        """Note a job that is done, and show the tables that it made."""
        record, began = self.running.pop(job)
        if not record.output:
            return
        took, stage = time.monotonic() - began, record.rule_name
        self.done[stage] += 1
        self.seconds.setdefault(stage, []).append(took)
        self.failed.pop(job, None)  # it was tried again
        if not self.console.is_terminal:
            count = f"[{self.done.total()}/{self.total.total()}]"
            self._say(f"{time.strftime('%H:%M:%S')} {count} {_name(record)} {spell(took)}")
        for file in record.output:
            if file.endswith(".md"):
                self._say(Path(file).read_text())

    def _failed(self, record: Any) -> None:
        """Note why a job failed: the last words of its log."""
        job, _ = self.running.pop(record.jobid, (record, 0))
        logs = [Path(file) for file in record.log if Path(file).exists()]
        words = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        last = next((line for line in reversed(words) if line.strip()), "its log has no word")
        head = f"{_name(job)} failed ({self.status or 'no exit status'})"
        self.failed[record.jobid] = f"{head}; {', '.join(record.log) or 'no log'}:\n{last}"
        if not self.stopped:
            self._say(f"{time.strftime('%H:%M:%S')} {head}")

    def _picture(self) -> Table:
        """Return what is done, running and left of every stage."""
        running = Counter(record.rule_name for record, _ in self.running.values())
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("stage" if self.planning else spell(time.monotonic() - self.began))
        heads = ("jobs",) if self.planning else ("", "done", "running")
        for head in (*heads, "one takes", "left"):
            table.add_column(head, justify="right")
        left: list[float | None] = []
        for stage, n in self.total.items():
            times, rest = self.seconds.get(stage, []), n - self.done[stage]
            mean = sum(times) / len(times) if times else None
            left.append(0.0 if not rest else mean and mean * rest)
            counts: list[Any] = [str(n)]
            if not self.planning:
                bar = ProgressBar(n, self.done[stage], width=20)
                counts = [bar, f"{self.done[stage]} of {n}", str(running[stage] or "")]
            table.add_row(stage, *counts, spell(mean), spell(left[-1]))
        known = sum(filter(None, left)) / max(1, len(self.running))
        more = "at least " if None in left else "about "
        counts = [str(self.total.total())]
        if not self.planning:
            counts = ["", f"{self.done.total()} of {counts[0]}", str(len(self.running))]
        table.add_row("all", *counts, "", more + spell(known) if any(left) else "", style="bold")
        return table


def measured(benchmarks: Path) -> dict[str, list[float]]:
    """Return how many seconds the jobs of every stage have taken, of what they left behind."""
    found: dict[str, list[float]] = {}
    for file in benchmarks.rglob("*.tsv"):
        lines = [line.split("\t") for line in file.read_text(errors="replace").splitlines()]
        for row in (dict(zip(lines[0], line, strict=False)) for line in lines[1:]):
            stage, took = re.search(r"\w+", row.get("rule_name", "")), row.get("s", "")
            if stage and re.fullmatch(r"\d+(\.\d+)?", took):
                found.setdefault(stage[0], []).append(float(took))
    return found


def spell(seconds: float | None) -> str:
    """Write a time with its unit."""
    if not seconds:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _name(record: Any) -> str:
    """Name a job: its stage and what it makes."""
    wildcards = getattr(record, "wildcards", None) or {}
    made = "/".join(map(str, dict(wildcards).values())) or ", ".join(record.output[:1])
    return f"{record.rule_name} {made}".strip()


def show(logger: logging.Logger, workflow: Any, benchmarks: Path) -> None:
    """Put the screen in the place of Snakemake's own messages.

    Not where another logger, less (--quiet) or more (--verbose, --printshellcmds) is asked for.
    """
    settings = workflow.output_settings
    if settings.quiet or settings.verbose or settings.printshellcmds or settings.debug_dag:
        return
    for handler in list(logger.handlers):
        if handler.name == "DefaultStreamHandler":
            logger.removeHandler(handler)
            logger.addHandler(Screen(handler, workflow, benchmarks))


def list_rules(workflow: Any, only_targets: bool = False) -> None:
    """Print the rules; as targets (--list-target-rules) those that say what they are for."""
    for rule in sorted(workflow.rules, key=str):
        if rule.docstring or not only_targets:
            print(f"{rule.name:20} {rule.docstring or ''}".rstrip())
