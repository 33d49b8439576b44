"""Replies are whole or an error, compressed ones too; and a byte order mark before JSON is no error."""

import gzip
import json
import os
import threading
import unittest
import zlib

import support
from certificates import Authority
from service import Service
from tcp_server import Listener

TEXT = b"".join(b"row %06d\n" % i for i in range(20000))
MARK = b"\xef\xbb\xbf"


def raw_deflate(data):
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(data) + pack.flush()


class Coded(support.Case):
    def setUp(self):
        super().setUp()
        self.body, self.coding = b"", "gzip"
        self.service = Service(lambda request: (200, {"Content-Encoding": self.coding} if self.coding else {}, self.body))
        self.addCleanup(self.service.stop)
        self.write("script.lua", f"""
          local http = require "jeton.http"
          local saved, save_err = http.get("{self.service.url}/", {{ save_to = "saved", timeout = 20 }})
          local response, err = http.get("{self.service.url}/", {{ timeout = 20 }})
          assert((saved == nil) == (response == nil))
          if err then
            assert(err.message == save_err.message and err.kind == save_err.kind)
            assert(io.open "saved" == nil)
            print(err.kind, err.message)
            return
          end
          local file <close> = io.open("saved", "rb")
          assert(file:read "a" == response.body)
          print(#response.body)
        """)

    def fetch(self, body, coding="gzip"):
        self.body, self.coding = body, coding
        if os.path.exists(os.path.join(self.folder, "saved")):
            os.unlink(os.path.join(self.folder, "saved"))
        return self.ok("run", "script.lua").stdout.rstrip("\n").split("\t")

    def assert_read(self, body, coding="gzip", text=TEXT):
        self.assertEqual(self.fetch(body, coding)[0], str(len(text)))

    def test_one_whose_status_is_enough(self):
        """What comes of a body is there; one that does not end is over when its time is."""
        over = threading.Event()
        def answer(connection):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nhalf")
            over.wait(60)
        listener = Listener(answer)
        self.addCleanup(listener.stop)
        self.addCleanup(over.set)
        self.write("any.lua", f"""
          local http = require "jeton.http"
          for _, url in ipairs {{ "{self.service.url}", "{listener.url}" }} do
            local response = assert(http.get(url .. "/", {{ any_body = true, max_body = 9, timeout = 1 }}))
            print(response.status, response.body)
          end
        """)
        for body, coding, text in ((gzip.compress(TEXT)[:-5], "gzip", "row 00000"), (b"damaged", "gzip", ""), (b"x", "br", ""),
                                   (TEXT, "", "row 00000")):
            self.body, self.coding = body, coding
            self.assertEqual(self.ok("run", "any.lua").stdout, f"200\t{text}\n202\thalf\n")

    def test_one_whose_status_is_enough_comes_by_http_1(self):
        """Of a stream of HTTP/2 that is short, and comes at once, libcurl 7.88 hands on nothing."""
        def answer(connection):
            with context.wrap_socket(connection, server_side=True) as sealed:
                protocols.append(sealed.selected_alpn_protocol())
                if protocols[-1] == "http/1.1":
                    sealed.recv(65536)
                    sealed.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nhalf")
        protocols, authority = [], Authority(self.folder)
        context = authority.server("server")
        context.set_alpn_protocols(["h2", "http/1.1"])
        listener = Listener(answer, scheme="https")
        self.addCleanup(listener.stop)
        self.write("any.lua", f"""
          local http = require "jeton.http"
          for _, any in ipairs {{ true, false }} do
            local response = http.get("{listener.url}/", {{ any_body = any, ca_file = "{authority.file}", timeout = 5 }})
            print(response and response.status)
          end
        """)
        self.assertEqual(self.ok("run", "any.lua").stdout, "202\nnil\n")
        self.assertEqual(protocols[:2], ["http/1.1", "h2"])

    def test_whole_ones(self):
        for body, coding in ((gzip.compress(TEXT), "gzip"), (gzip.compress(TEXT), "X-GZip"), (TEXT, "identity"),
                             (TEXT, "none"), (TEXT, ""), (zlib.compress(TEXT), "deflate"), (raw_deflate(TEXT), "deflate"),
                             (gzip.compress(zlib.compress(TEXT)), "deflate, gzip"), (gzip.compress(TEXT), "identity,gzip"),
                             (gzip.compress(TEXT[:100000]) + gzip.compress(TEXT[100000:]), "gzip"),
                             (gzip.compress(TEXT) + gzip.compress(b""), "gzip"),
                             (gzip.compress(TEXT) + bytes(512), "gzip"), (zlib.compress(TEXT) + b"\r\n", "deflate")):
            with self.subTest(coding=coding):
                self.assert_read(body, coding)
        self.assert_read(b"", "gzip", b"")
        self.assert_read(gzip.compress(b""), "gzip", b"")

    def test_cut_ones(self):
        for body, coding in ((gzip.compress(b"a short text"), "gzip"), (zlib.compress(b"a short text"), "deflate"),
                             (raw_deflate(b"a short text"), "deflate"),
                             (gzip.compress(b"one") + gzip.compress(b"two"), "gzip"),
                             (gzip.compress(zlib.compress(b"a short text")), "deflate, gzip")):
            for end in range(1, len(body), 1 if support.SOAK else 5):
                if body[:end] in (gzip.compress(b"one"),):
                    continue
                with self.subTest(coding=coding, end=end):
                    self.assertEqual(self.fetch(body[:end], coding), ["network", "the compressed reply was cut short"])
        half = gzip.compress(TEXT)
        self.assertEqual(self.fetch(half[:len(half) // 2])[0], "network")
        inner = zlib.compress(TEXT)
        self.assertEqual(self.fetch(gzip.compress(inner[:-5]), "deflate, gzip"), ["network", "the compressed reply was cut short"])

    def test_damaged_ones(self):
        body = bytearray(gzip.compress(TEXT))
        body[-6] ^= 1  # its check sum
        for bad in (bytes(body), b"no gzip here", gzip.compress(TEXT) + b"\x1f\x8bno member"):
            self.assertEqual(self.fetch(bad), ["network", "the compressed reply cannot be read: it is damaged"])

    def test_other_codings(self):
        self.assertEqual(self.fetch(b"x", "br"), ["network", "the reply's Content-Encoding is not known: expected gzip or "
                                                             "deflate, and was 'br'"])
        self.assertEqual(self.fetch(b"x", ", ".join(["gzip"] * 5))[0], "network")

    def test_names_of_no_coding(self):
        whole = gzip.compress(TEXT)
        for coding in ("UTF-8", "utf8", "iso-8859-1", "ISO-8859-15", "windows-1252", "us-ascii", "ascii", "binary", "8bit", "7bit",
                       "null", "none", "identity", "aws-chunked", "UTF-8; x=y"):
            with self.subTest(coding=coding):
                self.assert_read(TEXT, coding)
                self.assert_read(whole, f"gzip, {coding}")
                self.assert_read(whole, f"{coding}, gzip")
        for coding in ("zstd", "compress", "utf", "iso-8859-", "utf-80", "aws-chunked2", "zip"):
            with self.subTest(coding=coding):
                self.assertEqual(self.fetch(b"x", coding)[0], "network")

    def test_limits_count_what_comes_out(self):
        self.body = gzip.compress(gzip.compress(bytes(300 << 20)))
        self.coding = "gzip, gzip"
        self.write("bomb.lua", f"print(select(2, require('jeton.http').get '{self.service.url}/').message)")
        self.assertEqual(self.ok("run", "bomb.lua").stdout, "the reply is over 67108864 bytes\n")

    def test_little_that_is_compressed_twice_is_no_large_file(self):
        """Else a few kilobytes make gigabytes in one go, within which no timeout counts."""
        pack = zlib.compressobj(9, zlib.DEFLATED, 31)
        zeros = bytes(1 << 20)
        inner = b"".join([pack.compress(zeros) for _ in range(600)] + [pack.flush()])
        self.body, self.coding = gzip.compress(inner, 9), "gzip, gzip"
        self.write("vast.lua", f"""
          local saved, err = require("jeton.http").get("{self.service.url}/", {{ save_to = "vast", timeout = 60 }})
          print(saved, err.kind, err.message, io.open "vast")
        """)
        self.assertTrue(self.ok("run", "vast.lua").stdout.startswith(
            "nil\tnetwork\tthe reply is compressed more than once, and holds far more than its size can explain\tnil"))
        self.body = gzip.compress(gzip.compress(os.urandom(1 << 20)) + inner, 9)  # in one go, after much that it explains
        self.assertTrue(self.ok("run", "vast.lua").stdout.startswith("nil\tnetwork\tthe reply is compressed more than once"))
        self.body, self.coding = inner, "gzip"  # once: as large as it is
        self.write("large.lua", f"""
          print(require("jeton.http").get("{self.service.url}/", {{ save_to = "large", timeout = 60 }}).status)
        """)
        self.assertEqual(self.ok("run", "large.lua").stdout, "200\n")
        self.assertEqual(os.path.getsize(os.path.join(self.folder, "large")), 600 << 20)

    def test_parameters(self):
        whole = gzip.compress(TEXT)
        for body, coding in ((whole, "gzip;q=1"), (whole, "gzip ; q=1, identity;x=\"y\""), (TEXT, ";"), (TEXT, "; , ;"),
                             (gzip.compress(zlib.compress(TEXT)), "deflate;a=b;c , gzip;")):
            with self.subTest(coding=coding):
                self.assert_read(body, coding)

    def test_what_is_never_read_is_bounded(self):
        zeros = gzip.compress(bytes(1 << 20), 9)
        empty = zlib.compressobj(wbits=-15).flush(zlib.Z_FULL_FLUSH)  # a block without content
        for inner in (gzip.compress(gzip.compress(b"ok")) + zeros * 100,
                      gzip.compress(gzip.compress(b"ok")[:10] + empty * (14 << 20))):
            self.assertEqual(self.fetch(gzip.compress(gzip.compress(inner)), "gzip, gzip, gzip, gzip"),
                             ["network", "the compressed reply holds too much that is not its content"])
        some = gzip.compress(gzip.compress(TEXT)) + zeros * 20
        self.assert_read(gzip.compress(some), "gzip, gzip, gzip")

    def test_a_head_without_a_body(self):
        self.body = b""
        self.write("head.lua", f"""
          print(require("jeton.http").request {{ url = "{self.service.url}/", method = "DELETE" }}.status)
        """)
        self.assertEqual(self.ok("run", "head.lua").stdout, "200\n")

    def test_api(self):
        self.configure(self.service.base)
        whole = gzip.compress(json.dumps({"groups": []}).encode())

        def answer(request, body):
            if request["path"].lower().endswith("/accesstoken"):
                return None
            return 200, {"Content-Encoding": "gzip"}, body

        self.service.script = lambda request: answer(request, whole)
        self.assertEqual(json.loads(self.ok("api", "groups").stdout), {"groups": []})
        self.service.script = lambda request: answer(request, whole[:-9])
        done = self.jeton("api", "groups")
        self.assertEqual((done.returncode, done.stdout), (5, ""))
        self.assertIn("the compressed reply was cut short", done.stderr)


class Marked(support.Case):
    def setUp(self):
        super().setUp()
        self.service = Service(self.answer)
        self.addCleanup(self.service.stop)
        self.configure(self.service.base)
        self.status, self.reply = 200, {"groups": []}

    def answer(self, request):
        if request["path"].lower().endswith("/accesstoken"):
            return 200, {}, MARK + json.dumps(self.service.token()).encode()
        self.request = request
        return self.status, {}, MARK + json.dumps(self.reply).encode()

    def test_token_list_and_pages(self):
        self.ok("token", "--refresh", "contoso")
        self.write("script.lua", "for g in require 'kaizala'.connect():groups() do print(g.name) end print 'done'")
        self.assertEqual(self.ok("run", "script.lua").stdout, "done\n")
        self.assertEqual(json.loads(self.ok("api", "--paginate", "groups").stdout.lstrip("\ufeff")), {"groups": []})

    def test_an_error(self):
        self.status, self.reply = 400, {"errorCode": "InvalidParameters", "message": "the real reason"}
        self.assertIn("InvalidParameters: the real reason", self.jeton("api", "groups").stderr)

    def test_input(self):
        self.write("input.json", "\ufeff{\"a\": 1}")
        self.ok("api", "POST", "groups", "--input", "input.json")
        self.assertEqual(self.request["body"], b'{"a": 1}')

    def test_decode(self):
        self.write("script.lua", "print(require('jeton.json').decode('\ufeff[7]')[1])")
        self.assertEqual(self.ok("run", "script.lua").stdout, "7\n")


if __name__ == "__main__":
    unittest.main()
