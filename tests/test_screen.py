"""Laws of what a run shows while it runs, when it fails, and when it is only planned."""

import io
import logging
import re
from types import SimpleNamespace

import pytest
from pipeline_copy import copy_pipeline, snakemake
from snakemake_interface_logger_plugins.common import LogEvent

from screen import Screen, show

STAGES = {"train": 2, "all": 1, "total": 3}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def told(tmp_path, *events, stream=None, **settings):
    """Return what is shown of some events: pairs of a level or an event, and what it holds."""
    plain = logging.StreamHandler(stream or io.StringIO())
    plain.name, plain.nocolor = "DefaultStreamHandler", True
    logger = logging.Logger("run")
    logger.addHandler(plain)
    names = ("quiet", "verbose", "printshellcmds", "debug_dag", "dryrun")
    workflow = SimpleNamespace(
        output_settings=SimpleNamespace(**dict.fromkeys(names, False) | settings),
        rules=[SimpleNamespace(name=name, output=name == "train") for name in STAGES],
    )
    show(logger, workflow, tmp_path / "benchmarks")
    for event, holds in events:
        level, extra = (event, {}) if isinstance(event, int) else (logging.INFO, {"event": event})
        message = holds if isinstance(holds, str) else ""
        logger.log(level, message, extra=extra | ({} if message else holds))
    for handler in logger.handlers:
        handler.close()
    said = re.sub(r"\x1b\[[?0-9;]*\w|\r", "", plain.stream.getvalue())
    return said, logger.handlers


def job(number, log=(), output=("a.pt",), event=LogEvent.JOB_INFO):
    holds = {"jobid": number, "rule_name": "train", "log": [*map(str, log)], "output": [*output]}
    if event is LogEvent.JOB_INFO:
        holds["wildcards"] = {"env": "maze", "seed": number}
    return event, holds


RUN = (LogEvent.RUN_INFO, {"stats": STAGES})


def done(number):
    return LogEvent.JOB_FINISHED, {"job_id": number}


def test_in_a_file_every_job_is_a_line_and_a_table_is_shown(tmp_path):
    table = tmp_path / "table.md"
    table.write_text("| a | b |\n")
    chatter = (logging.INFO, "Select jobs to execute...")
    said, _ = told(tmp_path, RUN, chatter, job(0), job(1, output=[str(table)]), done(0), done(1))
    lines = said.splitlines()
    assert lines[0] == "2 jobs: 2 train"
    assert lines[1].split()[1:4] == ["[1/2]", "train", "maze/0"]
    assert lines[2].split()[1:4] == ["[2/2]", "train", "maze/1"]
    assert lines[3] == "| a | b |"


def test_why_a_job_failed_is_said_last(tmp_path):
    """The last line of its log, whatever Snakemake says after it; not of a job tried again."""
    log = tmp_path / "a.log"
    log.write_text("step 1\ntrain.py: error: no data\n\n")
    failed = (
        job(0, [log]),
        job(1, [log]),
        (
            logging.ERROR,
            "RuleException:\nCalledProcessError in x\nreturned non-zero exit status 3.",
        ),
        job(0, [log], event=LogEvent.JOB_ERROR),
        job(1, [tmp_path / "none.log"], event=LogEvent.JOB_ERROR),
        job(1, [log]),
        done(1),
        (logging.INFO, "Complete log(s): x"),
        (logging.ERROR, "WorkflowError:\nAt least one job did not complete successfully."),
    )
    for stream in (io.StringIO(), Terminal()):
        said, _ = told(tmp_path, RUN, *failed, stream=stream)
        *_, head, last = said.rstrip().splitlines()
        assert "Complete log(s): x" in said and "CalledProcessError" not in said
        assert head == f"train maze/0 failed (exit status 3); {log}:"
        assert last == "train.py: error: no data"


def test_a_run_that_is_stopped_says_that_it_goes_on(tmp_path):
    events = (
        RUN,
        job(0),
        (logging.WARNING, "Terminating processes on user request, this might take some time."),
        job(0, event=LogEvent.JOB_ERROR),
        (logging.ERROR, "WorkflowError:\nAt least one job did not complete successfully."),
    )
    for some in (events, [event for event in events if event[0] is not LogEvent.JOB_ERROR]):
        said, _ = told(tmp_path, *some)
        assert said.splitlines()[-1] == "Stopped. The same command goes on from here."


def test_warnings_and_errors_are_passed_on(tmp_path):
    said, _ = told(tmp_path, (logging.WARNING, "careful [b]"), (logging.ERROR, "Error: bad"))
    assert said == "careful [b]\nError: bad\n"


def test_in_a_terminal_the_stages_are_shown_with_what_is_done_and_left(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "a.tsv").write_text("s\trule_name\n50.0\ttrain\n")
    (tmp_path / "benchmarks" / "empty.tsv").write_text("")
    screen = Terminal()
    told(tmp_path, RUN, job(0), stream=screen)
    shown = screen.getvalue()
    for words in ("train", "0 of 2", "50 s", "100 s", "2 min"):
        assert (words in shown) == (words != "100 s"), words


def test_a_plan_is_a_line_per_stage(tmp_path):
    said, _ = told(tmp_path, RUN, job(0), RUN, (logging.INFO, "Reasons: x"), dryrun=True)
    head, train, total, end = said.splitlines()
    assert head.split()[:2] == ["stage", "jobs"] and train.split() == ["train", "2"]
    assert total.split() == ["all", "2"] and "-n" in end


@pytest.mark.parametrize("asked", ["quiet", "verbose", "printshellcmds", "debug_dag"])
def test_who_asks_for_more_or_less_gets_snakemakes_own_messages(tmp_path, asked):
    _, [handler] = told(tmp_path, **{asked: True})
    assert not isinstance(handler, Screen)


def test_the_targets_that_are_listed_say_what_they_are(tmp_path):
    status, said = snakemake(copy_pipeline(tmp_path), "--list-target-rules", "-n")
    assert status == 0
    names, texts = zip(*(line.split(maxsplit=1) for line in said.splitlines()[-11:]), strict=True)
    assert {"all", "report", "cost"} <= {*names} and "describe_run" not in said
