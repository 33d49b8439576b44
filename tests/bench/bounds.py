"""Why a goal is missed, as far as a profile tells (callgrind_annotate, by object): said in docs/speed.md while it is."""

BOUNDS = {
    "cold-http": "libcurl and the thirty libraries that it needs are loaded, linked and started by jeton and by bare C alike: 12 of "
                 "the 24 M instructions, and with libc 10.2 of 13.0 MiB. What jeton adds is the start of Lua, the SDK, the tables "
                 "of 110 groups, the state's schema and its statements (1.3 MiB of memory), and the pages of its own program, "
                 "which all its processes share (1.5 MiB). Beside a peer that stores nothing wall time is that of six syncs; a "
                 "log kept between runs would save four of them, but have old tokens in it. Bare C that stores takes 0.117 of "
                 "bash's time itself.",
    "cold-https": "as without TLS; most of bare C's time is the file of all roots, which jeton does not read where the system has "
                  "them by name.",
    "cached-https": "of 36 M instructions loading libcurl is 12, and OpenSSL's handshake with its check of the chain 19, which curl "
                    "has, too. The state's log is made, synced and removed for one row of the limit: four syncs, under a "
                    "millisecond.",
    "gets": "of 147 k instructions a request libcurl takes 72 k, and 58 k of bare C's 61 k, which sends two header fields less: "
            "libcurl alone is over 1.1 of all that bare C has. Then the handle, which is reset and given its options anew, so that "
            "no request has another's certificate (10 k), the URL, checked (11 k), the script's options (10 k), the request's "
            "copy (8 k), the reply's tables (10 k), the search for secrets (4 k), the collector (6 k), the loop and Lua. System "
            "calls are as many as bare C's, twelve a request.",
    "parallel": "of 165 k instructions a request (curl: 138 k, and it decodes nothing) libcurl takes 72 k and its handle 11 k, the "
                "URL, the options, the copy and the reply's tables 38 k, the JSON 14 k, the collector 6 k. By time (perf) the "
                "kernel has 28 %, for five system calls a request, libcurl 22 %, libc 30 %, most of it libcurl's memory; Lua and "
                "jeton's own code are 19 %, of which the goal would leave next to nothing.",
    "json": "Lua makes a table for each object, and looks up each string among all that it has, to keep one copy; Python makes "
            "its dicts in C from keys that it remembers. To read the text is a third of the instructions, the rest is these tables "
            "and strings: 47 MB, and the text that they come from 14.",
    "sandbox-me": "half of what is counted, and a sixth of the time, is libmicrohttpd, which zeroes the 128 KiB that it has for a "
                  "connection after each request: what a head of 32 KiB with 100 fields and 500 cookies takes there, and the "
                  "reply's. A quarter is the kernel's, nearly all of it for one recv and one send; a tenth Lua's collector.",
    "upload": "both wait for the sandbox, which takes its checksum and writes the file (perf: 40 and 33 % of its time, 13 % to "
              "receive): the clients use a quarter of the time, jeton 100 ms of the processor, curl 110. Where the server only "
              "reads, jeton takes 0.70 of curl's time.",
    "cron-next": "libyaml alone takes 14 of 28 M instructions to read the jobs, thirty times what --version takes for all: that "
                 "alone is over the goal. The rest is the tree (4 M), its checks (4 M), the times (4 M).",
    "cron-show": "as of cron next: reading the jobs' YAML.",
    "token-table": "a third of the instructions is libyaml's, for 51 KB: twenty times what --version takes for all. Then each "
                   "connector's checks, its row, which has two SHA-256 of what the connector says, and its line, masked. A third "
                   "of the time is the kernel's: memory at its first use, and the state's log, which SQLite makes and removes.",
    "far-exchange": "the first call to another host than the token service's opens its connection after the exchange: three round "
                    "trips each.",
}
