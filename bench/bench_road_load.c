/* bench_road_load.c - see bench_road_load.h. */
#include "bench_road_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/io.h"
#include "base/log.h"
#include "bench.h"
#include "bench_raw.h"
#include "crypto/sign.h"
#include "wire/envelope.h"
#include "wire/statereport.h"

#define KEY_BITS   2048
#define MAKERS     2    /* threads that make keys and reports */
#define AT_ONCE    1000 /* connections open at most */
#define ANSWER_MAX 4096

struct RoadMachines {
        char *dir;
        guint count;
        SignKey **keys;
        GBytes **id_signatures; /* the same in every report of a machine */
};

char *
road_machine_guid(guint i)
{
        return g_strdup_printf("a1006d0e-cf56-41d1-a006-%012x", i + 1);
}

const char *
road_machine_certificate(const RoadMachines *machines, guint i)
{
        return sign_key_cert_pem(machines->keys[i]);
}

char *
road_machine_fingerprint(const RoadMachines *machines, guint i)
{
        const char *pem = road_machine_certificate(machines, i);
        g_autoptr(GError) error = NULL;
        g_autoptr(SignCert) cert = sign_cert_read(pem, strlen(pem), &error);

        bench_must(cert != NULL, error);
        return sign_cert_fingerprint(cert);
}

/* ---- making, by several threads -------------------------------------------------------------- */

/* Every thread makes what is left over by its number. */
typedef struct {
        pthread_t thread;
        guint number, count;
        void (*make)(gpointer user, guint i);
        gpointer user;
} Maker;

static void *
make_share(void *arg)
{
        const Maker *maker = arg;

        for (guint i = maker->number; i < maker->count; i += MAKERS)
                maker->make(maker->user, i);
        return NULL;
}

static void
make_all(guint count, void (*make)(gpointer user, guint i), gpointer user)
{
        Maker makers[MAKERS];

        for (guint i = 0; i < MAKERS; i++) {
                makers[i] = (Maker){ .number = i, .count = count, .make = make, .user = user };
                bench_must(pthread_create(&makers[i].thread, NULL, make_share, &makers[i]) == 0,
                           NULL);
        }
        for (guint i = 0; i < MAKERS; i++)
                pthread_join(makers[i].thread, NULL);
}

static void
make_key(gpointer user, guint i)
{
        RoadMachines *machines = user;
        g_autofree char *path = g_strdup_printf("%s/%05u", machines->dir, i);
        g_autofree char *name = g_strdup_printf("m%05u", i);
        g_autoptr(GError) error = NULL;

        machines->keys[i] = sign_key_load_or_make(path, name, KEY_BITS, &error);
        bench_must(machines->keys[i] != NULL, error);
}

RoadMachines *
road_machines_new(const char *dir, guint count)
{
        RoadMachines *machines = g_new0(RoadMachines, 1);
        g_autoptr(GError) error = NULL;

        machines->dir = g_strdup(dir);
        machines->count = count;
        machines->keys = g_new0(SignKey *, count);
        machines->id_signatures = g_new0(GBytes *, count);
        bench_must(uk_io_mkdirs(dir, 0700, &error), error);
        make_all(count, make_key, machines);
        return machines;
}

void
road_machines_free(RoadMachines *machines)
{
        if (machines == NULL)
                return;
        for (guint i = 0; i < machines->count; i++) {
                sign_key_free(machines->keys[i]);
                g_bytes_unref(machines->id_signatures[i]);
        }
        g_free(machines->keys);
        g_free(machines->id_signatures);
        g_free(machines->dir);
        g_free(machines);
}

/* ---- reports --------------------------------------------------------------------------------- */

typedef struct {
        guint machine;
        guint updates[RAW_PER_REPORT];
        char *type; /* Content-Type */
        char *trace;
        GBytes *body;
} Report;

/* A connection. */
typedef struct {
        int fd;
        guint report;
        gint64 due_us;
        char *request;
        gsize size, sent;
        char answer[ANSWER_MAX];
        gsize got;
} Call;

struct RoadLoad {
        const RoadMachines *machines;
        guint count;
        Report *reports;
        pthread_t thread;
        guint16 port;
        double rate;
        int epoll;
        guint open;
        double *latencies; /* in the order of the answers */
        char *first_failure;
        atomic_uint taken, failed;
};

/* The signing of one machine; the signature of its ID, which comes first, is always the same. */
typedef struct {
        RoadMachines *machines;
        guint machine;
        bool id_is_signed;
} Signer;

static GBytes *
sign(gpointer user, const void *data, gsize size, GError **error)
{
        Signer *signer = user;
        GBytes **known = &signer->machines->id_signatures[signer->machine];

        if (signer->id_is_signed)
                return sign_data(signer->machines->keys[signer->machine], data, size, error);
        signer->id_is_signed = true;
        if (*known == NULL)
                *known = sign_data(signer->machines->keys[signer->machine], data, size, error);
        return *known != NULL ? g_bytes_ref(*known) : NULL;
}

/* The document, as StateMessage writes it. */
static char *
report_text(const Report *report, guint number)
{
        g_autofree char *guid = road_machine_guid(report->machine);
        g_autofree char *name = g_strdup_printf("m%05u", report->machine);
        char ids[RAW_PER_REPORT][40];
        StateReportMessage messages[RAW_PER_REPORT] = { 0 };
        const StateReportHead head = { .client_id = guid,
                                       .client_version = (char *)UPKEEP_VERSION,
                                       .name = name,
                                       .client_installed = true,
                                       .priority = 5,
                                       .content = (char *)"State Message Data",
                                       .date_us = uk_clock_now(),
                                       .trace = report->trace };

        for (guint m = 0; m < RAW_PER_REPORT; m++) {
                g_snprintf(ids[m], sizeof ids[m], "%08x-b3f4-45fb-83d9-8642554e2773",
                           report->updates[m]);
                messages[m] = (StateReportMessage){
                        .time_us = uk_clock_now(),
                        .serial = (gint64)number * RAW_PER_REPORT + m,
                        .topic_type = 500,
                        .id_type = 3,
                        .topic_id = ids[m],
                        .user = "",
                        .state_id = 2,
                        .param_count = 1,
                        .params = { "200" },
                        .details = "libexample1 amd64 1.2.3-4 1.2.3-5\n",
                };
        }
        return statereport_write(&head, messages, RAW_PER_REPORT);
}

/* Frames and signs as CcmMessaging does. Reports of a machine are made by one thread at a time,
 * since machines are dealt out by threads too. */
static void
make_report(gpointer user, guint i)
{
        RoadLoad *load = user;
        Report *report = &load->reports[i];
        Signer signer = { (RoadMachines *)load->machines, report->machine, false };
        g_autofree char *guid = road_machine_guid(report->machine);
        g_autofree char *id = uk_guid_new_braced();
        g_autofree char *name = g_strdup_printf("m%05u", report->machine);
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;

        report->trace = uk_trace_new();
        text = report_text(report, i);
        Envelope envelope = { .id = id,
                              .source_id = guid,
                              .source_host = name,
                              .target_address = (char *)"mp:MP_RelayEndpoint",
                              .target_endpoint = (char *)"MP_RelayEndpoint",
                              .target_host = (char *)"127.0.0.1",
                              .reply_to = (char *)"",
                              .trace = report->trace,
                              .body = text,
                              .body_size = strlen(text),
                              .sent_us = uk_clock_now() };
        report->body = envelope_write(&envelope, sign, &signer, &report->type, &error);
        bench_must(report->body != NULL, error);
}

RoadLoad *
road_load_new(const RoadMachines *machines, guint reports, guint32 random_seed)
{
        RoadLoad *load = g_new0(RoadLoad, 1);
        g_autoptr(GRand) random = g_rand_new_with_seed(random_seed);

        load->machines = machines;
        load->count = reports;
        load->reports = g_new0(Report, reports);
        load->latencies = g_new0(double, reports);
        for (guint i = 0; i < reports; i++) {
                /* A machine is of one maker, see make_report. */
                guint own = (guint)g_rand_int_range(random, 0, (gint32)machines->count / MAKERS);

                load->reports[i].machine = own * MAKERS + i % MAKERS;
                for (guint m = 0; m < RAW_PER_REPORT; m++)
                        load->reports[i].updates[m] =
                                (guint)g_rand_int_range(random, 1, RAW_UPDATES + 1);
        }
        make_all(reports, make_report, load);
        return load;
}

void
road_load_free(RoadLoad *load)
{
        if (load == NULL)
                return;
        for (guint i = 0; i < load->count; i++) {
                g_free(load->reports[i].type);
                g_free(load->reports[i].trace);
                g_bytes_unref(load->reports[i].body);
        }
        g_free(load->reports);
        g_free(load->latencies);
        g_free(load->first_failure);
        g_free(load);
}

double
road_load_size(const RoadLoad *load)
{
        double sum = 0;

        for (guint i = 0; i < load->count; i++)
                sum += (double)g_bytes_get_size(load->reports[i].body);
        return sum / load->count;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* An answer of 200 that names no refusal is the receipt; what else came is kept once. */
static void
end_call(RoadLoad *load, Call *call)
{
        guint answered = road_load_taken(load) + road_load_failed(load);
        bool taken;

        call->answer[MIN(call->got, ANSWER_MAX - 1)] = '\0';
        taken = g_str_has_prefix(call->answer, "HTTP/1.1 200 ") &&
                strstr(call->answer, "X-Upkeep-Refused") == NULL;
        if (!taken && load->first_failure == NULL)
                load->first_failure = g_strdup(call->answer);
        load->latencies[answered] = (double)(uk_clock_mono() - call->due_us) / UK_SECOND;
        atomic_fetch_add(taken ? &load->taken : &load->failed, 1);
        close(call->fd);
        g_free(call->request);
        g_free(call);
        load->open--;
}

static void
send_rest(Call *call)
{
        ssize_t sent = send(call->fd, call->request + call->sent, call->size - call->sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0)
                call->sent += (gsize)sent;
}

/* The head of an answer is whole; its body, if one comes, is not waited for. */
static bool
is_answered(const Call *call)
{
        return g_strstr_len(call->answer, (gssize)call->got, "\r\n\r\n") != NULL;
}

static void
on_event(RoadLoad *load, Call *call)
{
        ssize_t got;

        if (call->sent < call->size)
                send_rest(call);
        got = recv(call->fd, call->answer + call->got, ANSWER_MAX - 1 - call->got, MSG_DONTWAIT);
        if (got > 0)
                call->got += (gsize)got;
        if (is_answered(call) || got == 0 || (got < 0 && errno != EAGAIN))
                end_call(load, call);
}

/* The address of a machine; its ports are its own then, as in a network. */
static int
connect_as(guint machine, guint16 port)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in own = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(0x7f010000 + machine + 1) };
        struct sockaddr_in mp = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int on = 1;

        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof own) != 0 ||
            (connect(fd, (const struct sockaddr *)&mp, sizeof mp) != 0 && errno != EINPROGRESS))
                bench_fail("connecting to port %u: %s", port, g_strerror(errno));
        return fd;
}

static void
begin_call(RoadLoad *load, guint i, gint64 due_us)
{
        const Report *report = &load->reports[i];
        Call *call = g_new0(Call, 1);
        gsize body_size;
        const void *body = g_bytes_get_data(report->body, &body_size);
        struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = call };
        g_autofree char *head = g_strdup_printf(
                "CCM_POST /ccm_system/request HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                "User-Agent: ccmhttp\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip\r\n"
                "Content-Type: %s\r\ntraceparent: 00-%s-%.16s-01\r\n"
                "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                load->port, report->type, report->trace, report->trace, body_size);
        gsize head_size = strlen(head);

        call->report = i;
        call->due_us = due_us;
        call->size = head_size + body_size;
        call->request = g_malloc(call->size);
        memcpy(call->request, head, head_size);
        memcpy(call->request + head_size, body, body_size);
        call->fd = connect_as(report->machine, load->port);
        send_rest(call);
        bench_must(epoll_ctl(load->epoll, EPOLL_CTL_ADD, call->fd, &event) == 0, NULL);
        load->open++;
}

static void *
run(void *arg)
{
        RoadLoad *load = arg;
        gint64 began = uk_clock_mono();
        guint next = 0;

        while (next < load->count || load->open > 0) {
                struct epoll_event events[64];
                gint64 due = began + (gint64)(next * UK_SECOND / load->rate);

                while (next < load->count && load->open < AT_ONCE && due <= uk_clock_mono()) {
                        begin_call(load, next++, due);
                        due = began + (gint64)(next * UK_SECOND / load->rate);
                }
                int count = epoll_wait(load->epoll, events, G_N_ELEMENTS(events), 1);
                for (int i = 0; i < count; i++)
                        on_event(load, events[i].data.ptr);
        }
        return NULL;
}

void
road_load_start(RoadLoad *load, guint16 port, double reports_a_second)
{
        load->port = port;
        load->rate = reports_a_second;
        load->epoll = epoll_create1(EPOLL_CLOEXEC);
        bench_must(load->epoll >= 0 && pthread_create(&load->thread, NULL, run, load) == 0, NULL);
}

guint
road_load_taken(RoadLoad *load)
{
        return atomic_load(&load->taken);
}

guint
road_load_failed(RoadLoad *load)
{
        return atomic_load(&load->failed);
}

void
road_load_join(RoadLoad *load)
{
        pthread_join(load->thread, NULL);
        close(load->epoll);
}

double
road_load_latency(RoadLoad *load, double part)
{
        return bench_percentile(load->latencies, load->count, part);
}

const char *
road_load_first_failure(const RoadLoad *load)
{
        return load->first_failure;
}
