"""The option tables of all verbs, as --help prints them."""

import re
import subprocess

import support


def help_of(*words):
    """"" for a verb that has none: it is not there yet."""
    return subprocess.run([support.JETON, *words, "--help"], capture_output=True, text=True, check=False,
                          timeout=60).stdout


def table(help_text):
    """{long name: short name or None}, without --help."""
    options = help_text.partition("\nOptions:\n")[2].partition("\n\n")[0]
    found = {long: short or None for short, long in re.findall(r"^  (?:-(\w), |    )--([\w-]+)", options, re.M)}
    found.pop("help")
    return found


def arguments(help_text):
    """{long name: its argument or None} of the same."""
    options = help_text.partition("\nOptions:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^  (?:-\w, |    )--([\w-]+)(?: (\S+))?", options, re.M))


def commands(*outer):
    """Each command that has a table, such as ("cron", "next"): a verb, and the verbs of a verb."""
    if not outer:
        verbs = re.findall(r"^  ([\w-]+) ", help_of().partition("\nVerbs:\n")[2], re.M)
        return [command for verb in verbs if help_of(verb) for command in commands(verb)]
    text, name = help_of(*outer), " ".join(("jeton",) + outer)
    words = sorted(set(re.findall(rf"^(?:Usage: |       ){name} ([a-z][a-z-]*)(?= |$)", text, re.M)))
    inner = [word for word in words if help_of(*outer, word).startswith(f"Usage: {name} {word}")]
    own = not inner or (table(text) and all(help_of(*outer, word) != text for word in inner))
    return ([outer] if own else []) + [command for word in inner for command in commands(*outer, word)]
