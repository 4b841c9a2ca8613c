"""What of the benchmarks stands in the rows: all that the step `decontaminate` finds; the step only decides.

    against(config, base)          the texts of all benchmarks (`benchmarks`), indexed
    .look({"prompt": …, …})        a line for each pair of a row and a benchmark's text: the same n-grams (`leaks`),
                                   the same words (`similar`), the same meaning (`builder.embeddings`)

Rows are looked at some at a time and each by itself, so memory is bounded and order makes no difference.
"""
