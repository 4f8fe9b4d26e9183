# The table. Its Markdown twin is also printed.


rule summarise:
    input:
        code=code("summarise"),
        episodes=table_rows,
    output:
        csv="<results>/{env}_table.csv",
        markdown="<results>/{env}_table.md",
    log:
        "<logs>/{env}_table.log",
    benchmark:
        "<benchmarks>/{env}_table.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        tasks=task_flags,
    shell:
        "python {input.code[0]} --files {input.episodes} {params.tasks} --out {output.csv} 2> {log}"
