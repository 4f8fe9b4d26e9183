# The cells of the tables in folders of their own, which are all that their test episodes need.


rule checkpoints:
    """every cell of the default tables in a folder of its own, to be used elsewhere"""
    input:
        lambda wildcards: [
            f"<results>/checkpoints/{cell.path}/cell.json" for cell in targets.cells()
        ],
    localrule: True


# The JSON file is written last; the models and demonstrations lie beside it.
use rule rollout as export_cell with:
    output:
        "<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.json",
    log:
        "<logs>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.log",
    benchmark:
        "<benchmarks>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.tsv"
    resources:
        mem_mb=grows(2000),
        runtime=grows(10),
    params:
        code=bound(options.acting_code, "export_cell.py"),
        script=script("export_cell.py"),
        more=bound(
            lambda wildcards, output: [
                *options.export(wildcards),
                *named({"folder": os.path.dirname(output[0])}),
            ]
        ),


use rule rollout as evaluate_cell with:
    input:
        cell="<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/cell.json",
    output:
        "<results>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.csv",
    log:
        "<logs>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.log",
    benchmark:
        "<benchmarks>/checkpoints/{env}/{task}/{method}/seed_{seed}/episodes.tsv"
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        code=bound(options.acting_code, "evaluate_cell.py"),
        script=script("evaluate_cell.py"),
        options=options.trusted,
        files=lambda wildcards, input: named({"folder": os.path.dirname(input.cell)}),
        more=lambda wildcards, output: named({"out": output[0]}),
