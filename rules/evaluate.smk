# Test episodes, a video of the first ones, and the score over training.


rule rollout:
    input:
        unpack(bound(targets.acting)),
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/episodes.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/episodes.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/episodes.tsv"
    conda:
        "../envs/fist.yaml"
    resources:
        mem_mb=grows(1200),
        runtime=grows(60),
    params:
        code=bound(options.acting_code, "rollout.py"),
        script=script("rollout.py"),
        options=bound(options.trial),
        files=bound(lambda wildcards, input: named(input)),
        more=bound(
            lambda wildcards, output: [
                *options.resume(wildcards, output),
                *named({"out": output[0]}),
            ]
        ),
    shell:
        "python {params.script:q} {params.options:q} {params.files:q} {params.more:q} > {log:q} 2>&1"


use rule rollout as render_video with:
    output:
        video="<results>/videos/{env}/{task}/{method}/seed_{seed}.mp4",
        sheet=shown(
            "<results>/videos/{env}/{task}/{method}/seed_{seed}.png",
            "sheet",
            task="{task}",
            method="{method}",
        ),
    log:
        "<logs>/videos/{env}/{task}/{method}/seed_{seed}.log",
    benchmark:
        "<benchmarks>/videos/{env}/{task}/{method}/seed_{seed}.tsv"
    resources:
        mem_mb=grows(1200),
        runtime=grows(10),
    params:
        code=bound(options.acting_code, "render_video.py"),
        script=script("render_video.py"),
        filmed=config["figures"]["filmed"],
        more=lambda wildcards, output: named(
            {"episodes": config["figures"]["filmed"], "out": output.video}
        ),


# Needs `keep_every` of the stage that trained the model: a row for every checkpoint that was kept.
use rule rollout as score_over_training with:
    output:
        "<results>/{env}/{task}/{method}/seed_{seed}/over_training.csv",
    log:
        "<logs>/{env}/{task}/{method}/seed_{seed}/over_training.log",
    benchmark:
        "<benchmarks>/{env}/{task}/{method}/seed_{seed}/over_training.tsv"
    resources:
        mem_mb=grows(1200),
        runtime=grows(240),
    params:
        code=bound(options.acting_code, "score_over_training.py"),
        script=script("score_over_training.py"),
        more=lambda wildcards, output: named({"out": output[0]}),
