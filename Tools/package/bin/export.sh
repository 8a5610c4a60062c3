#!/bin/sh
# Exports metrics, configurations and metadata of a cluster, and joins them in one file, rocketmq-metadata-export.json. Asks for what it needs.
here=$(dirname "$(readlink -f "$0")")
ask() { printf '%s' "$1" >&2; IFS= read -r answer || answer=; }

ask "Name servers (host:port;host:port): "; servers=$answer
ask "Cluster (DefaultCluster): "; cluster=${answer:-DefaultCluster}
ask "Folder (/tmp/rocketmq/config): "; folder=${answer:-/tmp/rocketmq/config}
[ -n "$servers" ] || { echo "export.sh: no name server is given, as in 127.0.0.1:9876" >&2; exit 1; }
# What an earlier call left there would pass for what this one wrote.
mkdir -p "$folder" && rm -f "$folder/configs.json" "$folder/metadata.json" "$folder/metrics.json" "$folder/rocketmq-metadata-export.json" || exit 1
for command in exportMetrics exportConfigs exportMetadata; do
    sh "$here/mqadmin" "$command" -n "$servers" -c "$cluster" -f "$folder"
done
for part in configs metadata metrics; do
    [ -s "$folder/$part.json" ] || { echo "export.sh: there is no $folder/$part.json; what mqadmin said above is why" >&2; exit 1; }
done
{
    printf '{"configs":' && cat "$folder/configs.json"
    printf ',"metadata":' && cat "$folder/metadata.json"
    printf ',"metrics":' && cat "$folder/metrics.json"
    printf '}\n'
} >"$folder/rocketmq-metadata-export.json" || exit 1
echo "All of it is in $folder/rocketmq-metadata-export.json"
