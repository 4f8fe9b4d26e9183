# The cells of the tables in folders of their own, which are all that their test episodes need.


localrules:
    checkpoints,


rule checkpoints:
    input:
        [f"<results>/checkpoints/{cell.path}/cell.json" for cell in table_cells()],


# The JSON file is written last; the models and demonstrations lie beside it.
rule export_cell:
    input:
        script=script_file("export_cell"),
        model=model_file,
        distance=distance_file,
        demos=lookup_demos,
    output:
        "<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.json",
    log:
        "<logs>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.log",
    benchmark:
        "<benchmarks>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(10),
    params:
        code=lambda wildcards: code("export_cell", wildcards.env),
        policy=policy_flags,
        files=file_flags,
        env=env_flags,
        labels=label_flags,
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    shell:
        "python {input.script:q} {params.env} {params.policy} {params.files} {params.labels}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule evaluate_cell:
    input:
        script=script_file("evaluate_cell"),
        cell="<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.json",
    output:
        "<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.csv",
    log:
        "<logs>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.log",
    benchmark:
        "<benchmarks>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        code=lambda wildcards: code("evaluate_cell", wildcards.env),
        folder=lambda wildcards, input: os.path.dirname(input.cell),
    shell:
        "python {input.script:q} --folder {params.folder:q} --out {output:q} > {log:q} 2>&1"
