"""Bad input of every command: one sentence, exit status 2."""

import pytest

from sdd_claims.cli.main import main


@pytest.mark.parametrize(
    "words",
    [
        ["report", "{}"],
        ["rejudge", "{}"],
        ["diff", "{}", "{}"],
        ["export", "{}", "--table", "t.tex"],
        ["store", "{}", "size"],
        ["store", "{}", "verify"],
        ["store", "{}", "prune"],
        ["store", "s3://bucket/{}", "size"],
        ["run", "fast", "{}/nothing.py"],
        ["list", "--paper", "{}"],
        ["cite", "{}"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_said_in_one_sentence_that_names_it(call, tmp_path, words):
    done = call(*(word.format(tmp_path) for word in words))
    assert done.exit_code == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("error: ")
    assert str(tmp_path) in sentence
    assert done.stdout in ("", f"{tmp_path}:\n")


@pytest.mark.parametrize("words", [["report"], ["diff", "{}", "{}"], ["export", "{}", "--table", "t.tex"], ["rejudge"]])
def test_an_unknown_schema_is_said(call, tmp_path, words):
    (tmp_path / "claims.json").write_text('{"schema": 99}', encoding="utf-8")
    words = [word.format(tmp_path) for word in words] if len(words) > 1 else [*words, str(tmp_path)]
    done = call(*words)
    assert done.exit_code == 2
    assert "has schema 99, this version of sdd_claims reads schema 1" in done.stderr


def test_a_command_that_is_nearly_right_is_guessed(call):
    done = call("rejuge", ".")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no command 'rejuge' (did you mean 'rejudge'?); use one of run, plan," in done.stderr


def test_every_command_says_what_it_does(call):
    for name, command in main.commands.items():
        assert command.help, name
        done = call(name, "--help")
        assert done.exit_code == 0
        assert command.help.split(".")[0].split()[0] in done.stdout


def test_an_option_that_there_is_not_is_said_in_one_line_that_moves_no_terminal(call):
    done = call("list", "--\x1b[31m")
    assert (done.exit_code, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("error: ")
    assert "--\\x1b[31m" in sentence
