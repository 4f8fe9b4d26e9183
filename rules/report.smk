# The tables, one for all of them, and what they say about the paper's claims.
# The Markdown twins are also printed.


rule summarise:
    input:
        unpack(targets.table),
    output:
        csv="<results>/{table}.csv",
        page=shown("<results>/{table}.html", "table", table="{table}", what="results"),
        statistics=shown(
            "<results>/{table}_statistics.csv", "statistics", table="{table}", what="comparison"
        ),
        markdown="<results>/{table}.md",
    log:
        "<logs>/{table}.log",
    benchmark:
        "<benchmarks>/{table}.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    params:
        code=options.code("summarise.py"),
        script=script("summarise.py"),
        table=options.table,
        order=ordered(targets.table),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.episodes:q})"
        " --references @<(printf '%s\\n' {input.references:q})"
        " {params.table:q} --out {output.csv:q} > {log:q} 2>&1"


rule combine_tables:
    """every row of every table: results/all_experiments.csv"""
    input:
        tables=[f"<results>/{table}.csv" for table in config["tables"]],
    output:
        "<results>/all_experiments.csv",
    log:
        "<logs>/all_experiments.log",
    benchmark:
        "<benchmarks>/all_experiments.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=options.code("combine_tables.py"),
        script=script("combine_tables.py"),
        tables=lambda wildcards, input: pairs("--tables", zip(config["tables"], input.tables)),
        envs=pairs("--envs", [(name, table["env"]) for name, table in config["tables"].items()]),
    shell:
        "python {params.script:q} {params.tables:q} {params.envs:q} --out {output:q} > {log:q} 2>&1"


rule summarise_settings:
    """methods against settings, with costs: results/settings_table.csv"""
    input:
        lambda wildcards: [
            cell.episodes for name in config["overview"] for cell in targets.cells(name)
        ],
    output:
        csv="<results>/settings_table.csv",
        page=shown("<results>/settings_table.html", "settings", table="settings", what="overview"),
        markdown="<results>/settings_table.md",
    log:
        "<logs>/settings_table.log",
    benchmark:
        "<benchmarks>/settings_table.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    params:
        code=options.code("summarise_settings.py"),
        script=script("summarise_settings.py"),
        settings=lambda wildcards: options.overview(),
    shell:
        "python {params.script:q} --settings /dev/stdin --out {output.csv:q}"
        " <<< {params.settings:q} > {log:q} 2>&1"


rule check_claims:
    """the paper's orderings, held against the results: results/claims.csv"""
    input:
        episodes=lambda wildcards: targets.claimed(),
    output:
        csv=shown("<results>/claims.csv", "claims", table="claims", what="comparison"),
        markdown="<results>/claims.md",
    log:
        "<logs>/claims.log",
    benchmark:
        "<benchmarks>/claims.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=options.code("check_claims.py"),
        script=script("check_claims.py"),
        claims=options.claims(),
        order=ordered(lambda wildcards: targets.claimed()),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.episodes:q}) --claims /dev/stdin"
        " --out {output.csv:q} <<< {params.claims:q} > {log:q} 2>&1"


# What has run so far, for other targets too, is in it.
rule summarise_cost:
    input:
        tables=[f"<results>/{table}.csv" for table in config["default_tables"]],
    output:
        csv=shown("<results>/cost.csv", "cost", what="cost"),
        markdown="<results>/cost.md",
    log:
        "<logs>/cost.log",
    benchmark:
        "<logs>/cost.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    params:
        code=options.code("summarise_cost.py"),
        script=script("summarise_cost.py"),
        folders=named({key: config["pathvars"][key] for key in ("benchmarks", "logs", "results")}),
        order=lambda wildcards: [rule.name for rule in workflow.rules],
    shell:
        "python {params.script:q} {params.folders:q} --order {params.order:q} --out {output.csv:q} > {log:q} 2>&1"


rule cost:
    """what the stages have taken: results/cost.csv, figures/cost.png"""
    input:
        "<results>/cost.csv",
        "<results>/figures/cost.png",
    localrule: True
