"""What is in a file: `python -m fist.inspect FILE` prints a summary and draws a picture.

dataset    episodes: how many, how long, what they do, how their actions are, what is odd
model      checkpoints, ours and the reference's: what they are, how large, what is odd
"""
