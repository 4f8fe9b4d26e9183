# Figures, and what only they need: episodes step by step.


rule trace_episodes:
    input:
        code=lambda wildcards: code("trace_episodes", wildcards.env),
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
        mem_mb=2000,
        runtime=30,
    params:
        policy=policy_flags,
        files=file_flags,
        env=env_flags,
        labels=label_flags,
        episodes=config["figures"]["traced"],
    shell:
        "python {input.code[0]} {params.env} {params.policy} {params.files} {params.labels}"
        " --episodes {params.episodes} --out {output} > {log} 2>&1"
