# Data from elsewhere: downloaded, and brought into D4RL's layout.


localrules:
    download_data,
    fetch_data,


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
    resources:
        mem_mb=500,
        runtime=240,
    params:
        code=code("download_data"),
        options=download_flags,
    shell:
        "python {input.script:q} {params.options} --out {output:q} > {log:q} 2>&1"


# The name of what is made tells the source, the archive and the member (`made_name`).
rule convert_data:
    input:
        script=script_file("convert_data"),
        files=lambda wildcards: source_files(*made_of(wildcards)),
    output:
        data="<data>/{env}/raw/{name}.hdf5",
        report="<data>/{env}/raw/{name}.json",
    log:
        "<logs>/{env}/raw/{name}.log",
    benchmark:
        "<benchmarks>/{env}/raw/{name}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows(60),
    params:
        code=lambda wildcards: code("convert_data", wildcards.env),
        options=source_flags,
    shell:
        "python {input.script:q} {params.options} --files {input.files:q}"
        " --out {output.data:q} > {log:q} 2>&1"


# The same for sources that fetch what they need themselves: where Snakemake runs.
use rule convert_data as fetch_data with:
    output:
        data="<data>/{env}/fetched/{name}.hdf5",
        report="<data>/{env}/fetched/{name}.json",
    log:
        "<logs>/{env}/fetched/{name}.log",
    benchmark:
        "<benchmarks>/{env}/fetched/{name}.tsv"


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
    resources:
        mem_mb=grows(4000),
        runtime=grows(30),
    params:
        code=code("export_minari"),
        env_id=lambda wildcards: environment(wildcards)["env_id"],
        root=lambda wildcards: os.path.join(config["pathvars"]["data"], "minari"),
    shell:
        "python {input.script:q} --data {input.data:q} --env-id {params.env_id:q}"
        " --dataset-id {wildcards.env}/{wildcards.name}-v0 --root {params.root:q} > {log:q} 2>&1"
