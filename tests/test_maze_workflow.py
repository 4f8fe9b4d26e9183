"""A law of the pipeline: a new maze, or a new section of one, is an entry of the configuration."""

import csv
import json

import h5py
import numpy as np
from pipeline_copy import TINY, copy_pipeline, snakemake

CROSS = """
environments:
  cross:
    env_id: d4rl:maze2d-large-v1
    env_kwargs: &cross
      maze: |
        #######
        #OOOOO#
        #O#O#O#
        #OOOOO#
        #######
      sections:
        corner:
          blocked: |
            #######
            #OOOO##
            #O#O###
            #OOOO##
            #######
          target: [3, 5]
    order_argument: targets
    data:
      play:
        source: generated
        generator: d4rl.maze.generate:wander
        arguments: {<<: *cross, steps: 4000}
        seed: 0
        episodes: 4
      demos:
        source: generated
        generator: d4rl.maze.generate:demonstrate
        arguments: *cross
        seed: 1
        episodes: 2
    tasks:
      corner: {held_out: [corner], order: [corner]}
    models: {skills: {model: {feedback: 0}}}
    rollout: {episodes: 4, max_steps: 20, batch: 4}

tables:
  cross_table:
    env: cross
    layout: success
    rows: section
    tasks: [corner]
    methods: [fist_no_finetuning]
"""


def test_a_new_maze_with_a_section_of_its_own_is_an_entry_of_the_configuration(tmp_path):
    folder = copy_pipeline(tmp_path)
    (folder / "cross.yaml").write_text(CROSS)
    status, said = snakemake(folder, "-j2", "results/test/cross_table.csv", *TINY, "cross.yaml")
    assert status == 0, said
    with open(folder / "results/test" / "cross_table.csv", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["task"], row["method"], row["n_episodes"]) == (
        "corner",
        "fist_no_finetuning",
        "4",
    )
    with h5py.File(folder / "data/test/cross/play/no_corner.hdf5") as file:
        play = np.floor(file["observations"][:, :2] + 0.7).astype(int)
    assert play.max(0).tolist() == [3, 4]  # the corner is walled up, all else was visited
    assert len(np.unique(play, axis=0)) == 10
    report = json.loads((folder / "data/test/cross/demos/corner.json").read_text())
    assert report["episodes_completing"] == {"corner": 2}
