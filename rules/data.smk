# Play data and demonstrations: made here or given, then checked and sorted.


rule generate_data:
    input:
        script=script_file("generate_data"),
    output:
        "<data>/{env}/{kind,play|demos}/{sequence}.hdf5",
    log:
        "<logs>/{env}/{kind}/{sequence}.log",
    benchmark:
        "<benchmarks>/{env}/{kind}/{sequence}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1200),
        runtime=grows(30),
    params:
        code=lambda wildcards: code("generate_data", wildcards.env),
        options=generator_flags,
        state=state_file,
    shell:
        "python {input.script:q} --sequence {wildcards.sequence} {params.options}"
        " --state {params.state:q} --out {output:q} > {log:q} 2>&1"


rule make_split:
    input:
        script=script_file("make_split"),
        play=play_files,
        demos=demos_to_leave_out,
    output:
        data="<data>/{env}/{env}-mixed{without}.hdf5",
        report="<data>/{env}/{env}-mixed{without}.json",
    log:
        "<logs>/{env}/{env}-mixed{without}.log",
    benchmark:
        "<benchmarks>/{env}/{env}-mixed{without}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1500),
        runtime=grows(10),
    params:
        code=lambda wildcards: code("make_split", wildcards.env),
        env=data_env_flags,
        held_out=lambda wildcards: wildcards.without.removeprefix("-no-").replace("-", " "),
    shell:
        "python {input.script:q} {params.env} --files {input.play:q}"
        " --held-out {params.held_out} --demos {input.demos:q} --out {output.data:q} > {log:q} 2>&1"


rule make_demos:
    input:
        script=script_file("make_demos"),
        demos=raw_demos_file,
    output:
        data="<data>/{env}/{env}-demo-{sequence}.hdf5",
        report="<data>/{env}/{env}-demo-{sequence}.json",
    log:
        "<logs>/{env}/{env}-demo-{sequence}.log",
    benchmark:
        "<benchmarks>/{env}/{env}-demo-{sequence}.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1000),
        runtime=grows(10),
    params:
        code=lambda wildcards: code("make_demos", wildcards.env),
        env=data_env_flags,
        order=lambda wildcards: wildcards.sequence.replace("-", " "),
    shell:
        "python {input.script:q} {params.env} --files {input.demos:q}"
        " --order {params.order} --out {output.data:q} > {log:q} 2>&1"
