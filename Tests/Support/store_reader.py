#!/usr/bin/env python3
"""Reads a RocketMQ 4.x store directory from the format's description alone, and says where its parts disagree.

Commit log, consume queues, their extension, index files, the reference's part of the checkpoint, and the progress of delayed
delivery. Nothing of the store's own code is used, so what both agree on is the format.

usage: store_reader.py <directory> [--delay-levels "1s 5s ..."] [--index-slots N] [--deleted TOPIC ...] [--records]

Prints one line for every disagreement; exit status 0 when there is none, 1 when there are some, 2 when it cannot be read.
A directory with the file `abort` is one after a crash: consume queues and index may then end before the log does, or behind it.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import struct
import sys
import zlib

MESSAGE, FILLER = 0xDAA320A7, 0xCBD43194
PREPARED, COMMITTED, ROLLED_BACK = 0x4, 0x8, 0xC
ENTRY, UNIT, HEADER = struct.Struct(">qiq"), struct.Struct(">hqqh"), struct.Struct(">qqqqii")
INDEX_ENTRY = struct.Struct(">iqii")
FIXED = struct.Struct(">IIIiiqqiq")
AFTER_HOSTS = struct.Struct(">iqi")
DELAY_TOPIC = "SCHEDULE_TOPIC_XXXX"
DELAY_LEVELS = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
QUEUE_FILLER_SIZE = 0x7FFFFFFF


class CorruptStore(Exception):
    pass


class Record:
    __slots__ = ("physical_offset", "size", "queue_id", "flag", "queue_offset", "system_flag", "born_timestamp", "store_timestamp",
                 "reconsume_times", "prepared_offset", "topic", "body", "raw_properties", "crc", "_properties")

    @property
    def properties(self):
        if self._properties is None:
            pairs = (pair.split("\x01", 1) for pair in self.raw_properties.decode("utf-8", "surrogateescape").split("\x02") if "\x01" in pair)
            self._properties = {name: value for name, value in pairs if name and value}
        return self._properties

    @property
    def enters_queue(self):
        return self.system_flag & 0xC in (0, COMMITTED)

    @property
    def key(self):
        return self.topic, self.queue_id

    def places(self):
        """[((topic, queue id), queue offset)]: its own queue, then those of a message for several queues."""
        places = [(self.key, self.queue_offset)]
        names, offsets = self.properties.get("INNER_MULTI_DISPATCH"), self.properties.get("INNER_MULTI_QUEUE_OFFSET")
        if names and offsets and names.count(",") == offsets.count(","):
            for name, offset in zip(names.split(","), offsets.split(",")):
                places.append(((name, 0 if name.startswith("%LMQ%") else self.queue_id), int(offset)))
        return places

    def index_hashes(self):
        if self.system_flag & 0xC == ROLLED_BACK:
            return []
        keys = [self.properties["UNIQ_KEY"]] if self.properties.get("UNIQ_KEY") else []
        keys += [key for key in self.properties.get("KEYS", "").split(" ") if key]
        return [index_hash(self.topic, key) for key in keys]


def parse_record(data, at, expected_offset):
    try:
        return _parse_record(data, at, expected_offset)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise CorruptStore(f"the record at {expected_offset} cannot be read: {error}") from None


def _parse_record(data, at, expected_offset):
    record = Record()
    (record.size, magic, crc, record.queue_id, record.flag, record.queue_offset, record.physical_offset, record.system_flag,
     record.born_timestamp) = FIXED.unpack_from(data, at)
    if magic != MESSAGE:
        raise CorruptStore(f"no record begins at {expected_offset}")
    if record.physical_offset != expected_offset:
        raise CorruptStore(f"the record at {expected_offset} says it is at {record.physical_offset}")
    position = at + 48 + (20 if record.system_flag & 0x10 else 8)
    (record.store_timestamp,) = struct.unpack_from(">q", data, position)
    position += 8 + (20 if record.system_flag & 0x20 else 8)
    record.reconsume_times, record.prepared_offset, length = AFTER_HOSTS.unpack_from(data, position)
    position += 16
    if length < 0 or position + length > len(data):
        raise CorruptStore(f"the record at {expected_offset} claims a body of {length} bytes")
    record.body = bytes(data[position:position + length])
    position += length
    record.crc = crc
    if zlib.crc32(record.body) & 0x7FFFFFFF != crc:
        raise CorruptStore(f"body checksum of the record at {expected_offset} differs")
    topic_length = data[position]
    record.topic = bytes(data[position + 1:position + 1 + topic_length]).decode()
    position += 1 + topic_length
    (length,) = struct.unpack_from(">h", data, position)
    record.raw_properties = bytes(data[position + 2:position + 2 + max(0, length)])
    record._properties = None
    if position + 2 + length != at + record.size:
        raise CorruptStore(f"the record at {expected_offset} has size {record.size}, its fields end at {position + 2 + length - at}")
    return record


def string_hash(text):
    value, units = 0, text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        value = (31 * value + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def index_hash(topic, key):
    value = abs(string_hash(f"{topic}#{key}"))
    return 0 if value == 1 << 31 else value


def delay_milliseconds(text):
    units = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    return [int(level[:-1]) * units[level[-1]] for level in text.split()]


def named_files(folder):
    """(first offset, path) of the files of one log, in order."""
    if not folder.is_dir():
        return []
    return sorted((int(path.name), path) for path in folder.iterdir())


class Store:
    """A directory as far as it could be read, with everything that is wrong with it in `problems`."""

    def __init__(self, root, delay_levels=DELAY_LEVELS, index_slots=None, deleted_topics=()):
        self.root = pathlib.Path(root)
        self.delays = delay_milliseconds(delay_levels)
        self.index_slots, self.deleted_topics = index_slots, set(deleted_topics)
        self.crashed = (self.root / "abort").exists()
        self.problems = []
        self.records, self.by_offset = [], {}
        self.segments = {}
        self.log_minimum = self.log_end = 0
        self._read_log()
        self.queues = self._read_queues()
        self.index_entries = 0

    def problem(self, text):
        self.problems.append(text)

    # ---- commit log

    def _read_log(self):
        files = named_files(self.root / "commitlog")
        if not files:
            return
        self.log_minimum = files[0][0]
        size = files[0][1].stat().st_size
        ended_in = None
        for base, path in files:
            data = path.read_bytes()
            if len(data) != size:
                self.problem(f"{path}: {len(data)} bytes, the files before have {size}")
            if ended_in is not None:
                if data.strip(b"\0"):
                    self.problem(f"{path}: something is written there, but the log ended in {ended_in}")
                continue
            if base != self.log_minimum + size * files.index((base, path)):
                self.problem(f"{path}: a file before it is missing")
            end = self._read_segment(base, data, path)
            if end is not None:
                self.log_end, ended_in = base + end, path
            else:
                self.log_end = base + len(data)

    def _read_segment(self, base, data, path):
        """Takes the records of one file; answers where the log ended in it, or None when it goes on in the next."""
        view, at = memoryview(data), 0
        self.segments[base] = view
        while at + 8 <= len(data):
            size, magic = struct.unpack_from(">II", data, at)
            if magic == FILLER:
                if size != len(data) - at:
                    self.problem(f"{path}: the filler at {at} says {size}, there are {len(data) - at} bytes left")
                return None
            if magic != MESSAGE:
                if data[at:].strip(b"\0") and not self.crashed:
                    self.problem(f"{path}: the log ends at {at}, but something is written behind it")
                return at
            try:
                record = parse_record(view, at, base + at)
            except CorruptStore as error:
                self.problem(f"{path}: {error}")
                return at
            if at + record.size + 8 > len(data):
                self.problem(f"{path}: the record at {at} leaves no room for a filler")
            self.records.append(record)
            self.by_offset[record.physical_offset] = record
            at += record.size
        self.problem(f"{path}: no filler at its end")
        return None

    def record_crc(self, record):
        """The checksum of the whole record, which the format does not have."""
        base = max(base for base in self.segments if base <= record.physical_offset)
        return zlib.crc32(self.segments[base][record.physical_offset - base:record.physical_offset - base + record.size])

    # ---- consume queues

    def _read_queues(self):
        """{(topic, queue id): {queue offset: (physical offset, size, tags code)}}, fillers left out."""
        queues, folder = {}, self.root / "consumequeue"
        for topic in folder.iterdir() if folder.is_dir() else []:
            for queue in topic.iterdir():
                if re.fullmatch(r"\d+", queue.name):
                    queues[(topic.name, int(queue.name))] = self._read_queue(queue)
        return queues

    def _read_queue(self, folder):
        entries, files, ended = {}, named_files(folder), False
        for number, (base, path) in enumerate(files):
            data = path.read_bytes()
            if len(data) % 20 or len(data) != files[0][1].stat().st_size:
                self.problem(f"{path}: {len(data)} bytes")
            if number and base != files[number - 1][0] + len(data):
                self.problem(f"{path}: a file before it is missing")
            if ended:
                if data.strip(b"\0"):
                    self.problem(f"{path}: entries behind the queue's end")
                continue
            used = len(data.rstrip(b"\0"))
            at = 0
            for physical, size, tags in ENTRY.iter_unpack(data[:-(-used // 20) * 20]):
                if physical < 0 or size <= 0:
                    if not self.crashed:
                        self.problem(f"{path}: the entry at {at} is none, but others follow it")
                    break
                if (physical, size) != (0, QUEUE_FILLER_SIZE):
                    entries[(base + at) // 20] = (physical, size, tags)
                at += 20
            ended = at < len(data)
        return entries

    def _tags_code(self, record):
        level = record.properties.get("DELAY", "")
        if record.topic == DELAY_TOPIC and re.fullmatch(r"\d+", level) and int(level) > 0:
            return record.store_timestamp + self.delays[min(int(level), len(self.delays)) - 1]
        return string_hash(record.properties.get("TAGS", ""))

    def check_queues(self):
        """Every record that belongs into a queue has its entry, and every entry its record."""
        next_offset, expected = {}, collections.defaultdict(dict)
        for record in self.records:
            if not record.enters_queue:
                continue
            tags = self._tags_code(record)
            for key, offset in record.places():
                due = next_offset.get(key, offset)
                if offset < due:
                    expected[key] = {}   # the topic was deleted and began again
                    if offset != 0:
                        self.problem(f"{key}: offset {offset} at {record.physical_offset}, expected {due}")
                elif offset > due:
                    self.problem(f"{key}: offset {offset} at {record.physical_offset}, expected {due}")
                next_offset[key] = offset + 1
                expected[key][offset] = (record.physical_offset, record.size, tags)
        for key in sorted(set(expected) | set(self.queues)):
            if key[0] in self.deleted_topics and not self.queues.get(key):
                continue
            self._compare_queue(key, expected.get(key, {}), self.queues.get(key, {}))

    def _compare_queue(self, key, expected, entries):
        last = max(entries, default=-1)
        for offset, (physical, size, tags) in expected.items():
            entry = entries.get(offset)
            if entry is None:
                if not (self.crashed and offset > last):
                    self.problem(f"{key}: no entry {offset} for the record at {physical}")
            elif entry[:2] != (physical, size):
                self.problem(f"{key}: entry {offset} points to {entry[0]} ({entry[1]} bytes), the record is at {physical} ({size} bytes)")
            elif entry[2] != tags and not self._is_address_of(key, entry[2], tags, physical):
                self.problem(f"{key}: entry {offset} has tags code {entry[2]}, the record at {physical} says {tags}")
        previous = -1
        for offset, (physical, size, _) in entries.items():
            if physical <= previous:
                self.problem(f"{key}: entry {offset} points to {physical}, the one before it to {previous}")
            previous = physical
            if offset not in expected and physical >= self.log_minimum and not (self.crashed and physical + size > self.log_end):
                self.problem(f"{key}: entry {offset} points to {physical}, where no record of this queue is")

    def _is_address_of(self, key, address, tags, physical):
        """Whether the tags code is the address of a unit in the queue's extension that holds the record's tags code."""
        if address > -(1 << 31) - 1:
            return False
        offset = address + (1 << 63)
        files = named_files(self.root / "consumequeue_ext" / key[0] / str(key[1]))
        found = [(base, path) for base, path in files if base <= offset < base + path.stat().st_size]
        if not found:
            self.problem(f"{key}: nothing in the extension at {offset}")
            return True
        base, path = found[0]
        data = path.read_bytes()
        if offset - base + 20 > len(data):
            self.problem(f"{path}: no unit at {offset - base}")
            return True
        size, unit_tags, time, bitmap = UNIT.unpack_from(data, offset - base)
        if size != 20 + bitmap or offset - base + size > len(data) - 4:
            self.problem(f"{path}: the unit at {offset - base} has size {size} and a bit map of {bitmap} bytes")
        if unit_tags != tags or time != self.by_offset[physical].store_timestamp:
            self.problem(f"{path}: the unit at {offset - base} says {unit_tags} at {time}, the record at {physical} "
                         f"{tags} at {self.by_offset[physical].store_timestamp}")
        return True

    # ---- index files

    def check_index(self):
        """Every key of every record is found, and every entry is the key of a record."""
        folder = self.root / "index"
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        found, first, last = collections.Counter(), None, -1
        for number, path in enumerate(paths):
            if not re.fullmatch(r"\d{17}", path.name):
                self.problem(f"{path}: not the name of an index file")
                continue
            for hash_value, physical in self._read_index(path, number == 0):
                found[(hash_value, physical)] += 1
                self.index_entries += 1
                first = physical if first is None else min(first, physical)
                last = max(last, physical)
        if first is None:
            return
        for record in self.records:
            if record.physical_offset < first or self.crashed and record.physical_offset > last:
                continue
            for hash_value in record.index_hashes():
                if found[(hash_value, record.physical_offset)] <= 0:
                    self.problem(f"index: no entry for hash {hash_value} of the record at {record.physical_offset}")
                found[(hash_value, record.physical_offset)] -= 1
        for (hash_value, physical), count in found.items():
            if count > 0 and physical >= self.log_minimum and not (self.crashed and physical >= self.log_end):
                self.problem(f"index: hash {hash_value} points to {physical}, where no record with such a key is")

    def _read_index(self, path, is_first):
        data = path.read_bytes()
        slots = self.index_slots or (len(data) - 40) // 84   # the default: four entries for each slot
        entries_at = 40 + 4 * slots
        capacity = (len(data) - entries_at) // 20
        if len(data) < 40 or capacity < 1:
            self.problem(f"{path}: {len(data)} bytes are too few for {slots} slots")
            return
        begin, end, begin_offset, end_offset, used_slots, count = HEADER.unpack_from(data, 0)
        count = max(count, 1)
        if count > capacity:
            self.problem(f"{path}: says {count - 1} entries, there is room for {capacity - 1}")
            return
        newest, physical = {}, -1
        for number in range(1, count):
            hash_value, physical, seconds, previous = INDEX_ENTRY.unpack_from(data, entries_at + 20 * number)
            slot = hash_value % slots
            if previous != newest.get(slot, 0):
                self.problem(f"{path}: entry {number} follows {previous} in its chain, expected {newest.get(slot, 0)}")
            newest[slot] = number
            record = self.by_offset.get(physical)
            due = max(0, (record.store_timestamp - begin) // 1000) if record else seconds
            if seconds != due and (is_first or number > 1):
                self.problem(f"{path}: entry {number} is {seconds} s after the file's begin, its record {due} s")
            yield hash_value, physical
        if count > 1:
            first_offset = INDEX_ENTRY.unpack_from(data, entries_at + 20)[1]
            if (begin_offset, end_offset) != (first_offset, physical):
                self.problem(f"{path}: header says {begin_offset} to {end_offset}, entries go from {first_offset} to {physical}")
            first_record, last_record = self.by_offset.get(begin_offset), self.by_offset.get(end_offset)
            if first_record and first_record.store_timestamp != begin:
                self.problem(f"{path}: begins at {begin}, its first record was stored at {first_record.store_timestamp}")
            # Later is fine: a crash took what came behind, and a look-up by time only has one more file to search.
            if last_record and last_record.store_timestamp > end:
                self.problem(f"{path}: ends at {end}, its last record was stored at {last_record.store_timestamp}")
        if used_slots != len(newest):
            self.problem(f"{path}: header says {used_slots} used slots, there are {len(newest)}")
        for slot in range(slots):
            (value,) = struct.unpack_from(">i", data, 40 + 4 * slot)
            if value != newest.get(slot, 0) and not (self.crashed and value >= count):
                self.problem(f"{path}: slot {slot} says {value}, the newest entry of its chain is {newest.get(slot, 0)}")

    # ---- checkpoint, delayed delivery

    def check_checkpoint(self):
        path = self.root / "checkpoint"
        if not path.exists():
            if self.records and not self.crashed:
                self.problem(f"{path}: missing")
            return
        data = path.read_bytes()
        if len(data) != 4096:
            self.problem(f"{path}: {len(data)} bytes instead of 4096")
            return
        names = ("commit log", "consume queue", "index")
        newest = max((record.store_timestamp for record in self.records), default=0)
        for name, time in zip(names, struct.unpack_from(">qqq", data, 0)):
            if time < 0 or self.records and time > newest:
                self.problem(f"{path}: {name} flushed up to {time}, the newest record is of {newest}")

    def check_delays(self):
        path = self.root / "config" / "delayOffset.json"
        if not path.exists():
            return
        try:
            text = re.sub(r"([{,]\s*)(-?\d+)\s*:", r'\1"\2":', path.read_text())
            table = json.loads(text)["offsetTable"]
            progress = {int(level): int(offset) for level, offset in table.items()}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            self.problem(f"{path}: {error!r}")
            return
        for level, offset in progress.items():
            end = max(self.queues.get((DELAY_TOPIC, level - 1), {-1: None}), default=-1) + 1
            if level < 1 or not 0 <= offset <= end and not self.crashed:
                self.problem(f"{path}: level {level} is at {offset}, its queue ends at {end}")

    def check(self):
        self.check_queues()
        self.check_index()
        self.check_checkpoint()
        self.check_delays()
        return self


def check(root, **options):
    """Checks a whole store and returns its records; raises `CorruptStore` when its parts disagree."""
    store = Store(root, **options).check()
    if store.problems:
        raise CorruptStore("; ".join(store.problems[:5]))
    return store.records


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--delay-levels", default=DELAY_LEVELS, help="messageDelayLevel of the broker")
    parser.add_argument("--index-slots", type=int, help="maxHashSlotNum; default: a quarter of the entries")
    parser.add_argument("--deleted", action="append", default=[], metavar="TOPIC", help="a topic that was deleted: its queues may be gone")
    parser.add_argument("--records", action="store_true", help="also print every record")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(options.directory, "commitlog")):
        print(f"{options.directory}: no store: there is no folder commitlog in it", file=sys.stderr)
        sys.exit(2)
    try:
        store = Store(options.directory, options.delay_levels, options.index_slots, options.deleted).check()
    except (OSError, ValueError) as error:
        print(f"{options.directory}: {error}", file=sys.stderr)
        sys.exit(2)
    if options.records:
        for record in store.records:
            print(record.physical_offset, record.size, record.topic, record.queue_id, record.queue_offset, record.store_timestamp, record.properties)
    for problem in store.problems:
        print(problem)
    entries = sum(len(queue) for queue in store.queues.values())
    print(f"{len(store.records)} records from {store.log_minimum} to {store.log_end}, {entries} entries in {len(store.queues)} queues, "
          f"{store.index_entries} index entries{', after a crash' if store.crashed else ''}: {len(store.problems)} disagreements")
    sys.exit(1 if store.problems else 0)


if __name__ == "__main__":
    main()
