# The tables, one for all of them, and what they say about the paper's claims.
# The Markdown twins are also printed.


localrules:
    summarise,
    summarise_cost,
    cost,


rule summarise:
    input:
        script=script_file("summarise"),
        episodes=table_rows,
        references=reference_rows,
    output:
        csv=report(
            "<results>/{table}.csv",
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"table": "{table}", "what": "results"},
        ),
        statistics=report(
            "<results>/{table}_statistics.csv",
            caption="../workflow/report/statistics.rst",
            category="Tables",
            labels={"table": "{table}", "what": "comparison"},
        ),
        markdown="<results>/{table}.md",
    log:
        "<logs>/{table}.log",
    benchmark:
        "<benchmarks>/{table}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("summarise"),
        table=table_flags,
    shell:
        "python {input.script:q} --files {input.episodes:q} --references {input.references:q}"
        " {params.table} --out {output.csv:q} 2> {log:q}"


rule combine_tables:
    input:
        script=script_file("combine_tables"),
        tables=[f"<results>/{table}.csv" for table in config["tables"]],
    output:
        "<results>/all_experiments.csv",
    log:
        "<logs>/all_experiments.log",
    benchmark:
        "<benchmarks>/all_experiments.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=code("combine_tables"),
        tables=lambda wildcards, input: shlex.join(
            word for pair in zip(config["tables"], input.tables) for word in pair
        ),
        envs=shlex.join(
            word for table, entry in config["tables"].items() for word in (table, entry["env"])
        ),
    shell:
        "python {input.script:q} --tables {params.tables} --envs {params.envs} --out {output:q} > {log:q} 2>&1"


rule check_claims:
    input:
        script=script_file("check_claims"),
        episodes=claim_rows(),
    output:
        csv=report(
            "<results>/claims.csv",
            caption="../workflow/report/claims.rst",
            category="Tables",
            labels={"table": "claims", "what": "comparison"},
        ),
        markdown="<results>/claims.md",
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=code("check_claims"),
        claims=claims_json(),
    shell:
        "python {input.script:q} --files {input.episodes:q} --claims /dev/stdin --out {output.csv:q}"
        " <<< {params.claims:q} 2> {log:q}"


# What has run so far, for other targets too, is in it.
rule summarise_cost:
    input:
        script=script_file("summarise_cost"),
        tables=[f"<results>/{table}.csv" for table in config["default_tables"]],
    output:
        csv=report(
            "<results>/cost.csv",
            caption="../workflow/report/cost.rst",
            category="Run",
            labels={"what": "cost"},
        ),
        markdown="<results>/cost.md",
    log:
        "<logs>/cost.log",
    benchmark:
        "<logs>/cost.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("summarise_cost"),
        folders=lambda wildcards: shlex.join(
            word
            for name in ("benchmarks", "logs", "results")
            for word in (f"--{name}", config["pathvars"][name])
        ),
        order=lambda wildcards: [rule.name for rule in workflow.rules],
    shell:
        "python {input.script:q} {params.folders} --order {params.order} --out {output.csv:q} 2> {log:q}"


rule cost:
    input:
        "<results>/cost.csv",
        "<results>/figures/cost.png",
