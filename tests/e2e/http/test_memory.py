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
          local http = require "jeton.http"
          local text = ("x"):rep(2 * 1024 * 1024)
          for _, body in ipairs {{ "body", "json" }} do
            for _ = 1, {MANY // 2} do
              assert(http.request {{ url = "{service.url}/", method = "POST", [body] = text }})
            end
          end
          local refused, err = http.request {{ url = "ftp://x/", method = "POST", body = text }}
          assert(refused == nil and err.kind == "invalid")
          print((io.open("/proc/self/status"):read "a":match "VmHWM:%s*(%d+)"))
        """)
        self.assertLess(int(self.ok("run", "many.lua").stdout) / 1024, MIB_MAX)


if __name__ == "__main__":
    unittest.main()
