/// What `mqstore --help` says.
enum Help {
    static let text = """
        mqstore looks into the directory of a broker's store: what is in it, whether it is whole, and where it is not.

        usage: mqstore COMMAND DIRECTORY [options]          DIRECTORY is storePathRootDir, usually ~/store

        inspect     what is there: log, queues, index, checkpoint, how it was stopped, whether a broker uses it
          mqstore inspect ~/store
        verify      reads everything and compares log, queues and index; names the first damage and its place
          mqstore verify ~/store && echo whole
          mqstore verify ~/store --json                            one JSON object a line, for scripts
        dump        prints records, one a line
          mqstore dump ~/store --offset 1073741824 --count 10       by position in the commit log
          mqstore dump ~/store --topic Orders --queue 2 --from 500  by queue offset
          mqstore dump ~/store --topic Orders --key 4711            by key or unique id (reads the whole log)
          mqstore dump ~/store --topic Orders --json --body         as JSON, with bodies
        rebuild     makes consume queues or index files again from the commit log. The only command that writes.
          mqstore rebuild ~/store --queues
          mqstore rebuild ~/store --all

        options (defaults in brackets)
          --commit-log PATH   storePathCommitLog, if it is elsewhere; several joined by ','   [DIRECTORY/commitlog]
          --json              inspect, verify, dump: JSON instead of text
          --quiet             verify: no line for each finding, only the summary
          --limit N           verify: findings printed of each kind [20]
          --index-slots N     maxHashSlotNum of the index files [by their length: four entries for each slot]
          --index-entries N   rebuild: maxIndexNum [as the files that are there]
          --delay-levels "…"  rebuild: messageDelayLevel, if it is not the default: delayed messages need it
          --offset N          dump: the first position in the log
          --topic T, --queue N, --from N, --key K
                              dump: only this topic, this queue, from this queue offset, with this key
          --count N           dump: stop after N records [100; all of them with --count 0]
          --body              dump: print bodies too: as text if they are text, otherwise as hex
          --queues, --index, --all
                              rebuild: what to make again
          --keep              rebuild: keep the old files, in DIRECTORY/rebuild-<time>

        A store in use can be inspected, verified and dumped: nothing is locked or written. What is written meanwhile may
        show up as a finding near the end. rebuild refuses a store in use.

        What verify can see: the checksum covers a message's body alone (that is the format), so a changed bit in a topic, a
        property or a flag shows only when it breaks a length, an offset, a tag's hash or a key's hash.

        exit status: 0 fine, 1 verify found damage, 2 asked for wrongly, 3 no store or unreadable, 4 rebuild: store in use
        """
}
