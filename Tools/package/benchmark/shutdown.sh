#!/bin/sh
# Ends the benchmark programs of one kind that run on this machine.
# usage: shutdown producer | consumer | tproducer | bproducer
case "${1:-}" in
producer | consumer | tproducer) program=$1 ;;
bproducer) program=batchproducer ;;
*) echo "Usage: shutdown producer | consumer | tproducer | bproducer"; exit 0 ;;
esac
pids=
for folder in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$folder/comm" && [ "$name" = mqbench ] || continue
    # Words end with a zero byte there; the first one is the program's path.
    words=$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null) || continue
    case "${words#* }" in
    "benchmark $program "*) pids="$pids${pids:+ }${folder#/proc/}" ;;
    esac
done
if [ -z "$pids" ]; then
    echo "No benchmark $1 running."
    exit 255
fi
echo "The benchmark $1($pids) is running..."
# Word by word: these are numbers.
kill $pids || exit 1
echo "Send shutdown request to benchmark $1($pids) OK"
