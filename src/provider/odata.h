/* odata.h - the query options of the AdminService: $filter, $select, $orderby, $top, $skip, $count.
 *
 * A filter is parsed into a tree and evaluated row by row on values; it never becomes SQL. Texts
 * compare without regard to case, as the product's database does. Comes in: the text of a URL,
 * hostile. (Spec: admin interface, 1.)
 */
#pragma once

#include "base/error.h"

#define ODATA_MAX_TEXT  8192 /* bytes of one option */
#define ODATA_MAX_DEPTH 32

typedef enum {
        ODATA_NULL,
        ODATA_INT,
        ODATA_REAL,
        ODATA_TEXT,
        ODATA_BOOL,
} ODataType;

/* A value; text is borrowed. */
typedef struct {
        ODataType type;
        gint64 number;
        double real;
        const char *text;
} ODataValue;

/* Gives the value of a property of the present row; false for one that the class lacks. */
typedef bool (*ODataGet)(gpointer row, const char *property, ODataValue *value_out);

typedef struct ODataFilter ODataFilter;

/* PARSE names the place in the text. The caller frees the filter. */
ODataFilter *odata_filter_parse(const char *text, GError **error) UK_MUST_USE;
void odata_filter_free(ODataFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ODataFilter, odata_filter_free)
/* Whether the row fits; INVALID for a property that the class does not have. */
bool odata_filter_fits(const ODataFilter *filter, ODataGet get, gpointer row, bool *fits_out,
                       GError **error) UK_MUST_USE;

/* True when the filter is nothing but "<property> eq <constant>", which goes to *value_out. */
bool odata_filter_equals(const ODataFilter *filter, const char *property, ODataValue *value_out);

/* Less than, equal or greater than 0; null is before everything, a number before a text. */
int odata_compare(const ODataValue *a, const ODataValue *b);

typedef struct {
        char *property;
        bool descending;
} ODataOrder;

/* All options of a request. */
typedef struct {
        ODataFilter *filter; /* NULL: all rows */
        char **select;       /* NULL: all properties */
        GArray *order;       /* of ODataOrder; never NULL */
        gint64 top;          /* -1: no limit */
        gint64 skip;
        bool count;
} ODataQuery;

/* Any of the texts may be NULL. The caller frees the query. */
ODataQuery *
odata_query_parse(const char *filter, const char *select, const char *orderby, const char *top,
                  const char *skip, const char *count, GError **error) UK_MUST_USE;
void odata_query_free(ODataQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ODataQuery, odata_query_free)
/* Whether a property is to be shown. */
bool odata_selected(const ODataQuery *query, const char *property);

/* What a path below /AdminService/wmi/ asks for. */
typedef struct {
        char *class_name; /* SMS_Site */
        char *key;        /* of Class('key') or Class(Name='key'), without quotes; NULL: none */
        char *method;     /* of Class.Method or Class(key)/AdminService.Method; NULL: none */
} ODataPath;

/* Takes "SMS_Package('PS100039')/AdminService.RefreshPkgSource" apart. */
ODataPath *odata_path_parse(const char *text, GError **error) UK_MUST_USE;
void odata_path_free(ODataPath *path);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ODataPath, odata_path_free)

/* The value of one name of a key with several: "ServerNALPath" of
 * PackageID='PS100039',ServerNALPath='…'. A number comes as its text. The caller's; NULL when the
 * key has no such name. */
char *odata_key_part(const char *key, const char *name);
