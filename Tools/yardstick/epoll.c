// The plain C yardstick of Tools/bench: one epoll loop per thread that reads whatever a socket has, cuts RocketMQ frames,
// finds the opaque in each header (JSON or binary) and answers a full-size send response, one read and one write per wake-up.
// No store, no topic table: the upper bound of what a loop of this shape reaches on this machine.
//
// usage: epoll PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static uint32_t word(const uint8_t *bytes) { return (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]; }
static void put(uint8_t *bytes, uint32_t value) {
    bytes[0] = value >> 24, bytes[1] = value >> 16, bytes[2] = value >> 8, bytes[3] = value;
}

static long json_opaque(const uint8_t *header, size_t length) {
    const uint8_t *found = memmem(header, length, "\"opaque\":", 9);
    return found ? strtol((const char *)found + 9, NULL, 10) : 0;
}

static size_t answer(uint8_t *to, const uint8_t *header, size_t length, int binary) {
    static const char fields[] = "{\"code\":0,\"extFields\":{\"queueId\":\"1\",\"TRACE_ON\":\"true\",\"MSG_REGION\":\"DefaultRegion\","
                                 "\"msgId\":\"7F00000100002A9F0000000000000000\",\"queueOffset\":\"123456\"},\"flag\":1,"
                                 "\"language\":\"OTHER\",\"opaque\":%ld,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}";
    size_t size;
    if (!binary) {
        size = (size_t)sprintf((char *)to + 8, fields, json_opaque(header, length));
    } else {
        static const struct { const char *key, *value; } entries[] = {
            {"msgId", "7F00000100002A9F0000000000000000"}, {"queueId", "1"}, {"queueOffset", "123456"},
            {"MSG_REGION", "DefaultRegion"}, {"TRACE_ON", "true"}};
        uint8_t *start = to + 8, *at = start + 21;
        memset(start, 0, 21);
        start[2] = 7, start[3] = 409 >> 8, start[4] = 409 & 0xFF, start[12] = 1;
        memcpy(start + 5, header + 5, 4);
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            size_t key = strlen(entries[i].key), value = strlen(entries[i].value);
            *at++ = key >> 8, *at++ = key;
            at = (uint8_t *)mempcpy(at, entries[i].key, key);
            put(at, value);
            at = (uint8_t *)mempcpy(at + 4, entries[i].value, value);
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
        out += answer(output + out, peer->bytes + at + 8, kind & 0xFFFFFF, kind >> 24);
        at += frame;
        if (out > WRITE_BYTES - 1024) return -1;
    }
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
    if (count != 2) return fprintf(stderr, "usage: epoll PORT\n"), 2;
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
