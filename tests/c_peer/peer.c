/* The other side of tests/c_peer/main.rs:   peer FILE ROLE COUNT
 * FILE holds an Spsc<[u8; 64], 64>, a SequencedSpsc<u64, 16> and two Latest<[usize; 4]>, one after
 * another. The file is compiled as C11 and as C++17. */
#include "vvp.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 64u
#define SEQUENCED 16u
#define WORDS 4u
#define BATCH 7u

static void fail(const char *what) {
    fprintf(stderr, "peer.c: %s\n", what);
    exit(1);
}

static vvp_command record(uint64_t n) {
    vvp_command c = vvp_limit(n + 1, n & 1 ? VVP_SIDE_SELL : VVP_SIDE_BUY, -(int64_t)n, n + 2);
    c.owner = 7;
    return c;
}

/* One command of each constructor; main.rs has the same. */
static size_t samples(vvp_command *out) {
    const int64_t price = -5;
    const uint64_t qty = 6;
    size_t n = 0;
    out[n++] = vvp_instrument(0, "AAPL", 25, 2);
    out[n] = vvp_limit(1, VVP_SIDE_BUY, 15000, 100);
    out[n].tif = VVP_TIF_IOC;
    out[n].flags = VVP_COMMAND_HAS_EXTRA;
    out[n++].extra = 50;
    out[n] = vvp_limit(2, VVP_SIDE_SELL, 15001, 100);
    out[n].tif = VVP_TIF_GTD;
    out[n].expires = 9;
    out[n].stp = VVP_STP_CANCEL_OLDEST;
    out[n++].flags = VVP_COMMAND_POST_ONLY;
    out[n++] = vvp_market(3, VVP_SIDE_SELL, 40);
    out[n++] = vvp_stop(4, VVP_SIDE_BUY, -1, 2);
    out[n++] = vvp_stop_limit(5, VVP_SIDE_BUY, -1, -2, 3);
    out[n++] = vvp_trailing_stop(6, VVP_SIDE_SELL, 8, 3);
    out[n++] = vvp_cancel(7);
    out[n++] = vvp_at(vvp_reduce(8, 1), 77);
    out[n++] = vvp_replace(9, &price, NULL);
    out[n++] = vvp_replace(10, NULL, &qty);
    out[n++] = vvp_mass_cancel(11);
    out[n++] = vvp_mass_cancel_side(12, VVP_SIDE_SELL);
    out[n++] = vvp_phase(VVP_PHASE_AUCTION);
    out[n++] = vvp_time(13);
    return n;
}

static void produce(vvp_spsc *q, uint64_t count) {
    vvp_command batch[RECORDS];
    if (!vvp_spsc_claim_producer(q)) fail("the producer endpoint is taken");
    size_t len = samples(batch);
    if (vvp_spsc_push_batch(q, RECORDS, sizeof batch[0], batch, len) != len) fail("no room");
    for (uint64_t n = 0; n < count;) {
        size_t pushed = 0;
        for (len = 0; len < BATCH && n + len < count; len++) batch[len] = record(n + len);
        while (pushed < len) {
            size_t more = vvp_spsc_push_batch(q, RECORDS, sizeof batch[0], batch + pushed, len - pushed);
            if (more == 0) sched_yield();
            pushed += more;
        }
        n += len;
    }
    vvp_spsc_close_producer(q);
}

/* The first two records are an event and a market data record. */
static void other_records(vvp_spsc *q) {
    vvp_event e;
    vvp_market_data d;
    while (vvp_spsc_available(q, RECORDS) < 2) sched_yield();
    if (!vvp_spsc_pop(q, RECORDS, sizeof e, &e) || !vvp_spsc_pop(q, RECORDS, sizeof d, &d))
        fail("they are there");
    if (e.seq_low != 1 || e.kind != VVP_EVENT_CANCELED || e.flags != (VVP_EVENT_HAS_TS | VVP_EVENT_HAS_PRICE | VVP_EVENT_SELL) ||
        e.instrument != 2 || e.ts != 3 || e.id != 4 || (uint32_t)e.detail != VVP_CANCEL_SELF_TRADE_PREVENTION || e.detail >> 32 != 10 ||
        e.price != -6 || e.qty != 5 || e.maker_open != 0 || e.taker_open != 0)
        fail("an event is not as it was written");
    if (d.number_low != 1 || d.kind != VVP_DATA_EXECUTED || d.flags != (VVP_DATA_SELL | VVP_DATA_AGAIN) ||
        d.instrument != 2 || d.clock != 3 || d.seq != 4 || d.price != -5 || d.id != 6 || d.more != 7 ||
        d.qty != 8 || d.left != 9)
        fail("a market data record is not as it was written");
}

static void consume(vvp_spsc *q, uint64_t count) {
    if (!vvp_spsc_claim_consumer(q)) fail("the consumer endpoint is taken");
    other_records(q);
    for (uint64_t n = 0; n < count;) {
        vvp_command batch[BATCH];
        size_t len = vvp_spsc_pop_batch(q, RECORDS, sizeof batch[0], batch, BATCH);
        if (len == 0) sched_yield();
        for (size_t i = 0; i < len; i++) {
            vvp_command want = record(n + i);
            if (memcmp(&batch[i], &want, sizeof want) != 0) fail("a record is not as it was written");
        }
        n += len;
    }
    while (!vvp_spsc_is_finished(q, RECORDS)) sched_yield();
    vvp_spsc_close_consumer(q);
}

static void sequenced_out(vvp_sequenced *q, uint64_t count) {
    size_t tail;
    if (!vvp_sequenced_claim_producer(q, SEQUENCED, &tail)) fail("the producer endpoint is taken");
    for (uint64_t n = 0; n < count; n++)
        while (!vvp_sequenced_push(q, SEQUENCED, &tail, n * n)) sched_yield();
    vvp_sequenced_close_producer(q);
}

static void sequenced_in(vvp_sequenced *q, uint64_t count) {
    if (!vvp_sequenced_claim_consumer(q)) fail("the consumer endpoint is taken");
    for (uint64_t n = 0; n < count;) {
        uint64_t batch[BATCH];
        size_t len = vvp_sequenced_pop_batch(q, SEQUENCED, batch, BATCH);
        if (len == 0) sched_yield();
        for (size_t i = 0; i < len; i++, n++)
            if (batch[i] != n * n) fail("a value is not as it was written");
    }
    while (!vvp_sequenced_is_finished(q, SEQUENCED)) sched_yield();
    vvp_sequenced_close_consumer(q);
}

/* Writes `count` versions into one cell, and reads the other until it has seen version `count`. */
static void newest(vvp_latest *mine, vvp_latest *theirs, uint64_t count) {
    if (!vvp_latest_claim_writer(mine)) fail("the writer endpoint is taken");
    for (size_t n = 1; n <= count; n++) {
        size_t value[WORDS] = {n, n + 1, n + 2, n + 3};
        vvp_latest_write(mine, WORDS, value);
    }
    vvp_latest_release_writer(mine);
    for (size_t version = 0; version < count;) {
        size_t value[WORDS];
        version = vvp_latest_read(theirs, WORDS, value);
        if (version == 0) {
            sched_yield();
            continue;
        }
        for (size_t i = 0; i < WORDS; i++)
            if (value[i] != version + i) fail("a value is torn");
    }
}

int main(int argc, char **argv) {
    if (argc != 4) fail("peer FILE ROLE COUNT");
    int file = open(argv[1], O_RDWR);
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0) fail("cannot open the region");
    void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) fail("cannot map the region");
    unsigned char *region = (unsigned char *)mapped;
    size_t turns_at = vvp_spsc_bytes(RECORDS, sizeof(vvp_command));
    size_t first_at = turns_at + vvp_sequenced_bytes(SEQUENCED);
    size_t second_at = first_at + vvp_latest_bytes(WORDS);
    if (second_at + vvp_latest_bytes(WORDS) != (size_t)about.st_size) fail("another length");
    vvp_spsc *records = (vvp_spsc *)mapped;
    vvp_sequenced *sequenced = (vvp_sequenced *)(void *)(region + turns_at);
    vvp_latest *first = (vvp_latest *)(void *)(region + first_at);
    vvp_latest *second = (vvp_latest *)(void *)(region + second_at);
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (strcmp(argv[2], "make") == 0) {
        vvp_spsc_make(mapped, RECORDS, sizeof(vvp_command));
        vvp_sequenced_make(region + turns_at, SEQUENCED);
        vvp_latest_make(region + first_at, WORDS);
        vvp_latest_make(region + second_at, WORDS);
    } else if (strcmp(argv[2], "produce") == 0) {
        produce(records, count);
        sequenced_out(sequenced, count);
        newest(first, second, count);
    } else if (strcmp(argv[2], "consume") == 0) {
        consume(records, count);
        sequenced_in(sequenced, count);
        newest(first, second, count);
    } else {
        fail("ROLE is make, produce or consume");
    }
    return 0;
}
