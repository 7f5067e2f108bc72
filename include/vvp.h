/*
 * Layouts that VVP Core shares with other languages: the rings, the newest value, the records of 64 bytes.
 *
 * C11, for little-endian machines with lock-free atomics of a pointer's width. docs/layouts.md has every field's place and
 * what each access pairs with, docs/records.md what the fields of the records hold. tests/c_peer/main.rs compiles this file and
 * runs it against the Rust side, both ways.
 *
 * All-zero memory is an empty ring. Each ring has one producer and one consumer; whoever uses an end from C claims it
 * first (vvp_claim), exactly as Rust does, and gives it back when done (vvp_unclaim). Nothing here waits or allocates.
 */
#ifndef VVP_H
#define VVP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#error "C only: C++ has no atomic members in structures that C shares"
#endif

#define VVP_LINE 128u /* no two writers on one such line */

/* ---- Records (docs/records.md) -------------------------------------------------------------------------------- */

typedef struct {
    uint8_t op, side, type, tif, stp, detail;
    uint16_t flags, instrument, reserved;
    uint32_t owner;
    uint64_t ts, id;
    int64_t price;
    uint64_t qty, extra, expires;
} vvp_command;

typedef struct {
    uint32_t seq_low;
    uint8_t kind, flags;
    uint16_t instrument;
    uint64_t ts, id, detail;
    int64_t price;
    uint64_t qty, maker_open, taker_open;
} vvp_event;

_Static_assert(sizeof(vvp_command) == 64 && sizeof(vvp_event) == 64, "a record has 64 bytes");
_Static_assert(offsetof(vvp_command, owner) == 12 && offsetof(vvp_command, expires) == 56, "as docs/records.md says");
_Static_assert(offsetof(vvp_event, ts) == 8 && offsetof(vvp_event, taker_open) == 56, "as docs/records.md says");

enum { VVP_OP_NEW = 1, VVP_OP_CANCEL = 2, VVP_OP_REDUCE = 3, VVP_OP_REPLACE = 4, VVP_OP_MASS_CANCEL = 5,
       VVP_OP_PHASE = 6, VVP_OP_TIME = 7, VVP_OP_INSTRUMENT = 8, VVP_OP_LIMITS = 9, VVP_OP_REFUSED = 10 };
enum { VVP_BUY = 0, VVP_SELL = 1 };

/* ---- The lines of a ring -------------------------------------------------------------------------------------- */

typedef struct {
    _Alignas(VVP_LINE) _Atomic(size_t) tail; /* published */
    _Atomic(size_t) high_water, full_count;
    _Atomic(bool) closed, claimed;
} vvp_producer_line;

typedef struct {
    _Alignas(VVP_LINE) _Atomic(size_t) tail; /* counted; the sequences publish */
    _Atomic(size_t) high_water, full_count;
    _Alignas(VVP_LINE) _Atomic(bool) closed; /* a line of its own, which an idle consumer looks at */
    _Atomic(bool) claimed;
} vvp_sequenced_producer_lines;

typedef struct {
    _Alignas(VVP_LINE) _Atomic(size_t) head; /* given back */
    _Atomic(size_t) high_water, in_drain;
    _Atomic(bool) closed, claimed;
} vvp_spsc_consumer_line;

typedef struct {
    _Alignas(VVP_LINE) _Atomic(size_t) head; /* given back */
    _Atomic(bool) closed, claimed;
} vvp_sequenced_consumer_line;

_Static_assert(sizeof(_Atomic(size_t)) == sizeof(size_t) && sizeof(_Atomic(bool)) == 1, "atomics are plain words");
_Static_assert(sizeof(vvp_producer_line) == VVP_LINE && sizeof(vvp_spsc_consumer_line) == VVP_LINE &&
               sizeof(vvp_sequenced_consumer_line) == VVP_LINE, "a line each");
_Static_assert(sizeof(vvp_sequenced_producer_lines) == 2 * VVP_LINE, "two lines");

/* Acquire: pairs with the Release of whoever gave the end back. */
static inline bool vvp_claim(_Atomic(bool) *claimed, _Atomic(bool) *closed) {
    bool no = false;
    if (!atomic_compare_exchange_strong_explicit(claimed, &no, true, memory_order_acquire, memory_order_relaxed)) return false;
    atomic_store_explicit(closed, false, memory_order_relaxed); /* a closed end is open again */
    return true;
}

/* Release: pairs with the Acquire of the next owner. */
static inline void vvp_unclaim(_Atomic(bool) *claimed) { atomic_store_explicit(claimed, false, memory_order_release); }

/* Release: pairs with the Acquire of the other end, which has seen all before when it sees this. */
static inline void vvp_close(_Atomic(bool) *closed) { atomic_store_explicit(closed, true, memory_order_release); }

/* ---- Spsc<T, N>: both lines, then N slots of sizeof(T) ---------------------------------------------------------- */

typedef struct {
    vvp_producer_line producer;
    vvp_spsc_consumer_line consumer;
    _Alignas(VVP_LINE) unsigned char slots[];
} vvp_spsc;

_Static_assert(offsetof(vvp_spsc, consumer) == 128 && offsetof(vvp_spsc, slots) == 256, "as docs/layouts.md says");

/* Bytes that a ring of `n` values of `size` bytes takes. */
static inline size_t vvp_spsc_bytes(size_t n, size_t size) { return (256 + n * size + VVP_LINE - 1) / VVP_LINE * VVP_LINE; }

/* Puts one value in and publishes it; false when the ring is full. `n` is a power of two. For the one producer. */
static inline bool vvp_spsc_push(vvp_spsc *q, size_t n, size_t size, const void *value) {
    size_t tail = atomic_load_explicit(&q->producer.tail, memory_order_relaxed); /* our own */
    /* Acquire: pairs with the consumer's Release of head: it is done with the slots before it. */
    size_t head = atomic_load_explicit(&q->consumer.head, memory_order_acquire);
    if (tail - head >= n) {
        size_t full_count = atomic_load_explicit(&q->producer.full_count, memory_order_relaxed);
        atomic_store_explicit(&q->producer.full_count, full_count + 1, memory_order_relaxed);
        return false;
    }
    memcpy(q->slots + (tail & (n - 1)) * size, value, size);
    /* Release: pairs with the consumer's Acquire of tail: the value is written. */
    atomic_store_explicit(&q->producer.tail, tail + 1, memory_order_release);
    return true;
}

/* Takes one value out; false when there is none now. For the one consumer. */
static inline bool vvp_spsc_pop(vvp_spsc *q, size_t n, size_t size, void *value) {
    size_t head = atomic_load_explicit(&q->consumer.head, memory_order_relaxed); /* our own */
    /* Acquire: pairs with the producer's Release of tail: the values before it are written. */
    if (atomic_load_explicit(&q->producer.tail, memory_order_acquire) == head) return false;
    memcpy(value, q->slots + (head & (n - 1)) * size, size);
    /* Release: pairs with the producer's Acquire of head: we are done with the slot. */
    atomic_store_explicit(&q->consumer.head, head + 1, memory_order_release);
    return true;
}

/* ---- SequencedSpsc<u64, N>: three lines, then N slots of a value and its sequence ------------------------------------------ */

typedef struct {
#if UINTPTR_MAX > UINT32_MAX
    _Alignas(16) uint64_t value;
#else
    uint64_t value;
#endif
    _Atomic(size_t) sequence; /* one more than the number of the value written here last */
} vvp_sequenced_slot;

typedef struct {
    vvp_sequenced_producer_lines producer;
    vvp_sequenced_consumer_line consumer;
    _Alignas(VVP_LINE) vvp_sequenced_slot slots[];
} vvp_sequenced;

_Static_assert(offsetof(vvp_sequenced_slot, sequence) == 8 && sizeof(vvp_sequenced_slot) == 16, "as docs/layouts.md says");
_Static_assert(offsetof(vvp_sequenced, slots) == 384, "as docs/layouts.md says");

/* The number of the next value: a producer starts with this, once, after it has claimed its end. */
static inline size_t vvp_sequenced_start(vvp_sequenced *q, size_t n) {
    size_t tail = atomic_load_explicit(&q->producer.tail, memory_order_relaxed);
    for (size_t i = 0; i < n; i++) { /* the last owner may have died between publishing and counting */
        if (atomic_load_explicit(&q->slots[tail & (n - 1)].sequence, memory_order_relaxed) != tail + 1) break;
        tail++;
    }
    return tail;
}

/* Puts one value in; false when the ring is full. `*tail` is the producer's own. */
static inline bool vvp_sequenced_push(vvp_sequenced *q, size_t n, size_t *tail, uint64_t value) {
    /* Acquire: pairs with the consumer's Release of head. */
    if (*tail - atomic_load_explicit(&q->consumer.head, memory_order_acquire) >= n) return false;
    vvp_sequenced_slot *slot = &q->slots[*tail & (n - 1)];
    slot->value = value;
    *tail += 1;
    /* Release: pairs with the consumer's Acquire of the sequence: the value is written. */
    atomic_store_explicit(&slot->sequence, *tail, memory_order_release);
    atomic_store_explicit(&q->producer.tail, *tail, memory_order_relaxed); /* for statistics, and for the next owner */
    return true;
}

/* Takes one value out; false when there is none now. */
static inline bool vvp_sequenced_pop(vvp_sequenced *q, size_t n, uint64_t *value) {
    size_t head = atomic_load_explicit(&q->consumer.head, memory_order_relaxed); /* our own */
    vvp_sequenced_slot *slot = &q->slots[head & (n - 1)];
    /* Acquire: pairs with the producer's Release of the sequence. */
    if (atomic_load_explicit(&slot->sequence, memory_order_acquire) != head + 1) return false;
    *value = slot->value;
    atomic_store_explicit(&q->consumer.head, head + 1, memory_order_release); /* pairs with the producer's Acquire */
    return true;
}

/* ---- Latest<T>, T longer than one atomic and a multiple of a word: the newest value ------------------------------ */

typedef struct {
    _Alignas(VVP_LINE) _Atomic(size_t) version; /* 0: nothing yet */
    _Atomic(bool) closed, claimed;
    _Alignas(sizeof(size_t)) _Atomic(size_t) places[]; /* four, each of `words` words, used in sequence */
} vvp_latest;

_Static_assert(offsetof(vvp_latest, places) == 2 * sizeof(size_t), "as docs/layouts.md says");

/* The version read, 0 if there is nothing yet or the writer was faster than the copying: try again. */
static inline size_t vvp_latest_read(vvp_latest *l, size_t words, size_t *value) {
    /* Acquire: pairs with the writer's Release of the version. */
    size_t version = atomic_load_explicit(&l->version, memory_order_acquire);
    if (version == 0) return 0;
    _Atomic(size_t) *place = l->places + (version & 3) * words;
    /* Acquire: a word of a newer value shows the versions that were published before it was written. */
    for (size_t i = 0; i < words; i++) value[i] = atomic_load_explicit(place + i, memory_order_acquire);
    size_t since = atomic_load_explicit(&l->version, memory_order_relaxed) - version;
    return since <= 2 ? version : 0;
}

/* Writes the newest value. For the one writer. */
static inline void vvp_latest_write(vvp_latest *l, size_t words, const size_t *value) {
    size_t next = atomic_load_explicit(&l->version, memory_order_relaxed) + 1; /* our own */
    if (next == 0) next = 4; /* 0 means "nothing yet", and lies in the same place */
    _Atomic(size_t) *place = l->places + (next & 3) * words;
    for (size_t i = 0; i < words; i++) atomic_store_explicit(place + i, value[i], memory_order_release);
    atomic_store_explicit(&l->version, next, memory_order_release); /* pairs with the reader's Acquire */
}

#endif
