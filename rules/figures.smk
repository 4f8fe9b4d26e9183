# Figures, and what only they need: episodes step by step.


rule figures:
    """every figure of the default tables"""
    input:
        lambda wildcards: [
            f"<results>/figures/{table}/{figure}.pdf"
            for table in config["default_tables"]
            for figure in figures.of(table)
        ],
    localrule: True


use rule rollout as trace_episodes with:
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/trace.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/trace.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/trace.tsv"
    resources:
        mem_mb=grows(1200),
        runtime=grows(30),
    params:
        code=bound(options.acting_code, "trace_episodes.py"),
        script=script("trace_episodes.py"),
        traced=config["figures"]["traced"],
        more=lambda wildcards, output: named(
            {"episodes": config["figures"]["traced"], "out": output[0]}
        ),


# Every figure has a rule of its own name: plot_scores, plot_curves, …
for figure, needs in figures.needs.items():
    of_run = needs in OF_RUN  # not of a table
    where = f"figures/{figure}" if of_run else f"figures/{{table}}/{figure}"
    labels = {"what": f"{figure}, drawn"} if of_run else {"table": "{table}", "figure": figure}

    rule:
        name:
            f"plot_{figure}"
        input:
            files=bound(figures.drawn, figure),
        output:
            csv=f"<results>/{where}.csv",
            pdf=f"<results>/{where}.pdf",
            png=shown(f"<results>/{where}.png", "cost" if of_run else "figure", **labels),
        log:
            f"<logs>/{where}.log",
        benchmark:
            f"<benchmarks>/{where}.tsv"
        conda:
            "../envs/fist.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows(20),
        params:
            code=bound(figures.code, figure),
            script=script("plot.py"),
            figure=f"fist.analysis.figures.{figure}",
            table=lambda wildcards: figures.table(wildcards.get("table", "")),
            order=ordered(bound(figures.drawn, figure)),
            files=bound(figures.request, figure),
        shell:
            "python {params.script:q} --figure {params.figure:q} --table {params.table:q}"
            " --files /dev/stdin --out {output.csv:q} <<< {params.files:q} > {log:q} 2>&1"
