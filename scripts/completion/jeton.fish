# What may come next is known by `jeton __complete`; this hands it to fish.
function __jeton_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l head (string match -r '^--[^=]*=' -- $words[-1])
    set -l rest (string replace -- "$head" '' $words[-1])
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case :files
                printf "$head%s\n" (__fish_complete_path $rest)
            case :dirs
                printf "$head%s\n" (__fish_complete_directories $rest)
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c jeton -f -a '(__jeton_complete)'
