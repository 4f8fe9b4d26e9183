# From play data and ten demonstrations to a table with error bars.
# Targets are listed in README.md, settings in config/README.md.
from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.basedir}/config/config.yaml"


# Folders, changed in the configuration under `pathvars`.
pathvars:
    results="results",
    data="data",
    logs="logs",
    benchmarks="results/benchmarks",


include: "rules/common.smk"
include: "rules/names.smk"
include: "rules/options.smk"
include: "rules/sources.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/checkpoints.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/html.smk"


localrules:
    all,
    data,
    models,
    videos,


rule all:
    default_target: True
    input:
        [f"<results>/{table}.csv" for table in config["default_tables"]],


rule data:
    input:
        [file for cell in table_cells() for file in data_files(cell)],


rule models:
    input:
        [file for cell in table_cells() for file in model_files(cell)],


rule videos:
    input:
        [file for table in config["default_tables"] for file in video_files(table)],
