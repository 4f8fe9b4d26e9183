"""The command line: `fist demo | eval | film | inspect | convert | export`.

Each is one function of the library; its options are the function's parameters.
"""
