#!/usr/bin/env python3
"""The pictures of pages are of the pages as they are: `./dev pictures portal`, `./dev pictures history`."""
import unittest

import pictures


class Pictures(unittest.TestCase):
    def test_they_are_of_the_pages_as_they_are(self):
        self.assertEqual(pictures.taken(), {name: pictures.digest(name) for name in pictures.OF},
                         "what a picture shows has changed: ./dev pictures NAME, look at it, commit it with taken.json")

    def test_each_is_there(self):
        for name in pictures.OF:
            self.assertGreater((pictures.TAKEN.parent / f"{name}.png").stat().st_size, 10000, name)


if __name__ == "__main__":
    unittest.main()
