# What may come next is known by `jeton __complete`; this hands it to bash.
_jeton() {
    local IFS=$'\n' line word=$2 words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    [[ $word == = ]] && word=
    words=("${words[@]//\\/}") # "some\ file" is one word
    COMPREPLY=()
    while read -r line; do
        case $line in
            :files) compopt -o filenames; COMPREPLY+=($(compgen -f -- "$word")) ;;
            :dirs) compopt -o filenames; COMPREPLY+=($(compgen -d -- "$word")) ;;
            :nospace) compopt -o nospace ;;
            :done) ;;
            *) line=${line%%$'\t'*}; [[ $line == "$word"* ]] && COMPREPLY+=("$line") ;;
        esac
    done < <("${1/#\~\//$HOME/}" __complete -- "${words[@]/#\~\//$HOME/}" 2>/dev/null)
}
complete -F _jeton jeton
