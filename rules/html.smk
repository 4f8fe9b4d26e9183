# The report: one page with tables, figures and contact sheets that opens without a network.


report: "../workflow/report/workflow.rst"


localrules:
    describe_run,
    report,


rule describe_run:
    input:
        script=script_file("describe_run"),
        tables=[f"<results>/{table}.csv" for table in config["default_tables"]],
    output:
        config=report(
            "<results>/run/config.yaml",
            caption="../workflow/report/run.rst",
            category="Run",
            labels={"what": "configuration"},
        ),
        versions=report(
            "<results>/run/versions.csv",
            caption="../workflow/report/run.rst",
            category="Run",
            labels={"what": "software"},
        ),
    log:
        "<logs>/run/describe.log",
    benchmark:
        "<benchmarks>/run/describe.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("describe_run"),
        config=json.dumps(config),
    shell:
        "python {input.script:q} --config /dev/stdin --versions {output.versions:q}"
        " --out {output.config:q} <<< {params.config:q} > {log:q} 2>&1"


# Snakemake draws the page from what has been made, in a run of its own with the same configuration.
rule report:
    input:
        shown=shown_files(),
        config="<results>/run/config.yaml",
    output:
        "<results>/report.html",
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        python=sys.executable,  # with --sdm conda, a job's own is another, without Snakemake
        snakefile=os.path.relpath(ROOT / "Snakefile"),
    shell:
        "{params.python:q} -m snakemake {input.shown:q} --report {output:q} --snakefile {params.snakefile:q}"
        " --configfile {input.config:q} --nolock --quiet > {log:q} 2>&1"
