/*
 * Publishes updates with values of 100 bytes as fast as they are taken, or at a rate.
 *
 *   publisher pub|push ENDPOINT COUNT KEYS PER_SECOND    0 for as fast as may be
 *
 * `pub` connects an XPUB that drops nothing and waits for the first subscription, `push` a PUSH with libzmq's
 * own high-water mark, which waits when the other side has enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void check(int failed, const char *what) {
  if (!failed) return;
  fprintf(stderr, "publisher: %s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

int main(int argc, char **argv) {
  check(argc != 6, "usage: publisher pub|push ENDPOINT COUNT KEYS PER_SECOND");
  int is_pub = !strcmp(argv[1], "pub"), none = 0;
  long count = atol(argv[3]), keys = atol(argv[4]), per_second = atol(argv[5]);
  char value[101] = {0}, update[256];
  memset(value, 'x', 100);
  void *context = zmq_ctx_new();
  void *socket = zmq_socket(context, is_pub ? ZMQ_XPUB : ZMQ_PUSH);
  if (is_pub) zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
  check(zmq_connect(socket, argv[2]), "connect");
  if (is_pub) check(zmq_recv(socket, update, sizeof update, 0) < 0, "subscription");
  double start = now();
  for (long sent = 0; sent < count; sent++) {
    if (per_second && sent % 100 == 0) {
      double ahead = start + (double)sent / per_second - now();
      if (ahead > 0) nanosleep(&(struct timespec){.tv_nsec = ahead * 1e9}, 0);
    }
    int length = snprintf(update, sizeof update, "org.plantd.Bench{\"key\":\"sensor/%ld\",\"value\":\"%s\"}", sent % keys, value);
    check(zmq_send(socket, update, length, 0) < 0, "send");
  }
  zmq_close(socket);
  zmq_ctx_term(context);
}
