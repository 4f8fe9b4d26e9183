# Play data and demonstrations: made here or given, then checked and sorted.


rule generate_data:
    output:
        "<data>/{env}/raw/{part,play|demos}/{sequence}.hdf5",
    log:
        "<logs>/{env}/raw/{part}/{sequence}.log",
    benchmark:
        "<benchmarks>/{env}/raw/{part}/{sequence}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1200),
        runtime=grows(30),
    params:
        code=options.generator_code,
        script=script("generate_data.py"),
        options=options.generator,
        resume=options.resume,
    shell:
        "python {params.script:q} --sequence {wildcards.sequence:q} {params.options:q}"
        " {params.resume:q} --out {output:q} > {log:q} 2>&1"


rule make_split:
    input:
        unpack(targets.split_from),
    output:
        data="<data>/{env}/play/{split}.hdf5",
        report="<data>/{env}/play/{split}.json",
    log:
        "<logs>/{env}/play/{split}.log",
    benchmark:
        "<benchmarks>/{env}/play/{split}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1500),
        runtime=grows(10),
    params:
        code=lambda wildcards: options.code("make_split.py", env=wildcards.env),
        script=script("make_split.py"),
        env=options.environment,
        more=lambda wildcards, input: [
            *options.split(wildcards),
            *("--demos", *input.demos),
        ],
        order=ordered(targets.split_from),
    shell:
        "python {params.script:q} {params.env:q} --files @<(printf '%s\\n' {input.files:q})"
        " {params.more:q} --out {output.data:q} > {log:q} 2>&1"


use rule make_split as make_demos with:
    input:
        files=bound(targets.recordings, "demos"),
    output:
        data="<data>/{env}/demos/{sequence}.hdf5",
        report="<data>/{env}/demos/{sequence}.json",
    log:
        "<logs>/{env}/demos/{sequence}.log",
    benchmark:
        "<benchmarks>/{env}/demos/{sequence}.tsv"
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=lambda wildcards: options.code("make_demos.py", env=wildcards.env),
        script=script("make_demos.py"),
        more=lambda wildcards: ["--order", *wildcards.sequence.split("-")],
        order=ordered(bound(targets.recordings, "demos")),


rule choose_demos:
    input:
        unpack(targets.chosen_from),
    output:
        data="<data>/{env}/chosen/{task}.hdf5",
        report="<data>/{env}/chosen/{task}.json",
    log:
        "<logs>/{env}/chosen/{task}.log",
    benchmark:
        "<benchmarks>/{env}/chosen/{task}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=options.code("choose_demos.py"),
        script=script("choose_demos.py"),
        options=options.chosen,
        files=lambda wildcards, input: named(input),
        order=ordered(targets.chosen_from),
    shell:
        "python {params.script:q} {params.options:q} {params.files:q} --out {output.data:q}"
        " > {log:q} 2>&1"
