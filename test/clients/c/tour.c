/* The tour of test/clients with the NATS client for C: tour URL
 *
 * A flush of the writer and then of the reader stands for every wait: when the server has answered
 * both, all that was published before is in the queues of the reader's subscriptions. */
#include <nats/nats.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 15000, JOBS = 3000, COUNT = 10000, LAST = 1000, MEMBERS = 3 }; /* PATIENCE in ms: only a failing tour waits that long */

/* ---- What every step uses ---- */

static void say(const char *form, ...) {
    va_list args;
    va_start(args, form);
    vprintf(form, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void fail(int line, const char *what, natsStatus s) {
    fprintf(stderr, "tour.c:%d: %s: %s\n", line, what, natsStatus_GetText(s));
    nats_PrintLastErrorStack(stderr);
    exit(1);
}

#define OK(call) do { natsStatus s_ = (call); if (s_ != NATS_OK) fail(__LINE__, #call, s_); } while (0)
#define HOLDS(cond) do { if (!(cond)) fail(__LINE__, #cond, NATS_OK); } while (0)

/* A latch opens once; whoever waits for it goes on. */
typedef struct {
    pthread_mutex_t mu;
    pthread_cond_t changed;
    bool open;
} latch;

#define LATCH { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false }

static void open_latch(natsConnection *nc, void *closure) {
    latch *l = closure;
    (void)nc;
    pthread_mutex_lock(&l->mu);
    l->open = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mu);
}

static void await(latch *l) {
    pthread_mutex_lock(&l->mu);
    while (!l->open) pthread_cond_wait(&l->changed, &l->mu);
    pthread_mutex_unlock(&l->mu);
}

/* What one hears of a connection; NULL is not listened for. */
typedef struct {
    latch *lost, *back, *closed;
} ears;

static natsConnection *dial(const char *url, const char *name, ears hears) {
    natsOptions *opts = NULL;
    natsConnection *nc = NULL;
    OK(natsOptions_Create(&opts));
    OK(natsOptions_SetURL(opts, url));
    OK(natsOptions_SetName(opts, name));
    OK(natsOptions_SetTimeout(opts, PATIENCE));
    OK(natsOptions_SetMaxReconnect(opts, -1));
    OK(natsOptions_SetReconnectWait(opts, 10));
    OK(natsOptions_SetReconnectJitter(opts, 0, 0));
    if (hears.lost) OK(natsOptions_SetDisconnectedCB(opts, open_latch, hears.lost));
    if (hears.back) OK(natsOptions_SetReconnectedCB(opts, open_latch, hears.back));
    if (hears.closed) OK(natsOptions_SetClosedCB(opts, open_latch, hears.closed));
    OK(natsConnection_Connect(&nc, opts));
    natsOptions_Destroy(opts);
    return nc;
}

static void settle(natsConnection *first, natsConnection *second) {
    OK(natsConnection_FlushTimeout(first, PATIENCE));
    if (second) OK(natsConnection_FlushTimeout(second, PATIENCE));
}

/* A subscription to take messages from; the server knows it. */
static natsSubscription *listen_to(natsConnection *nc, const char *subject, const char *queue) {
    natsSubscription *sub = NULL;
    if (queue) OK(natsConnection_QueueSubscribeSync(&sub, nc, subject, queue));
    else OK(natsConnection_SubscribeSync(&sub, nc, subject));
    settle(nc, NULL);
    return sub;
}

static int queued(natsSubscription *sub) {
    int msgs = 0;
    OK(natsSubscription_GetPending(sub, &msgs, NULL));
    return msgs;
}

static natsMsg *take(natsSubscription *sub) {
    natsMsg *m = NULL;
    OK(natsSubscription_NextMsg(&m, sub, PATIENCE));
    return m;
}

static void publish_number(natsConnection *nc, const char *subject, int n) {
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    OK(natsConnection_PublishString(nc, subject, text));
}

static void require_nobody(natsConnection *nc, const char *subject) {
    natsMsg *m = NULL;
    natsStatus s = natsConnection_Request(&m, nc, subject, NULL, 0, PATIENCE);
    if (s != NATS_NO_RESPONDERS) fail(__LINE__, subject, s);
}

/* Answers a number with its double. */
static void answer_double(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure) {
    (void)sub, (void)closure;
    publish_number(nc, natsMsg_GetReply(m), 2 * atoi(natsMsg_GetData(m)));
    natsMsg_Destroy(m);
}

/* ---- The steps ---- */

static void meet(natsConnection *nc) {
    uint64_t id = 0;
    char *ip = NULL;
    int64_t rtt = -1;
    OK(natsConnection_GetClientID(nc, &id));
    HOLDS(id > 0);
    OK(natsConnection_GetClientIP(nc, &ip));
    say("connect: max payload %lld, headers %s, seen as %s", (long long)natsConnection_GetMaxPayload(nc),
        natsConnection_HasHeaderSupport(nc) == NATS_OK ? "true" : "false", ip);
    free(ip);
    OK(natsConnection_GetRTT(nc, &rtt));
    HOLDS(rtt > 0);
    settle(nc, NULL);
    say("flush: answered, round trip measured");
}

static void publish(natsConnection *writer, natsConnection *reader) {
    char bytes[256];
    natsMsg *m[3];
    natsSubscription *sub = listen_to(reader, "plain", NULL);
    for (int i = 0; i < 256; i++) bytes[i] = (char)i;
    OK(natsConnection_PublishRequestString(writer, "plain", "back", "hello"));
    OK(natsConnection_Publish(writer, "plain", NULL, 0));
    OK(natsConnection_Publish(writer, "plain", bytes, sizeof bytes));
    settle(writer, reader);
    HOLDS(queued(sub) == 3);
    for (int i = 0; i < 3; i++) m[i] = take(sub);
    HOLDS(natsMsg_GetDataLength(m[2]) == 256 && memcmp(natsMsg_GetData(m[2]), bytes, 256) == 0);
    say("publish: \"%s\" for %s, %d bytes, %d bytes", natsMsg_GetData(m[0]), natsMsg_GetReply(m[0]),
        natsMsg_GetDataLength(m[1]), natsMsg_GetDataLength(m[2]));
    for (int i = 0; i < 3; i++) natsMsg_Destroy(m[i]);
    natsSubscription_Destroy(sub);
}

static void wildcards(natsConnection *writer, natsConnection *reader) {
    static const char *patterns[] = {"cup.*.hot", "cup.>", "*.tea", "cup"};
    static const char *subjects[] = {"cup", "cup.tea", "cup.tea.hot", "cup.tea.hot.now", "pot.tea"};
    natsSubscription *subs[4];
    char line[500] = "wildcards:";
    for (int i = 0; i < 4; i++) subs[i] = listen_to(reader, patterns[i], NULL);
    for (int i = 0; i < 5; i++) OK(natsConnection_Publish(writer, subjects[i], NULL, 0));
    settle(writer, reader);
    for (int i = 0; i < 4; i++) {
        size_t at = strlen(line);
        snprintf(line + at, sizeof line - at, "%s %s has", i ? "," : "", patterns[i]);
        for (int left = queued(subs[i]); left > 0; left--) {
            natsMsg *m = take(subs[i]);
            at = strlen(line);
            snprintf(line + at, sizeof line - at, " %s", natsMsg_GetSubject(m));
            natsMsg_Destroy(m);
        }
        natsSubscription_Destroy(subs[i]);
    }
    say("%s", line);
}

static void queue(natsConnection *writer, natsConnection *reader, const char *url) {
    natsConnection *members[MEMBERS];
    natsSubscription *shares[MEMBERS], *all = listen_to(reader, "job", NULL);
    int times[JOBS] = {0}, once = 0, busy = 0;
    for (int i = 0; i < MEMBERS; i++) {
        members[i] = dial(url, "member", (ears){0});
        shares[i] = listen_to(members[i], "job", "workers");
    }
    for (int n = 0; n < JOBS; n++) publish_number(writer, "job", n);
    settle(writer, reader);
    for (int i = 0; i < MEMBERS; i++) {
        settle(members[i], NULL);
        int share = queued(shares[i]);
        busy += share > 0;
        for (; share > 0; share--) {
            natsMsg *m = take(shares[i]);
            int n = atoi(natsMsg_GetData(m));
            HOLDS(n >= 0 && n < JOBS);
            times[n]++;
            natsMsg_Destroy(m);
        }
        natsSubscription_Destroy(shares[i]);
        natsConnection_Destroy(members[i]);
    }
    for (int n = 0; n < JOBS; n++) once += times[n] == 1;
    say("queue: %d of %d handled once by %d members, %d seen by the one outside", once, JOBS, busy, queued(all));
    natsSubscription_Destroy(all);
}

static void request(natsConnection *writer, natsConnection *reader) {
    natsSubscription *sub = NULL;
    int right = 0;
    OK(natsConnection_Subscribe(&sub, reader, "double", answer_double, NULL));
    settle(reader, NULL);
    for (int n = 0; n < 100; n++) {
        natsMsg *m = NULL;
        char text[16];
        snprintf(text, sizeof text, "%d", n);
        OK(natsConnection_RequestString(&m, writer, "double", text, PATIENCE));
        right += atoi(natsMsg_GetData(m)) == 2 * n;
        natsMsg_Destroy(m);
    }
    say("request: %d of 100 answers right", right);
    natsSubscription_Destroy(sub);
    require_nobody(writer, "nobody.home");
    say("no responders: told");
}

static void answer_stamped(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure) {
    natsMsg *answer = NULL;
    (void)sub, (void)closure;
    OK(natsMsg_Create(&answer, natsMsg_GetReply(m), NULL, "read", 4));
    OK(natsMsgHeader_Set(answer, "Stamp", "yes"));
    OK(natsConnection_PublishMsg(nc, answer));
    natsMsg_Destroy(answer);
    natsMsg_Destroy(m);
}

static const char *header_of(natsMsg *m, const char *key) {
    const char *value = NULL;
    OK(natsMsgHeader_Get(m, key, &value));
    return value;
}

static void header(natsConnection *writer, natsConnection *reader) {
    natsSubscription *sub = NULL, *got = listen_to(reader, "letter", NULL);
    natsMsg *letter = NULL, *answer = NULL, *seen;
    const char **colours = NULL, **keys = NULL;
    int number = 0, all = 0;
    OK(natsConnection_Subscribe(&sub, reader, "letter", answer_stamped, NULL));
    settle(reader, NULL);
    OK(natsMsg_Create(&letter, "letter", NULL, "dear", 4));
    OK(natsMsgHeader_Add(letter, "Colour", "red"));
    OK(natsMsgHeader_Add(letter, "Colour", "light blue"));
    OK(natsMsgHeader_Set(letter, "at", "12:30"));
    OK(natsMsgHeader_Set(letter, "Song", "là là: là"));
    OK(natsConnection_RequestMsg(&answer, writer, letter, PATIENCE));
    seen = take(got);
    OK(natsMsgHeader_Values(seen, "Colour", &colours, &number));
    HOLDS(number == 2);
    OK(natsMsgHeader_Keys(seen, &keys, &all));
    say("headers: Colour=%s|%s at=%s Song=%s of %d, \"%s\", answered \"%s\" with Stamp=%s", colours[0], colours[1],
        header_of(seen, "at"), header_of(seen, "Song"), all, natsMsg_GetData(seen), natsMsg_GetData(answer),
        header_of(answer, "Stamp"));
    free(colours), free(keys);
    natsMsg_Destroy(letter), natsMsg_Destroy(answer), natsMsg_Destroy(seen);
    natsSubscription_Destroy(sub), natsSubscription_Destroy(got);
}

static uint64_t received(natsConnection *nc) {
    natsStatistics *stats = NULL;
    uint64_t msgs = 0;
    OK(natsStatistics_Create(&stats));
    OK(natsConnection_GetStats(nc, stats));
    OK(natsStatistics_GetCounts(stats, &msgs, NULL, NULL, NULL, NULL));
    natsStatistics_Destroy(stats);
    return msgs;
}

/* The client stops by itself, too, so its count of what came in tells what the server sent. */
static void unsubscribe(natsConnection *writer, natsConnection *reader) {
    natsSubscription *sub = listen_to(reader, "few", NULL);
    int delivered = 0;
    OK(natsSubscription_AutoUnsubscribe(sub, 5));
    settle(reader, NULL);
    uint64_t before = received(reader);
    for (int n = 0; n < 10; n++) OK(natsConnection_Publish(writer, "few", NULL, 0));
    settle(writer, reader);
    uint64_t sent = received(reader) - before;
    for (int left = queued(sub); left > 0; left--) {
        natsMsg_Destroy(take(sub));
        delivered++;
    }
    say("unsubscribe: %d of 10 delivered, %d sent by the server", delivered, (int)sent);
    natsSubscription_Destroy(sub);
}

static void max_payload(natsConnection *writer, natsConnection *reader) {
    natsSubscription *sub = listen_to(reader, "big", NULL);
    int most = (int)natsConnection_GetMaxPayload(writer);
    char *bytes = calloc(1, (size_t)most + 1);
    OK(natsConnection_Publish(writer, "big", bytes, most));
    HOLDS(natsConnection_Publish(writer, "big", bytes, most + 1) == NATS_MAX_PAYLOAD);
    settle(writer, reader);
    HOLDS(queued(sub) == 1);
    natsMsg *m = take(sub);
    say("max payload: %d delivered, one byte more refused", natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
    natsSubscription_Destroy(sub);
    free(bytes);
}

static void order(natsConnection *writer, natsConnection *reader) {
    natsSubscription *sub = listen_to(reader, "count", NULL);
    int next = 0;
    for (int n = 0; n < COUNT; n++) publish_number(writer, "count", n);
    settle(writer, reader);
    for (int left = queued(sub); left > 0; left--) {
        natsMsg *m = take(sub);
        HOLDS(atoi(natsMsg_GetData(m)) == next);
        next++;
        natsMsg_Destroy(m);
    }
    say("order: %d of %d in order", next, COUNT);
    natsSubscription_Destroy(sub);
}

static void count_up(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure) {
    (void)nc, (void)sub;
    ++*(int *)closure;
    natsMsg_Destroy(m);
}

/* What is under way to a reader that drains is handled; what a writer that drains has published goes out. */
static void drain(natsConnection *writer, natsConnection *reader, const char *url) {
    static latch closed = LATCH; /* the client may still be leaving it when this function returns */
    natsConnection *leaving = dial(url, "leaving", (ears){.closed = &closed});
    natsSubscription *sub = NULL, *sent = listen_to(reader, "farewell", NULL);
    int handled = 0; /* written by one thread of the client, read after the connection is closed */
    OK(natsConnection_QueueSubscribe(&sub, leaving, "last", "readers", count_up, &handled));
    settle(leaving, NULL);
    for (int n = 0; n < LAST; n++) {
        OK(natsConnection_Publish(writer, "last", NULL, 0));
        OK(natsConnection_Publish(leaving, "farewell", NULL, 0));
    }
    settle(writer, NULL);
    OK(natsConnection_Drain(leaving));
    await(&closed);
    settle(reader, NULL);
    require_nobody(writer, "last");
    say("drain: %d of %d handled, %d of %d sent, closed, nobody left", handled, LAST, queued(sent), LAST);
    natsSubscription_Destroy(sub), natsSubscription_Destroy(sent);
    natsConnection_Destroy(leaving);
}

/* The lines tell who started this when to stop the server and when to start it again. */
static void restart(natsConnection *nc, latch *lost, latch *back) {
    natsSubscription *sub = NULL, *news = listen_to(nc, "news", NULL);
    natsMsg *heard, *answer = NULL;
    OK(natsConnection_Subscribe(&sub, nc, "double", answer_double, NULL));
    settle(nc, NULL);
    say("restart: ready");
    await(lost);
    say("restart: lost");
    await(back);
    OK(natsConnection_PublishString(nc, "news", "again"));
    OK(natsConnection_RequestString(&answer, nc, "double", "21", PATIENCE));
    heard = take(news);
    HOLDS(queued(news) == 0);
    say("restart: back, heard %s, answer %s", natsMsg_GetData(heard), natsMsg_GetData(answer));
    natsMsg_Destroy(heard), natsMsg_Destroy(answer);
    natsSubscription_Destroy(sub), natsSubscription_Destroy(news);
}

int main(int argc, char **argv) {
    latch lost = LATCH, back = LATCH;
    if (argc != 2) return 2;
    const char *url = argv[1];
    natsConnection *writer = dial(url, "writer", (ears){.lost = &lost, .back = &back});
    natsConnection *reader = dial(url, "reader", (ears){0});
    meet(writer);
    publish(writer, reader);
    wildcards(writer, reader);
    queue(writer, reader, url);
    request(writer, reader);
    header(writer, reader);
    unsubscribe(writer, reader);
    max_payload(writer, reader);
    order(writer, reader);
    drain(writer, reader, url);
    natsConnection_Destroy(reader);
    restart(writer, &lost, &back);
    natsConnection_Destroy(writer);
    OK(nats_CloseAndWait(PATIENCE));
    say("end: closed");
    return 0;
}
