/* content.h - what the verbs of packages, distribution points, groups and jobs share: finding who
 * is meant, and the bodies of calls. */
#pragma once

#include "cli/admin.h"
#include "cli/cli.h"
#include "cli/rows.h"

/* A package as the verbs need it. */
typedef struct {
        char *id;
        char *name;
        const char *class_name; /* SMS_Package or SMS_ContentPackage */
        char *key;              /* 'PS100039', as a URL has it */
        char *source_failed;    /* when its source could last not be read, as a row has it; "" */
        bool settled;           /* what was asked for it was there already, all of it */
} ContentPackage;

void content_package_free(ContentPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentPackage, content_package_free)

/* The package of that ID, or the only one of that name; NOT_FOUND and INVALID name the next
 * command. The caller frees it. */
ContentPackage *content_package(Cli *cli, const char *word, GError **error) UK_MUST_USE;
/* All packages by what they are called, for many words: asked for once. */
typedef struct ContentPackages ContentPackages;
ContentPackages *content_packages(Cli *cli, GError **error) UK_MUST_USE;
void content_packages_free(ContentPackages *packages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentPackages, content_packages_free)
/* As content_package; what is not among them, or not alone, is asked for. packages: NULL, none. */
ContentPackage *content_package_among(Cli *cli, const ContentPackages *packages, const char *word,
                                      GError **error) UK_MUST_USE;
/* The full name of the distribution point that is meant: the server's name, or its first part. The
 * caller's. */
char *content_point(Cli *cli, const char *word, GError **error) UK_MUST_USE;
/* The group of that name or ID: its ID; the caller's. */
char *content_group(Cli *cli, const char *word, GError **error) UK_MUST_USE;
/* The distribution points (char *) that --dp, --group and --all name; a usage error where none of
 * them is given. package_id (NULL: any) narrows --all to those that have it. The caller owns the
 * array. */
GPtrArray *content_points(Cli *cli, const char *package_id, GError **error) UK_MUST_USE;
/* The words of a list "A,B"; the caller's, without empty ones. */
char **content_words(const char *list);

/* {"member": [texts …]}; the caller's. */
char *content_list_body(const char *member, GPtrArray *texts);
/* {"PackageID": …, "NALPath": …}; the caller's. */
char *content_pair_body(const char *package_id, const char *point);
/* PackageID='…',ServerNALPath='…', as a URL has it; the caller's. */
char *content_pair_key(const char *package_id, const char *point);
/* Lets an option stand for the words of a verb, as the parameters of cmdlets do. */
void content_word_option(Cli *cli, const char *option);
/* A time of a row that is still to come, as "in 20 min"; "" else. The caller's. */
char *content_when(const JsonValue *row, const char *property);
