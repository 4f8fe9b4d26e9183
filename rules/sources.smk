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
    params:
        code=options.code("download_data.py"),
        script=script("download_data.py"),
        options=options.download,
    shell:
        "python {params.script:q} {params.options:q} --out {output:q} > {log:q} 2>&1"


# The name of what is made tells the source, the archive and the member (`made_name`).
rule convert_data:
    input:
        files=lambda wildcards: targets.source_files(*targets.made_of(wildcards)),
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
        code=options.source_code,
        script=script("convert_data.py"),
        options=options.source,
    shell:
        "python {params.script:q} {params.options:q} --files {input.files:q}"
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
    localrule: True


# Data sets in the layouts that others read.
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
        code=options.code("export_data.py"),
        script=script("export_data.py"),
        layout="minari",
        env_id=lambda wildcards: targets.environment(wildcards)["env_id"],
    shell:
        "python {params.script:q} --layout {params.layout:q} --data {input.data:q} --out {output:q}"
        " --env-id {params.env_id:q} > {log:q} 2>&1"


use rule export_minari as export_robomimic with:
    output:
        "<data>/robomimic/{env}/{part,play|demos}-{name}.hdf5",
    log:
        "<logs>/robomimic/{env}/{part}-{name}.log",
    benchmark:
        "<benchmarks>/robomimic/{env}/{part}-{name}.tsv"
    params:
        layout="robomimic",


use rule export_minari as export_lerobot with:
    output:
        "<data>/lerobot/{env}/{part,play|demos}-{name}/meta/info.json",
    log:
        "<logs>/lerobot/{env}/{part}-{name}.log",
    benchmark:
        "<benchmarks>/lerobot/{env}/{part}-{name}.tsv"
    params:
        layout="lerobot",
