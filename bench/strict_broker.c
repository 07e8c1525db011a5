/*
 * A peer that plays a strict broker (RFC 7) for the lanes of one worker: each gets one request at a time,
 * and the next one upon its reply, which is checked. It speaks ZMTP 3.0 (RFC 23) by itself, because
 * with libzmq it would cost more than what it measures. As `null` it is the other side: lanes that answer
 * at once, which show what the driver is able to do.
 *
 *   strict_broker broker PORT LANES    then a line `set COUNT` or `get COUNT` on standard input for each run;
 *                                      prints `ready` when all lanes are there, and for each run a line of JSON
 *   strict_broker null PORT LANES
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LANES_MAX 256
#define KEYS 1000
#define INPUT_MAX 65536
enum { READY = 1, REQUEST, REPLY, HEARTBEAT }; /* RFC 7, section 7 */
enum { MORE = 1, LONG = 2, COMMAND = 4 };      /* RFC 23, section 2.3 */

struct lane {
  int fd, is_open, is_ready, key;
  double sent;
  size_t used;
  unsigned char input[INPUT_MAX];
};
struct run {
  char operation[16];
  int count, asked, answered, failed;
  double start, cpu, *latencies;
};

static struct lane lanes[LANES_MAX];
static int lane_count, opened, ready_count, is_null;
static struct run run;
static char value[101];

static void die(const char *what) {
  fprintf(stderr, "strict_broker: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Sends are small and answered one by one: they always fit into the socket's buffer. */
static void send_all(struct lane *l, const void *bytes, size_t length) {
  if (send(l->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
}

static size_t put(unsigned char *at, int flags, const void *bytes, size_t length) {
  at[0] = flags;
  at[1] = length;
  memcpy(at + 2, bytes, length);
  return length + 2;
}

/* The part of a command that every one has: an empty frame, the protocol, the command. */
static size_t put_head(unsigned char *at, unsigned char command, int flags) {
  size_t n = put(at, MORE, "", 0);
  n += put(at + n, MORE, "MDPW01", 6);
  return n + put(at + n, flags, &command, 1);
}

static void greet(struct lane *l) {
  unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
  unsigned char body[64], frame[66];
  const char *type = is_null ? "DEALER" : "ROUTER";
  memcpy(body, "\5READY\13Socket-Type\0\0\0\6", 22);
  memcpy(body + 22, type, 6);
  send_all(l, greeting, sizeof greeting);
  send_all(l, frame, put(frame, COMMAND, body, 28));
}

static void ask(struct lane *l) {
  unsigned char out[512];
  char body[256];
  if (run.asked == run.count) return;
  l->key = run.asked++ % KEYS;
  int length = run.operation[0] == 's'
    ? snprintf(body, sizeof body, "{\"service\":\"org.plantd.Bench\",\"key\":\"key%d\",\"value\":\"%s\"}", l->key, value)
    : snprintf(body, sizeof body, "{\"service\":\"org.plantd.Bench\",\"key\":\"key%d\"}", l->key);
  size_t n = put_head(out, REQUEST, MORE);
  n += put(out + n, MORE, "\0\1\2\3\4", 5);
  n += put(out + n, MORE, "", 0);
  n += put(out + n, MORE, run.operation, 3);
  n += put(out + n, 0, body, length);
  l->sent = now();
  send_all(l, out, n);
}

static int by_size(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

static void report(void) {
  double took = now() - run.start, cpu = cpu_seconds() - run.cpu;
  qsort(run.latencies, run.count, sizeof(double), by_size);
  printf("{\"perSecond\":%.1f,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"driverUs\":%.3f,\"failed\":%d}\n", run.count / took,
         run.latencies[run.count / 2] * 1e3, run.latencies[run.count / 100 * 99] * 1e3, cpu / run.count * 1e6, run.failed);
  fflush(stdout);
  free(run.latencies);
}

/* A reply is good when it tells the key that was asked for, and a value of the length that was set. */
static int is_good(struct lane *l, const unsigned char *body, size_t length) {
  char start[64];
  int n = is_null ? 0 : snprintf(start, sizeof start, "{\"key\":\"key%d\",\"value\":\"%s", l->key, "xxxx");
  return length > (size_t)n + 96 && !memcmp(body, start, n);
}

static void take(struct lane *l, int command, const unsigned char *body, size_t length) {
  unsigned char out[512];
  if (is_null && command == REQUEST) {
    size_t n = put_head(out, REPLY, MORE);
    n += put(out + n, MORE, "\0\1\2\3\4", 5);
    n += put(out + n, MORE, "", 0);
    char reply[256];
    int size = snprintf(reply, sizeof reply, "%.*s", (int)length, body);
    const char *key = strstr(reply, "\"key\":\"");
    char made[256];
    size = snprintf(made, sizeof made, "{\"key\":\"key%d\",\"value\":\"%s\",\"revision\":1}", key ? atoi(key + 10) : 0, value);
    send_all(l, out, n + put(out + n, 0, made, size));
  } else if (command == READY && !l->is_ready) {
    l->is_ready = 1;
    if (++ready_count == lane_count) puts("ready"), fflush(stdout);
  } else if (command == HEARTBEAT && !is_null) {
    send_all(l, out, put_head(out, HEARTBEAT, 0));
  } else if (command == REPLY && run.answered < run.count) {
    run.latencies[run.answered++] = now() - l->sent;
    run.failed += !is_good(l, body, length);
    if (run.answered == run.count) report();
    else ask(l);
  }
}

/* Takes whole messages off the input; returns the bytes of them. */
static size_t parse(struct lane *l) {
  size_t at = 0, message = 0;
  int frame = 0, command = 0;
  if (!l->is_open) {
    if (l->used < 64) return 0;
    l->is_open = 1;
    if (is_null) {
      unsigned char out[64];
      size_t n = put_head(out, READY, MORE);
      send_all(l, out, n + put(out + n, 0, "org.plantd.State", 16));
    }
    return 64;
  }
  while (at + 2 <= l->used) {
    int flags = l->input[at];
    size_t head = flags & LONG ? 9 : 2, length = 0;
    if (at + head > l->used) break;
    for (size_t i = 1; i < head; i++) length = length << 8 | l->input[at + i];
    if (at + head + length > l->used) break;
    const unsigned char *body = l->input + at + head;
    at += head + length;
    if (flags & COMMAND) {
      message = at;
      continue;
    }
    if (frame++ == 2) command = body[0];
    if (flags & MORE) continue;
    take(l, command, body, length);
    message = at;
    frame = 0;
  }
  return message;
}

static void receive(struct lane *l) {
  ssize_t n = recv(l->fd, l->input + l->used, INPUT_MAX - l->used, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("a lane is gone");
  l->used += n;
  for (size_t taken; (taken = parse(l));) {
    memmove(l->input, l->input + taken, l->used - taken);
    l->used -= taken;
  }
}

static void add(int epoll, int fd, int which) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = which};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll");
}

static void open_lane(int epoll, int fd) {
  int yes = 1;
  if (fd < 0) die("no connection");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct lane *l = &lanes[opened];
  l->fd = fd;
  add(epoll, fd, opened++);
  greet(l);
}

/* A line from whoever measures; the end of input is the end. */
static void command(void) {
  char line[64];
  ssize_t n = read(0, line, sizeof line - 1);
  if (n <= 0) exit(0);
  line[n] = 0;
  if (sscanf(line, "%15s %d", run.operation, &run.count) != 2 || run.count < 100) die("not a run");
  run.asked = run.answered = run.failed = 0;
  run.latencies = calloc(run.count, sizeof(double));
  run.start = now();
  run.cpu = cpu_seconds();
  for (int i = 0; i < lane_count; i++) ask(&lanes[i]);
}

int main(int argc, char **argv) {
  enum { LISTEN = LANES_MAX, INPUT };
  if (argc != 4) die("usage: strict_broker broker|null PORT LANES");
  is_null = !strcmp(argv[1], "null");
  lane_count = atoi(argv[3]);
  if (lane_count < 1 || lane_count > LANES_MAX) die("lanes");
  memset(value, 'x', 100);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  if (is_null) {
    for (int i = 0; i < lane_count; i++) {
      int fd = i ? socket(AF_INET, SOCK_STREAM, 0) : listener;
      if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
      open_lane(epoll, fd);
    }
  } else {
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, LANES_MAX)) die("bind");
    add(epoll, listener, LISTEN);
    add(epoll, 0, INPUT);
  }
  for (;;) {
    struct epoll_event events[LANES_MAX];
    int n = epoll_wait(epoll, events, LANES_MAX, -1);
    for (int i = 0; i < n; i++) {
      unsigned which = events[i].data.u32;
      if (which == INPUT) command();
      else if (which != LISTEN) receive(&lanes[which]);
      else if (opened < lane_count) open_lane(epoll, accept(listener, 0, 0));
    }
  }
}
