/* xml_private.h - what reading a tree and reading events have in common; not for others. */
#pragma once

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "wire/xml.h"

#define XML_MAX_DEPTH 64
/* No network, no entities, no external files; what the declaration says of the encoding does not
 * count, because the bytes are UTF-8 by now. Texts are never printed to standard error. */
#define XML_OPTIONS (XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOCDATA | XML_PARSE_COMPACT)

/* The first thing that went wrong while the library parsed. */
typedef struct {
        GError *error;
        xmlParserCtxt *ctxt;
} XmlTrouble;

/* The document as UTF-8: size and prolog are checked, UTF-16 is turned, NUL bytes at the end are
 * cut. *text_out points into data or into *owned_out, which is the caller's. */
bool xml_prepare(const void *data, gsize size, gsize max, const char **text_out, gsize *size_out,
                 char **owned_out, GError **error) UK_MUST_USE;
/* The library's error channel (xmlStructuredErrorFunc); user is the parser context, whose
 * _private is an XmlTrouble. */
void xml_on_trouble(void *user, xmlError *words);
