/*
 * Data layouts that VVP Core shares with C and C++: the 64-byte records, the one-to-one queues and
 * the newest-value cell.
 *
 * C11 or C++17, for little-endian machines with lock-free atomics of a pointer's width. The layouts
 * are the same in both languages: `_Atomic(T)` in C, `std::atomic<T>` in C++. docs/layouts.md gives
 * the offset of every field and what each atomic access pairs with, docs/records.md and
 * docs/market-data.md give the fields of the records. tests/c_peer/main.rs compiles this file in
 * both languages and exchanges records with Rust in both directions; it also generates the block of
 * constants. vvp_region.h has the channels between processes.
 *
 * All-zero memory is an empty queue. A queue has one producer and one consumer. Each endpoint is
 * claimed before use and released afterwards, as in Rust. No function here blocks or allocates.
 */
#ifndef VVP_H
#define VVP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#include <atomic>
#define VVP_ATOMIC(T) std::atomic<T>
#define VVP_STD(name) std::name
#define VVP_ALIGN(bytes) alignas(bytes)
#define VVP_ASSERT(condition, text) static_assert(condition, text)
#else
#include <stdatomic.h>
#include <stdbool.h>
#define VVP_ATOMIC(T) _Atomic(T)
#define VVP_STD(name) name
#define VVP_ALIGN(bytes) _Alignas(bytes)
#define VVP_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define VVP_LOAD(place, order) VVP_STD(atomic_load_explicit)(place, VVP_STD(memory_order_##order))
#define VVP_STORE(place, value, order) \
    VVP_STD(atomic_store_explicit)(place, value, VVP_STD(memory_order_##order))

#define VVP_LINE 128u /* two fields with different writers never share such a line */

/* ---- Records (docs/records.md, docs/market-data.md) ------------------------------------------ */

typedef struct vvp_command {
    uint8_t op, side, type, tif, stp, detail;
    uint16_t flags, instrument, reserved;
    uint32_t owner;
    uint64_t ts, id;
    int64_t price;
    uint64_t qty, extra, expires;
} vvp_command;

/* Accepted, canceled, reduced, replaced, triggered: the owner is the upper half of `detail`, and of
   canceled the reason its lower half; `price` is there if VVP_EVENT_HAS_PRICE. VVP_EVENT_VERSION_1:
   read from a record of a VVPEVT1 file. */
typedef struct vvp_event {
    uint32_t seq_low;
    uint8_t kind, flags;
    uint16_t instrument;
    uint64_t ts, id, detail;
    int64_t price;
    uint64_t qty, maker_open, taker_open;
} vvp_event;

/* `id` of a VVP_DATA_TOP is the price of the best ask: (int64_t)id. */
typedef struct vvp_market_data {
    uint32_t number_low;
    uint8_t kind, flags;
    uint16_t instrument;
    uint64_t clock;
    int64_t price;
    uint64_t qty, id, left, more, seq;
} vvp_market_data;

/* The first 8 bytes of a file of records; the rest of its first record is zero. */
#define VVP_COMMAND_FILE "VVPCMD1\n"
#define VVP_EVENT_FILE "VVPEVT2\n"

/* BEGIN generated: VVP_BLESS=1 cargo test -p vvp-core --test c_peer constants */

enum { /* vvp_command.op */
    VVP_OP_NEW = 1,
    VVP_OP_CANCEL = 2,
    VVP_OP_REDUCE = 3,
    VVP_OP_REPLACE = 4,
    VVP_OP_MASS_CANCEL = 5,
    VVP_OP_PHASE = 6,
    VVP_OP_TIME = 7,
    VVP_OP_INSTRUMENT = 8,
    VVP_OP_LIMITS = 9,
    VVP_OP_REFUSED = 10,
};

enum { /* vvp_command.side */
    VVP_SIDE_BUY = 0,
    VVP_SIDE_SELL = 1,
};

enum { /* vvp_command.type */
    VVP_TYPE_LIMIT = 0,
    VVP_TYPE_MARKET = 1,
    VVP_TYPE_STOP = 2,
    VVP_TYPE_STOP_LIMIT = 3,
    VVP_TYPE_TRAILING_STOP = 4,
};

enum { /* vvp_command.tif */
    VVP_TIF_GTC = 0,
    VVP_TIF_DAY = 1,
    VVP_TIF_GTD = 2,
    VVP_TIF_IOC = 3,
    VVP_TIF_FOK = 4,
};

enum { /* vvp_command.stp */
    VVP_STP_NONE = 0,
    VVP_STP_CANCEL_NEWEST = 1,
    VVP_STP_CANCEL_OLDEST = 2,
    VVP_STP_CANCEL_BOTH = 3,
    VVP_STP_DECREMENT = 4,
};

enum { /* a phase, in vvp_command.detail and vvp_event.detail */
    VVP_PHASE_CONTINUOUS = 0,
    VVP_PHASE_AUCTION = 1,
    VVP_PHASE_HALTED = 2,
    VVP_PHASE_CLOSED = 3,
};

enum { /* vvp_command.flags */
    VVP_COMMAND_HAS_TS = 1,
    VVP_COMMAND_HAS_PRICE = 2,
    VVP_COMMAND_HAS_STOP = 4,
    VVP_COMMAND_HAS_QTY = 8,
    VVP_COMMAND_HAS_EXTRA = 16,
    VVP_COMMAND_HAS_SIDE = 32,
    VVP_COMMAND_HAS_ID = 64,
    VVP_COMMAND_HAS_EDGE_REF = 128,
    VVP_COMMAND_POST_ONLY = 256,
    VVP_COMMAND_HIDDEN = 512,
    VVP_COMMAND_BLOCKED = 1024,
    VVP_COMMAND_NO_INSTRUMENT = 2048,
    VVP_COMMAND_LOSE_PRIORITY = 4096,
};

enum { /* vvp_event.kind */
    VVP_EVENT_ACCEPTED = 1,
    VVP_EVENT_REJECTED = 2,
    VVP_EVENT_TRADE = 3,
    VVP_EVENT_CANCELED = 4,
    VVP_EVENT_REDUCED = 5,
    VVP_EVENT_REPLACED = 6,
    VVP_EVENT_TRIGGERED = 7,
    VVP_EVENT_PHASE = 8,
    VVP_EVENT_UNCROSS = 9,
    VVP_EVENT_DEFINED = 10,
};

enum { /* vvp_event.flags */
    VVP_EVENT_HAS_TS = 1,
    VVP_EVENT_HAS_ID = 2,
    VVP_EVENT_HAS_EDGE_REF = 4,
    VVP_EVENT_HAS_PRICE = 8,
    VVP_EVENT_NO_INSTRUMENT = 16,
    VVP_EVENT_SELL = 32,
    VVP_EVENT_VERSION_1 = 64,
};

enum { /* vvp_event.detail of VVP_EVENT_REJECTED */
    VVP_REJECT_BAD_FIELD = 1,
    VVP_REJECT_PHASE = 2,
    VVP_REJECT_DUPLICATE_ID = 3,
    VVP_REJECT_UNKNOWN_ORDER = 4,
    VVP_REJECT_UNKNOWN_INSTRUMENT = 5,
    VVP_REJECT_BAD_QTY = 6,
    VVP_REJECT_BAD_PRICE = 7,
    VVP_REJECT_OFF_TICK = 8,
    VVP_REJECT_PRICE_OUT_OF_BAND = 9,
    VVP_REJECT_OWNER_BLOCKED = 10,
    VVP_REJECT_MAX_QTY = 11,
    VVP_REJECT_MAX_NOTIONAL = 12,
    VVP_REJECT_MAX_ORDERS = 13,
    VVP_REJECT_WOULD_CROSS = 14,
    VVP_REJECT_BOOK_FULL = 15,
    VVP_REJECT_STOPS_FULL = 16,
    VVP_REJECT_LEVELS_FULL = 17,
    VVP_REJECT_TIME_REVERSED = 18,
};

enum { /* (uint32_t)vvp_event.detail of VVP_EVENT_CANCELED */
    VVP_CANCEL_REQUESTED = 1,
    VVP_CANCEL_IOC = 2,
    VVP_CANCEL_FOK = 3,
    VVP_CANCEL_MIN_QTY = 4,
    VVP_CANCEL_NO_LIQUIDITY = 5,
    VVP_CANCEL_PROTECTION = 6,
    VVP_CANCEL_SELF_TRADE_PREVENTION = 7,
    VVP_CANCEL_MASS_CANCEL = 8,
    VVP_CANCEL_EXPIRED = 9,
    VVP_CANCEL_BOOK_FULL = 10,
    VVP_CANCEL_LEVELS_FULL = 11,
    VVP_CANCEL_BAD_QTY = 12,
};

enum { /* vvp_market_data.kind */
    VVP_DATA_TOP = 1,
    VVP_DATA_LEVEL = 2,
    VVP_DATA_ADDED = 3,
    VVP_DATA_REDUCED = 4,
    VVP_DATA_DELETED = 5,
    VVP_DATA_EXECUTED = 6,
    VVP_DATA_HIDDEN_TRADE = 7,
};

enum { /* vvp_market_data.flags */
    VVP_DATA_SELL = 1,
    VVP_DATA_AGAIN = 2,
};

VVP_ASSERT(sizeof(vvp_command) == 64, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, op) == 0, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, side) == 1, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, type) == 2, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, tif) == 3, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, stp) == 4, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, detail) == 5, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, flags) == 6, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, instrument) == 8, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, owner) == 12, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, ts) == 16, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, id) == 24, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, price) == 32, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, qty) == 40, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, extra) == 48, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_command, expires) == 56, "as in docs/records.md");

VVP_ASSERT(sizeof(vvp_event) == 64, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, seq_low) == 0, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, kind) == 4, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, flags) == 5, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, instrument) == 6, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, ts) == 8, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, id) == 16, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, detail) == 24, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, price) == 32, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, qty) == 40, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, maker_open) == 48, "as in docs/records.md");
VVP_ASSERT(offsetof(vvp_event, taker_open) == 56, "as in docs/records.md");

VVP_ASSERT(sizeof(vvp_market_data) == 64, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, number_low) == 0, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, kind) == 4, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, flags) == 5, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, instrument) == 6, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, clock) == 8, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, price) == 16, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, qty) == 24, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, id) == 32, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, left) == 40, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, more) == 48, "as in docs/market-data.md");
VVP_ASSERT(offsetof(vvp_market_data, seq) == 56, "as in docs/market-data.md");

/* END generated */

/* ---- Commands. Each function returns a whole record; set further fields in the record. ------- */

static inline vvp_command vvp_blank(uint8_t op) {
    vvp_command c;
    memset(&c, 0, sizeof c);
    c.op = op;
    return c;
}

static inline vvp_command vvp_order(uint8_t type, uint64_t id, uint8_t side, uint64_t qty) {
    vvp_command c = vvp_blank(VVP_OP_NEW);
    c.type = type;
    c.id = id;
    c.side = side;
    c.qty = qty;
    return c;
}

/* A limit order: good till canceled, owner 0, instrument 0. */
static inline vvp_command vvp_limit(uint64_t id, uint8_t side, int64_t price, uint64_t qty) {
    vvp_command c = vvp_order(VVP_TYPE_LIMIT, id, side, qty);
    c.price = price;
    return c;
}

static inline vvp_command vvp_market(uint64_t id, uint8_t side, uint64_t qty) {
    return vvp_order(VVP_TYPE_MARKET, id, side, qty);
}

static inline vvp_command vvp_stop(uint64_t id, uint8_t side, int64_t stop, uint64_t qty) {
    vvp_command c = vvp_order(VVP_TYPE_STOP, id, side, qty);
    c.extra = (uint64_t)stop;
    return c;
}

static inline vvp_command vvp_stop_limit(uint64_t id, uint8_t side, int64_t stop, int64_t price,
                                         uint64_t qty) {
    vvp_command c = vvp_order(VVP_TYPE_STOP_LIMIT, id, side, qty);
    c.extra = (uint64_t)stop;
    c.price = price;
    return c;
}

static inline vvp_command vvp_trailing_stop(uint64_t id, uint8_t side, uint64_t trail,
                                            uint64_t qty) {
    vvp_command c = vvp_order(VVP_TYPE_TRAILING_STOP, id, side, qty);
    c.extra = trail;
    return c;
}

static inline vvp_command vvp_cancel(uint64_t id) {
    vvp_command c = vvp_blank(VVP_OP_CANCEL);
    c.id = id;
    return c;
}

static inline vvp_command vvp_reduce(uint64_t id, uint64_t qty) {
    vvp_command c = vvp_blank(VVP_OP_REDUCE);
    c.id = id;
    c.qty = qty;
    return c;
}

/* Replaces price, open quantity or both; a NULL keeps the old value. One must be given. */
static inline vvp_command vvp_replace(uint64_t id, const int64_t *price, const uint64_t *qty) {
    vvp_command c = vvp_blank(VVP_OP_REPLACE);
    c.id = id;
    if (price) {
        c.flags = (uint16_t)(c.flags | VVP_COMMAND_HAS_PRICE);
        c.price = *price;
    }
    if (qty) {
        c.flags = (uint16_t)(c.flags | VVP_COMMAND_HAS_QTY);
        c.qty = *qty;
    }
    return c;
}

/* Cancels all orders of an owner on one instrument. */
static inline vvp_command vvp_mass_cancel(uint32_t owner) {
    vvp_command c = vvp_blank(VVP_OP_MASS_CANCEL);
    c.owner = owner;
    return c;
}

/* The same for the orders of one side. */
static inline vvp_command vvp_mass_cancel_side(uint32_t owner, uint8_t side) {
    vvp_command c = vvp_mass_cancel(owner);
    c.flags = VVP_COMMAND_HAS_SIDE;
    c.side = side;
    return c;
}

static inline vvp_command vvp_phase(uint8_t phase) {
    vvp_command c = vvp_blank(VVP_OP_PHASE);
    c.detail = phase;
    return c;
}

/* Moves the clock to `ts` nanoseconds. */
static inline vvp_command vvp_time(uint64_t ts) {
    vvp_command c = vvp_blank(VVP_OP_TIME);
    c.flags = VVP_COMMAND_HAS_TS;
    c.ts = ts;
    return c;
}

/* Defines instrument `index`. The symbol has 1 to 16 bytes and no zero byte; the tick is
 * mantissa * 10^-decimals, without trailing zeros in the mantissa. */
static inline vvp_command vvp_instrument(uint16_t index, const char *symbol, int64_t mantissa,
                                         uint8_t decimals) {
    vvp_command c = vvp_blank(VVP_OP_INSTRUMENT);
    char padded[16] = {0};
    size_t len = strlen(symbol);
    memcpy(padded, symbol, len < sizeof padded ? len : sizeof padded);
    memcpy(&c.ts, padded, 8);
    memcpy(&c.id, padded + 8, 8);
    c.instrument = index;
    c.detail = decimals;
    c.expires = (uint64_t)mantissa;
    return c;
}

/* Gives a command its time in nanoseconds. */
static inline vvp_command vvp_at(vvp_command c, uint64_t ts) {
    c.flags = (uint16_t)(c.flags | VVP_COMMAND_HAS_TS);
    c.ts = ts;
    return c;
}

/* ---- Endpoints ------------------------------------------------------------------------------- */

typedef struct vvp_producer_line {
    VVP_ALIGN(128) VVP_ATOMIC(size_t) tail; /* published */
    VVP_ATOMIC(size_t) high_water, full_count;
    VVP_ATOMIC(bool) closed, claimed;
} vvp_producer_line;

typedef struct vvp_sequenced_producer_lines {
    VVP_ALIGN(128) VVP_ATOMIC(size_t) tail; /* a count: the sequence numbers publish */
    VVP_ATOMIC(size_t) high_water, full_count;
    VVP_ALIGN(128) VVP_ATOMIC(bool) closed; /* on a line that an idle consumer may poll */
    VVP_ATOMIC(bool) claimed;
} vvp_sequenced_producer_lines;

typedef struct vvp_spsc_consumer_line {
    VVP_ALIGN(128) VVP_ATOMIC(size_t) head; /* released */
    VVP_ATOMIC(size_t) high_water, in_drain;
    VVP_ATOMIC(bool) closed, claimed;
} vvp_spsc_consumer_line;

typedef struct vvp_sequenced_consumer_line {
    VVP_ALIGN(128) VVP_ATOMIC(size_t) head; /* released */
    VVP_ATOMIC(bool) closed, claimed;
} vvp_sequenced_consumer_line;

VVP_ASSERT(sizeof(VVP_ATOMIC(size_t)) == sizeof(size_t), "an atomic is a plain word");
VVP_ASSERT(sizeof(VVP_ATOMIC(uint64_t)) == 8, "an atomic is a plain word");
VVP_ASSERT(sizeof(VVP_ATOMIC(bool)) == 1, "an atomic flag is a plain byte");
VVP_ASSERT(sizeof(vvp_producer_line) == VVP_LINE, "one line");
VVP_ASSERT(sizeof(vvp_spsc_consumer_line) == VVP_LINE, "one line");
VVP_ASSERT(sizeof(vvp_sequenced_consumer_line) == VVP_LINE, "one line");
VVP_ASSERT(sizeof(vvp_sequenced_producer_lines) == 2 * VVP_LINE, "two lines");

/* Claims an endpoint and opens it again if it was closed; false if it is taken. */
static inline bool vvp_claim(VVP_ATOMIC(bool) *claimed, VVP_ATOMIC(bool) *closed) {
    bool no = false;
    /* Acquire: pairs with the Release in vvp_unclaim: all that the last owner did is seen. */
    if (!VVP_STD(atomic_compare_exchange_strong_explicit)(claimed, &no, true,
                                                          VVP_STD(memory_order_acquire),
                                                          VVP_STD(memory_order_relaxed)))
        return false;
    VVP_STORE(closed, false, relaxed);
    return true;
}

/* Takes an endpoint whose last owner is dead, or which another protocol has claimed for the caller
 * (vvp_endpoint_claim in vvp_region.h). */
static inline void vvp_take_over(VVP_ATOMIC(bool) *claimed, VVP_ATOMIC(bool) *closed) {
    VVP_STORE(claimed, true, relaxed);
    VVP_STORE(closed, false, relaxed);
}

/* Releases an endpoint. Release: pairs with the Acquire of the next owner. */
static inline void vvp_unclaim(VVP_ATOMIC(bool) *claimed) { VVP_STORE(claimed, false, release); }

/* Closes an endpoint. Release: pairs with the Acquire in vvp_is_closed. */
static inline void vvp_close(VVP_ATOMIC(bool) *closed) { VVP_STORE(closed, true, release); }

/* Returns whether the other endpoint has closed; all that its owner did before is seen then. */
static inline bool vvp_is_closed(VVP_ATOMIC(bool) *closed) { return VVP_LOAD(closed, acquire); }

/* Raises a statistic of one writer. */
static inline void vvp_raise(VVP_ATOMIC(size_t) *most, size_t now) {
    if (VVP_LOAD(most, relaxed) < now) VVP_STORE(most, now, relaxed);
}

/* Counts a refusal, in a statistic of one writer. */
static inline void vvp_count(VVP_ATOMIC(size_t) *count) {
    VVP_STORE(count, VVP_LOAD(count, relaxed) + 1, relaxed);
}

/* ---- Spsc<T, N>: two lines, then N slots of sizeof(T) bytes ---------------------------------- */

/* In all functions `n` is N, a power of two, and `size` is sizeof(T). */
typedef struct vvp_spsc {
    vvp_producer_line producer;
    vvp_spsc_consumer_line consumer;
} vvp_spsc;

VVP_ASSERT(offsetof(vvp_spsc, consumer) == 128, "as in docs/layouts.md");
VVP_ASSERT(sizeof(vvp_spsc) == 256, "the slots begin at 256, as in docs/layouts.md");

/* Returns the bytes that a queue takes. */
static inline size_t vvp_spsc_bytes(size_t n, size_t size) {
    return (sizeof(vvp_spsc) + n * size + VVP_LINE - 1) / VVP_LINE * VVP_LINE;
}

/* Makes an empty queue in `memory`: vvp_spsc_bytes(n, size) bytes, aligned to VVP_LINE, which
 * nothing else uses yet. */
static inline vvp_spsc *vvp_spsc_make(void *memory, size_t n, size_t size) {
    memset(memory, 0, vvp_spsc_bytes(n, size));
    return (vvp_spsc *)memory;
}

static inline unsigned char *vvp_spsc_slot(vvp_spsc *q, size_t n, size_t size, size_t index) {
    return (unsigned char *)q + sizeof(vvp_spsc) + (index & (n - 1)) * size;
}

/* Claims the producer endpoint; false if it is taken. */
static inline bool vvp_spsc_claim_producer(vvp_spsc *q) {
    return vvp_claim(&q->producer.claimed, &q->producer.closed);
}

static inline void vvp_spsc_release_producer(vvp_spsc *q) { vvp_unclaim(&q->producer.claimed); }

/* Closes the queue and releases the producer endpoint. Values in the queue stay. */
static inline void vvp_spsc_close_producer(vvp_spsc *q) {
    vvp_close(&q->producer.closed);
    vvp_unclaim(&q->producer.claimed);
}

/* Begins as a consumer, after a claim or a take-over: values that a drain of the last owner may
 * have taken are skipped. */
static inline void vvp_spsc_start_consumer(vvp_spsc *q) {
    size_t head = VVP_LOAD(&q->consumer.head, relaxed);
    size_t depth = VVP_LOAD(&q->producer.tail, relaxed) - head;
    size_t taken = VVP_LOAD(&q->consumer.in_drain, relaxed);
    VVP_STORE(&q->consumer.head, head + (taken < depth ? taken : depth), release);
    VVP_STORE(&q->consumer.in_drain, (size_t)0, relaxed);
}

/* Claims the consumer endpoint; false if it is taken. */
static inline bool vvp_spsc_claim_consumer(vvp_spsc *q) {
    if (!vvp_claim(&q->consumer.claimed, &q->consumer.closed)) return false;
    vvp_spsc_start_consumer(q);
    return true;
}

static inline void vvp_spsc_release_consumer(vvp_spsc *q) { vvp_unclaim(&q->consumer.claimed); }

/* Tells the producer that nothing more will be popped, and releases the consumer endpoint. */
static inline void vvp_spsc_close_consumer(vvp_spsc *q) {
    vvp_close(&q->consumer.closed);
    vvp_unclaim(&q->consumer.claimed);
}

/* Pushes the first values of `count` that fit, publishes them together and returns how many. */
static inline size_t vvp_spsc_push_batch(vvp_spsc *q, size_t n, size_t size, const void *values,
                                         size_t count) {
    size_t tail = VVP_LOAD(&q->producer.tail, relaxed); /* our own */
    /* Acquire: pairs with the consumer's Release of head: it is done with the slots before it. */
    size_t depth = tail - VVP_LOAD(&q->consumer.head, acquire);
    size_t free_slots = depth < n ? n - depth : 0; /* an impossible index counts as full */
    size_t len = count < free_slots ? count : free_slots;
    size_t first = n - (tail & (n - 1)); /* slots before the wrap */
    if (first > len) first = len;
    if (depth <= n) vvp_raise(&q->producer.high_water, depth);
    if (len < count) vvp_count(&q->producer.full_count);
    memcpy(vvp_spsc_slot(q, n, size, tail), values, first * size);
    memcpy(vvp_spsc_slot(q, n, size, 0), (const unsigned char *)values + first * size,
           (len - first) * size);
    /* Release: pairs with the consumer's Acquire of tail: the values are written. */
    VVP_STORE(&q->producer.tail, tail + len, release);
    return len;
}

/* Pushes one value and publishes it; false if the queue is full. */
static inline bool vvp_spsc_push(vvp_spsc *q, size_t n, size_t size, const void *value) {
    return vvp_spsc_push_batch(q, n, size, value, 1) == 1;
}

/* Returns how many values there are; for the consumer. */
static inline size_t vvp_spsc_available(vvp_spsc *q, size_t n) {
    size_t head = VVP_LOAD(&q->consumer.head, relaxed); /* our own */
    /* Acquire: pairs with the producer's Release of tail: the values before it are written. */
    size_t depth = VVP_LOAD(&q->producer.tail, acquire) - head;
    if (depth > n) return 0; /* an impossible index counts as empty */
    vvp_raise(&q->consumer.high_water, depth);
    return depth;
}

/* Pops the oldest values, at most `count`, releases their slots together and returns how many. */
static inline size_t vvp_spsc_pop_batch(vvp_spsc *q, size_t n, size_t size, void *values,
                                        size_t count) {
    size_t head = VVP_LOAD(&q->consumer.head, relaxed); /* our own */
    size_t there = vvp_spsc_available(q, n);
    size_t len = count < there ? count : there;
    size_t first = n - (head & (n - 1)); /* slots before the wrap */
    if (first > len) first = len;
    memcpy(values, vvp_spsc_slot(q, n, size, head), first * size);
    memcpy((unsigned char *)values + first * size, vvp_spsc_slot(q, n, size, 0),
           (len - first) * size);
    /* Release: pairs with the producer's Acquire of head: we are done with the slots. */
    VVP_STORE(&q->consumer.head, head + len, release);
    return len;
}

/* Pops the oldest value; false if there is none now. */
static inline bool vvp_spsc_pop(vvp_spsc *q, size_t n, size_t size, void *value) {
    return vvp_spsc_pop_batch(q, n, size, value, 1) == 1;
}

/* Returns whether the producer has closed and every value is popped; for the consumer. */
static inline bool vvp_spsc_is_finished(vvp_spsc *q, size_t n) {
    /* In this order: a producer that has closed has published its last value before. */
    return vvp_is_closed(&q->producer.closed) && vvp_spsc_available(q, n) == 0;
}

/* ---- SequencedSpsc<u64, N>: three lines, then N slots of a value and its sequence number ----- */

typedef struct vvp_sequenced_slot {
#if UINTPTR_MAX > UINT32_MAX
    VVP_ALIGN(16) uint64_t value;
#else
    uint64_t value;
#endif
    VVP_ATOMIC(size_t) sequence; /* one more than the number of the value written here last */
} vvp_sequenced_slot;

typedef struct vvp_sequenced {
    vvp_sequenced_producer_lines producer;
    vvp_sequenced_consumer_line consumer;
} vvp_sequenced;

VVP_ASSERT(offsetof(vvp_sequenced_slot, sequence) == 8, "as in docs/layouts.md");
VVP_ASSERT(sizeof(vvp_sequenced_slot) == 16, "as in docs/layouts.md");
VVP_ASSERT(sizeof(vvp_sequenced) == 384, "the slots begin at 384, as in docs/layouts.md");

/* Returns the bytes that a queue takes. */
static inline size_t vvp_sequenced_bytes(size_t n) {
    return (sizeof(vvp_sequenced) + n * sizeof(vvp_sequenced_slot) + VVP_LINE - 1) / VVP_LINE *
           VVP_LINE;
}

/* Makes an empty queue in `memory`: vvp_sequenced_bytes(n) bytes, aligned to VVP_LINE, which
 * nothing else uses yet. */
static inline vvp_sequenced *vvp_sequenced_make(void *memory, size_t n) {
    memset(memory, 0, vvp_sequenced_bytes(n));
    return (vvp_sequenced *)memory;
}

static inline vvp_sequenced_slot *vvp_sequenced_at(vvp_sequenced *q, size_t n, size_t index) {
    return (vvp_sequenced_slot *)(void *)((unsigned char *)q + sizeof(vvp_sequenced)) +
           (index & (n - 1));
}

/* Claims the producer endpoint; false if it is taken. `*tail` becomes the number of the next value,
 * which the producer passes to every push. */
static inline bool vvp_sequenced_claim_producer(vvp_sequenced *q, size_t n, size_t *tail) {
    if (!vvp_claim(&q->producer.claimed, &q->producer.closed)) return false;
    *tail = VVP_LOAD(&q->producer.tail, relaxed);
    for (size_t i = 0; i < n; i++) { /* the last owner may have died before it counted */
        if (VVP_LOAD(&vvp_sequenced_at(q, n, *tail)->sequence, relaxed) != *tail + 1) break;
        *tail += 1;
    }
    return true;
}

static inline void vvp_sequenced_release_producer(vvp_sequenced *q) {
    vvp_unclaim(&q->producer.claimed);
}

/* Closes the queue and releases the producer endpoint. Values in the queue stay. */
static inline void vvp_sequenced_close_producer(vvp_sequenced *q) {
    vvp_close(&q->producer.closed);
    vvp_unclaim(&q->producer.claimed);
}

/* Claims the consumer endpoint; false if it is taken. */
static inline bool vvp_sequenced_claim_consumer(vvp_sequenced *q) {
    return vvp_claim(&q->consumer.claimed, &q->consumer.closed);
}

static inline void vvp_sequenced_release_consumer(vvp_sequenced *q) {
    vvp_unclaim(&q->consumer.claimed);
}

/* Tells the producer that nothing more will be popped, and releases the consumer endpoint. */
static inline void vvp_sequenced_close_consumer(vvp_sequenced *q) {
    vvp_close(&q->consumer.closed);
    vvp_unclaim(&q->consumer.claimed);
}

/* Pushes the first values of `count` that fit and returns how many. The consumer may see the first
 * before the last is written. */
static inline size_t vvp_sequenced_push_batch(vvp_sequenced *q, size_t n, size_t *tail,
                                              const uint64_t *values, size_t count) {
    /* Acquire: pairs with the consumer's Release of head: it is done with the slots before it. */
    size_t depth = *tail - VVP_LOAD(&q->consumer.head, acquire);
    size_t free_slots = depth < n ? n - depth : 0; /* an impossible index counts as full */
    size_t len = count < free_slots ? count : free_slots;
    if (depth <= n) vvp_raise(&q->producer.high_water, depth);
    if (len < count) vvp_count(&q->producer.full_count);
    for (size_t i = 0; i < len; i++) {
        vvp_sequenced_slot *slot = vvp_sequenced_at(q, n, *tail);
        slot->value = values[i];
        *tail += 1;
        /* Release: pairs with the consumer's Acquire of the sequence: the value is written. */
        VVP_STORE(&slot->sequence, *tail, release);
    }
    /* Relaxed: for statistics, and for the next owner. */
    VVP_STORE(&q->producer.tail, *tail, relaxed);
    return len;
}

/* Pushes one value; false if the queue is full. */
static inline bool vvp_sequenced_push(vvp_sequenced *q, size_t n, size_t *tail, uint64_t value) {
    return vvp_sequenced_push_batch(q, n, tail, &value, 1) == 1;
}

/* Pops the oldest values, at most `count`, releases their slots together and returns how many. */
static inline size_t vvp_sequenced_pop_batch(vvp_sequenced *q, size_t n, uint64_t *values,
                                             size_t count) {
    size_t head = VVP_LOAD(&q->consumer.head, relaxed); /* our own */
    size_t len = 0;
    while (len < count) {
        vvp_sequenced_slot *slot = vvp_sequenced_at(q, n, head + len);
        /* Acquire: pairs with the producer's Release of the sequence: the value is written. */
        if (VVP_LOAD(&slot->sequence, acquire) != head + len + 1) break;
        values[len] = slot->value;
        len++;
    }
    /* Release: pairs with the producer's Acquire of head: we are done with the slots. */
    VVP_STORE(&q->consumer.head, head + len, release);
    return len;
}

/* Pops the oldest value; false if there is none now. */
static inline bool vvp_sequenced_pop(vvp_sequenced *q, size_t n, uint64_t *value) {
    return vvp_sequenced_pop_batch(q, n, value, 1) == 1;
}

/* Returns whether the producer has closed and every value is popped; for the consumer. */
static inline bool vvp_sequenced_is_finished(vvp_sequenced *q, size_t n) {
    /* In this order: a producer that has closed has published its last value before. */
    if (!vvp_is_closed(&q->producer.closed)) return false;
    size_t head = VVP_LOAD(&q->consumer.head, relaxed); /* our own */
    return VVP_LOAD(&vvp_sequenced_at(q, n, head)->sequence, acquire) != head + 1;
}

/* ---- Latest<T>: the newest value, for a T that is several words long ------------------------- */

typedef struct vvp_latest {
    VVP_ALIGN(128) VVP_ATOMIC(size_t) version; /* 0: nothing yet */
    VVP_ATOMIC(bool) closed, claimed;
} vvp_latest;

/* Returns the bytes that a cell for a value of `words` words takes. */
static inline size_t vvp_latest_bytes(size_t words) {
    return ((2 + 4 * words) * sizeof(size_t) + VVP_LINE - 1) / VVP_LINE * VVP_LINE;
}

/* Makes a cell without a value in `memory`: vvp_latest_bytes(words) bytes, aligned to VVP_LINE,
 * which nothing else uses yet. */
static inline vvp_latest *vvp_latest_make(void *memory, size_t words) {
    memset(memory, 0, vvp_latest_bytes(words));
    return (vvp_latest *)memory;
}

/* Returns the place of a version: there are four, used in turn, at two words from the start. */
static inline VVP_ATOMIC(size_t) *vvp_latest_place(vvp_latest *l, size_t words, size_t version) {
    return (VVP_ATOMIC(size_t) *)(void *)((unsigned char *)l + 2 * sizeof(size_t)) +
           (version & 3) * words;
}

/* Claims the writer endpoint; false if it is taken. */
static inline bool vvp_latest_claim_writer(vvp_latest *l) {
    return vvp_claim(&l->claimed, &l->closed);
}

static inline void vvp_latest_release_writer(vvp_latest *l) { vvp_unclaim(&l->claimed); }

/* Tells the readers that no newer value will come, and releases the writer endpoint. */
static inline void vvp_latest_close_writer(vvp_latest *l) {
    vvp_close(&l->closed);
    vvp_unclaim(&l->claimed);
}

/* Reads the newest value and returns its version. Returns 0 if there is no value yet, or if the
 * writer overwrote it during the copy: read again then. */
static inline size_t vvp_latest_read(vvp_latest *l, size_t words, size_t *value) {
    /* Acquire: pairs with the writer's Release of the version. */
    size_t version = VVP_LOAD(&l->version, acquire);
    if (version == 0) return 0;
    VVP_ATOMIC(size_t) *place = vvp_latest_place(l, words, version);
    /* Acquire: a word of a newer value shows the versions published before it was written. */
    for (size_t i = 0; i < words; i++) value[i] = VVP_LOAD(place + i, acquire);
    return VVP_LOAD(&l->version, relaxed) - version <= 2 ? version : 0;
}

/* Writes the newest value. */
static inline void vvp_latest_write(vvp_latest *l, size_t words, const size_t *value) {
    size_t next = VVP_LOAD(&l->version, relaxed) + 1; /* our own */
    if (next == 0) next = 4; /* 0 means no value; 4 has the same place */
    VVP_ATOMIC(size_t) *place = vvp_latest_place(l, words, next);
    for (size_t i = 0; i < words; i++) VVP_STORE(place + i, value[i], release);
    VVP_STORE(&l->version, next, release); /* pairs with the reader's Acquire */
}

#endif
