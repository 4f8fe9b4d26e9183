# Test episodes, and a video of the first one.


rule rollout:
    input:
        script=script_file("rollout"),
        model=model_file,
        distance=distance_file,
        demos=lookup_demos,
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/episodes.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/episodes.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/episodes.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1200),
        runtime=grows(60),
    params:
        code=lambda wildcards: code("rollout", wildcards.env),
        policy=policy_flags,
        files=file_flags,
        env=env_flags,
        labels=label_flags,
        state=state_file,
    shell:
        "python {input.script:q} {params.env} {params.policy} {params.files} {params.labels}"
        " --state {params.state:q} --out {output:q} > {log:q} 2>&1"


rule render_video:
    input:
        script=script_file("render_video"),
        model=model_file,
        distance=distance_file,
        demos=lookup_demos,
    output:
        video="<results>/videos/{env}/{task}/{method}/seed_{seed}.mp4",
        sheet=report(
            "<results>/videos/{env}/{task}/{method}/seed_{seed}.png",
            caption="../workflow/report/sheet.rst",
            category="Videos",
            labels={"task": "{task}", "method": "{method}"},
        ),
    log:
        "<logs>/videos/{env}/{task}/{method}/seed_{seed}.log",
    benchmark:
        "<benchmarks>/videos/{env}/{task}/{method}/seed_{seed}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=grows(1200),
        runtime=grows(10),
    params:
        code=lambda wildcards: code("render_video", wildcards.env),
        policy=policy_flags,
        files=file_flags,
        env=env_flags,
    shell:
        "python {input.script:q} {params.env} {params.policy} {params.files}"
        " --seed {wildcards.seed} --out {output.video:q} > {log:q} 2>&1"
