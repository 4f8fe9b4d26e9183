# The models: trained on play data, fine-tuned on demonstrations. Each has stages of its own.
#
# A training that is stopped continues from its resume file, which is a parameter and not an
# output: Snakemake removes the outputs of a failed job.

PLACES = {
    "train": "{env}/{split}/seed_{seed}",
    "finetune": "{env}/{learner}/finetune_{part}_{n_demos}demos{retrieve}/seed_{seed}",
}

for model in targets.models:
    for stage in targets.stages(model):
        job = f"{PLACES[stage]}/{model}"

        rule:
            name:
                f"{stage}_{model}"
            input:
                unpack(bound(targets.reads, stage, model)),
            output:
                weights=f"<results>/{job}.pt",
                settings=f"<results>/{job}.json",
                curve=f"<results>/{job}.csv",
            log:
                f"<logs>/{job}.log",
            benchmark:
                f"<benchmarks>/{job}.tsv"
            conda:
                "../envs/fist.yaml"
            resources:
                gpu=config["gpus"],
                mem_mb=grows(1500),
                runtime=grows(240 if stage == "train" else 60),
            params:
                code=options.model_code(f"{stage}.py", model),
                on_gpu=script("on_gpu.sh"),
                script=script(f"{stage}.py"),
                options=bound(options.stage, stage, model),
                files=bound(options.material),
                order=ordered(bound(targets.reads, stage, model)),
                resume=bound(options.resume),
                tensorboard=bound(options.tensorboard),
            shell:
                "bash {params.on_gpu:q} {resources.gpu:q} python {params.script:q} {params.options:q}"
                " {params.files:q} --out {output.weights:q} --seed {wildcards.seed:q}"
                " {params.resume:q} {params.tensorboard:q} > {log:q} 2>&1"
