/* The other side of tests/c_peer/main.rs:   peer FILE ROLE COUNT
 * FILE holds an Spsc<[u8; 64], 64>, a SequencedSpsc<u64, 16> and two Latest<[usize; 4]>, one after another. */
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

static void fail(const char *what) {
    fprintf(stderr, "peer.c: %s\n", what);
    exit(1);
}

static vvp_command record(uint64_t n) {
    vvp_command c = {.op = VVP_OP_NEW, .side = n & 1 ? VVP_SELL : VVP_BUY, .owner = 7, .id = n + 1,
                     .price = -(int64_t)n, .qty = n + 2};
    return c;
}

static void produce(vvp_spsc *q, uint64_t count) {
    if (!vvp_claim(&q->producer.claimed, &q->producer.closed)) fail("the producer's end is taken");
    for (uint64_t n = 0; n < count; n++) {
        vvp_command c = record(n);
        while (!vvp_spsc_push(q, RECORDS, sizeof c, &c)) sched_yield();
    }
    vvp_close(&q->producer.closed);
    vvp_unclaim(&q->producer.claimed);
}

static void consume(vvp_spsc *q, uint64_t count) {
    if (!vvp_claim(&q->consumer.claimed, &q->consumer.closed)) fail("the consumer's end is taken");
    for (uint64_t n = 0; n < count; n++) {
        vvp_command c, want = record(n);
        while (!vvp_spsc_pop(q, RECORDS, sizeof c, &c)) sched_yield();
        if (memcmp(&c, &want, sizeof c) != 0) fail("a record is not as it was written");
    }
    vvp_unclaim(&q->consumer.claimed);
}

static void sequenced_out(vvp_sequenced *q, uint64_t count) {
    if (!vvp_claim(&q->producer.claimed, &q->producer.closed)) fail("the producer's end is taken");
    size_t tail = vvp_sequenced_start(q, SEQUENCED);
    for (uint64_t n = 0; n < count; n++) while (!vvp_sequenced_push(q, SEQUENCED, &tail, n * n)) sched_yield();
    vvp_unclaim(&q->producer.claimed);
}

static void sequenced_in(vvp_sequenced *q, uint64_t count) {
    if (!vvp_claim(&q->consumer.claimed, &q->consumer.closed)) fail("the consumer's end is taken");
    for (uint64_t n = 0; n < count; n++) {
        uint64_t value;
        while (!vvp_sequenced_pop(q, SEQUENCED, &value)) sched_yield();
        if (value != n * n) fail("a value is not as it was written");
    }
    vvp_unclaim(&q->consumer.claimed);
}

/* Writes `count` versions into one, and reads the other until it has seen version `count`. */
static void newest(vvp_latest *mine, vvp_latest *theirs, uint64_t count) {
    if (!vvp_claim(&mine->claimed, &mine->closed)) fail("somebody else writes");
    for (size_t n = 1; n <= count; n++) {
        size_t value[WORDS] = {n, n + 1, n + 2, n + 3};
        vvp_latest_write(mine, WORDS, value);
    }
    vvp_unclaim(&mine->claimed);
    for (size_t version = 0; version < count;) {
        size_t value[WORDS];
        version = vvp_latest_read(theirs, WORDS, value);
        if (version == 0) { sched_yield(); continue; }
        for (size_t i = 0; i < WORDS; i++) if (value[i] != version + i) fail("a value is torn");
    }
}

int main(int argc, char **argv) {
    if (argc != 4) fail("peer FILE ROLE COUNT");
    int file = open(argv[1], O_RDWR);
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0) fail("cannot open the region");
    unsigned char *region = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (region == MAP_FAILED) fail("cannot map the region");
    vvp_spsc *records = (vvp_spsc *)region;
    vvp_sequenced *sequenced = (vvp_sequenced *)(region + vvp_spsc_bytes(RECORDS, sizeof(vvp_command)));
    vvp_latest *first = (vvp_latest *)((unsigned char *)sequenced + sizeof(vvp_sequenced) + SEQUENCED * sizeof(vvp_sequenced_slot));
    vvp_latest *second = (vvp_latest *)((unsigned char *)first + 256);
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (strcmp(argv[2], "produce") == 0) { produce(records, count); sequenced_out(sequenced, count); newest(first, second, count); }
    else if (strcmp(argv[2], "consume") == 0) { consume(records, count); sequenced_in(sequenced, count); newest(first, second, count); }
    else fail("ROLE is produce or consume");
    return 0;
}
