# The models: trained on play data, fine-tuned on demonstrations.
#
# A training that is stopped continues from its resume state, which is a parameter and not an
# output: Snakemake removes the outputs of a failed job.


rule train_skills:
    input:
        script=script_file("train_skills"),
        data=lambda wildcards: split_file(wildcards.env, wildcards.split),
    output:
        weights="<results>/{env}/{split}/seed_{seed}/skills.pt",
        settings="<results>/{env}/{split}/seed_{seed}/skills.json",
        curve="<results>/{env}/{split}/seed_{seed}/skills.csv",
    log:
        "<logs>/{env}/{split}/seed_{seed}/skills.log",
    benchmark:
        "<benchmarks>/{env}/{split}/seed_{seed}/skills.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(240),
    params:
        code=code("train_skills"),
        on_gpu=ON_GPU,
        model=lambda wildcards: flags_of(wildcards, "skills", "model", "model"),
        train=lambda wildcards: flags_of(wildcards, "skills", "train", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --data {input.data:q}"
        " --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.model} {params.train} > {log:q} 2>&1"


rule finetune_skills:
    input:
        script=script_file("finetune_skills"),
        init=lambda wildcards: pretrained(wildcards, "skills"),
        demos=task_demos,
    output:
        weights="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/skills.pt",
        settings="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/skills.json",
        curve="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/skills.csv",
    log:
        "<logs>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/skills.log",
    benchmark:
        "<benchmarks>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/skills.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(60),
    params:
        code=code("finetune_skills"),
        on_gpu=ON_GPU,
        train=lambda wildcards: flags_of(wildcards, "skills", "finetune", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --init {input.init:q}"
        " --demos {input.demos:q}"
        " --n-demos {wildcards.n_demos} --parameters {wildcards.parameters}"
        " --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.train} > {log:q} 2>&1"


rule train_distance:
    input:
        script=script_file("train_distance"),
        data=lambda wildcards: split_file(wildcards.env, wildcards.split),
    output:
        weights="<results>/{env}/{split}/seed_{seed}/distance.pt",
        settings="<results>/{env}/{split}/seed_{seed}/distance.json",
        curve="<results>/{env}/{split}/seed_{seed}/distance.csv",
    log:
        "<logs>/{env}/{split}/seed_{seed}/distance.log",
    benchmark:
        "<benchmarks>/{env}/{split}/seed_{seed}/distance.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(240),
    params:
        code=code("train_distance"),
        on_gpu=ON_GPU,
        model=lambda wildcards: flags_of(wildcards, "distance", "model", "model"),
        train=lambda wildcards: flags_of(wildcards, "distance", "train", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --data {input.data:q}"
        " --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.model} {params.train} > {log:q} 2>&1"


rule finetune_distance:
    input:
        script=script_file("finetune_distance"),
        init=lambda wildcards: pretrained(wildcards, "distance"),
        data=lambda wildcards: split_file(wildcards.env, split_of(wildcards)),
        demos=task_demos,
    output:
        weights="<results>/{env}/{task}/distance_{n_demos}demos/seed_{seed}/distance.pt",
        settings="<results>/{env}/{task}/distance_{n_demos}demos/seed_{seed}/distance.json",
        curve="<results>/{env}/{task}/distance_{n_demos}demos/seed_{seed}/distance.csv",
    log:
        "<logs>/{env}/{task}/distance_{n_demos}demos/seed_{seed}/distance.log",
    benchmark:
        "<benchmarks>/{env}/{task}/distance_{n_demos}demos/seed_{seed}/distance.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(60),
    params:
        code=code("finetune_distance"),
        on_gpu=ON_GPU,
        train=lambda wildcards: flags_of(wildcards, "distance", "finetune", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --init {input.init:q}"
        " --data {input.data:q} --demos {input.demos:q}"
        " --n-demos {wildcards.n_demos} --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.train} > {log:q} 2>&1"


rule train_bc:
    input:
        script=script_file("train_bc"),
        data=lambda wildcards: split_file(wildcards.env, wildcards.split),
    output:
        weights="<results>/{env}/{split}/seed_{seed}/{policy}.pt",
        settings="<results>/{env}/{split}/seed_{seed}/{policy}.json",
        curve="<results>/{env}/{split}/seed_{seed}/{policy}.csv",
    log:
        "<logs>/{env}/{split}/seed_{seed}/{policy}.log",
    benchmark:
        "<benchmarks>/{env}/{split}/seed_{seed}/{policy}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(240),
    params:
        code=code("train_bc"),
        on_gpu=ON_GPU,
        model=bc_flags,
        train=lambda wildcards: flags_of(wildcards, "bc", "train", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --data {input.data:q}"
        " --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.model} {params.train} > {log:q} 2>&1"


rule finetune_bc:
    input:
        script=script_file("finetune_bc"),
        init=lambda wildcards: pretrained(wildcards, wildcards.policy),
        demos=task_demos,
    output:
        weights="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/{policy}.pt",
        settings="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/{policy}.json",
        curve="<results>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/{policy}.csv",
    log:
        "<logs>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/{policy}.log",
    benchmark:
        "<benchmarks>/{env}/{task}/finetune_{parameters}_{n_demos}demos/seed_{seed}/{policy}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        gpu=config["gpus"],
        mem_mb=grows(1500),
        runtime=grows(60),
    params:
        code=code("finetune_bc"),
        on_gpu=ON_GPU,
        train=lambda wildcards: flags_of(wildcards, "bc", "finetune", "train"),
        state=state_file,
        tensorboard=tensorboard,
    shell:
        "{params.on_gpu:q} {resources.gpu} python {input.script:q} --init {input.init:q}"
        " --demos {input.demos:q}"
        " --n-demos {wildcards.n_demos} --parameters {wildcards.parameters}"
        " --out {output.weights:q} --seed {wildcards.seed}"
        " --state {params.state:q} {params.tensorboard} {params.train} > {log:q} 2>&1"
