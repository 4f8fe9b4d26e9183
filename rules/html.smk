# The report: one page with tables, figures and contact sheets that opens without a network.


report: "../workflow/report/workflow.rst"


rule describe_run:
    input:
        tables=[f"<results>/{table}.csv" for table in config["default_tables"]],
    output:
        config=shown("<results>/run/config.yaml", "run", what="configuration"),
        versions=shown("<results>/run/versions.csv", "run", what="software"),
    log:
        "<logs>/run/describe.log",
    benchmark:
        "<benchmarks>/run/describe.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    params:
        code=options.code("describe_run.py"),
        script=script("describe_run.py"),
        config=json.dumps(config),
    shell:
        "python {params.script:q} --config /dev/stdin --versions {output.versions:q}"
        " --out {output.config:q} <<< {params.config:q} > {log:q} 2>&1"


# Snakemake draws the page from what has been made, in a run of its own with the same configuration.
rule report:
    """one page with the tables, figures, films and costs there are: results/report.html"""
    input:
        shown=lambda wildcards: figures.report(),
        config="<results>/run/config.yaml",
    output:
        "<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    params:
        python=lambda wildcards, output: sys.executable,  # with --sdm conda, a job's own is another, without Snakemake
        snakefile=lambda wildcards, output: os.path.relpath(ROOT / "Snakefile"),
    shell:
        "{params.python:q} -m snakemake {input.shown:q} --report {output:q} --snakefile {params.snakefile:q}"
        " --configfile {input.config:q} --nolock --quiet > {log:q} 2>&1"
