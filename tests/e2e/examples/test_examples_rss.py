"""The example rss.lua: what of a feed is posted, once, with which picture."""

import unittest

from examples import WithSandbox
from service import Service

LINKS = "https://news.contoso.example"


def item(number, more=""):
    return f"<item><title>Item {number}</title><guid>id-{number}</guid>{more}</item>"


def rss(*items):
    return "<rss version='2.0'><channel><title>T</title>" + "".join(items) + "</channel></rss>"


class Rss(WithSandbox):
    def run_it(self, *args):
        return self.ok("run", "rss.lua", *args)

    def cards(self):
        return [action["body"] for action in self.actions("Announcement")]

    def read(self, name):
        with open(self.example(name), "rb") as file:
            return file.read()

    def test_the_sample(self):
        done = self.run_it()
        self.assertEqual(done.stdout, "posted A new logo\nposted Research & Development moves\n"
                                      "posted The canteen opens at 7\n")
        self.assertEqual(done.stderr, "")
        cards = self.cards()
        self.assertEqual([(card["title"], card["message"]) for card in cards], [
            ("A new logo", f"It is blue. Café cups follow.\n{LINKS}/logo"),
            ("Research & Development moves", f"All of R&D is in building B now.\n{LINKS}/move"),
            ("The canteen opens at 7", f"From Monday on, breakfast is served from 7 to 9.\n{LINKS}/canteen")])
        self.assertEqual([self.content(card["MediaResources"][0]) for card in cards[:2]],
                         [self.read("data/logo.png"), self.read("data/building.png")])
        self.assertNotIn("MediaResources", cards[2])

    def test_new_items_alone(self):
        self.run_it()
        before = len(self.service.requests())
        self.assertEqual(self.run_it().stdout, "")
        self.assertEqual(len(self.service.requests()), before)  # not even a token was needed
        feed = self.read("data/feed.xml").decode().replace("<item>", item(4) + "<item>", 1)
        self.write("data/feed.xml", feed)
        self.assertEqual(self.run_it().stdout, "posted Item 4\n")
        self.assertEqual([card["title"] for card in self.cards()][3:], ["Item 4"])

    def test_so_many_a_run(self):
        self.write("feed.xml", rss(*(item(n) for n in range(7, 0, -1))))
        self.assertEqual(self.run_it("feed.xml").stdout, "".join(f"posted Item {n}\n" for n in range(1, 6)))
        self.assertEqual(self.run_it("feed.xml").stdout, "posted Item 6\nposted Item 7\n")

    def test_atom_from_a_url(self):
        def script(request):
            if request["path"] == "/news/atom.xml?all":
                return 200, {"Content-Type": "application/atom+xml"}, ATOM
            return 200, {"Content-Type": "image/png"}, b"PNG of " + request["path"].encode()

        web = Service(script)
        self.addCleanup(web.stop)
        self.assertEqual(self.run_it(web.url + "/news/atom.xml?all").stdout, "posted Second\nposted First\n")
        cards = self.cards()
        self.assertEqual([card["message"] for card in cards], ["A > B\nhttps://a.example/2", "In XHTML"])
        self.assertEqual([self.content(card["MediaResources"][0]) for card in cards],
                         [b"PNG of /news/two.png", b"PNG of /one.png"])

    def test_a_picture_that_is_missing_does_not_stop_the_item(self):
        self.write("secret.png", "a secret")
        pictures = ["none.png", "data/feed.xml", "../secret.png", self.folder + "/secret.png", "http://127.0.0.1:1/a.png"]
        self.write("feeds/feed.xml", rss(*(item(n, f'<enclosure url="{url}" type="image/png" length="1"/>')
                                           for n, url in enumerate(pictures))))
        done = self.run_it("feeds/feed.xml")
        self.assertEqual(done.stdout.count("posted Item"), len(pictures))
        self.assertEqual([card for card in self.cards() if "MediaResources" in card], [])
        self.assertEqual(done.stderr.count("posted without its picture"), len(pictures))
        for number, reason in enumerate(["No such file", "it accepts .3gp", "is not in the feed's folder",
                                         "is not in the feed's folder", "mediaUrl"]):
            line = next(line for line in done.stderr.splitlines() if f"item=id-{number} " in line)
            self.assertIn(reason, line)

    def test_what_was_posted_before_a_failure_is_not_posted_again(self):
        self.write("feed.xml", rss(item(2), item(1)))
        path = "/groups/*/actions"
        self.service.steer("faults", [{"match": {"path": path}, "headers": {"X-First": "passes"}},
                                      {"match": {"path": path}, "status": 500}])
        done = self.fails(6, "run", "rss.lua", "feed.xml")
        self.assertEqual(done.stdout, "posted Item 1\n")
        self.assertEqual(self.run_it("feed.xml").stdout, "posted Item 2\n")
        self.assertEqual([card["title"] for card in self.cards()], ["Item 1", "Item 2"])

    def test_long_texts_are_cut_between_characters(self):
        self.write("feed.xml", rss(f"<item><guid>1</guid><description>{'é' * 1200}</description></item>"))
        self.run_it("feed.xml")
        self.assertEqual(self.cards()[0]["message"], "é" * 999 + "…")

    def test_brackets_that_are_no_tags_take_no_time(self):
        self.write("feed.xml", rss("<item><guid>1</guid><description><![CDATA[a<b>b</b>" + "<" * 50000 + "]]></description></item>"))
        self.run_it("feed.xml")
        self.assertEqual(self.cards()[0]["message"], "ab" + "<" * 997 + "…")

    def test_what_is_no_feed(self):
        for text, says in (("<rss>\n<channel>\n<item></channel></rss>", "bad.xml:3: </channel> closes nothing: <item>"),
                           ("<html></html>", "bad.xml:1: expected a feed, <rss> or <feed>, got <html>"),
                           ("\nNot found", "bad.xml:2: this is outside of the root element"),
                           (rss("\n<item><pubDate/></item>"), "bad.xml:2: an item without guid, link and title")):
            self.write("bad.xml", text)
            done = self.fails(1, "run", "rss.lua", "bad.xml", says=says)
            self.assertEqual(done.stdout, "")
        self.fails(1, "run", "rss.lua", "none.xml", says="none.xml: No such file")
        web = Service(lambda request: (301, {"Location": "https://new.example/feed"}, b""))
        self.addCleanup(web.stop)
        self.fails(1, "run", "rss.lua", web.url, says="answered with status 301 https://new.example/feed")
        self.fails(5, "run", "rss.lua", "http://127.0.0.1:1/feed", says="127.0.0.1")
        self.assertEqual(self.cards(), [])


ATOM = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE feed>
<!-- <entry> no, a comment -->
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/">
  <title>A feed</title>
  <entry>
    <id>urn:1</id><title type="text">First</title>
    <link rel="enclosure" type="image/png" href="/one.png"/>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">In <b>XHTML</b></div></content>
  </entry>
  <entry>
    <id>urn:2</id><title>Second</title><media:thumbnail url='two.png'/>
    <link rel="self" href="https://a.example/self"/><link href="https://a.example/2"/>
    <summary type="html">A &amp;gt; B</summary>
  </entry>
</feed>
"""


if __name__ == "__main__":
    unittest.main()
