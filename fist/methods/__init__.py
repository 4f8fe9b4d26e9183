"""The paper and its rivals: what is learnt, and how one acts with it.

Read `distance`, `retrieval`, then `skills`.
"""
