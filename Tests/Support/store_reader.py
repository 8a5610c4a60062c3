"""Reads a RocketMQ 4.x store directory from the format's description alone: commit log records and consume queue entries."""
import pathlib
import struct
import zlib

MESSAGE, BLANK = 0xDAA320A7, 0xCBD43194


class Record:
    __slots__ = ("physical_offset", "size", "queue_id", "flag", "queue_offset", "system_flag", "born_timestamp", "store_timestamp",
                 "reconsume_times", "prepared_offset", "topic", "body", "properties")


class CorruptStore(Exception):
    pass


def parse_record(data, at, expected_offset):
    size, magic, crc, queue_id, flag = struct.unpack_from(">IIIii", data, at)
    record = Record()
    record.size, record.queue_id, record.flag = size, queue_id, flag
    record.queue_offset, record.physical_offset, record.system_flag, record.born_timestamp = struct.unpack_from(">qqiq", data, at + 20)
    if record.physical_offset != expected_offset:
        raise CorruptStore(f"the record at {expected_offset} says it is at {record.physical_offset}")
    position = at + 48 + (20 if record.system_flag & 0x10 else 8)
    (record.store_timestamp,) = struct.unpack_from(">q", data, position)
    position += 8 + (20 if record.system_flag & 0x20 else 8)
    record.reconsume_times, record.prepared_offset, length = struct.unpack_from(">iqi", data, position)
    position += 16
    record.body = bytes(data[position:position + length])
    position += length
    if zlib.crc32(record.body) & 0x7FFFFFFF != crc:
        raise CorruptStore(f"body checksum of the record at {expected_offset} differs")
    topic_length = data[position]
    record.topic = bytes(data[position + 1:position + 1 + topic_length]).decode()
    position += 1 + topic_length
    (length,) = struct.unpack_from(">h", data, position)
    text = bytes(data[position + 2:position + 2 + length]).decode()
    record.properties = dict(pair.split("\x01", 1) for pair in text.split("\x02") if "\x01" in pair)
    if position + 2 + length != at + size:
        raise CorruptStore(f"the record at {expected_offset} has size {size}, its fields end at {position + 2 + length - at}")
    return record


def commit_log(root):
    """Every record in order of its physical offset, up to the first place where no record was written."""
    for path in sorted((pathlib.Path(root) / "commitlog").iterdir()):
        base, data, at = int(path.name), memoryview(path.read_bytes()), 0
        while at + 8 <= len(data):
            size, magic = struct.unpack_from(">II", data, at)
            if magic == BLANK:
                break
            if magic != MESSAGE:
                return
            yield parse_record(data, at, base + at)
            at += size


def consume_queues(root):
    """{(topic, queue id): {queue offset: (physical offset, size, tags code)}} of all valid entries."""
    queues = {}
    for topic in (pathlib.Path(root) / "consumequeue").iterdir():
        for queue in topic.iterdir():
            entries = queues.setdefault((topic.name, int(queue.name)), {})
            for path in sorted(queue.iterdir()):
                base, data = int(path.name), path.read_bytes()
                for at in range(0, len(data) - 19, 20):
                    physical, size, tags = struct.unpack_from(">qiq", data, at)
                    if size <= 0:
                        break
                    entries[(base + at) // 20] = (physical, size, tags)
    return queues


def string_hash(text):
    value, units = 0, text.encode("utf-16-be")
    for at in range(0, len(units), 2):
        value = (31 * value + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


def check(root):
    """Checks a whole store and returns its records; raises `CorruptStore` where commit log and consume queues disagree."""
    records, queues, seen = list(commit_log(root)), consume_queues(root), {}
    for record in records:
        key = (record.topic, record.queue_id)
        expected = seen.get(key, record.queue_offset)
        if record.queue_offset != expected:
            raise CorruptStore(f"{key}: queue offset {record.queue_offset} at {record.physical_offset}, expected {expected}")
        seen[key] = expected + 1
        entry = queues.get(key, {}).get(record.queue_offset)
        tags = string_hash(record.properties.get("TAGS", ""))
        if entry != (record.physical_offset, record.size, tags):
            raise CorruptStore(f"{key}: entry {record.queue_offset} is {entry}, the record says "
                               f"{(record.physical_offset, record.size, tags)}")
    return records
