"""What a request has held is freed as it ends: the memory that Lua counts is not all."""

import unittest

import support
from service import Service

MANY = 100
MIB_MAX = 80  # without it, MANY bodies of 2 MiB


class Memory(support.Case):
    @unittest.skipIf(support.SANITIZED, "what is freed is kept there")
    def test_bodies_of_requests_that_have_ended(self):
        service = Service(lambda request: (200, {}, b"{}"))
        self.addCleanup(service.stop)
        self.write("many.lua", f"""
          local http, task = require "jeton.http", require "jeton.task"
          local text = ("x"):rep(2 * 1024 * 1024)
          for _, body in ipairs {{ "body", "json" }} do
            for _ = 1, {MANY // 2} do
              assert(http.request {{ url = "{service.url}/", method = "POST", [body] = text }})
            end
          end
          for _ = 1, {MANY // 2} do
            local post = task.spawn(function() http.request {{ url = "{service.url}/", method = "POST", body = text }} end)
            task.sleep(0.001)
            post:cancel()
          end
          local refused, err = http.request {{ url = "ftp://x/", method = "POST", body = text }}
          assert(refused == nil and err.kind == "invalid")
          print((io.open("/proc/self/status"):read "a":match "VmHWM:%s*(%d+)"))
        """)
        self.assertLess(int(self.ok("run", "many.lua").stdout) / 1024, MIB_MAX)

    def test_replies_that_are_on_their_way(self):
        """Of a service that sends large ones: not each for itself may be as large as the memory, and as many come as it has room for."""
        service = Service(lambda request: (200, {}, b"x" * (6 << 20)))
        self.addCleanup(service.stop)
        self.write("parallel.lua", f"""
          local http, task = require "jeton.http", require "jeton.task"
          local whole, refused = 0, nil
          task.map({{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }}, function(i)
            local reply, err = http.get("{service.url}/", i % 4 == 0 and {{ save_to = "saved" .. i }} or nil)
            whole = whole + (reply and 1 or 0)
            refused = err or refused
          end, {{ limit = 12 }})
          print(whole > 4, refused.kind, refused.retryable, refused.message)
        """)
        self.assertEqual(
            self.ok("run", "--memory", "16MiB", "parallel.lua").stdout,
            "true\tnetwork\ttrue\tthe replies under way are over 16777216 bytes together, the limit of the run's memory; "
            "save_to keeps them in files\n")


if __name__ == "__main__":
    unittest.main()
