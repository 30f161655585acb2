/* policypv_private.h - what the files of the policy provider share: writing one policy. */
#pragma once

#include "crypto/sign.h"
#include "host/host.h"
#include "wire/policydoc.h"

/* What the component holds from start to stop. */
typedef struct {
        SignKey *key;
        char *site;        /* code */
        char *fingerprint; /* of the certificate that policies are signed for */
} PolicyPv;

/* A property of the one instance that a policy creates. */
typedef struct {
        const char *name;
        int type; /* CIM */
        const char *value;
} PolicyValue;

/* What a policy is to say. */
typedef struct {
        const char *category;   /* also the SourceType of its settings */
        const char *class_name; /* of the instance */
        const PolicyValue *values;
        guint value_count;
} PolicyContent;

/* Writes the policy and its assignment in two steps, unless they say this already and are whole
 * (COMP-010 to COMP-014). */
bool policypv_write(Component *c, const PolicyContent *content, GError **error) UK_MUST_USE;
