# Data from elsewhere: downloaded, and brought into D4RL's layout.


localrules:
    download_data,
    convert_minari,


# Run where Snakemake runs: nodes of a cluster often have no network. What has come stays in the
# configuration's cache_dir, whatever becomes of the output.
rule download_data:
    input:
        script=script_file("download_data"),
    output:
        "<data>/downloads/{download}",
    log:
        "<logs>/downloads/{download}.log",
    benchmark:
        "<benchmarks>/downloads/{download}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        code=code("download_data"),
        options=download_flags,
    shell:
        "python {input.script:q} --name {wildcards.download} {params.options}"
        " --out {output:q} > {log:q} 2>&1"


rule unpack_data:
    input:
        script=script_file("unpack_data"),
        archive=lambda wildcards: archive(wildcards, "fist"),
    output:
        "<data>/{env}/raw/fist/{name}.hdf5",
    log:
        "<logs>/{env}/raw/fist/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/fist/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        code=code("unpack_data"),
        options=raw_flags("fist"),
    shell:
        "python {input.script:q} --archive {input.archive:q} {params.options}"
        " --out {output:q} > {log:q} 2>&1"


rule convert_logs:
    input:
        script=script_file("convert_logs"),
        archive=lambda wildcards: archive(wildcards, "relay"),
    output:
        data="<data>/{env}/raw/relay/{name}.hdf5",
        report="<data>/{env}/raw/relay/{name}.json",
    log:
        "<logs>/{env}/raw/relay/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/relay/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        code=lambda wildcards: code("convert_logs", wildcards.env),
        options=raw_flags("relay"),
    shell:
        "python {input.script:q} --archive {input.archive:q} {params.options}"
        " --out {output.data:q} > {log:q} 2>&1"


rule convert_minari:
    input:
        script=script_file("convert_minari"),
    output:
        "<data>/{env}/raw/minari/{name}.hdf5",
    log:
        "<logs>/{env}/raw/minari/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/minari/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=lambda wildcards: code("convert_minari", wildcards.env),
        options=raw_flags("minari"),
    shell:
        "python {input.script:q} {params.options} --out {output:q} > {log:q} 2>&1"


rule export_minari:
    input:
        script=script_file("export_minari"),
        data="<data>/{env}/{name}.hdf5",
    output:
        "<data>/minari/{env}/{name}-v0/data/main_data.hdf5",
    log:
        "<logs>/minari/{env}/{name}.log",
    benchmark:
        "<benchmarks>/minari/{env}/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        code=code("export_minari"),
        env_id=lambda wildcards: environment(wildcards)["env_id"],
        root=lambda wildcards: os.path.join(config["pathvars"]["data"], "minari"),
    shell:
        "python {input.script:q} --data {input.data:q} --env-id {params.env_id:q}"
        " --dataset {wildcards.env}/{wildcards.name}-v0 --root {params.root:q} > {log:q} 2>&1"
