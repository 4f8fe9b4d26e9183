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


rule plot_results:
    input:
        script=script_file("plot_results"),
        episodes=drawn_episodes,
    output:
        csv="<results>/figures/{table}/{kind}.csv",
        pdf="<results>/figures/{table}/{kind}.pdf",
        png=report(
            "<results>/figures/{table}/{kind}.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "{kind}"},
        ),
    log:
        "<logs>/figures/{table}/{kind}.log",
    benchmark:
        "<benchmarks>/figures/{table}/{kind}.tsv"
    wildcard_constraints:
        kind="scores|progress|profile|demonstrations",
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=code("plot_results"),
        options=plot_flags,
    shell:
        "python {input.script:q} --files {input.episodes:q} {params.options} --out {output.csv:q} > {log:q} 2>&1"


rule plot_curves:
    input:
        script=script_file("plot_curves"),
        curves=drawn_curves,
    output:
        csv="<results>/figures/{table}/curves.csv",
        pdf="<results>/figures/{table}/curves.pdf",
        png=report(
            "<results>/figures/{table}/curves.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "curves"},
        ),
    log:
        "<logs>/figures/{table}/curves.log",
    benchmark:
        "<benchmarks>/figures/{table}/curves.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=code("plot_curves"),
    shell:
        "python {input.script:q} --files {input.curves:q} --out {output.csv:q} > {log:q} 2>&1"


rule plot_retrieval:
    input:
        script=script_file("plot_retrieval"),
        traces=drawn_traces,
    output:
        csv="<results>/figures/{table}/retrieval.csv",
        pdf="<results>/figures/{table}/retrieval.pdf",
        png=report(
            "<results>/figures/{table}/retrieval.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "retrieval"},
        ),
    log:
        "<logs>/figures/{table}/retrieval.log",
    benchmark:
        "<benchmarks>/figures/{table}/retrieval.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=code("plot_retrieval"),
    shell:
        "python {input.script:q} --files {input.traces:q} --out {output.csv:q} > {log:q} 2>&1"


rule plot_features:
    input:
        script=script_file("plot_features"),
        distances=drawn_distances,
        demos=drawn_demos,
    output:
        csv="<results>/figures/{table}/features.csv",
        pdf="<results>/figures/{table}/features.pdf",
        png=report(
            "<results>/figures/{table}/features.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "features"},
        ),
    log:
        "<logs>/figures/{table}/features.log",
    benchmark:
        "<benchmarks>/figures/{table}/features.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=code("plot_features"),
        n_demos=feature_demos,
        files=feature_flags,
    shell:
        "python {input.script:q} {params.files} {params.n_demos} --out {output.csv:q} > {log:q} 2>&1"


rule plot_coverage:
    input:
        script=script_file("plot_coverage"),
        files=covering_files,
    output:
        csv="<results>/figures/{table}/coverage.csv",
        pdf="<results>/figures/{table}/coverage.pdf",
        png=report(
            "<results>/figures/{table}/coverage.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "coverage"},
        ),
    log:
        "<logs>/figures/{table}/coverage.log",
    benchmark:
        "<benchmarks>/figures/{table}/coverage.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(20),
    params:
        code=lambda wildcards: code("plot_coverage", config["tables"][wildcards.table]["env"]),
        env=map_flags,
        files=coverage_flags,
    shell:
        "python {input.script:q} {params.env} {params.files} --out {output.csv:q} > {log:q} 2>&1"


rule plot_paths:
    input:
        script=script_file("plot_paths"),
        traces=traced_paths,
        demos=lambda wildcards: [task_demos(cell) for cell in first_of_tasks(wildcards.table)],
    output:
        csv="<results>/figures/{table}/paths.csv",
        pdf="<results>/figures/{table}/paths.pdf",
        png=report(
            "<results>/figures/{table}/paths.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "paths"},
        ),
    log:
        "<logs>/figures/{table}/paths.log",
    benchmark:
        "<benchmarks>/figures/{table}/paths.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=lambda wildcards: code("plot_paths", config["tables"][wildcards.table]["env"]),
        env=map_flags,
        demos=path_flags,
    shell:
        "python {input.script:q} --files {input.traces:q} {params.env} {params.demos}"
        " --out {output.csv:q} > {log:q} 2>&1"
