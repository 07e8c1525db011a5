/*
 * As much of ZMTP 3.0 (RFC 23) and Majordomo (RFC 7) as a driver needs: with libzmq it would cost more
 * than what it measures. Sends are small and answered one by one, so they always fit into the socket's
 * buffer.
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

#define PEERS_MAX 256
#define FRAMES_MAX 16
#define INPUT_MAX 65536
#define OUTPUT_MAX 1024
enum { READY = 1, REQUEST, REPLY, HEARTBEAT }; /* RFC 7, section 7 */
enum { MORE = 1, LONG = 2, COMMAND = 4 };      /* RFC 23, section 2.3 */

struct frame {
  const unsigned char *bytes;
  size_t length;
};
struct peer {
  int fd, is_open;
  size_t used;
  unsigned char input[INPUT_MAX];
};

static struct peer peers[PEERS_MAX];
static int opened;

/* What a driver does with a peer that has shaken hands, and with a whole message. */
static void on_open(struct peer *p);
static void on_message(struct peer *p, const struct frame *frames, int count);

static void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
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

static void send_all(struct peer *p, const void *bytes, size_t length) {
  if (send(p->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) die("send");
}

static size_t put(unsigned char *at, int flags, const void *bytes, size_t length) {
  at[0] = flags;
  at[1] = length;
  memcpy(at + 2, bytes, length);
  return length + 2;
}

/* The part of a worker's command that every one has: an empty frame, the protocol, the command. */
static size_t put_head(unsigned char *at, unsigned char command, int flags) {
  size_t n = put(at, MORE, "", 0);
  n += put(at + n, MORE, "MDPW01", 6);
  return n + put(at + n, flags, &command, 1);
}

/* `type` has six letters: "DEALER", "ROUTER". */
static void greet(struct peer *p, const char *type) {
  unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
  unsigned char body[28], frame[30];
  memcpy(body, "\5READY\13Socket-Type\0\0\0\6", 22);
  memcpy(body + 22, type, 6);
  send_all(p, greeting, sizeof greeting);
  send_all(p, frame, put(frame, COMMAND, body, sizeof body));
}

/* Hands over the whole messages of the input; returns the bytes of them. */
static size_t parse(struct peer *p) {
  struct frame frames[FRAMES_MAX];
  size_t at = 0, message = 0;
  int count = 0;
  if (!p->is_open) {
    if (p->used < 64) return 0;
    p->is_open = 1;
    on_open(p);
    return 64;
  }
  while (at + 2 <= p->used) {
    int flags = p->input[at];
    size_t head = flags & LONG ? 9 : 2, length = 0;
    if (at + head > p->used) break;
    for (size_t i = 1; i < head; i++) length = length << 8 | p->input[at + i];
    if (at + head + length > p->used) break;
    if (count == FRAMES_MAX) errno = EPROTO, die("frames");
    frames[count++] = (struct frame){p->input + at + head, length};
    at += head + length;
    if (flags & MORE) continue;
    if (!(flags & COMMAND)) on_message(p, frames, count);
    message = at;
    count = 0;
  }
  return message;
}

static void receive(struct peer *p) {
  ssize_t n = recv(p->fd, p->input + p->used, INPUT_MAX - p->used, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("a peer is gone");
  p->used += n;
  for (size_t taken; (taken = parse(p));) {
    memmove(p->input, p->input + taken, p->used - taken);
    p->used -= taken;
  }
}

static void add(int epoll, int fd, int which) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = which};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll");
}

/* Takes care of a connection from now on. */
static void open_peer(int epoll, int fd, const char *type) {
  int yes = 1;
  if (fd < 0) die("no connection");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  peers[opened].fd = fd;
  add(epoll, fd, opened);
  greet(&peers[opened++], type);
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void connect_peer(int epoll, int port, const char *type) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
  open_peer(epoll, fd, type);
}

/* A run of requests, as ordered by a line `OPERATION COUNT` on standard input. */
struct run {
  char operation[16];
  int count, asked, answered, failed;
  double start, cpu, *latencies;
};
static struct run run;

/* Begins the run that the next line orders; the end of input is the end. */
static void order(void) {
  char line[64];
  ssize_t n = read(0, line, sizeof line - 1);
  if (n <= 0) exit(0);
  line[n] = 0;
  if (sscanf(line, "%15s %d", run.operation, &run.count) != 2 || run.count < 100) errno = EINVAL, die("run");
  run.asked = run.answered = run.failed = 0;
  run.latencies = calloc(run.count, sizeof(double));
  run.start = now();
  run.cpu = cpu_seconds();
}

static int by_size(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

/* Counts an answer; with the last one the run is over, its figures are printed, and it returns true. */
static int answered(double sent, int is_good) {
  run.latencies[run.answered++] = now() - sent;
  run.failed += !is_good;
  if (run.answered < run.count) return 0;
  double took = now() - run.start, cpu = cpu_seconds() - run.cpu;
  qsort(run.latencies, run.count, sizeof(double), by_size);
  printf("{\"perSecond\":%.1f,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"driverUs\":%.3f,\"failed\":%d}\n", run.count / took,
         run.latencies[run.count / 2] * 1e3, run.latencies[run.count / 100 * 99] * 1e3, cpu / run.count * 1e6, run.failed);
  fflush(stdout);
  free(run.latencies);
  return 1;
}

/* The next request's operation and body, for one of 1000 keys; returns the body's length and the key. */
#define KEYS 1000
#define VALUE "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static int next_body(char body[256], int *key) {
  *key = run.asked++ % KEYS;
  return run.operation[0] == 's'
    ? snprintf(body, 256, "{\"service\":\"org.plantd.Bench\",\"key\":\"key%d\",\"value\":\"%s\"}", *key, VALUE)
    : snprintf(body, 256, "{\"service\":\"org.plantd.Bench\",\"key\":\"key%d\"}", *key);
}

/* The number of the key in a request or a reply; -1 where there is none. */
static int key_of(const struct frame *f) {
  char text[256], *at;
  snprintf(text, sizeof text, "%.*s", (int)(f->length < 255 ? f->length : 255), (const char *)f->bytes);
  return (at = strstr(text, "\"key\":\"key")) ? atoi(at + 10) : -1;
}

/* A reply is good when it tells the key that was asked for, and a value of the length that is set. */
static int is_good(const struct frame *f, int key) {
  return key >= 0 && key_of(f) == key && f->length > strlen(VALUE);
}

static void send_ready(struct peer *p, const char *service) {
  unsigned char out[OUTPUT_MAX];
  size_t n = put_head(out, READY, MORE);
  send_all(p, out, n + put(out + n, 0, service, strlen(service)));
}

/* The part of a worker that answers at once with what a `get` would say. */
static void serve_nothing(struct peer *p, const struct frame *f, int count) {
  unsigned char out[OUTPUT_MAX], command = count > 2 ? f[2].bytes[0] : 0;
  char body[256];
  if (command == HEARTBEAT) send_all(p, out, put_head(out, HEARTBEAT, 0));
  if (command != REQUEST || count < 7) return;
  int length = snprintf(body, sizeof body, "{\"key\":\"key%d\",\"value\":\"%s\",\"revision\":1}", key_of(&f[6]), VALUE);
  size_t n = put_head(out, REPLY, MORE);
  n += put(out + n, MORE, f[3].bytes, f[3].length);
  n += put(out + n, MORE, "", 0);
  send_all(p, out, n + put(out + n, 0, body, length));
}
