/*
 * A peer that plays a strict broker (RFC 7) for the lanes of one worker: each gets one request at a time,
 * and the next one upon its reply, which is checked. As `null` it is the other side: lanes that answer at
 * once, which show what the driver is able to do.
 *
 *   strict_broker broker PORT LANES    then a line `set COUNT` or `get COUNT` on standard input for each run;
 *                                      prints `ready` when all lanes are there, and for each run a line of JSON
 *   strict_broker null PORT LANES
 */
#include "zmtp.h"

static int lane_count, ready_count, is_null;
/* Of each lane: whether it has said READY, the key it was asked for, and when. */
static struct { int is_ready, key; double sent; } lanes[PEERS_MAX];

static void ask(struct peer *p) {
  unsigned char out[OUTPUT_MAX];
  char body[256];
  int lane = p - peers;
  if (run.asked == run.count) return;
  int length = next_body(body, &lanes[lane].key);
  size_t n = put_head(out, REQUEST, MORE);
  n += put(out + n, MORE, "\0\1\2\3\4", 5);
  n += put(out + n, MORE, "", 0);
  n += put(out + n, MORE, run.operation, strlen(run.operation));
  n += put(out + n, 0, body, length);
  lanes[lane].sent = now();
  send_all(p, out, n);
}

static void on_open(struct peer *p) {
  if (is_null) send_ready(p, "org.plantd.State");
}

static void on_message(struct peer *p, const struct frame *f, int count) {
  unsigned char out[OUTPUT_MAX];
  int lane = p - peers, command = count > 2 ? f[2].bytes[0] : 0;
  if (is_null) {
    serve_nothing(p, f, count);
  } else if (command == READY && !lanes[lane].is_ready) {
    lanes[lane].is_ready = 1;
    if (++ready_count == lane_count) puts("ready"), fflush(stdout);
  } else if (command == HEARTBEAT) {
    send_all(p, out, put_head(out, HEARTBEAT, 0));
  } else if (command == REPLY && count > 5 && run.answered < run.count) {
    if (!answered(lanes[lane].sent, is_good(&f[5], lanes[lane].key))) ask(p);
  }
}

int main(int argc, char **argv) {
  enum { LISTEN = PEERS_MAX, INPUT };
  if (argc != 4) errno = EINVAL, die("strict_broker broker|null PORT LANES");
  is_null = !strcmp(argv[1], "null");
  lane_count = atoi(argv[3]);
  if (lane_count < 1 || lane_count > PEERS_MAX) errno = EINVAL, die("lanes");
  int epoll = epoll_create1(0), listener = -1, yes = 1;
  if (is_null) {
    for (int i = 0; i < lane_count; i++) connect_peer(epoll, atoi(argv[2]), "DEALER");
  } else {
    struct sockaddr_in address = loopback(atoi(argv[2]));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, PEERS_MAX)) die("bind");
    add(epoll, listener, LISTEN);
    add(epoll, 0, INPUT);
  }
  for (;;) {
    struct epoll_event events[PEERS_MAX];
    int n = epoll_wait(epoll, events, PEERS_MAX, -1);
    for (int i = 0; i < n; i++) {
      unsigned which = events[i].data.u32;
      if (which == LISTEN) {
        if (opened < lane_count) open_peer(epoll, accept(listener, 0, 0), "ROUTER");
      } else if (which != INPUT) {
        receive(&peers[which]);
      } else {
        order();
        for (int k = 0; k < lane_count; k++) ask(&peers[k]);
      }
    }
  }
}
