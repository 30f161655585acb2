/* wmi_content.h - what the classes of packages and distribution points share. */
#pragma once

#include "provider/wmi.h"
#include "sitedb/distpoint.h"
#include "sitedb/package.h"

/* "distributed by LAB\admin": the cause of what a call changes; the caller's. */
char *wmi_cause(const WmiCall *call, const char *what);
/* The distribution point of that NALPath or server name; NOT_FOUND names the next command. The
 * caller frees it. What is loaded to be changed is loaded in the transaction that changes it. */
DistPoint *wmi_distpoint(Db *db, const char *name, GError **error) UK_MUST_USE;
/* The distribution points that a member of the call's body names: an array of texts, or of objects
 * with ServerNALPath. INVALID when there is none. The caller owns the array (of DistPoint). */
GPtrArray *wmi_distpoints(WmiCall *call, Db *db, const char *member, GError **error) UK_MUST_USE;
/* The texts of an array in the body; INVALID when there is none. The caller owns the array. */
GPtrArray *
wmi_texts(WmiCall *call, const char *member, const char *what, GError **error) UK_MUST_USE;
/* A text of the body, or what stands there at present; borrowed. */
const char *wmi_text(const WmiCall *call, const char *member, const char *present);
/* Answers {"ReturnValue":0, name: value, "Trace": …}. */
void wmi_answer(WmiCall *call, const char *name, const char *value);

/* Begins the transaction of a call. */
DbTx *wmi_begin(WmiCall *call, GError **error) UK_MUST_USE;
/* Audits the call and commits; frees tx_take in any case. */
bool wmi_end(WmiCall *call, DbTx *tx_take, const char *action, const WmiClass *class,
             const char *method, const char *details, GError **error) UK_MUST_USE;
