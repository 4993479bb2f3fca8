/* Plays canned replies, so that what a load costs is the client's alone: canned_server FILE [N]

   FILE holds, in the machine's byte order: the greeting's length and bytes; then exchanges, each as
   six 32-bit numbers (the exchange that follows, -1 for none; the request's length; the reply's
   length; the place, from 1, of a byte of it to spoil, 0 for none; how many numbers of eight bytes,
   the highest first, are in it; by how much they grow each time), the places of those, from 0, and
   the bytes of request and reply. A connection goes from an exchange to the one that follows it, and
   anywhere else by what it sends. Behind N replies one is spoiled, once; nobody is let in any more
   then, since FILE holds no further connections. Prints `listening on tcp://127.0.0.1:PORT`, then
   `spoiled`; ends when it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 4096, ROOM = 1 << 17, BUCKETS = 1 << 20 };

struct exchange {
    int32_t next;
    uint32_t asked, told, spoils, numbers, more;
    const char *places, *request;
    char *reply;
};
enum { HEAD = 24 };
struct connection { char *input; size_t length; int at; };

static struct exchange *exchanges;
static int *buckets, count;
static struct connection connections[MAX_FD];
static long until_spoiled;
static int listener;

static uint32_t hash(const char *data, size_t length) {
    uint64_t h = length;
    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    for (; length; data++, length--) h = (h ^ (unsigned char)*data) * 0x100000001B3u;
    return (h ^ h >> 32) % BUCKETS;
}

static int is(int at, const char *data, size_t length) {
    return exchanges[at].asked == length && !memcmp(exchanges[at].request, data, length);
}

static int found(const char *data, size_t length) {
    for (uint32_t bucket = hash(data, length); buckets[bucket] >= 0; bucket = (bucket + 1) % BUCKETS)
        if (is(buckets[bucket], data, length)) return buckets[bucket];
    return -1;
}

static void load(char *data, size_t size) {
    exchanges = malloc((size / HEAD + 1) * sizeof *exchanges);
    buckets = malloc(BUCKETS * sizeof *buckets);
    memset(buckets, -1, BUCKETS * sizeof *buckets);
    for (char *end = data + size; data < end && count < BUCKETS / 2; count++) {
        struct exchange *one = &exchanges[count];
        memcpy(one, data, HEAD);
        one->places = data + HEAD;
        one->request = one->places + 4 * one->numbers;
        data += HEAD + 4 * one->numbers + one->asked + one->told;
        one->reply = data - one->told;
        if (found(one->request, one->asked) >= 0) continue;
        uint32_t bucket = hash(one->request, one->asked);
        while (buckets[bucket] >= 0) bucket = (bucket + 1) % BUCKETS;
        buckets[bucket] = count;
    }
}

static void end(int fd) {
    free(connections[fd].input);
    connections[fd] = (struct connection){0};
    close(fd);
}

/* Have the numbers of a reply be those of the next time. */
static void grow(struct exchange *one) {
    for (uint32_t i = 0; i < one->numbers; i++) {
        uint32_t place;
        uint64_t number;
        memcpy(&place, one->places + 4 * i, sizeof place);
        memcpy(&number, one->reply + place, sizeof number);
        number = htobe64(be64toh(number) + one->more);
        memcpy(one->reply + place, &number, sizeof number);
    }
}

/* Send a reply, spoiled if it is time; false where it is not taken whole. */
static int answer(int fd, struct exchange *one) {
    if (until_spoiled > 1) until_spoiled--;
    int spoils = until_spoiled == 1 && one->spoils;
    char *byte = one->reply + one->spoils - 1;
    if (spoils) *byte ^= 1;
    ssize_t sent = send(fd, one->reply, one->told, MSG_NOSIGNAL);
    if (spoils) {
        *byte ^= 1;
        until_spoiled = 0;
        close(listener);
        puts("spoiled");
        fflush(stdout);
    }
    grow(one);
    return sent == one->told;
}

static void receive(int fd) {
    struct connection *one = &connections[fd];
    ssize_t got = recv(fd, one->input + one->length, ROOM - one->length, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) end(fd);
        return;
    }
    one->length += got;
    while (one->length) {
        int at = one->at >= 0 ? exchanges[one->at].next : -1;
        if (at < 0 || one->length < exchanges[at].asked || !is(at, one->input, exchanges[at].asked))
            at = found(one->input, one->length);
        if (at < 0) return;
        if (exchanges[at].told && !answer(fd, &exchanges[at])) {
            end(fd);
            return;
        }
        one->at = at;
        one->length -= exchanges[at].asked;
        memmove(one->input, one->input + exchanges[at].asked, one->length);
    }
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 || argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!file || fseek(file, 0, SEEK_END)) return 2;
    size_t size = ftell(file);
    char *data = malloc(size);
    rewind(file);
    if (fread(data, 1, size, file) != size) return 2;
    until_spoiled = argc == 3 ? atol(argv[2]) : 0;
    uint32_t greeting;
    memcpy(&greeting, data, sizeof greeting);
    load(data + sizeof greeting + greeting, size - sizeof greeting - greeting);

    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1024)) return 3;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int epoll = epoll_create1(0);
    struct epoll_event events[512], event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                receive(events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0) continue;
            if (fd >= MAX_FD) { close(fd); continue; }
            connections[fd] = (struct connection){.input = malloc(ROOM), .at = -1};
            if (greeting) send(fd, data + sizeof greeting, greeting, MSG_NOSIGNAL);
            event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        }
    }
}
