# Data from elsewhere: downloaded, and brought into D4RL's layout.


# Run where Snakemake runs: nodes of a cluster often have no network. What has come stays in the
# configuration's cache_dir, whatever becomes of the output.
rule download_data:
    output:
        "<data>/downloads/{download}",
    log:
        "<logs>/downloads/{download}.log",
    benchmark:
        "<benchmarks>/downloads/{download}.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=500,
        runtime=240,
    params:
        code=options.code("download_data.py"),
        script=script("download_data.py"),
        options=options.download,
    shell:
        "python {params.script:q} --name {wildcards.download:q} {params.options:q}"
        " --out {output:q} > {log:q} 2>&1"


rule unpack_data:
    input:
        archive=partial(targets.archive, "fist"),
    output:
        "<data>/{env}/raw/fist/{name}.hdf5",
    log:
        "<logs>/{env}/raw/fist/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/fist/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows(30),
    params:
        code=options.code("unpack_data.py"),
        script=script("unpack_data.py"),
        options=partial(options.conversion, "fist"),
    shell:
        "python {params.script:q} --archive {input.archive:q} {params.options:q}"
        " --out {output:q} > {log:q} 2>&1"


rule convert_logs:
    input:
        archive=partial(targets.archive, "relay"),
    output:
        data="<data>/{env}/raw/relay/{name}.hdf5",
        report="<data>/{env}/raw/relay/{name}.json",
    log:
        "<logs>/{env}/raw/relay/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/relay/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        code=partial(options.conversion_code, "relay", "convert_logs.py"),
        script=script("convert_logs.py"),
        options=partial(options.conversion, "relay"),
    shell:
        "python {params.script:q} --archive {input.archive:q} {params.options:q}"
        " --out {output.data:q} > {log:q} 2>&1"


rule convert_minari:
    output:
        "<data>/{env}/raw/minari/{name}.hdf5",
    log:
        "<logs>/{env}/raw/minari/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/minari/{name}.tsv"
    localrule: True
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=partial(options.conversion_code, "minari", "convert_minari.py"),
        script=script("convert_minari.py"),
        options=partial(options.conversion, "minari"),
    shell:
        "python {params.script:q} {params.options:q} --out {output:q} > {log:q} 2>&1"


rule export_minari:
    input:
        data="<data>/{env}/{part}/{name}.hdf5",
    output:
        "<data>/minari/{env}/{part,play|demos}-{name}-v0/data/main_data.hdf5",
    log:
        "<logs>/minari/{env}/{part}-{name}.log",
    benchmark:
        "<benchmarks>/minari/{env}/{part}-{name}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        code=options.code("export_minari.py"),
        script=script("export_minari.py"),
        env_id=lambda wildcards: targets.environment(wildcards)["env_id"],
        root=lambda wildcards: os.path.join(config["pathvars"]["data"], "minari"),
    shell:
        "python {params.script:q} --data {input.data:q} --env-id {params.env_id:q}"
        " --dataset {wildcards.env:q}/{wildcards.part:q}-{wildcards.name:q}-v0 --root {params.root:q} > {log:q} 2>&1"
