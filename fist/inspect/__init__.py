"""What is in a file: `fist inspect FILE` prints a summary and draws a picture.

file       which of the two it is
dataset    episodes: how many, how long, what they do, how their actions are, what is odd
model      checkpoints, ours and the reference's: what they are, how large, what is odd
"""
