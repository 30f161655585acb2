/* bench_road_load.h - the machines of bench_road: their keys, their signed reports, and the
 * sending.
 *
 * A report is what a client posts: framed, compressed and signed by the same code, with the headers
 * of its HTTP. Keys and reports are made before the clock starts; each machine sends from an
 * address of its own (127.x.y.z) and opens a connection for each report.
 */
#pragma once

#include "base/error.h"

typedef struct RoadMachines RoadMachines;

/* Machines with keys of their own, kept in the folder between runs, since making one takes a tenth
 * of a second. The caller frees them. */
RoadMachines *road_machines_new(const char *dir, guint count);
void road_machines_free(RoadMachines *machines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RoadMachines, road_machines_free)
/* The certificate and its fingerprint, of the machine 0…; the first is borrowed, the second the
 * caller's. */
const char *road_machine_certificate(const RoadMachines *machines, guint i);
char *road_machine_fingerprint(const RoadMachines *machines, guint i);
/* "a1006d0e-…" of the machine; the caller's. */
char *road_machine_guid(guint i);

typedef struct RoadLoad RoadLoad;

/* So many reports of random machines about random updates, ready to be sent. The machines must
 * outlive it; the caller frees it. */
RoadLoad *road_load_new(const RoadMachines *machines, guint reports, guint32 random_seed);
void road_load_free(RoadLoad *load);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RoadLoad, road_load_free)
/* Bytes of an average request, without the head of its HTTP. */
double road_load_size(const RoadLoad *load);
/* Begins sending to the port on a thread of its own, so many reports a second, evenly. */
void road_load_start(RoadLoad *load, guint16 port, double reports_a_second);
/* Reports that were answered so far: taken, and not. From any thread. */
guint road_load_taken(RoadLoad *load);
guint road_load_failed(RoadLoad *load);
/* Waits until all have been answered. */
void road_load_join(RoadLoad *load);
/* Seconds from the moment a report was due to its answer; sorts them in place. */
double road_load_latency(RoadLoad *load, double part);
/* What the first report that was not taken was answered; NULL: all were taken. */
const char *road_load_first_failure(const RoadLoad *load);
