/* vdirs_list.c - what is in a content item: a page of links for people, and a manifest (PROPFIND).
 *
 * Both are made while they are sent, some entries at a time, so that an item of a million files
 * costs no more memory than a small one.
 */
#include <string.h>

#include "base/clock.h"
#include "dp/vdirs_private.h"
#include "net/http_negotiate.h"

/* A piece is made up to this many bytes and one entry more. */
#define PIECE (32 * 1024)

typedef enum {
        DEPTH_SELF,
        DEPTH_CHILDREN,
        DEPTH_ALL,
} Depth;

typedef struct {
        VdirsFound found;
        char *escaped_base; /* percent-encoded */
        Depth depth;
        bool page;
        guint next; /* index of the next entry */
        bool begun, ended;
        GString *piece; /* made, */
        gsize sent;     /* and of that sent */
} List;

void
vdirs_found_clear(VdirsFound *found)
{
        if (found->tree != NULL)
                library_tree_unref(found->library, found->tree);
        g_free(found->base);
        g_free(found->package);
        g_free(found->held);
        *found = (VdirsFound){ 0 };
}

/* --- texts --- */

/* Every byte that is not unreserved is coded, so that names of any bytes come through. */
static void
append_escaped(GString *out, const char *text)
{
        static const char digits[] = "0123456789ABCDEF";

        for (const guchar *p = (const guchar *)text; *p; p++) {
                if (g_ascii_isalnum(*p) || strchr("-._~/$", *p) != NULL) {
                        g_string_append_c(out, (char)*p);
                } else {
                        g_string_append_c(out, '%');
                        g_string_append_c(out, digits[*p >> 4]);
                        g_string_append_c(out, digits[*p & 15]);
                }
        }
}

/* For people: what XML cannot hold is shown as a replacement character. */
static void
append_shown(GString *out, const char *text)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);

        for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);

                if (c == '&')
                        g_string_append(out, "&amp;");
                else if (c == '<')
                        g_string_append(out, "&lt;");
                else if (c == '>')
                        g_string_append(out, "&gt;");
                else if (c == '"')
                        g_string_append(out, "&quot;");
                else
                        g_string_append_unichar(
                                out,
                                c < 0x20 || c == 0x7f || c == 0xfffe || c == 0xffff ? 0xfffd : c);
        }
}

static const char *
base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash != NULL ? slash + 1 : path;
}

/* --- which entries --- */

/* The path of what was found with '/' behind it, whose bytes every entry below begins with. */
static bool
is_below(const List *list, const char *path)
{
        const TreeEntry *top = list->found.entry;
        gsize size = top != NULL ? strlen(top->path) : 0;

        return top == NULL || (strncmp(path, top->path, size) == 0 && path[size] == '/');
}

static bool
is_wanted(const List *list, const TreeEntry *entry)
{
        const TreeEntry *top = list->found.entry;

        if (!is_below(list, entry->path))
                return false;
        if (list->page)
                return entry->kind != TREE_FOLDER;
        if (list->depth == DEPTH_ALL)
                return true;
        const char *rest = entry->path + (top != NULL ? strlen(top->path) + 1 : 0);
        return list->depth == DEPTH_CHILDREN && strchr(rest, '/') == NULL;
}

/* --- manifest --- */

static void
append_href(GString *out, const List *list, const TreeEntry *entry)
{
        g_string_append(out, list->escaped_base);
        if (entry != NULL) {
                g_string_append_c(out, '/');
                append_escaped(out, entry->path);
        }
        if (entry == NULL || entry->kind == TREE_FOLDER)
                g_string_append_c(out, '/');
}

static void
append_file_properties(GString *out, const TreeEntry *entry)
{
        g_autofree char *lower = hash_hex(entry->hash, HASH_SHA256_SIZE);
        g_autofree char *hash = g_ascii_strup(lower, -1);

        g_string_append_printf(out,
                               "<D:resourcetype/><D:getcontentlength>%" G_GINT64_FORMAT
                               "</D:getcontentlength><D:getcontenttype>application/octet-stream"
                               "</D:getcontenttype><D:getetag>\"%s\"</D:getetag><U:hash>%s"
                               "</U:hash>",
                               entry->size, hash, hash);
        if (entry->twin > 0)
                g_string_append_printf(out, "<U:twin>%u</U:twin>", entry->twin);
}

/* entry NULL: the content item itself */
static void
append_response(GString *out, const List *list, const TreeEntry *entry)
{
        g_string_append(out, "<D:response><D:href>");
        append_href(out, list, entry);
        g_string_append(out, "</D:href><D:propstat><D:prop><D:displayname>");
        append_shown(out,
                     entry != NULL ? base_name(entry->path) : tree_content_id(list->found.tree));
        g_string_append(out, "</D:displayname>");
        if (entry != NULL) {
                g_autofree char *date = http_negotiate_date(entry->modified_us / UK_SECOND);

                g_string_append_printf(out,
                                       "<D:getlastmodified>%s</D:getlastmodified><U:mode>%04o"
                                       "</U:mode>",
                                       date, entry->mode);
        }
        if (entry == NULL || entry->kind == TREE_FOLDER) {
                g_string_append(out, "<D:resourcetype><D:collection/></D:resourcetype>");
        } else if (entry->kind == TREE_FILE) {
                append_file_properties(out, entry);
        } else {
                g_string_append(out, "<D:resourcetype/><U:target>");
                append_escaped(out, entry->target);
                g_string_append(out, "</U:target>");
        }
        g_string_append(out, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
                             "</D:response>\n");
}

static void
append_manifest_head(GString *out, const List *list)
{
        g_string_append(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                             "<D:multistatus xmlns:D=\"DAV:\" xmlns:U=\"urn:upkeep\">\n");
        append_response(out, list, list->found.entry);
}

/* --- page --- */

static void
append_page_head(GString *out, const List *list)
{
        g_string_append(out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
        append_shown(out, list->found.base);
        g_string_append(out, "</title></head><body><h1>");
        append_shown(out, list->found.base);
        g_string_append(out, "</h1>\n<pre>\n");
}

static void
append_line(GString *out, const List *list, const TreeEntry *entry)
{
        if (entry->kind == TREE_FILE) {
                g_string_append(out, "<a href=\"");
                append_href(out, list, entry);
                g_string_append(out, "\">");
                append_shown(out, entry->path);
                g_string_append_printf(out, "</a>  %" G_GINT64_FORMAT "\n", entry->size);
        } else {
                append_shown(out, entry->path);
                g_string_append(out, " -&gt; ");
                append_shown(out, entry->target);
                g_string_append_c(out, '\n');
        }
}

/* --- sending --- */

static void
make_piece(List *list)
{
        guint count = tree_count(list->found.tree);
        GString *out = list->piece;

        g_string_truncate(out, 0);
        list->sent = 0;
        if (!list->begun)
                (list->page ? append_page_head : append_manifest_head)(out, list);
        list->begun = true;
        if (!list->page && list->depth == DEPTH_SELF)
                list->next = count;
        while (out->len < PIECE && list->next < count) {
                const TreeEntry *entry = tree_entry(list->found.tree, list->next++);

                if (is_wanted(list, entry))
                        (list->page ? append_line : append_response)(out, list, entry);
        }
        if (list->next == count && !list->ended) {
                g_string_append(out, list->page ? "</pre></body></html>\n" : "</D:multistatus>\n");
                list->ended = true;
        }
}

static gssize
fill(gpointer user, char *buffer, gsize max)
{
        List *list = user;

        while (list->sent == list->piece->len && !list->ended)
                make_piece(list);
        gsize n = MIN(max, list->piece->len - list->sent);
        memcpy(buffer, list->piece->str + list->sent, n);
        list->sent += n;
        return (gssize)n;
}

static void
list_free(gpointer user)
{
        List *list = user;

        vdirs_found_clear(&list->found);
        g_string_free(list->piece, TRUE);
        g_free(list->escaped_base);
        g_free(list);
}

static List *
list_new(VdirsFound *found_take, bool page, Depth depth)
{
        List *list = g_new0(List, 1);
        GString *escaped = g_string_new(NULL);

        list->found = *found_take;
        *found_take = (VdirsFound){ 0 };
        list->page = page;
        list->depth = depth;
        list->piece = g_string_sized_new(PIECE + 4096);
        append_escaped(escaped, list->found.base);
        list->escaped_base = g_string_free(escaped, FALSE);
        return list;
}

void
vdirs_answer_page(HttpRequest *request, VdirsFound *found_take)
{
        http_answer_stream(request, 200, "text/html; charset=utf-8", fill,
                           list_new(found_take, true, DEPTH_ALL), list_free);
}

void
vdirs_answer_manifest(HttpRequest *request, VdirsFound *found_take)
{
        const char *asked = http_request_header(request, "Depth");
        const TreeEntry *entry = found_take->entry;
        Depth depth = DEPTH_ALL;

        if (g_strcmp0(asked, "0") == 0 || (entry != NULL && entry->kind != TREE_FOLDER))
                depth = DEPTH_SELF;
        else if (g_strcmp0(asked, "1") == 0)
                depth = DEPTH_CHILDREN;
        http_answer_stream(request, 207, "application/xml; charset=utf-8", fill,
                           list_new(found_take, false, depth), list_free);
}
