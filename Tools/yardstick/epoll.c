// The plain C yardstick of Tools/bench: one epoll loop that reads whatever a socket has, cuts RocketMQ frames, reads all
// fields of each send header (JSON or binary) and answers a full-size send response, one read and one write per wake-up.
// No topic table, and without a folder no store: the upper bound of what a loop of this shape reaches on this machine. With a
// folder it also writes a log before it answers (log.c): the upper bound of a broker.
//
// usage: epoll PORT [FOLDER]     FOLDER is there and empty; the files stay in it for whoever made it to remove
#define _GNU_SOURCE
#include "bytes.h"
#include "log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, WRITE_BYTES = 1 << 20 };
typedef struct {
    int descriptor;
    size_t have;
    uint8_t bytes[READ_BYTES];
} connection;

static uint8_t output[WRITE_BYTES];
static int has_log;

// The fields a ... n of a send header (V2): texts as slices, numbers read.
typedef struct {
    slice text[14];
    long number[14], opaque;
} send_fields;

static long decimal(slice text) {
    unsigned long value = 0;
    for (size_t i = 0; i < text.count; i++) value = value * 10 + text.at[i] - '0';
    return (long)value;
}

static void set(send_fields *fields, slice key, slice value) {
    if (key.count == 6 && !memcmp(key.at, "opaque", 6)) fields->opaque = decimal(value);
    if (key.count != 1 || key.at[0] < 'a' || key.at[0] > 'n') return;
    int index = key.at[0] - 'a';
    fields->text[index] = value;
    if (strchr("defghj", key.at[0])) fields->number[index] = decimal(value);
}

// Behind the opening quote; returns what follows the closing one.
static const uint8_t *quoted(const uint8_t *at, const uint8_t *end, slice *text) {
    text->at = at;
    while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
    if (at > end) at = end;
    text->count = (size_t)(at - text->at);
    return at + 1;
}

static void read_json(const uint8_t *at, const uint8_t *end, send_fields *fields) {
    slice key, value;
    while (at < end) {
        if (*at++ != '"') continue;
        at = quoted(at, end, &key) + 1;
        if (at >= end || *at == '{') continue;
        if (*at == '"') {
            at = quoted(at + 1, end, &value);
        } else {
            value.at = at;
            while (at < end && *at != ',' && *at != '}') at++;
            value.count = (size_t)(at - value.at);
        }
        set(fields, key, value);
    }
}

static void read_binary(const uint8_t *at, const uint8_t *end, send_fields *fields) {
    slice key, value;
    for (at += 21; end - at > 6; at = value.at + value.count) {
        key.count = (size_t)at[0] << 8 | at[1], key.at = at + 2;
        if (key.count > (size_t)(end - at) - 6) return;
        value.count = word(key.at + key.count), value.at = key.at + key.count + 4;
        if (value.count > (size_t)(end - value.at)) return;
        set(fields, key, value);
    }
}

// Text of JSON without its escapes; those of mqbench are control characters, and others lose their upper bits here.
static slice unescaped(slice text, uint8_t *to) {
    slice plain = {.at = to};
    const uint8_t *at = text.at, *end = text.at + text.count;
    while (at < end) {
        const uint8_t *escape = memchr(at, '\\', (size_t)(end - at));
        if (!escape) escape = end;
        to = mempcpy(to, at, (size_t)(escape - at));
        if (end - escape >= 6 && escape[1] == 'u') {
            char digits[5] = {0};
            memcpy(digits, escape + 2, 4);
            *to++ = (uint8_t)strtoul(digits, NULL, 16);
            at = escape + 6;
        } else if (end - escape >= 2) {
            *to++ = escape[1];
            at = escape + 2;
        } else {
            break;
        }
    }
    plain.count = (size_t)(to - plain.at);
    return plain;
}

static int store(const send_fields *read, int binary, slice body) {
    static uint8_t text[READ_BYTES];
    log_message message = {.topic = read->text[1], .properties = read->text[8], .body = body, .queue_id = read->number[4],
                           .flag = read->number[7], .system_flag = read->number[5], .born = read->number[6], .reconsumed = read->number[9]};
    if (!binary) message.properties = unescaped(message.properties, text);
    return log_stage(&message);
}

static size_t answer(uint8_t *to, const uint8_t *header, const send_fields *read, int binary) {
    static const char fields[] = "{\"code\":0,\"extFields\":{\"queueId\":\"%ld\",\"TRACE_ON\":\"true\",\"MSG_REGION\":\"DefaultRegion\","
                                 "\"msgId\":\"7F00000100002A9F0000000000000000\",\"queueOffset\":\"123456\"},\"flag\":1,"
                                 "\"language\":\"OTHER\",\"opaque\":%ld,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}";
    size_t size;
    if (!binary) {
        size = (size_t)sprintf((char *)to + 8, fields, read->number[4], read->opaque);
    } else {
        char queue[24];
        sprintf(queue, "%ld", read->number[4]);
        const struct { const char *key, *value; } entries[] = {
            {"msgId", "7F00000100002A9F0000000000000000"}, {"queueId", queue}, {"queueOffset", "123456"},
            {"MSG_REGION", "DefaultRegion"}, {"TRACE_ON", "true"}};
        uint8_t *start = to + 8, *at = start + 21;
        memset(start, 0, 21);
        start[2] = 7, start[3] = 409 >> 8, start[4] = 409 & 0xFF, start[12] = 1;
        memcpy(start + 5, header + 5, 4);
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            size_t key = strlen(entries[i].key), value = strlen(entries[i].value);
            *at++ = (uint8_t)(key >> 8), *at++ = (uint8_t)key;
            at = (uint8_t *)mempcpy(at, entries[i].key, key);
            at = (uint8_t *)mempcpy(put(at, (uint32_t)value), entries[i].value, value);
        }
        put(start + 17, (uint32_t)(at - start - 21));
        size = (size_t)(at - start);
    }
    put(to, (uint32_t)size + 4);
    put(to + 4, (uint32_t)size | (binary ? 1u << 24 : 0));
    return size + 8;
}

static int serve(connection *peer) {
    ssize_t count = read(peer->descriptor, peer->bytes + peer->have, READ_BYTES - peer->have);
    if (count <= 0) return count < 0 && errno == EAGAIN ? 0 : -1;
    peer->have += (size_t)count;
    size_t at = 0, out = 0;
    while (peer->have - at >= 8) {
        size_t frame = (size_t)word(peer->bytes + at) + 4;
        if (frame > READ_BYTES || frame < 8) return -1;
        if (peer->have - at < frame) break;
        uint32_t kind = word(peer->bytes + at + 4);
        int binary = kind >> 24 != 0;
        const uint8_t *header = peer->bytes + at + 8, *end = peer->bytes + at + frame;
        size_t length = kind & 0xFFFFFF;
        if (length > (size_t)(end - header) || (binary && length < 21)) return -1;
        send_fields read = {0};
        (binary ? read_binary : read_json)(header, header + length, &read);
        if (has_log && store(&read, binary, (slice){header + length, (size_t)(end - header) - length})) return -1;
        out += answer(output + out, header, &read, binary);
        at += frame;
        if (out > WRITE_BYTES - 1024) return -1;
    }
    if (has_log) log_write();
    memmove(peer->bytes, peer->bytes + at, peer->have - at);
    peer->have -= at;
    for (size_t sent = 0; sent < out;) {
        ssize_t written = write(peer->descriptor, output + sent, out - sent);
        if (written < 0 && errno != EAGAIN) return -1;
        if (written > 0) sent += (size_t)written;
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 2 && count != 3) return fprintf(stderr, "usage: epoll PORT [FOLDER]\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    has_log = count == 3;
    if (has_log && log_open(arguments[2])) return 1;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) return perror("epoll"), 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < found; i++) {
            connection *peer = ready[i].data.ptr;
            if (!peer) {
                int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (descriptor < 0) continue;
                setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                peer = malloc(sizeof *peer);
                if (!peer) return 1;
                peer->descriptor = descriptor, peer->have = 0;
                event.data.ptr = peer;
                epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
            } else if (serve(peer)) {
                close(peer->descriptor);
                free(peer);
            }
        }
    }
}
