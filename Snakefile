# From play data and ten demonstrations to a table with error bars.
# Targets are listed in docs/start/targets.md, settings in config/README.md.
from snakemake.utils import min_version

min_version("9.20")


# Folders, changed in the configuration under `pathvars`.
pathvars:
    results="results",
    data="data",
    logs="logs",
    benchmarks="results/benchmarks",


include: "rules/common.smk"
include: "rules/sources.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/checkpoints.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/html.smk"


rule all:
    """every table of the configuration's default_tables"""
    default_target: True
    input:
        [f"<results>/{table}.csv" for table in config["default_tables"]],
    localrule: True


rule data:
    """play and demonstrations of the default tables"""
    input:
        lambda wildcards: [
            file for cell in targets.cells() for file in (targets.play(cell), targets.demos(cell))
        ],
    localrule: True


rule models:
    """every trained model of the default tables"""
    input:
        lambda wildcards: [file for cell in targets.cells() for file in targets.checkpoints(cell)],
    localrule: True


rule videos:
    """a film of every task and method of the default tables"""
    input:
        lambda wildcards: [
            file for table in config["default_tables"] for file in targets.videos(table)
        ],
    localrule: True
