/*
 * Regions and channels that vvp-std-adapter makes, for C and C++ programs on Linux that join them.
 *
 * docs/layouts.md, "Regions between processes", is the contract: a header of 4096 bytes, then the
 * endpoints of the channel with their owners, then the queue of vvp.h. The Rust side creates a
 * channel (`SpscChannel::create`), this side opens its file, checks the header and claims an
 * endpoint:
 *
 *     vvp_spsc_channel channel;
 *     int status = vvp_spsc_channel_open(&channel, "/dev/shm/vvp-1000/orders",
 *                                        vvp_hash_bytes(64), 1024, 64);
 *     if (status == 0) status = vvp_spsc_channel_claim_sender(&channel);
 *     if (status == 0) vvp_spsc_push(channel.queue, channel.n, channel.size, &command);
 *     vvp_spsc_channel_release_sender(&channel);
 *     vvp_spsc_channel_shut(&channel);
 *
 * The Rust side sees this process alive or dead as it sees a Rust process. After a fork the child
 * must open the channel itself. std-adapter/tests/adapter/channel.c is a whole program.
 */
#ifndef VVP_REGION_H
#define VVP_REGION_H

#include "vvp.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#if !defined(O_CLOEXEC) || !defined(O_NOFOLLOW)
#error "define _GNU_SOURCE, or _POSIX_C_SOURCE as 200809L, before the first #include"
#endif
#ifndef F_OFD_SETLK /* numbers of the kernel, the same for every processor */
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif
VVP_ASSERT(sizeof(off_t) == 8, "define _FILE_OFFSET_BITS as 64");

#define VVP_REGION_HEADER_BYTES 4096u
#define VVP_REGION_VERSION 2u
#define VVP_REGION_MAGIC UINT64_C(0xb74e474552505656) /* "VVPREGN" and the byte 0xB7 */

typedef struct vvp_region_header {
    VVP_ATOMIC(uint64_t) magic, version, ready, layout_hash, total_bytes, creator;
    uint64_t reserved[10];
    VVP_ATOMIC(uint64_t) heartbeat;
} vvp_region_header;

/* One endpoint of a channel: its owner, and a count by which the owner shows that it works. */
typedef struct vvp_endpoint {
    VVP_ALIGN(128) VVP_ATOMIC(uint64_t) owner;
    VVP_ATOMIC(uint64_t) beats;
} vvp_endpoint;

VVP_ASSERT(offsetof(vvp_region_header, ready) == 16, "as in docs/layouts.md");
VVP_ASSERT(offsetof(vvp_region_header, creator) == 40, "as in docs/layouts.md");
VVP_ASSERT(offsetof(vvp_region_header, heartbeat) == 128, "as in docs/layouts.md");
VVP_ASSERT(offsetof(vvp_endpoint, beats) == 8 && sizeof(vvp_endpoint) == 128, "as in docs/layouts.md");

/* Bits of an owner word. */
#define VVP_OWNER_PID UINT64_C(0x3fffff)      /* process number; 0: the endpoint is free */
#define VVP_OWNER_UNLOCKED UINT64_C(0x400000) /* the owner holds no lock */
#define VVP_OWNER_ONE UINT64_C(0x800000)      /* the rest counts the claims */

/* Why a region cannot be used. The functions below return 0, one of these, or an errno. */
enum {
    VVP_REGION_NOT_A_REGION = -1,
    VVP_REGION_OTHER_VERSION = -2,
    VVP_REGION_OTHER_LAYOUT = -3,
    VVP_REGION_TOO_SMALL = -4,
    VVP_REGION_NOT_READY = -5,    /* its creator is at work: try again in a moment */
    VVP_REGION_HALF_MADE = -6,    /* its creator died: remove it and create it again */
    VVP_REGION_FOREIGN_OWNER = -7 /* another user's, or others may write to it */
};

/* ---- Layout hashes: FNV-1a of what a layout depends on --------------------------------------- */

static inline uint64_t vvp_hash_byte(uint64_t hash, unsigned char byte) {
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t vvp_hash_number(uint64_t hash, uint64_t number) {
    for (int i = 0; i < 8; i++) hash = vvp_hash_byte(hash, (unsigned char)(number >> (8 * i)));
    return hash;
}

static inline uint64_t vvp_hash_name(const char *name) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    while (*name) hash = vvp_hash_byte(hash, (unsigned char)*name++);
    return vvp_hash_byte(hash, 0xff);
}

static inline uint64_t vvp_hash_finish(uint64_t hash) { return hash ? hash : 1; }

/* Returns the hash of a message type by its Rust name, for example "u64", 8, 8. */
static inline uint64_t vvp_hash_message(const char *name, size_t size, size_t align) {
    return vvp_hash_finish(vvp_hash_number(vvp_hash_number(vvp_hash_name(name), size), align));
}

/* Returns the hash of the message type [u8; len]; records are messages of 64 bytes. */
static inline uint64_t vvp_hash_bytes(size_t len) {
    uint64_t hash = vvp_hash_number(vvp_hash_name("array"), vvp_hash_message("u8", 1, 1));
    return vvp_hash_finish(vvp_hash_number(hash, len));
}

/* Returns the hash in the header of a region, from hash, size and alignment of its contents. */
static inline uint64_t vvp_hash_region(uint64_t contents, size_t size, size_t align) {
    uint64_t hash = vvp_hash_number(vvp_hash_name("region"), contents);
    return vvp_hash_finish(vvp_hash_number(vvp_hash_number(hash, size), align));
}

/* ---- Regions --------------------------------------------------------------------------------- */

typedef struct vvp_region {
    int file;
    size_t mapped_bytes;
    unsigned char *start;
} vvp_region;

static inline vvp_region_header *vvp_region_head(const vvp_region *r) {
    return (vvp_region_header *)(void *)r->start;
}

/* Locks (F_WRLCK) or unlocks (F_UNLCK) a word's bytes of the file, or asks (F_OFD_GETLK) who has
 * them. Returns 0 or an errno; `*type` becomes what the kernel answers. */
static inline int vvp_region_lock(const vvp_region *r, int command, short *type,
                                  VVP_ATOMIC(uint64_t) *word) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = *type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (unsigned char *)(void *)word - r->start;
    lock.l_len = 8;
    while (fcntl(r->file, command, &lock) != 0)
        if (errno != EINTR) return errno;
    *type = lock.l_type;
    return 0;
}

/* Returns whether no process holds the lock of a word. */
static inline bool vvp_region_is_unlocked(const vvp_region *r, VVP_ATOMIC(uint64_t) *word) {
    short type = F_WRLCK;
    return vvp_region_lock(r, F_OFD_GETLK, &type, word) == 0 && type == F_UNLCK;
}

static inline int vvp_region_check(const vvp_region *r, uint64_t layout_hash, size_t size) {
    vvp_region_header *h = vvp_region_head(r);
    /* Acquire: pairs with the creator's Release: the contents are seen as they were made. */
    bool ready = VVP_LOAD(&h->ready, acquire) == 1;
    uint64_t needed = (VVP_REGION_HEADER_BYTES + size + 4095) / 4096 * 4096;
    uint64_t total = VVP_LOAD(&h->total_bytes, relaxed);
    if (VVP_LOAD(&h->magic, relaxed) != VVP_REGION_MAGIC) return VVP_REGION_NOT_A_REGION;
    if (VVP_LOAD(&h->version, relaxed) != VVP_REGION_VERSION) return VVP_REGION_OTHER_VERSION;
    if (VVP_LOAD(&h->layout_hash, relaxed) != layout_hash) return VVP_REGION_OTHER_LAYOUT;
    if (r->mapped_bytes < (total > needed ? total : needed)) return VVP_REGION_TOO_SMALL;
    if (ready) return 0;
    if (!vvp_region_is_unlocked(r, &h->creator)) return VVP_REGION_NOT_READY;
    /* Again: the creator may have finished between the two questions. */
    return VVP_LOAD(&h->ready, acquire) == 1 ? 0 : VVP_REGION_HALF_MADE;
}

/* Unmaps a region. Release the endpoints that this process has in it first. */
static inline void vvp_region_shut(vvp_region *r) {
    munmap(r->start, r->mapped_bytes);
    close(r->file);
}

/* Maps the region in the file `path` and checks that it is this user's, whole, and holds `size`
 * bytes of the layout `layout_hash`. */
static inline int vvp_region_open(vvp_region *r, const char *path, uint64_t layout_hash,
                                  size_t size) {
    struct stat about;
    r->file = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (r->file < 0) return errno;
    int status = fstat(r->file, &about) == 0 ? 0 : errno;
    if (status == 0 && !S_ISREG(about.st_mode)) status = VVP_REGION_NOT_A_REGION;
    if (status == 0 && (about.st_uid != geteuid() || (about.st_mode & 022) != 0))
        status = VVP_REGION_FOREIGN_OWNER;
    if (status == 0 && about.st_size < (off_t)VVP_REGION_HEADER_BYTES)
        status = VVP_REGION_TOO_SMALL;
    if (status != 0) {
        close(r->file);
        return status;
    }
    r->mapped_bytes = (size_t)about.st_size;
    void *start = mmap(NULL, r->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->file, 0);
    if (start == MAP_FAILED) {
        status = errno;
        close(r->file);
        return status;
    }
    r->start = (unsigned char *)start;
    status = vvp_region_check(r, layout_hash, size);
    if (status != 0) vvp_region_shut(r);
    return status;
}

/* ---- Endpoints ------------------------------------------------------------------------------ */

/* Claims an endpoint that is free or whose owner is dead. `*own` becomes the owner word. Returns
 * EBUSY if a live process has it, EAGAIN if another claimed it at the same moment. A program claims
 * an endpoint through one vvp_region only, and once until it releases it: locks made through one
 * open file do not exclude each other. */
static inline int vvp_endpoint_claim(const vvp_region *r, vvp_endpoint *end, uint64_t *own) {
    short lock = F_WRLCK, unlock = F_UNLCK;
    int status = vvp_region_lock(r, F_OFD_SETLK, &lock, &end->owner);
    if (status == EAGAIN || status == EACCES) return EBUSY;
    if (status != 0) return status;
    uint64_t before = VVP_LOAD(&end->owner, relaxed);
    uint64_t count = before & ~(VVP_OWNER_PID | VVP_OWNER_UNLOCKED);
    *own = (count + VVP_OWNER_ONE) | ((uint64_t)getpid() & VVP_OWNER_PID);
    if ((before & VVP_OWNER_PID) != 0 && (before & VVP_OWNER_UNLOCKED) != 0)
        status = EBUSY; /* whether it lives cannot be told */
    /* Acquire: pairs with the Release in vvp_endpoint_release, after all that the owner did. */
    else if (!VVP_STD(atomic_compare_exchange_strong_explicit)(&end->owner, &before, *own,
                                                               VVP_STD(memory_order_acquire),
                                                               VVP_STD(memory_order_relaxed)))
        status = EAGAIN;
    if (status != 0) vvp_region_lock(r, F_OFD_SETLK, &unlock, &end->owner);
    return status;
}

/* Releases an endpoint that this process owns. */
static inline void vvp_endpoint_release(const vvp_region *r, vvp_endpoint *end, uint64_t own) {
    short unlock = F_UNLCK;
    uint64_t expected = own;
    /* Release: pairs with the Acquire in vvp_endpoint_claim. Another owner's word is left alone. */
    VVP_STD(atomic_compare_exchange_strong_explicit)(
        &end->owner, &expected, own & ~(VVP_OWNER_PID | VVP_OWNER_UNLOCKED),
        VVP_STD(memory_order_release), VVP_STD(memory_order_relaxed));
    vvp_region_lock(r, F_OFD_SETLK, &unlock, &end->owner);
}

enum { VVP_PEER_ABSENT, VVP_PEER_ALIVE, VVP_PEER_DEAD };

/* Returns what is known of the owner of the other endpoint; not for an endpoint of this process. */
static inline int vvp_endpoint_peer(const vvp_region *r, vvp_endpoint *end) {
    /* Acquire: pairs with the Release in vvp_endpoint_release. */
    uint64_t word = VVP_LOAD(&end->owner, acquire);
    for (int i = 0; i < 64; i++) { /* again only if the endpoint changes hands meanwhile */
        if ((word & VVP_OWNER_PID) == 0) return VVP_PEER_ABSENT;
        if ((word & VVP_OWNER_UNLOCKED) != 0 || !vvp_region_is_unlocked(r, &end->owner))
            return VVP_PEER_ALIVE;
        uint64_t now = VVP_LOAD(&end->owner, acquire);
        if (now == word) return VVP_PEER_DEAD;
        word = now;
    }
    return VVP_PEER_ALIVE;
}

/* Shows that the owner works. */
static inline void vvp_endpoint_beat(vvp_endpoint *end) {
    VVP_STORE(&end->beats, VVP_LOAD(&end->beats, relaxed) + 1, relaxed); /* one writer */
}

/* ---- SpscChannel<T, N> ----------------------------------------------------------------------- */

typedef struct vvp_spsc_channel {
    vvp_region region;
    vvp_endpoint *sender, *receiver;
    vvp_spsc *queue;
    size_t n, size;
    uint64_t own; /* the owner word of the endpoint that this program has */
} vvp_spsc_channel;

/* Opens the channel of `n` messages of `size` bytes in the file `path`. `message` is the hash of
 * the message type: vvp_hash_bytes(64) for records. The alignment of a message is at most 128. */
static inline int vvp_spsc_channel_open(vvp_spsc_channel *c, const char *path, uint64_t message,
                                        size_t n, size_t size) {
    size_t bytes = 2 * sizeof(vvp_endpoint) + vvp_spsc_bytes(n, size);
    uint64_t hash = vvp_hash_number(vvp_hash_name("spsc channel 1"), message);
    hash = vvp_hash_number(vvp_hash_number(vvp_hash_number(hash, n), bytes), 128);
    hash = vvp_hash_region(vvp_hash_finish(hash), bytes, 128);
    int status = vvp_region_open(&c->region, path, hash, bytes);
    if (status != 0) return status;
    unsigned char *contents = c->region.start + VVP_REGION_HEADER_BYTES;
    c->sender = (vvp_endpoint *)(void *)contents;
    c->receiver = c->sender + 1;
    c->queue = (vvp_spsc *)(void *)(contents + 2 * sizeof(vvp_endpoint));
    c->n = n;
    c->size = size;
    c->own = 0;
    return 0;
}

static inline void vvp_spsc_channel_shut(vvp_spsc_channel *c) { vvp_region_shut(&c->region); }

/* Claims the sender's endpoint; then `queue` is pushed to. It continues after the last message that
 * was published. */
static inline int vvp_spsc_channel_claim_sender(vvp_spsc_channel *c) {
    int status = vvp_endpoint_claim(&c->region, c->sender, &c->own);
    if (status == 0) vvp_take_over(&c->queue->producer.claimed, &c->queue->producer.closed);
    return status;
}

static inline void vvp_spsc_channel_release_sender(vvp_spsc_channel *c) {
    vvp_spsc_release_producer(c->queue);
    vvp_endpoint_release(&c->region, c->sender, c->own);
}

/* Tells the receiver that no more will come, and releases the sender's endpoint. */
static inline void vvp_spsc_channel_close_sender(vvp_spsc_channel *c) {
    vvp_spsc_close_producer(c->queue);
    vvp_endpoint_release(&c->region, c->sender, c->own);
}

/* Claims the receiver's endpoint; then `queue` is popped from. It continues with the first message
 * whose slot was not released. */
static inline int vvp_spsc_channel_claim_receiver(vvp_spsc_channel *c) {
    int status = vvp_endpoint_claim(&c->region, c->receiver, &c->own);
    if (status != 0) return status;
    vvp_take_over(&c->queue->consumer.claimed, &c->queue->consumer.closed);
    vvp_spsc_start_consumer(c->queue);
    return 0;
}

static inline void vvp_spsc_channel_release_receiver(vvp_spsc_channel *c) {
    vvp_spsc_release_consumer(c->queue);
    vvp_endpoint_release(&c->region, c->receiver, c->own);
}

/* Tells the sender that nothing more will be taken, and releases the receiver's endpoint. */
static inline void vvp_spsc_channel_close_receiver(vvp_spsc_channel *c) {
    vvp_spsc_close_consumer(c->queue);
    vvp_endpoint_release(&c->region, c->receiver, c->own);
}

#endif
