# Figures, and what only they need: episodes step by step.


rule figures:
    input:
        [file for table in config["default_tables"] for file in figures.of(table)],
    localrule: True


rule trace_episodes:
    input:
        unpack(targets.acting),
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/trace.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/trace.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/trace.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1200),
        runtime=grows(30),
    params:
        code=partial(options.acting_code, "trace_episodes.py"),
        script=script("trace_episodes.py"),
        options=options.trial,
        files=lambda wildcards, input: named(input),
        episodes=config["figures"]["traced"],
    shell:
        "python {params.script:q} {params.options:q} {params.files:q}"
        " --episodes {params.episodes:q} --out {output:q} > {log:q} 2>&1"


rule plot_results:
    input:
        episodes=figures.episodes,
    output:
        csv="<results>/figures/{table}/{figure}.csv",
        pdf="<results>/figures/{table}/{figure}.pdf",
        png=report(
            "<results>/figures/{table}/{figure}.png",
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"table": "{table}", "figure": "{figure}"},
        ),
    log:
        "<logs>/figures/{table}/{figure}.log",
    benchmark:
        "<benchmarks>/figures/{table}/{figure}.tsv"
    wildcard_constraints:
        figure="scores|progress|profile|demonstrations",
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=options.code("plot_results.py"),
        script=script("plot_results.py"),
        options=figures.measured,
        order=ordered(figures.episodes),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.episodes:q}) {params.options:q} --out {output.csv:q} > {log:q} 2>&1"


rule plot_curves:
    input:
        curves=figures.curves,
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
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=options.code("plot_curves.py"),
        order=ordered(figures.curves),
        script=script("plot_curves.py"),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.curves:q}) --out {output.csv:q} > {log:q} 2>&1"


rule plot_retrieval:
    input:
        traces=figures.retrieval,
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
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=options.code("plot_retrieval.py"),
        order=ordered(figures.retrieval),
        script=script("plot_retrieval.py"),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.traces:q}) --out {output.csv:q} > {log:q} 2>&1"


rule plot_features:
    input:
        unpack(roles(figures.features)),
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
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=options.model_code("plot_features.py", "distance"),
        script=script("plot_features.py"),
        n_demos=figures.n_demos,
        files=labelled(figures.features),
        order=ordered(figures.features),
    shell:
        "python {params.script:q} {params.files:q} {params.n_demos:q} --out {output.csv:q} > {log:q} 2>&1"


rule plot_coverage:
    input:
        unpack(roles(figures.coverage)),
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
    resources:
        mem_mb=grows(2000),
        runtime=grows(20),
    params:
        code=partial(figures.map_code, "plot_coverage.py"),
        script=script("plot_coverage.py"),
        env=figures.map,
        files=labelled(figures.coverage),
        order=ordered(figures.coverage),
    shell:
        "python {params.script:q} {params.env:q} {params.files:q} --out {output.csv:q} > {log:q} 2>&1"


rule plot_paths:
    input:
        unpack(roles(figures.paths)),
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
    resources:
        mem_mb=grows(1000),
        runtime=grows(20),
    params:
        code=partial(figures.map_code, "plot_paths.py"),
        script=script("plot_paths.py"),
        env=figures.map,
        demos=labelled(figures.paths),
        order=ordered(figures.paths),
    shell:
        "python {params.script:q} --files @<(printf '%s\\n' {input.traces:q}) {params.env:q} {params.demos:q}"
        " --out {output.csv:q} > {log:q} 2>&1"
