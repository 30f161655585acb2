/* products.h - what an archive's release is called, and for whom it is (DEB-023, DEB-030).
 *
 * Distributions are known by name, because their machines say so in os-release; every other archive
 * gives company and product from its Origin and Label, and is for machines whose apt names it.
 */
#pragma once

#include "base/error.h"

/* A release of an archive, as its Release files say. */
typedef struct {
        const char *origin;   /* products_origin() of it */
        const char *codename; /* without pocket */
        const char *label;    /* of its strictest suite */
        const char *version;  /* as Release says; "" if it does not */
} ProductsFacts;

typedef struct {
        char *company, *family, *product;          /* names */
        char *company_id, *family_id, *product_id; /* GUIDs, the same at every update point */
        char *os_id;   /* ID of os-release; "" for an archive that is no distribution */
        char *version; /* as VERSION_ID has it */
} ProductsNames;

/* The origin that counts: archives of one distribution under several names are one. The caller's.
 */
char *products_origin(const char *origin);
/* Names and GUIDs; the caller frees the result. */
ProductsNames *products_name(const ProductsFacts *facts);
void products_names_free(ProductsNames *names);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProductsNames, products_names_free)
/* GUID of the detectoid of a product, by the GUID of the product, and of an architecture; the same
 * at every update point. The caller's. */
char *products_detectoid(const char *product_id);
char *products_arch_detectoid(const char *arch);
/* The rule (deb/machine.h) of a product whose suites are at these places ("host/path<TAB>suite",
 * NULL-terminated, sorted here). The caller's. */
char *
products_rule(const ProductsNames *names, const char *origin, const char *codename, char **places);
/* The day a release of a distribution ends, from distro-info-data below root, "2028-06-30"; "" if
 * not known. With its long-term support, where there is one. The caller's. */
char *products_end_of_life(const char *root, const char *os_id, const char *codename);
