/* The limit: timestamp-echo on one epoll loop in C, with the framing and the rules of the reference
   server. Prints `listening on tcp://127.0.0.1:PORT`; ends when it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1024, HEADER = 27, READ = 62 * CHUNK, MAX_FD = 65536 };

struct connection { char *owed; size_t length; };

static struct connection connections[MAX_FD];
static char header[HEADER + 1], input[READ], output[READ + 64 * HEADER];

static void set_time(void) {
    static time_t last = -1;
    time_t now = time(NULL);
    if (now == last) return;
    last = now;
    char text[32];
    ctime_r(&now, text);
    snprintf(header, sizeof header, "[%.24s] ", text);
}

static void watch(int epoll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, operation, fd, &event);
}

static void end(int fd) {
    free(connections[fd].owed);
    connections[fd] = (struct connection){0};
    close(fd);
}

static void owe(int epoll, int fd, const char *data, size_t length) {
    struct connection *connection = &connections[fd];
    char *copy = malloc(length);
    memcpy(copy, data, length);
    free(connection->owed);
    connection->owed = copy;
    connection->length = length;
    watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void receive(int epoll, int fd) {
    ssize_t got = recv(fd, input, sizeof input, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) end(fd);
        return;
    }
    size_t length = 0;
    for (ssize_t at = 0; at < got; at += CHUNK) {
        size_t chunk = got - at < CHUNK ? (size_t)(got - at) : CHUNK;
        memcpy(output + length, header, HEADER);
        memcpy(output + length + HEADER, input + at, chunk);
        length += HEADER + chunk;
    }
    ssize_t sent = send(fd, output, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) { end(fd); return; }
    if (sent < 0) sent = 0;
    if ((size_t)sent < length) owe(epoll, fd, output + sent, length - sent);
}

static void flush(int epoll, int fd) {
    struct connection *connection = &connections[fd];
    ssize_t sent = send(fd, connection->owed, connection->length, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) end(fd);
        return;
    }
    connection->length -= sent;
    memmove(connection->owed, connection->owed + sent, connection->length);
    if (connection->length) return;
    free(connection->owed);
    connection->owed = NULL;
    watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
}

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) return 3;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int epoll = epoll_create1(0);
    struct epoll_event events[512];
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int count = epoll_wait(epoll, events, 512, -1);
        set_time();
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (accepted >= MAX_FD) close(accepted);
                else if (accepted >= 0) watch(epoll, EPOLL_CTL_ADD, accepted, EPOLLIN);
            } else if (connections[fd].owed) {
                flush(epoll, fd);
            } else {
                receive(epoll, fd);
            }
        }
    }
}
