"""The manual has a page for each verb, whose SYNOPSIS and options are those of the program's option tables."""

import os
import re
import unittest

import support
from tables import arguments, commands, help_of, table

PAGES = os.path.join(support.SOURCE, "docs/man")
MACROS = {"Ar", "Cm", "Fl", "Li", "Ns", "No", "Oc", "Oo", "Op", "Pa", "Pq", "Ql", "Xr", "|"}


def flags(line):
    """The options in a line of mdoc: names without the dashes, and letters."""
    found, after = [], False
    for word in line.lstrip(".").split():
        if word in MACROS:
            after = word == "Fl"
        elif after and word not in (",", ".", ":", ";", ")"):
            found.append(word[1:] if word.startswith("-") else word)
    return found


class Page:
    """`synopsis` has the options that stand there, by command; `items` those that are described, by section: that of
    `.Ss jeton cron next` is ("cron", "next"), the rest of the page is ("cron",)."""

    def __init__(self, name):
        with open(os.path.join(PAGES, name), encoding="utf-8") as file:
            self.lines = file.read().split("\n")
        whole = tuple(name.removesuffix(".1").split("-")[1:])
        self.synopsis, self.items = {}, {whole: set()}
        heading, command, section = "", whole, whole
        for line in self.lines:
            macro, _, rest = line.partition(" ")
            if macro in (".Sh", ".Ss"):
                heading = rest
                section = tuple(rest.split()[1:]) if rest.startswith("jeton ") else whole
                self.items.setdefault(section, set())
            elif heading == "SYNOPSIS" and macro == ".Nm":
                command = tuple(rest.split()[1:])
                self.synopsis.setdefault(command, set())
            elif heading == "SYNOPSIS":
                self.synopsis[command] |= set(flags(line))
            elif macro == ".It" and rest.startswith("Fl "):
                self.items[section].update(flags(rest))

    def section(self, command):
        """The one that describes the command's options."""
        return next(command[:n] for n in range(len(command), 0, -1) if command[:n] in self.items)


class Manual(unittest.TestCase):
    def test_each_verb_has_a_page(self):
        pages = {name for name in os.listdir(PAGES) if name.startswith("jeton-")}
        self.assertEqual(pages, {f"jeton-{verb}.1" for verb, *_ in commands()})
        listed = re.findall(r"^\.It Xr (jeton-[\w-]+) 1$", "\n".join(Page("jeton.1").lines), re.M)
        self.assertEqual(sorted(listed), sorted(page.removesuffix(".1") for page in pages))

    def test_options(self):
        described = {}
        for command in commands():
            options, page = table(help_of(*command)), Page(f"jeton-{command[0]}.1")
            names = {name for pair in options.items() for name in pair if name}
            section = page.section(command)
            described.setdefault((section, frozenset(page.items[section])), set()).update(names)
            with self.subTest(command=" ".join(command)):
                shown = page.synopsis.get(command)
                self.assertIsNotNone(shown, "no SYNOPSIS")
                self.assertLessEqual(shown, names, "SYNOPSIS")
                self.assertEqual({long for long, short in options.items() if not {long, short} & shown}, set(),
                                 "not in SYNOPSIS")
        for (section, items), names in described.items():
            with self.subTest(section=" ".join(section)):
                self.assertEqual(items, names)

    def test_arguments(self):
        """An argument has the same name in both; a letter, such as D, stands for a word that begins with it."""
        def has(item, word):
            plain = re.sub(r"\b[A-Z][a-z]\b", "", item)  # without the macros of mdoc
            words = re.findall(r"\w+", plain.lower())
            return word in words or len(word) == 1 and any(other.startswith(word) for other in words)

        for command in commands():
            described = "\n".join(line for line in Page(f"jeton-{command[0]}.1").lines if line.startswith(".It Fl "))
            for name, argument in arguments(help_of(*command)).items():
                items = re.findall(rf"-{name}\b(?!-)(.*)$", described, re.M)
                with self.subTest(command=" ".join(command), option=name):
                    self.assertTrue(not argument or any(
                        all(has(item, word) for word in re.findall(r"\w+", argument.lower())) for item in items), items)

    def test_global_options(self):
        options, page = table(help_of()), Page("jeton.1")
        names = {name for pair in options.items() for name in pair if name}
        self.assertEqual(page.items[()], names | {"h", "help"})


if __name__ == "__main__":
    unittest.main()
