#compdef jeton
# What may come next is known by `jeton __complete`; this hands it to zsh.
_jeton() {
    local line end=:done tab=$'\t' space=(-S ' ')
    local -a values shown line_words=("${(Q@)words[1,CURRENT]}")
    line_words=("${(@)line_words/#\~\//$HOME/}")
    for line in ${(f)"$($line_words[1] __complete -- "${(@)line_words[2,-1]}" 2>/dev/null)"}; do
        case $line in
            :*) end=$line ;;
            *$tab*) values+=("${line%%$tab*}"); shown+=("${line%%$tab*}  -- ${line#*$tab}") ;;
            *) values+=("$line"); shown+=("$line") ;;
        esac
    done
    [[ $end == :nospace ]] && space=(-S '')
    (( $#values )) && compadd -l -d shown $space -- $values
    [[ $end == :files || $end == :dirs ]] && compset -P '--*='
    [[ $end == :files ]] && _files
    [[ $end == :dirs ]] && _files -/
}
if [[ $funcstack[1] == _jeton ]]; then _jeton; else compdef _jeton jeton; fi
