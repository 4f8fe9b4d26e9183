"""Make play data or demonstrations of one sequence with a scripted operator."""

from inspect import signature
from pathlib import Path

from _cli import main
from fist.stage.files import fingerprint, parse_json
from fist.stage.functions import function
from fist.stage.provenance import code_version
from fist.stage.resume import Finished


def run(
    out: Path,
    sequence: str,
    generator: str = "d4rl.kitchen.generate:generate",
    episodes: int = 25,
    seed: int = 0,
    arguments: str = "{}",
    workers: int = 1,
    resume: Path | None = None,
    save_every: float = 30.0,
) -> None:
    """Make episodes of one sequence.

    Args:
        out: HDF5 file to write, in D4RL's layout.
        sequence: what to record, joined by "-": microwave-kettle-top_burner-light_switch.
        generator: function that makes the episodes, module:function.
        episodes: number of episodes.
        seed: seed; with the sequence it decides every episode.
        arguments: more arguments of the function, as JSON: '{"only_successful": true}'.
        workers: processes; the file is the same for any number of them.
        resume: resume file: episodes made so far, for a function with an argument `finished`.
        save_every: seconds between savings of the resume file.
    """
    generate = function(generator)
    more = {"workers": workers, **parse_json(arguments, "--arguments")}
    if "finished" in signature(generate).parameters:
        key = fingerprint([generator, sequence, seed, arguments, code_version(generator)])
        more["finished"] = Finished(resume, key, save_every)
    generate(out, sequence.split("-"), episodes, seed, **more)


if __name__ == "__main__":
    main(run, description=__doc__)
