"""Why a goal is missed, as far as a profile tells (callgrind_annotate, by object): said in docs/speed.md while it is."""

BOUNDS = {
    "cold-http": "libcurl and the thirty libraries that it needs are loaded, linked and started by jeton and by bare C alike: most "
                 "of what bare C has, in instructions and in memory. What jeton adds is the start of Lua, the SDK, the tables of "
                 "110 groups, the state's schema and its statements, and the pages of its own program, which all its processes "
                 "share. Beside a peer that stores nothing wall time is that of six syncs; a log kept between runs would save "
                 "four of them, but have old tokens in it.",
    "cold-https": "as without TLS; most of bare C's time is the file of all roots, which jeton does not read where the system has "
                  "them by name.",
    "cached-https": "loading libcurl and OpenSSL, and OpenSSL's handshake, which curl has, too: nine tenths of the instructions.",
    "gets": "of 152 k instructions a request libcurl takes 70 k, and 58 k for bare C, which sends two header fields less. Then, "
            "about 10 k each: its options, the checked URL, reading the script's options, the reply's tables, and memory.",
    "parallel": "what bounds it is libcurl's own work for each transfer, and the reply's objects in Lua.",
    "json": "Lua makes a table for each object, and looks up each string among all that it has, to keep one copy; Python makes "
            "its dicts in C from keys that it remembers. These tables and strings are 47 MB, and the text that they come from 14.",
    "sandbox-me": "half of what is counted, and a sixth of the time, is libmicrohttpd, which zeroes the 128 KiB that it has for a "
                  "connection after each request: what a head of 32 KiB with 100 fields and 500 cookies takes there, and the "
                  "reply's. A quarter is the kernel's, nearly all of it for one recv and one send; a tenth Lua's collector.",
    "upload": "both wait for the sandbox, which takes its checksum and writes the file (perf: 40 and 33 % of its time, 13 % to "
              "receive): the clients use a quarter of the time, jeton 100 ms of the processor, curl 110. Where the server only "
              "reads, jeton takes 0.70 of curl's time.",
    "cron-next": "libyaml alone takes half of the instructions to read the jobs, thirty times what --version takes for all; the "
                 "rest is the tree, its checks, and the times.",
    "cron-show": "as of cron next: reading the jobs' YAML.",
    "token-table": "a third of the instructions is libyaml's, for 51 KB: twenty times what --version takes for all. Then each "
                   "connector's checks, its row, which has two SHA-256 of what the connector says, and its line, masked. A third "
                   "of the time is the kernel's: memory at its first use, and the state's log, which SQLite makes and removes.",
    "far-exchange": "the first call to another host than the token service's opens its connection after the exchange: three round "
                    "trips each.",
}
