# Figures, and what only they need: episodes step by step.


localrules:
    figures,


rule figures:
    input:
        [file for table in config["default_tables"] for file in figure_files(table)],


rule trace_episodes:
    input:
        script=script_file("trace_episodes"),
        model=model_file,
        distance=distance_file,
        demos=lookup_demos,
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/trace.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/trace.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/trace.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1200),
        runtime=grows(30),
    params:
        code=lambda wildcards: code("trace_episodes", wildcards.env),
        policy=policy_flags,
        files=file_flags,
        env=env_flags,
        labels=label_flags,
        episodes=config["figures"]["traced"],
    shell:
        "python {input.script:q} {params.env} {params.policy} {params.files} {params.labels}"
        " --episodes {params.episodes} --out {output:q} > {log:q} 2>&1"


# Every figure has a rule of its own name: plot_scores, plot_curves, …
for figure, needs in FIGURES.needs.items():
    of_run = needs == ("cost",)  # of the whole run, not of a table
    where = f"figures/{figure}" if of_run else f"figures/{{table}}/{figure}"

    rule:
        name:
            f"plot_{figure}"
        input:
            script=script_file("plot"),
            files=drawn_files(figure),
        output:
            csv=f"<results>/{where}.csv",
            pdf=f"<results>/{where}.pdf",
            png=report(
                f"<results>/{where}.png",
                caption=f"../workflow/report/{'cost' if of_run else 'figure'}.rst",
                category="Run" if of_run else "Figures",
                labels=(
                    {"what": f"{figure}, drawn"}
                    if of_run
                    else {"table": "{table}", "figure": figure}
                ),
            ),
        log:
            f"<logs>/{where}.log",
        benchmark:
            f"<benchmarks>/{where}.tsv"
        conda:
            "../envs/fist.yaml"
        threads: 1
        resources:
            mem_mb=grows(2000),
            runtime=grows(20),
        params:
            figure=f"fist.analysis.figures.{figure}",
            code=figure_code(figure),
            table=described_table,
            files=request(figure),
        shell:
            "python {input.script:q} --figure {params.figure} --table {params.table:q}"
            " --files /dev/stdin --out {output.csv:q} <<< {params.files:q} > {log:q} 2>&1"
