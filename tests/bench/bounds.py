"""Why a goal is missed, as far as a profile tells (callgrind_annotate, by object): said in docs/speed.md while it is."""

BOUNDS = {
    "cold-http": "libcurl and the thirty libraries that it needs are loaded, linked and started by jeton and by bare C "
                 "alike: 12 of the 24 M instructions, and with libc 9.9 of 13.1 MiB. Of jeton's own program 2.2 of 4.2 MiB "
                 "are mapped, which all its processes share: it executes 310 pages of code, and around each the kernel maps "
                 "64 KiB. Files of which it executes nothing lie aside, which saves 0.5 MiB; all of them would save 0.6 "
                 "(tried). Compiled for size (-Os) it was 0.2 less, for 1.5 % more instructions. libm, for Lua and "
                 "SQLite, is 0.3: loaded at first use (tried) it would save 56 k instructions of a start, too, but a power "
                 "cannot say that no file could be opened, and a listener may live on while the system is upgraded. "
                 "What a run has for itself is little: 2.2 MiB, of which bare C has 1.4; 0.3 in Lua (0.4 with what "
                 "its pool has begun), 0.15 of SQLite's, 0.1 for the largest reply, 0.1 for redaction. To give back the "
                 "libraries' pages once they are linked saves 0.6 MiB of the count and no memory of the machine, and was "
                 "left out. Beside a peer that stores nothing wall time is that of six syncs; a log kept between runs would "
                 "save four of them, but have old tokens in it. The watchdog's thread costs nothing that can be measured "
                 "(13.4 and 13.7 ms of the processor, with and without). Bare C that stores takes 0.10 of bash's time itself.",
    "cold-https": "as without TLS; most of bare C's time is the file of all roots, which jeton does not read where the system has "
                  "them by name.",
    "cached-https": "of 36 M instructions jeton's own are 2.8, with Lua and SQLite. Loading libcurl is 12, and OpenSSL's "
                    "handshake with its check of the chain 19, which curl has, too. The state's log is made, synced and "
                    "removed for one row of the limit: four syncs, under a millisecond.",
    "start": "it executes less than lua5.4 (0.85 M instructions beside 0.99 M); what it costs more is the kernel's: a program of "
             "several MiB is mapped, 160 pages are touched for the first time (lua5.4: 105), and the watchdog has a thread, without "
             "which the ratio was 0.09 lower. --version, which runs nothing, takes nine tenths of what lua5.4 takes.",
    "gets": "of 115 k instructions a request libcurl takes 60 k, as in bare C: it sends two header fields more, and is "
            "asked through a multi handle. Reading and checking the URL is 10 k more of libcurl's, which libcurl does not do again: "
            "one parser decides where a secret may go, and a second one for plain URLs, which saved 9 k, was not kept. Then the "
            "reply's tables (11 k), the collector (6 k), the script's options (5 k), the header fields (4 k), the transfer (4 k), "
            "the handle (2 k), the loop and Lua. System calls are seven a request, those of bare C eleven.",
    "parallel": "of 129 k instructions a request (curl: 148 k, and it decodes nothing) libcurl takes 65 k, the URL 11 k, the JSON 12 k, "
                "the collector 7 k, the reply's tables 9 k, options, handle and transfer 12 k. By time (perf) the kernel has 30 %, for "
                "five system calls a request, three of them poll; libcurl 24 %; libc 24 %, most of it libcurl's memory; Lua and jeton's "
                "own code 20 %: were they free, the ratio would be 0.52.",
    "json": "Lua makes a table for each object, and looks up each string that is no key among all that it has; Python makes "
            "its dicts in C from keys that it remembers. To read the text is a third of the instructions, the rest is these tables "
            "and strings: 47 MB, and the text that they come from 14. A row is two tables (of 56 bytes each, 192 for eight places "
            "and 32 for a list) and two strings of its own; the text is the script's until decode has returned.",
    "sandbox-me": "of 338 k instructions 194 k are one of libc's, counted for each byte that libmicrohttpd zeroes after a request: the "
                  "128 KiB that it has for a connection (what a head of 32 KiB with 100 fields and 500 cookies takes there, and the "
                  "reply's), and what it had read. It has 15 % of the time (perf). Of the other 144 k a handler that returns a "
                  "constant, and does nothing else, has 69 k: that reached 0.25 to 0.3 of nginx, whose reply is a constant, too. The "
                  "rest is the sandbox's: routes, token, limits, the record of the request, headers. By time the kernel has 23 %, "
                  "nearly all of it for one recv and one send, libmicrohttpd itself 4 %, the collector 10 %, the rest of Lua and "
                  "jeton's code 39 %.",
    "subscribers": "the first page alone takes as much, but for 0.3 MiB of Lua's between two collections: it is what a cold run of "
                   "one call has (see the first job).",
    "upload": "both wait for the sandbox, which takes its checksum and writes the file (perf: 40 and 33 % of its time, 13 % to "
              "receive), and for the disk: the clients use less than a third of the time, jeton less of it than curl.",
    "cron-next": "of 24.6 M instructions libyaml takes 14 to read 72 KB, thirty times what --version takes for all: that alone is over "
                 "the goal. The rest is the tree, its checks (2.8) and the times (3). A reader of our own for plain YAML brought it to "
                 "9.3 M, and to 2.4 times --version by the processor's time: a second reader of one language is not worth a "
                 "millisecond. A tree that costs nothing at all (mapped from a file at its own address, nothing checked; tried) "
                 "brought it to 1.8; an index that is bound to the text and checked would take 0.2 ms of that, and keeping one was not "
                 "worth it, as cron show and token --json would miss their goals with it.",
    "cron-show": "as of cron next, and glibc's search for the changes of the clocks of five zones over years: 2.7 of 26.8 M "
                 "instructions. With a tree for nothing it was 2.3 times --version.",
    "token-table": "of 30.9 M instructions libyaml takes 10.3 for 51 KB, SQLite 4 (open, one pass over the table), the two SHA-256 of "
                   "what each connector says 3.3, masking 2.1 and what is masked 1.7, the JSON 2, the checks 4. A third of the "
                   "processor's time is the kernel's: memory at its first use (500 pages), and the state's log and its index, which "
                   "SQLite makes and removes (0.23 ms). With a tree for nothing it was 3.4 times --version; and still 3.1 where "
                   "besides no log was made, one of the two SHA-256 left out, and memory asked for at once.",
}

# Of what may grow.
GROWTH = {
    "state-events-add": "an INSERT looks at 12 pages where there are 1,000 events, at 13 or 14 where there are a million: one or two "
                        "of its indexes have a level more. And the server of the bench has 16 MB for pages: those of a million events (240 MB) "
                        "come from the system. A million may cost three times what a thousand do.",
}
