"""Why a goal is missed, as far as a profile tells (callgrind_annotate, by object): said in docs/speed.md while it is."""

BOUNDS = {
    "cold-http": "libcurl and the thirty libraries that it needs are loaded and linked by jeton and by bare C alike: ten million "
                 "instructions, more than half of all that bare C has. What jeton adds is the start of Lua, the SDK, and the "
                 "tables of 110 groups. Only a smaller libcurl would bring both down, and it would be ours to update.",
    "cold-https": "as without TLS; most of bare C's time is the file of all roots, which jeton does not read where the system has "
                  "them by name.",
    "cached-https": "loading libcurl and OpenSSL, which curl does, too.",
    "gets": "bare C has one handle that blocks. jeton's requests go through libcurl's multi interface, so that others may run "
            "meanwhile, which costs libcurl itself more than half as much again; then memory for each request and its reply.",
    "parallel": "what bounds it is libcurl's own work for each transfer, and the reply's objects in Lua.",
    "json": "Lua makes a table for each object, and looks up each string among all that it has, to keep one copy; Python makes "
            "its dicts in C from keys that it remembers.",
    "upload": "both wait for the sandbox, which writes the file and takes its checksum: the clients use a thirtieth of the time.",
    "cron-next": "what costs most is reading the jobs' YAML; --version reads nothing.",
    "cron-show": "as of cron next: reading the jobs' YAML.",
    "far-exchange": "the first call to another host than the token service's opens its connection after the exchange: three round "
                    "trips each.",
}
