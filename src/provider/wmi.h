/* wmi.h - the provider's classes: one table of them, lists, single instances, methods.
 *
 * A class is a statement whose columns are its properties; each class has a file of its own
 * (sms_site.c) with what it can do beyond being read. (Spec: admin interface, 1 to 4.)
 */
#pragma once

#include "host/component.h"
#include "provider/odata.h"
#include "wire/json.h"

/* Who calls, and what for; made for each request. */
typedef struct {
        Component *c;
        HttpRequest *request; /* borrowed */
        const char *user;     /* "LAB\\admin", for the audit */
        const char *trace;
        const char *key;       /* of an instance, NULL for a static method */
        const JsonValue *body; /* NULL: none */
        GString *answer;       /* the JSON answer of a method; empty: {"ReturnValue":0} */
} WmiCall;

typedef bool (*WmiMethodFn)(WmiCall *call, GError **error);

typedef struct {
        const char *name;
        bool is_static;
        WmiMethodFn fn;
        /* What follows the name in the log's line of a class that the product extends ("~", " ~");
         * the line of its execution is written too. NULL: a class of the provider itself. */
        const char *tail;
} WmiMethod;

#define WMI_MAX_METHODS 8

/* A class. */
typedef struct {
        const char *name;  /* SMS_SoftwareUpdate */
        const DbSql *list; /* all instances */
        const char *key;   /* name of the key property */
        bool key_is_text;
        char quote;           /* around the key in the log; 0: " */
        const DbSql *one;     /* the instance of :key, with its lazy properties; NULL: from list */
        const char *by;       /* a property with an index … */
        const DbSql *list_by; /* … and the instances where it equals :value; or NULL */
        bool by_is_text;
        bool ages;                 /* list takes :hour, :day and :week, the times so long ago */
        const char *const *bools;  /* properties that are true or false, NULL-terminated; or NULL */
        const char *const *arrays; /* properties with one value a line; or NULL */
        /* Properties that the statement gives as the priority of a job and the hours of the week in
         * which it may be sent ("2 CCAA…"): the time at which these open; null when they are. */
        const char *const *windows;
        WmiMethod methods[WMI_MAX_METHODS + 1];
        WmiMethodFn create; /* POST of an instance without a key; or NULL */
        WmiMethodFn put;    /* POST of an instance with its key; or NULL */
        WmiMethodFn remove; /* DELETE; or NULL */
} WmiClass;

/* All classes, NULL-terminated. */
extern const WmiClass *const wmi_classes[];
/* Case-sensitive, as in the product; NULL: none. */
const WmiClass *wmi_find(const char *name);

/* Appends the OData answer of a list: context, count, value, next link after WMI_PAGE rows. self is
 * the path and query of the request; NULL: all rows in one answer, without pages. */
bool wmi_list(Component *c, const WmiClass *class, const ODataQuery *query, const char *self,
              GString *out, GError **error) UK_MUST_USE;
/* Appends the answer of one instance, an array of one; NOT_FOUND names class and key. */
bool wmi_instance(Component *c, const WmiClass *class, const char *key, const ODataQuery *query,
                  GString *out, GError **error) UK_MUST_USE;

/* The line and the row of the audit for a call that changed something. action is "created",
 * "modified", "deleted" or "called". */
bool wmi_audit(WmiCall *call, DbTx *tx, const char *action, const WmiClass *class,
               const char *method, const char *details, GError **error) UK_MUST_USE;
