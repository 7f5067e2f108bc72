/* The other side of c_channel.rs:   channel DIR COUNT
 * Joins the channels DIR/to_c and DIR/from_c that Rust made, [u8; 64] x 128 each, and sends every
 * message back. After COUNT messages it ends as if it had been killed; without them it goes on
 * until Rust closes the channel. Compiled as C11 and as C++17. */
#define _POSIX_C_SOURCE 200809L
#include "vvp_region.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY 128u

static void fail(const char *what, int status) {
    fprintf(stderr, "channel.c: %s: %d\n", what, status);
    exit(1);
}

static int join(vvp_spsc_channel *channel, const char *dir, const char *name, size_t n) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return vvp_spsc_channel_open(channel, path, vvp_hash_bytes(64), n, 64);
}

/* What must be refused. */
static void probe(const char *dir, vvp_spsc_channel *to_c) {
    vvp_spsc_channel other;
    uint64_t own;
    int status = join(&other, dir, "to_c", CAPACITY / 2);
    if (status != VVP_REGION_OTHER_LAYOUT) fail("another capacity is not refused", status);
    status = join(&other, dir, "missing", CAPACITY);
    if (status != ENOENT) fail("a missing file is not refused", status);
    status = join(&other, dir, "text", CAPACITY);
    if (status != VVP_REGION_NOT_A_REGION) fail("a text is not refused", status);
    status = join(&other, dir, "short", CAPACITY);
    if (status != VVP_REGION_TOO_SMALL) fail("a short file is not refused", status);
    status = join(&other, dir, "shared", CAPACITY);
    if (status != VVP_REGION_FOREIGN_OWNER) fail("a file that others may write to is not refused", status);
    status = vvp_endpoint_claim(&to_c->region, to_c->sender, &own);
    if (status != EBUSY) fail("an endpoint of a live process is not refused", status);
    if (vvp_endpoint_peer(&to_c->region, to_c->sender) != VVP_PEER_ALIVE) fail("the sender is alive", 0);
}

int main(int argc, char **argv) {
    vvp_spsc_channel to_c, from_c;
    unsigned char message[64];
    if (argc != 3) fail("channel DIR COUNT", argc);
    long count = strtol(argv[2], NULL, 10);
    int status = join(&to_c, argv[1], "to_c", CAPACITY);
    if (status != 0) fail("cannot open to_c", status);
    status = join(&from_c, argv[1], "from_c", CAPACITY);
    if (status != 0) fail("cannot open from_c", status);
    probe(argv[1], &to_c);
    status = vvp_spsc_channel_claim_receiver(&to_c);
    if (status != 0) fail("cannot claim the receiver", status);
    status = vvp_spsc_channel_claim_sender(&from_c);
    if (status != 0) fail("cannot claim the sender", status);
    for (;;) {
        if (!vvp_spsc_pop(to_c.queue, to_c.n, to_c.size, message)) {
            /* In this order: a sender that has closed did so before it released its endpoint. */
            int peer = vvp_endpoint_peer(&to_c.region, to_c.sender);
            if (vvp_spsc_is_finished(to_c.queue, to_c.n)) break;
            if (peer != VVP_PEER_ALIVE) fail("the sender is gone", peer);
            vvp_endpoint_beat(to_c.receiver);
            sched_yield();
            continue;
        }
        while (!vvp_spsc_push(from_c.queue, from_c.n, from_c.size, message)) sched_yield();
        if (--count == 0) _exit(0);
    }
    vvp_spsc_channel_close_receiver(&to_c);
    vvp_spsc_channel_close_sender(&from_c);
    vvp_spsc_channel_shut(&to_c);
    vvp_spsc_channel_shut(&from_c);
    return 0;
}
