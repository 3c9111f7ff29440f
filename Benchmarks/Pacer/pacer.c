// Sends requests at an even rate, whatever the answers do, and counts each one's time from the moment it was due: an
// answer that keeps others waiting is charged with their waiting (wrk alone does not do that).
// usage: pacer PORT CONNECTIONS PER_SECOND SECONDS    with the request's head and body on standard input
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { connections_max = 1024, head_max = 65536 };

struct connection {
  int fd;
  long due;        // nanoseconds; 0: nothing is under way
  size_t got;      // bytes of the head read so far
  long body_left;  // bytes of the body still to come; -1: the head is not whole yet
  int failed;      // whether the answer's status is none of 2xx
  char head[head_max];
};

static struct connection connections[connections_max];
static char request[head_max];
static size_t request_bytes;
static long *times;
static long answered, failed;

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void stop(const char *why) {
  fprintf(stderr, "pacer: %s: %s\n", why, strerror(errno));
  exit(1);
}

static int by_size(const void *a, const void *b) {
  long x = *(const long *)a, y = *(const long *)b;
  return (x > y) - (x < y);
}

static void begin(struct connection *c, long due) {
  c->due = due;
  c->got = 0;
  c->body_left = -1;
  if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) stop("send");
}

// Reads what is there. Returns 1 when the answer is whole.
static int receive(struct connection *c) {
  static char rest[1 << 18];
  for (;;) {
    if (c->body_left < 0) {
      ssize_t count = recv(c->fd, c->head + c->got, head_max - 1 - c->got, MSG_DONTWAIT);
      if (count == 0) errno = ECONNRESET;
      if (count < 0 && errno == EAGAIN) return 0;
      if (count <= 0) stop("receive");
      c->got += count;
      c->head[c->got] = 0;
      char *end = strstr(c->head, "\r\n\r\n");
      if (!end) continue;
      c->failed = c->head[9] != '2';
      char *length = strcasestr(c->head, "content-length:");
      long bytes = length && length < end ? atol(length + 15) : 0;
      c->body_left = bytes - (long)(c->got - (end + 4 - c->head));
    }
    if (c->body_left <= 0) return 1;
    ssize_t count = recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
    if (count == 0) errno = ECONNRESET;
    if (count < 0 && errno == EAGAIN) return 0;
    if (count <= 0) stop("receive");
    c->body_left -= count;
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: pacer PORT CONNECTIONS PER_SECOND SECONDS <REQUEST\n"), 2;
  int count = atoi(argv[2]);
  double rate = atof(argv[3]), seconds = atof(argv[4]);
  if (count < 1 || count > connections_max || rate <= 0) return fprintf(stderr, "pacer: bad numbers\n"), 2;
  request_bytes = fread(request, 1, sizeof request, stdin);
  long total = (long)(rate * seconds);
  times = calloc(total ? total : 1, sizeof *times);
  int poll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int idle[connections_max], idle_count = 0;
  for (int i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) stop("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connections[i].fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    idle[idle_count++] = i;
  }
  long start = now(), sent = 0;
  double gap = 1e9 / rate;
  while (answered < total) {
    // What is due goes out as long as a connection is idle; what must wait is late, and counted so.
    while (sent < total && idle_count > 0 && start + (long)(sent * gap) <= now()) {
      begin(&connections[idle[--idle_count]], start + (long)(sent * gap));
      sent++;
    }
    long wait = sent < total && idle_count > 0 ? start + (long)(sent * gap) - now() : 100000000;
    struct timespec patience = {.tv_sec = 0, .tv_nsec = wait < 0 ? 0 : wait > 100000000 ? 100000000 : wait};
    struct epoll_event events[64];
    int ready = epoll_pwait2(poll, events, 64, &patience, NULL);
    for (int i = 0; i < ready; i++) {
      struct connection *c = &connections[events[i].data.u32];
      if (!receive(c)) continue;
      times[answered++] = now() - c->due;
      failed += c->failed;
      c->due = 0;
      idle[idle_count++] = events[i].data.u32;
    }
  }
  double took = (now() - start) / 1e9;
  qsort(times, total, sizeof *times, by_size);
  printf("{\"requests\": %ld, \"seconds\": %.3f, \"wrong\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
    total, took, failed, times[total / 2] / 1e6, times[total * 99 / 100] / 1e6, times[total - 1] / 1e6);
  return 0;
}
