/* odata_filter.c - parses and evaluates $filter.
 *
 *   or   := and { "or" and }            and := not { "and" not }
 *   not  := "not" not | "(" or ")" | call [ "eq" bool ] | value op value
 *   call := ("startswith" | "endswith" | "contains") "(" property "," text ")"
 */
#include <string.h>

#include "provider/odata.h"

typedef enum {
        NODE_OR,
        NODE_AND,
        NODE_NOT,
        NODE_TEST,
} NodeKind;

typedef enum {
        OP_EQ,
        OP_NE,
        OP_LT,
        OP_LE,
        OP_GT,
        OP_GE,
        OP_STARTSWITH,
        OP_ENDSWITH,
        OP_CONTAINS,
} Op;

static const char *const op_names[] = { "eq", "ne",         "lt",       "le",      "gt",
                                        "ge", "startswith", "endswith", "contains" };

/* Either a property or a constant. */
typedef struct {
        char *property; /* NULL: a constant */
        ODataValue value;
        char *text; /* what value.text points to */
} Operand;

struct ODataFilter {
        NodeKind kind;
        Op op;
        ODataFilter *left, *right; /* of OR, AND; NOT has left only */
        Operand a, b;
};

typedef struct {
        const char *start, *at;
        int depth;
} Parser;

void
odata_filter_free(ODataFilter *filter)
{
        if (filter == NULL)
                return;
        odata_filter_free(filter->left);
        odata_filter_free(filter->right);
        g_free(filter->a.property);
        g_free(filter->a.text);
        g_free(filter->b.property);
        g_free(filter->b.text);
        g_free(filter);
}

static bool
bad(const Parser *p, const char *expected, GError **error)
{
        return uk_fail(error, UK_ERROR_PARSE, "$filter: %s expected at character %d, '%.20s'",
                       expected, (int)(p->at - p->start) + 1, p->at);
}

static void
skip_blanks(Parser *p)
{
        while (*p->at == ' ')
                p->at++;
}

static bool
is_word_char(char c)
{
        return g_ascii_isalnum(c) || strchr("_.-:+", c) != NULL;
}

/* Takes the word if it stands here as a whole. */
static bool
take_word(Parser *p, const char *word)
{
        gsize size = strlen(word);

        skip_blanks(p);
        if (g_ascii_strncasecmp(p->at, word, size) != 0 ||
            (p->at[size] != '\0' && is_word_char(p->at[size])))
                return false;
        p->at += size;
        return true;
}

static bool
take_char(Parser *p, char c)
{
        skip_blanks(p);
        if (*p->at != c)
                return false;
        p->at++;
        return true;
}

/* 'it''s' */
static bool
parse_string(Parser *p, Operand *operand, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (p->at++; *p->at != '\0'; p->at++) {
                if (*p->at == '\'' && p->at[1] != '\'') {
                        p->at++;
                        operand->text = g_string_free(g_steal_pointer(&text), FALSE);
                        operand->value = (ODataValue){ .type = ODATA_TEXT, .text = operand->text };
                        return true;
                }
                if (*p->at == '\'')
                        p->at++;
                g_string_append_c(text, *p->at);
        }
        return bad(p, "a closing '", error);
}

/* A number or a time, which stays text. */
static ODataValue
number_or_time(const char *word)
{
        char *end;
        gint64 number = g_ascii_strtoll(word, &end, 10);

        if (*end == '\0')
                return (ODataValue){ .type = ODATA_INT, .number = number };
        double real = g_ascii_strtod(word, &end);

        if (*end == '\0')
                return (ODataValue){ .type = ODATA_REAL, .real = real };
        return (ODataValue){ .type = ODATA_TEXT, .text = word };
}

static void
classify(char *word_take, Operand *operand)
{
        operand->text = word_take;
        if (g_ascii_isdigit(word_take[0]) || word_take[0] == '-')
                operand->value = number_or_time(word_take);
        else if (g_ascii_strcasecmp(word_take, "true") == 0)
                operand->value = (ODataValue){ .type = ODATA_BOOL, .number = 1 };
        else if (g_ascii_strcasecmp(word_take, "false") == 0)
                operand->value = (ODataValue){ .type = ODATA_BOOL };
        else if (g_ascii_strcasecmp(word_take, "null") == 0)
                operand->value = (ODataValue){ .type = ODATA_NULL };
        else
                operand->property = g_steal_pointer(&operand->text);
}

static bool
parse_operand(Parser *p, Operand *operand, GError **error)
{
        skip_blanks(p);
        if (*p->at == '\'')
                return parse_string(p, operand, error);
        const char *from = p->at;

        while (*p->at != '\0' && is_word_char(*p->at))
                p->at++;
        if (p->at == from)
                return bad(p, "a property or a value", error);
        classify(g_strndup(from, (gsize)(p->at - from)), operand);
        return true;
}

static bool
expect_char(Parser *p, char c, const char *words, GError **error)
{
        return take_char(p, c) || bad(p, words, error);
}

/* The rest of startswith(property,'text'), and a following "eq true" or "eq false". */
static bool
parse_call(Parser *p, ODataFilter *node, bool *negated_out, GError **error)
{
        if (!expect_char(p, '(', "(", error) || !parse_operand(p, &node->a, error) ||
            !expect_char(p, ',', "a comma", error) || !parse_operand(p, &node->b, error) ||
            !expect_char(p, ')', ")", error))
                return false;
        if (!take_word(p, "eq"))
                return true;
        *negated_out = take_word(p, "false");
        return *negated_out || take_word(p, "true") || bad(p, "true or false", error);
}

static bool
parse_compare(Parser *p, ODataFilter *node, GError **error)
{
        if (!parse_operand(p, &node->a, error))
                return false;
        for (int op = OP_EQ; op <= OP_GE; op++) {
                if (take_word(p, op_names[op])) {
                        node->op = (Op)op;
                        return parse_operand(p, &node->b, error);
                }
        }
        return bad(p, "eq, ne, lt, le, gt or ge", error);
}

static ODataFilter *parse_or(Parser *p, GError **error);

static ODataFilter *
negate(ODataFilter *inner_take)
{
        ODataFilter *node = g_new0(ODataFilter, 1);

        node->kind = NODE_NOT;
        node->left = inner_take;
        return node;
}

static ODataFilter *
parse_test(Parser *p, GError **error)
{
        g_autoptr(ODataFilter) node = g_new0(ODataFilter, 1);

        node->kind = NODE_TEST;
        for (int op = OP_STARTSWITH; op <= OP_CONTAINS; op++) {
                bool negated = false;

                if (!take_word(p, op_names[op]))
                        continue;
                node->op = (Op)op;
                if (!parse_call(p, node, &negated, error))
                        return NULL;
                return negated ? negate(g_steal_pointer(&node)) : g_steal_pointer(&node);
        }
        return parse_compare(p, node, error) ? g_steal_pointer(&node) : NULL;
}

static ODataFilter *
parse_group(Parser *p, GError **error)
{
        g_autoptr(ODataFilter) node = parse_or(p, error);

        return node != NULL && expect_char(p, ')', ")", error) ? g_steal_pointer(&node) : NULL;
}

static ODataFilter *
parse_not(Parser *p, GError **error)
{
        ODataFilter *node;

        if (++p->depth > ODATA_MAX_DEPTH) {
                bad(p, "less nesting", error);
                return NULL;
        }
        if (take_word(p, "not")) {
                node = parse_not(p, error);
                node = node != NULL ? negate(node) : NULL;
        } else {
                node = take_char(p, '(') ? parse_group(p, error) : parse_test(p, error);
        }
        p->depth--;
        return node;
}

/* A chain of one operator, to the left. */
static ODataFilter *
parse_chain(Parser *p, const char *word, NodeKind kind,
            ODataFilter *(*part)(Parser *p, GError **error), GError **error)
{
        g_autoptr(ODataFilter) left = part(p, error);

        while (left != NULL && take_word(p, word)) {
                ODataFilter *node = g_new0(ODataFilter, 1);

                node->kind = kind;
                node->left = left;
                left = node;
                node->right = part(p, error);
                if (node->right == NULL)
                        return NULL;
        }
        return g_steal_pointer(&left);
}

static ODataFilter *
parse_and(Parser *p, GError **error)
{
        return parse_chain(p, "and", NODE_AND, parse_not, error);
}

static ODataFilter *
parse_or(Parser *p, GError **error)
{
        return parse_chain(p, "or", NODE_OR, parse_and, error);
}

ODataFilter *
odata_filter_parse(const char *text, GError **error)
{
        Parser p = { .start = text, .at = text };

        if (strlen(text) > ODATA_MAX_TEXT) {
                uk_fail(error, UK_ERROR_LIMIT, "$filter is above %d bytes", ODATA_MAX_TEXT);
                return NULL;
        }
        g_autoptr(ODataFilter) filter = parse_or(&p, error);

        if (filter == NULL)
                return NULL;
        skip_blanks(&p);
        if (*p.at != '\0') {
                bad(&p, "and, or or the end", error);
                return NULL;
        }
        return g_steal_pointer(&filter);
}

static double
as_real(const ODataValue *v)
{
        return v->type == ODATA_REAL ? v->real : (double)v->number;
}

int
odata_compare(const ODataValue *a, const ODataValue *b)
{
        if (a->type == ODATA_NULL || b->type == ODATA_NULL)
                return (a->type != ODATA_NULL) - (b->type != ODATA_NULL);
        if (a->type == ODATA_TEXT && b->type == ODATA_TEXT)
                return g_ascii_strcasecmp(a->text, b->text);
        if (a->type == ODATA_TEXT || b->type == ODATA_TEXT)
                return a->type == ODATA_TEXT ? 1 : -1;
        if (a->type == ODATA_REAL || b->type == ODATA_REAL)
                return (as_real(a) > as_real(b)) - (as_real(a) < as_real(b));
        return (a->number > b->number) - (a->number < b->number);
}

static bool
value_of(const Operand *operand, ODataGet get, gpointer row, ODataValue *value, GError **error)
{
        if (operand->property == NULL) {
                *value = operand->value;
                return true;
        }
        return get(row, operand->property, value) ||
               uk_fail(error, UK_ERROR_INVALID, "$filter: the class has no property %s",
                       operand->property);
}

static bool
text_fits(Op op, const char *text, const char *part)
{
        g_autofree char *a = g_ascii_strdown(text, -1);
        g_autofree char *b = g_ascii_strdown(part, -1);

        if (op == OP_STARTSWITH)
                return g_str_has_prefix(a, b);
        return op == OP_ENDSWITH ? g_str_has_suffix(a, b) : strstr(a, b) != NULL;
}

static bool
test_fits(Op op, const ODataValue *a, const ODataValue *b)
{
        int order = odata_compare(a, b);

        switch (op) {
        case OP_EQ:
                return order == 0;
        case OP_NE:
                return order != 0;
        case OP_LT:
                return order < 0;
        case OP_LE:
                return order <= 0;
        case OP_GT:
                return order > 0;
        case OP_GE:
                return order >= 0;
        default:
                return a->type == ODATA_TEXT && b->type == ODATA_TEXT &&
                       text_fits(op, a->text, b->text);
        }
}

bool
odata_filter_fits(const ODataFilter *filter, ODataGet get, gpointer row, bool *fits_out,
                  GError **error)
{
        ODataValue a, b;
        bool fits;

        if (filter->kind == NODE_TEST) {
                if (!value_of(&filter->a, get, row, &a, error) ||
                    !value_of(&filter->b, get, row, &b, error))
                        return false;
                *fits_out = test_fits(filter->op, &a, &b);
                return true;
        }
        if (!odata_filter_fits(filter->left, get, row, &fits, error))
                return false;
        if (filter->kind == NODE_NOT || fits == (filter->kind == NODE_OR)) {
                *fits_out = fits != (filter->kind == NODE_NOT);
                return true;
        }
        return odata_filter_fits(filter->right, get, row, fits_out, error);
}

bool
odata_filter_equals(const ODataFilter *filter, const char *property, ODataValue *value_out)
{
        if (filter->kind != NODE_TEST || filter->op != OP_EQ || filter->b.property != NULL ||
            g_strcmp0(filter->a.property, property) != 0)
                return false;
        *value_out = filter->b.value;
        return true;
}
