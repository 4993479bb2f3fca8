/* The load for the server benchmark, in C so that the server is what is measured.

   epoll_client PORT CONNECTIONS BYTES SECONDS [REQUEST]

   Each connection sends BYTES, waits until all of them have come back, and starts over. Frames are
   counted by their `[`, which the payload does not hold: all has come back when the bytes received,
   less 27 a frame, are the bytes sent. Prints `ROUND_TRIPS SECONDS ALL`, where
   ALL counts those of the warm-up too. With a REQUEST, that is sent, and BYTES is the reply's size. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 27, MAX_FD = 65536, WARM_UP = 20 };

struct connection { long unsent, back; int answered; };

static struct connection connections[MAX_FD];
static char *payload, input[1 << 18];
static long bytes, request_bytes;
static int counts_frames;
static int epoll;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, operation, fd, &event)) fail("epoll_ctl");
}

/* Send on; wait for room only when there is none. */
static void send_on(int fd, int was_waiting) {
    struct connection *connection = &connections[fd];
    ssize_t sent = send(fd, payload, connection->unsent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("send");
    if (sent > 0) connection->unsent -= sent;
    int waits = connection->unsent > 0;
    if (waits != was_waiting) watch(EPOLL_CTL_MOD, fd, EPOLLIN | (waits ? EPOLLOUT : 0));
}

/* Take what has come back; whether that was the last of it. */
static int receive(int fd) {
    struct connection *connection = &connections[fd];
    ssize_t got = recv(fd, input, sizeof input, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) { fprintf(stderr, "the server closed a connection\n"); exit(1); }
    connection->back += got;
    if (counts_frames)
      for (char *at = input, *end = input + got; (at = memchr(at, '[', end - at)); at++)
        connection->back -= HEADER;
    return connection->unsent == 0 && connection->back == bytes;
}

int main(int argc, char **argv) {
    if (argc != 5 && argc != 6) return 2;
    int count = atoi(argv[2]);
    bytes = atol(argv[3]);
    double seconds = atof(argv[4]);
    counts_frames = argc == 5;
    request_bytes = counts_frames ? bytes : (long)strlen(argv[5]);
    payload = counts_frames ? memset(malloc(bytes), 'x', bytes) : argv[5];
    epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0, one = 1; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || fd >= MAX_FD) fail("socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        connections[fd].unsent = request_bytes;
        send_on(fd, 0);
    }
    /* Measured is from when every connection has been answered once: some servers start a process
       for each. One that does not get so far in time has no round trips. */
    long round_trips = 0, all = 0;
    int answered = 0;
    double start = now(), elapsed = 0;
    struct epoll_event events[1024];
    while ((elapsed = now() - start) < seconds || (answered < count && elapsed < WARM_UP)) {
        int ready = epoll_wait(epoll, events, 1024, 1000);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (events[i].events & EPOLLOUT) send_on(fd, 1);
            if (!(events[i].events & ~EPOLLOUT) || !receive(fd)) continue;
            round_trips++, all++;
            if (!connections[fd].answered && ++answered == count) {
                start = now();
                round_trips = 0;
            }
            connections[fd] = (struct connection){.unsent = request_bytes, .answered = 1};
            send_on(fd, 0);
        }
    }
    printf("%ld %.6f %ld\n", answered < count ? 0 : round_trips, elapsed, all);
    return 0;
}
