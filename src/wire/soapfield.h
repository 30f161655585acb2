/* soapfield.h - records of web services as tables: which element fills which member.
 *
 * One table serves reading, writing and freeing, so the three cannot drift apart. Elements are
 * found by local name in any order; they are written in the order of the table.
 */
#pragma once

#include "wire/xml.h"

/* The type of the member: text and lists are the record's own. */
typedef enum {
        SOAPFIELD_TEXT,  /* char *: exactly as it stands */
        SOAPFIELD_TOKEN, /* char *: without blanks around; base64 without any */
        SOAPFIELD_GUID,  /* char *: lower case, without braces */
        SOAPFIELD_INT,   /* gint64 */
        SOAPFIELD_BOOL,  /* bool */
        SOAPFIELD_TIME,  /* gint64, microseconds since 1970; 0 for none */
        SOAPFIELD_DATE,  /* the same, written as a date alone */
        SOAPFIELD_TEXTS, /* GPtrArray * of char *; item names the elements */
        SOAPFIELD_GUIDS, /* likewise */
        SOAPFIELD_INTS,  /* GArray * of gint64 */
} SoapFieldKind;

typedef enum {
        SOAPFIELD_NEEDED = 1, /* reading: its absence is INVALID */
        SOAPFIELD_SPARSE = 2, /* writing: left out when empty, 0 or false */
        SOAPFIELD_LOOSE = 4,  /* reading: a value that is wrong is as good as none */
} SoapFieldFlags;

typedef struct {
        const char *path; /* below the record's element: "BasicData/EventID" */
        gsize offset;
        SoapFieldKind kind;
        unsigned flags;
        const char *item; /* of lists: "int", "string", "guid" */
} SoapField;

/* A list of more items than this is INVALID. */
#define SOAPFIELD_MAX_ITEMS 100000

/* Fills a zeroed record from the children of node (NULL: nothing is there). Lists are never NULL
 * afterwards, texts are "". INVALID, the message being the path of the element that is wrong, as
 * the fault InvalidParameters wants it. */
bool soapfield_read(const XmlNode *node, const SoapField *fields, guint count, void *record,
                    GError **error) UK_MUST_USE;
/* Writes the record's elements into the one that is open. NULL texts and lists are empty. */
void soapfield_write(XmlWriter *w, const SoapField *fields, guint count, const void *record);
/* Frees what the record's members hold and zeroes them. */
void soapfield_clear(const SoapField *fields, guint count, void *record);

/* True unless the element is absent or says xsi:nil. */
bool soapfield_is_there(const XmlNode *node);
/* A time of XML Schema: up to seven digits of a fraction; Z, an offset, or neither (then UTC). */
bool soapfield_read_time(const char *text, gint64 *us_out);
/* "2026-03-01T12:00:00Z", or with the fraction in seven digits; the caller's. */
char *soapfield_time(gint64 us);
