# The table. Its Markdown twin is also printed.


rule summarise:
    input:
        code=code("summarise"),
        episodes=table_rows,
        references=reference_rows,
    output:
        csv="<results>/{table}.csv",
        statistics="<results>/{table}_statistics.csv",
        markdown="<results>/{table}.md",
    log:
        "<logs>/{table}.log",
    benchmark:
        "<benchmarks>/{table}.tsv"
    conda:
        "../envs/fist.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        table=table_flags,
    shell:
        "python {input.code[0]} --files {input.episodes} --references {input.references}"
        " {params.table} --out {output.csv} 2> {log}"
