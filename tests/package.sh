#!/usr/bin/env bash
# Tries a package in Debian 12 with nothing but what is essential: installed, used, removed. As root.
# usage: package.sh FOLDER COMMAND, in a mount namespace of its own (unshare --mount)
#   root SUITE       makes FOLDER/SUITE by debootstrap, once
#   deb FILE         apt install, the program, manuals, completions, units, purge
#   autopkgtest FILE its own tests (debian/tests), by Debian's runner
#   dist FILE SUITE  the tarball, unpacked into /usr/local of a copy of SUITE
#   docker SOURCE    the RUN lines of the Dockerfile, its two images being two copies
# shellcheck disable=SC2016 # the inner shells expand
set -euo pipefail

folder=$1 command=$2 argument=${3:-} suite=${4:-}
say() { printf '== %s\n' "$*" >&2; }

# enter ROOT SHELL_COMMAND
enter() { chroot "$1" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/srv LC_ALL=C.UTF-8 TERM=dumb \
    DEBIAN_FRONTEND=noninteractive /bin/bash -euo pipefail -c "$2"; }

# fresh NAME [SUITE]: a copy of the root, ready to be entered; its mounts end with this process.
fresh() {
    root=$folder/$1
    rm -rf --one-file-system "$root"
    cp -a "$folder/${2:-bookworm}" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/tmp"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
}

files_of() { enter "$1" 'find / -xdev ! -path "/proc/*" ! -path "/dev/*" ! -path "/tmp/*" ! -path "/var/lib/dpkg/*" \
    ! -path "/var/lib/apt/*" ! -path "/var/cache/*" ! -path "/var/log/*" | sort'; }

# Types at each shell, as a person does who has installed it and changed nothing but what its manual asks for.
try_completions() {
    local shell
    enter "$root" 'cd; echo ". /usr/share/bash-completion/bash_completion" >.bashrc; echo "autoload -U compinit; compinit" >.zshrc'
    for shell in bash zsh fish; do
        say "completion in $shell"
        { sleep 3 && printf 'jeton --vers\t\r' && sleep 3 && printf 'exit\r'; } |
            enter "$root" "cd; script -qec '$shell -i' /dev/null" >"$folder/$shell.typed" || true
        sed "s/\x1b\[[0-9;?]*[a-zA-Z]//g" "$folder/$shell.typed" | grep -aq "^jeton [0-9]" || { cat -v "$folder/$shell.typed" >&2 && exit 1; }
    done
    enter "$root" 'cd; rm -r .bashrc .zshrc'
}

try_deb() {
    fresh deb
    enter "$root" 'apt-get -q update &&
        apt-get -q install -y --no-install-recommends man-db systemd bash-completion zsh fish' >/dev/null
    cp "$argument" "$root/srv/"
    say "install"
    enter "$root" 'apt-get -q install -y --no-install-recommends /srv/jeton_*.deb' >"$folder/install.log" 2>&1 ||
        { cat "$folder/install.log" >&2 && exit 1; }
    say "use"
    enter "$root" 'cd; jeton run --sandbox /usr/share/jeton/examples/hello.lua
        man jeton-run >/tmp/page; grep -q "^SYNOPSIS" /tmp/page; man -k jeton-run; man 5 jeton.yaml >/dev/null
        id jeton; systemd-analyze verify jeton-listen.socket jeton-listen.service jeton-cron.service
        for unit in jeton-listen.socket jeton-listen.service jeton-cron.service; do
            test "$(systemctl is-enabled $unit || true)" = disabled
        done
        cd /usr/share/doc/jeton && test -s README.md -a -s docs/lua-api.md -a -s docs/guide-cron.md -a -s changelog.gz
        for page in *.md docs/*.md; do # nothing leads nowhere
            for link in $(grep -Eo "\]\([^)#: ]+[)#]" $page | sed "s/^](//; s/.$//"); do
                test -e "$(dirname $page)/$link" || { echo "$page: $link" >&2; exit 1; }
            done
        done
        test -s /usr/share/jeton/meta/jeton/http.lua -a -s /usr/share/jeton/meta/kaizala/init.lua'
    enter "$root" 'cd /; mkdir -p /etc/jeton; printf "version: 1\njobs:\n  hello:\n    script: /usr/share/jeton/examples/hello.lua\n" \
        >/etc/jeton/jeton.yaml
        as_jeton="setpriv --reuid=jeton --regid=jeton --clear-groups --inh-caps=-all"
        install -d -m 0700 -o jeton -g jeton /var/lib/jeton
        $as_jeton env HOME=/var/lib/jeton XDG_STATE_HOME=/var/lib jeton -c /etc/jeton/jeton.yaml check
        rm -r /etc/jeton /var/lib/jeton'
    try_completions
    say "what a user has made stays, the package goes"
    enter "$root" 'cd; mkdir -p /etc/jeton /var/lib/jeton; chmod 700 /var/lib/jeton; jeton init work
        cp work/jeton.yaml /etc/jeton/; touch /var/lib/jeton/mine; apt-get -q purge -y jeton' >/dev/null 2>&1
    files_of "$root" | grep -i jeton | grep -v '^/srv' >"$folder/left" || true
    diff "$folder/left" - <<'END'
/etc/jeton
/etc/jeton/jeton.yaml
/var/lib/jeton
/var/lib/jeton/mine
END
    test -s "$root/srv/work/hello.lua"
    say "the user that stays cannot log in; man-db forgets the pages, a week later"
    enter "$root" 'test "$(getent passwd jeton | cut -d: -f7)" = /usr/sbin/nologin
        find /var/cache/man -name "*.gz" -exec touch -a -d "8 days ago" {} +
        sed -n "s/^ExecStart=\([^+]\)/\1/p" /lib/systemd/system/man-db.service | while read -r daily; do eval "set -f; $daily"; done
        if man -k jeton; then exit 1; fi'
}

try_autopkgtest() {
    fresh autopkgtest
    rm -rf "$folder/tree"
    mkdir "$folder/tree"
    cp -r "$(dirname "$0")/../debian" "$folder/tree/"
    autopkgtest --no-built-binaries "$argument" "$folder/tree/" -- chroot "$root" >"$folder/autopkgtest.log" 2>&1 ||
        { cat "$folder/autopkgtest.log" >&2 && exit 1; }
    grep "PASS$" "$folder/autopkgtest.log"
}

try_dist() {
    fresh dist "$suite"
    enter "$root" 'apt-get -q update && apt-get -q install -y --no-install-recommends libcurl4 libmicrohttpd12 ca-certificates' \
        >/dev/null 2>&1
    tar -xzf "$argument" --strip-components=1 -C "$root/usr/local"
    enter "$root" 'cd; jeton run --sandbox /usr/local/share/jeton/examples/hello.lua && jeton --version'
}

# run_lines FILE STAGE: its RUN lines, each with what its continuation lines say.
run_lines() { sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$1" | awk -v want="$2" '/^FROM/ { stage++ } /^RUN / && stage == want { sub(/^RUN /, ""); print }'; }

try_docker() {
    local line
    fresh docker-build
    mkdir "$root/src"
    tar --exclude=./build --exclude=./.git -C "$argument" -cf - . | tar -xf - -C "$root/src" --no-same-owner
    while IFS= read -r line; do say "RUN $line"; enter "$root" "cd /src; $line" </dev/null; done < <(run_lines "$argument/Dockerfile" 1)
    local built=$root
    fresh docker
    while IFS= read -r line; do say "RUN $line"; enter "$root" "$line" </dev/null >/dev/null; done < <(run_lines "$argument/Dockerfile" 2)
    cp -a "$built/usr/local/." "$root/usr/local/"
    say "as uid 10001"
    chroot --userspec=10001:10001 "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin XDG_STATE_HOME=/var/lib \
        HOME=/var/lib/jeton jeton run --sandbox /usr/local/share/jeton/examples/hello.lua
}

case $command in
root)
    [[ -e $folder/$argument/etc/debian_version ]] ||
        debootstrap --variant=minbase --include=ca-certificates "$argument" "$folder/$argument" >/dev/null
    ;;
deb | autopkgtest | dist | docker) "try_$command" ;;
*) exit 2 ;;
esac
