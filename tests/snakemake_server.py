"""Run Snakemake again and again without importing it anew: each run is a fork of this process.

A line of JSON on standard input is a run: `folder`, `options`, `environment`. Its output is added
to the folder's said.log; its exit status is the answer, a line on standard output. The option
`--logger plan` writes a line of JSON per planned job to the file `--logger-plan-file`.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from snakemake.cli import main
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

LATER = (
    *("jsonschema", "pulp", "snakemake.report", "snakemake.utils"),
    *("snakemake.executors.dryrun", "snakemake_executor_plugin_slurm"),
)
"""What Snakemake imports only when a run begins."""


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """The options of the logger `plan`."""

    file: Path | None = field(default=None, metadata={"help": "where to write", "type": Path})


class LogHandler(LogHandlerBase):
    """Writes what Snakemake tells of each job that it would run."""

    writes_to_stream = writes_to_file = needs_rulegraph = False
    has_filter = has_formatter = True

    def emit(self, record):
        if getattr(record, "event", None) is not LogEvent.JOB_INFO:
            return
        job = {
            "rule": record.rule_name,
            "wildcards": dict(record.wildcards),
            "input": [*map(str, record.input)],
            "output": [*map(str, record.output)],
            "log": [*map(str, record.log)],
            "shell": record.shellcmd,
        }
        with open(self.settings.file, "a") as file:
            file.write(json.dumps(job) + "\n")


def run(folder, options, environment):
    """Do what `python -m snakemake` does in a folder; return the exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    said = os.open("said.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[0] = folder
    try:
        main(options)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def serve():
    """Answer until the input ends."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            status = 1
            try:
                status = run(**json.loads(line))
            finally:  # whatever happens, this copy of the server must not go on
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    LoggerPluginRegistry().register_plugin("snakemake_logger_plugin_plan", sys.modules[__name__])
    for module in LATER:
        import_module(module)
    serve()
