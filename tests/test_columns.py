"""Laws of the tables that stages hand on: what is written is read, all else is refused by name."""

import re
from dataclasses import replace

import pytest
from made_results import HELD_OUT, WITH_BASELINES, cells, episode, read, write

from fist.analysis.figures.cost import draw as draw_cost
from fist.analysis.tables import combine, summarise
from fist.evaluation.episode_results import Labels, ResultsError, collect, write_episodes_csv
from fist.evaluation.trace_rows import read_traces
from fist.stage.columns import Column, read_tables, write_table
from fist.training.learning_curve import read_curve

LONG = b"7" * 200_000


def refused(file, line, *said):
    """Check that an episodes.csv is refused in one line, which names it and says all of this."""
    with pytest.raises(ResultsError) as error:
        collect([file])
    message = str(error.value)
    assert len(message) < 500 and "\n" not in message and message.isprintable()
    where = f"{file}, line {line}: " if line else f"{file}: "
    assert message.startswith(where) and all(words in message for words in said), message


def damaged(folder, column, value, line=3):
    """Write an episodes.csv and put a value into a field."""
    file = write(folder)
    lines = file.read_bytes().split(b"\n")
    fields = lines[line - 1].split(b",")
    fields[lines[0].split(b",").index(column.encode())] = value
    lines[line - 1] = b",".join(fields)
    file.write_bytes(b"\n".join(lines))
    return file


@pytest.mark.parametrize(
    ("column", "values"),
    {
        "length": (b"-5", b"0", b"280.5", b"nan", b"inf", b"", b"x", LONG, b"1e30", b"0x10"),
        "success": (b"2", b"-1", b"0.5", b"True", b""),
        "episode_return": (b"nan", b"inf", b"-inf", b"1e999", b"", b"1_0"),
        "seed": (b"-1", b"1.5", b"", b"9007199254740993"),
        "test_seed": (b"-1", b"x", b"9" * 30),
        "episode": (b"-1", b"0.1"),
        "subtasks_ordered": (b"5", b"-1", b"2", b""),
        "subtasks_any_order": (b"5", b"1", b""),
        "step_kettle": (b"281", b"5", b"", b"0", b"nan"),
        "data_source": (LONG, b'"' + LONG + b'"', b"", b"a\x00b", b"a\tb", b"\xff", b'"a"', b"a,b"),
        "task": (
            b"",
            b"\x1b[31m",
            "\u00e9".encode("latin-1"),
            b"..",
            b"../a",
            b"a/b",
            "a\u202e".encode(),
        ),
        "method": (
            b"=cmd()",
            b"@a",
            b"-a",
            b"<b>a</b>",
            b"$x$",
            b" a",
            "\ufeffa".encode(),
            b"a\xc2\x85",
        ),
        "failure": (b"other", b"lost ", b"wrong", b"nan"),
        "action_change": (b"-1", b"1e300", b"nan"),
    }.items(),
)
def test_a_value_that_cannot_be_is_refused_with_its_file_and_line(tmp_path, column, values):
    for value in values:
        refused(damaged(tmp_path, column, value), 3)


def test_a_success_has_not_failed(tmp_path):
    refused(damaged(tmp_path, "failure", b"late", 2), 2, "a success that has failed")


def test_the_message_names_the_column_the_value_and_what_is_right(tmp_path):
    for column, value, right in (
        ("success", b"2", "not a whole number from 0 to 1"),
        ("length", b"-5", "not a whole number from 1"),
        ("episode_return", b"nan", "not a number"),
        ("seed", b"", "not a whole number from 0"),
    ):
        file = damaged(tmp_path, column, value)
        refused(file, 3, f"{column} is '{value.decode()}', {right}", "make the file again")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"env,task", b"task", "no column env"),
        (b"env,task", b"env,task,task", "more than one column task"),
        (b"env,task", b"env,task,colour", "unknown column colour"),
        (b"env,task", b"env,task," + LONG, "unknown column 777"),
        (b"env,task", b"env\x00,task", "unknown column"),
        (b"env,task", b"\xef\xbb\xbfenv,task", "unknown column"),
        (b"step_kettle", b"step_\x00", "unprintable column"),
        (b"env,task", b"env,task" + b",step_" * 1_000_000, "1000018 columns, more than 10000"),
    ],
)
def test_a_column_that_is_missing_twice_or_unknown_is_refused_by_name(
    tmp_path, before, after, said
):
    file = write(tmp_path)
    file.write_bytes(file.read_bytes().replace(before, after, 1))
    refused(file, 0, said, "make it again")


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n", b"\x00" * 10, b"\xff\xfe", b"PK\x03\x04"])
def test_what_is_no_table_is_refused_by_name(tmp_path, content):
    file = tmp_path / "episodes.csv"
    file.write_bytes(content)
    refused(file, 0)


def test_a_line_that_is_cut_empty_or_too_long_is_refused_with_its_number(tmp_path):
    for change in (lambda line: line[:20], lambda line: b"", lambda line: line + b",1"):
        file = write(tmp_path)
        lines = file.read_bytes().split(b"\n")
        lines[3] = change(lines[3])
        file.write_bytes(b"\n".join(lines))
        refused(file, 4)


def test_among_many_files_it_is_the_right_one_that_is_named(tmp_path):
    files = cells(tmp_path, seeds=5, fist=3)
    text = files[6].read_text().split("\n")
    text[2] = text[2].replace(",280,", ",-280,")
    files[6].write_text("\n".join(text))
    with pytest.raises(ResultsError, match=re.escape(f"{files[6]}, line 3: length is '-280'")):
        collect(files)


def test_line_ends_of_other_systems_and_a_missing_last_one_are_read(tmp_path):
    file = write(tmp_path)
    expected = collect([file])[0].episodes
    text = file.read_bytes()
    for content in (text.replace(b"\n", b"\r\n"), text.rstrip(b"\n")):
        file.write_bytes(content)
        assert collect([file])[0].episodes.equals(expected)


def test_rows_come_in_the_order_of_their_files(tmp_path):
    files = [
        write(tmp_path, task, method, counted=(4, 0))
        for method in ("fist", "spirl")
        for task in ("top_burner", "slide_cabinet")
    ]
    found = [(results.task, results.method) for results in collect(files)]
    assert found == [(file.parts[-4], file.parts[-3]) for file in files]


def test_an_episode_and_a_test_seed_are_there_once_and_runs_are_tested_with_the_same(tmp_path):
    refused(damaged(tmp_path, "episode", b"0"), 3, "episode 0 of top_burner/fist seed 0 is already")
    refused(damaged(tmp_path, "test_seed", b"100000"), 3, "test_seed 100000 of top_burner/fist")
    first, other = write(tmp_path), write(tmp_path, seed=1)
    other.write_text(other.read_text().replace(",10000", ",20000"))
    with pytest.raises(ResultsError, match=f"{other}, line 2: other test seeds than in {first}"):
        collect([first, other])


def test_what_could_not_be_read_is_not_written(tmp_path):
    file, row = tmp_path / "episodes.csv", episode(0, ("kettle",), 1)
    labels = Labels("kitchen", "kettle", "fist", 0, "generated")
    for change in ({"length": 0}, {"failure": "a,b"}, {"failure": "lo\nst"}, {"success": 2}):
        with pytest.raises(ResultsError, match="episodes.csv, line 2: "):
            write_episodes_csv(file, labels, [replace(row, **change)])
    assert not file.exists()


@pytest.mark.parametrize(
    "name", ["a,b", "fi\nst", "x" * 2000, "", "../a", "<b>", "=a", "a\x1b[31m", "a\n"]
)
def test_what_no_table_takes_is_no_label(name):
    with pytest.raises(ValueError, match="Labels.[a-z0-9]+ is "):
        Labels("kitchen", name, "fist", 0, "generated")


def test_a_table_of_results_is_checked_when_it_is_read_back(tmp_path):
    table = tmp_path / "table.csv"
    summarise(cells(tmp_path, fist=3, spirl=2), table, HELD_OUT, {}, WITH_BASELINES)
    combine({"kitchen": table}, {"kitchen": "kitchen"}, tmp_path / "all.csv")
    assert read(tmp_path / "all.csv")[0]["subtasks_ordered"] == "3.000"  # as it stands there
    text = table.read_text()
    for old, new in ((",0.000,", ",1.500,"), ("fist", "f" * 200_000), (",3.000,", ",nan,")):
        table.write_text(text.replace(old, new))
        with pytest.raises(ResultsError, match="table.csv, line [23]: "):
            combine({"kitchen": table}, {"kitchen": "kitchen"}, tmp_path / "all.csv")


@pytest.mark.parametrize(
    "reader",
    [
        lambda file: read_traces([file]),
        read_curve,
        lambda file: draw_cost({"cost": {(): file}}, {}),
    ],
)
def test_whatever_is_read_back_is_a_table_or_refused_by_name(tmp_path, reader):
    file = tmp_path / "read.csv"
    for content in (
        b"",
        b"step,x\n1," + LONG,
        b"step,x\n-1,2\n",
        b"step,x\n1\x00,2\n",
        b"step\n\xff\n",
    ):
        file.write_bytes(content)
        with pytest.raises(ResultsError, match="read.csv"):
            reader(file)


def test_a_column_decides_alike_what_is_written_and_what_is_read(tmp_path):
    columns = (Column("name", str, optional=True), Column("n", int, 1, 3), Column("x_*"))
    file = tmp_path / "t.csv"
    write_table(file, columns, "name,n,x_a,x_b\n,3,-1.5,2\nb,1,0,1e3\n")
    [table] = read_tables([file], columns)
    assert table.n.tolist() == [3, 1] and table.x_a.tolist() == [-1.5, 0] and table.name[1] == "b"
    for row in (",4,1,1", ",1,,1", ",1,1,1,1"):
        with pytest.raises(ResultsError, match="t.csv, line 2"):
            write_table(file, columns, f"name,n,x_a,x_b\n{row}\n")
        text = f"name,n,x_a,x_b\n{row}\n"
        file.write_text(text)
        with pytest.raises(ResultsError, match="t.csv, line 2"):
            read_tables([file], columns)
