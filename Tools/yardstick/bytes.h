// Big-endian numbers and slices of a frame, for the C yardstick.
#ifndef YARDSTICK_BYTES_H
#define YARDSTICK_BYTES_H
#include <stddef.h>
#include <stdint.h>

typedef struct { const uint8_t *at; size_t count; } slice;

static inline uint32_t word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Each returns what follows the bytes it wrote.
static inline uint8_t *put(uint8_t *bytes, uint32_t value) {
    value = __builtin_bswap32(value);
    __builtin_memcpy(bytes, &value, 4);
    return bytes + 4;
}
static inline uint8_t *put_long(uint8_t *bytes, uint64_t value) {
    value = __builtin_bswap64(value);
    __builtin_memcpy(bytes, &value, 8);
    return bytes + 8;
}
static inline uint8_t *put_slice(uint8_t *bytes, slice text) {
    if (text.count) __builtin_memcpy(bytes, text.at, text.count);
    return bytes + text.count;
}
#endif
