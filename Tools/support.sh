# Sourced by the scripts beside it, from the repository's folder.

logs=$PWD/.build/logs

# How the programs are built, here and for people: one way, so that nothing is compiled twice. Swift's runtime is inside of them.
release=(-c release --static-swift-stdlib)

# quietly NAME COMMAND…: runs the command with its output in .build/logs/NAME.log. If it fails, shows the errors in that output
# (without any, its end) and where the rest is.
quietly() {
    local log="$logs/$1.log" code=0
    shift
    mkdir -p "$logs"
    "$@" >"$log" 2>&1 || code=$?
    [ $code -eq 0 ] && return 0
    grep -E 'error:' "$log" | sort -u | head -20 || tail -20 "$log"
    echo "'$*' ended with $code; its whole output is in $log"
    return $code
}

# show_failures LOG: of the output of `swift test`, the tests that failed, each with its file, line and values, crashes and
# sanitizers' reports, and the summary.
show_failures() {
    awk '/^(✔|◇|Registers:)/ { show = 0 }
         /^✘|error:|Fatal error|Sanitizer:|rogram crashed|unexpected signal/ { show = 1 }
         show && ++shown <= 300
         /Test run with/ && !show' "$1"
}
