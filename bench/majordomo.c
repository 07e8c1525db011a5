/*
 * Clients of a broker that keep so many requests outstanding, and workers that do nothing.
 *
 *   majordomo clients PORT COUNT OUTSTANDING SERVICE   OUTSTANDING in all. Then a line `set N`, `get N` or
 *                                                      `null N` on standard input for each run; prints
 *                                                      `ready`, and for each run a line of JSON
 *   majordomo workers PORT COUNT SERVICE               answer at once with what a `get` would say
 */
#include "zmtp.h"

enum { INPUT = PEERS_MAX };
static const char *service;
static int epoll, is_worker, peer_count, outstanding, ready_count;
/* When each key was asked for: at most one request for a key is under way, they are more than enough. */
static double sent[KEYS];

static void ask(struct peer *p) {
  unsigned char out[OUTPUT_MAX];
  char body[256];
  int key, length;
  if (run.asked == run.count) return;
  length = next_body(body, &key);
  size_t n = put(out, MORE, "", 0);
  n += put(out + n, MORE, "MDPC01", 6);
  n += put(out + n, MORE, service, strlen(service));
  n += put(out + n, MORE, run.operation, strlen(run.operation));
  n += put(out + n, 0, body, length);
  sent[key] = now();
  send_all(p, out, n);
}

static void on_open(struct peer *p) {
  if (is_worker) {
    send_ready(p, service);
  } else if (++ready_count == peer_count) {
    add(epoll, 0, INPUT);
    puts("ready"), fflush(stdout);
  }
}

static void on_message(struct peer *p, const struct frame *f, int count) {
  if (is_worker) {
    serve_nothing(p, f, count);
  } else if (count == 4 && run.answered < run.count) {
    int key = key_of(&f[3]);
    if (!answered(key < 0 ? run.start : sent[key], is_good(&f[3], key))) ask(p);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) errno = EINVAL, die("majordomo clients PORT COUNT OUTSTANDING SERVICE | workers PORT COUNT SERVICE");
  is_worker = !strcmp(argv[1], "workers");
  peer_count = atoi(argv[3]);
  outstanding = is_worker ? 0 : atoi(argv[4]);
  service = argv[argc - 1];
  if (peer_count < 1 || peer_count > PEERS_MAX || outstanding > KEYS) errno = EINVAL, die("count");
  epoll = epoll_create1(0);
  for (int i = 0; i < peer_count; i++) connect_peer(epoll, atoi(argv[2]), "DEALER");
  for (;;) {
    struct epoll_event events[PEERS_MAX];
    int n = epoll_wait(epoll, events, PEERS_MAX, -1);
    for (int i = 0; i < n; i++) {
      unsigned which = events[i].data.u32;
      if (which != INPUT) {
        receive(&peers[which]);
        continue;
      }
      order();
      for (int k = 0; k < outstanding; k++) ask(&peers[k % peer_count]);
    }
  }
}
