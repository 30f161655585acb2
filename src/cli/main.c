/* main.c - the command line: one table of verbs, from which all else follows.
 *
 * A row names noun, verb, words, cmdlet, sentence, function and options; parsing, help, completion
 * and the man page are made from it.
 */
#include "cli/category.h"
#include "cli/cli.h"
#include "cli/help_verbs.h"
#include "cli/lab_verbs.h"
#include "cli/log.h"
#include "cli/message.h"
#include "cli/site.h"
#include "cli/sync.h"
#include "cli/update.h"

#define TOP                                                   \
        {                                                     \
                "top", "N", NULL, "at most N rows, 0 for all" \
        }
#define WHAT_IF                                                                     \
        {                                                                           \
                "what-if", NULL, "WhatIf", "say what would be done, and do nothing" \
        }

static const CliVerb verbs[] = {
        { "sync",
          "start",
          "",
          "Sync-CMSoftwareUpdate",
          "ask for a synchronization of software updates",
          sync_start,
          { { "full", NULL, "FullSync", "everything anew, not only what changed" },
            { "wait", NULL, NULL, "follow it to its end" },
            WHAT_IF } },
        { "sync",
          "status",
          "",
          "Get-CMSoftwareUpdateSyncStatus",
          "show the synchronization of each update point",
          sync_status,
          { { "follow", NULL, NULL, "until the running synchronization has ended" } } },
        { "update",
          "list",
          "[TEXT]",
          "Get-CMSoftwareUpdate",
          "list updates, the newest first",
          update_list,
          { { "article", "NAME", "ArticleId", "of this article (the source package)" },
            { "missing", NULL, NULL, "that at least one machine lacks" },
            { "all", NULL, NULL, "superseded and expired ones too" },
            TOP } },
        { "update", "show", "<ID>", NULL,
          "show all that is known of an update (ID, article or UpdateID)", update_show },
        { "product", "list", "", "Get-CMSoftwareUpdateCategory",
          "list products and which are synchronized", category_list },
        { "product",
          "subscribe",
          "<NAME>...",
          NULL,
          "synchronize these products",
          category_subscribe,
          { WHAT_IF } },
        { "product",
          "unsubscribe",
          "<NAME>...",
          NULL,
          "synchronize these products no longer",
          category_unsubscribe,
          { WHAT_IF } },
        { "classification", "list", "", NULL, "list classifications and which are synchronized",
          category_list },
        { "classification",
          "subscribe",
          "<NAME>...",
          NULL,
          "synchronize these classifications",
          category_subscribe,
          { WHAT_IF } },
        { "classification",
          "unsubscribe",
          "<NAME>...",
          NULL,
          "synchronize these classifications no longer",
          category_unsubscribe,
          { WHAT_IF } },
        { "message",
          "list",
          "",
          "Get-CMSiteStatusMessage",
          "list status messages, the newest first",
          message_list,
          { { "component", "NAME", "Component", "of this component" },
            { "severity", "NAME", "Severity", "Information, Warning or Error" },
            { "id", "NUMBER", "MessageId", "with this number" },
            TOP } },
        { "alert",
          "list",
          "",
          "Get-CMAlert",
          "list active alerts",
          message_alerts,
          { { "all", NULL, NULL, "those that have ended too" }, TOP } },
        { "log",
          NULL,
          "",
          NULL,
          "show the logs of all components as one, by time",
          log_show,
          { { "component", "NAME", NULL,
              "of this component or log file (a part of the name will do)" },
            { "id", "TEXT", NULL, "only lines that contain this: a package, GUID, message number" },
            { "errors", NULL, NULL, "only warnings and errors" },
            { "since", "WHEN", NULL, "from 30s, 10m, 2h, 3d ago, or from a time on" },
            { "lines", "N", NULL, "the last N lines (default 200; all with --since)" },
            { "follow", NULL, NULL, "go on with what is written from now on" } } },
        { "site", "status", "", "Get-CMSite",
          "show the site, its components and its synchronization", site_status },
        { "lab",
          "up",
          "",
          NULL,
          "start a whole site under one throw-away folder",
          lab_verbs_up,
          { { "sources", "DIR", NULL, "the apt sources below this folder, not the machine's own" },
            { "no-first-sync", NULL, NULL, "do not synchronize before somebody asks for it" },
            { "set", "GROUP.KEY=VALUE,...", NULL, "settings of the lab" },
            { "bin", "DIR", NULL, "the programs of this folder (or of DIR/<role>/)" } } },
        { "lab",
          "up",
          "",
          NULL,
          "start a whole site under one throw-away folder",
          lab_verbs_up,
          { { "set", "GROUP.KEY=VALUE,...", NULL, "settings of the lab" } } },
        { "lab",
          "down",
          "",
          NULL,
          "end the programs of the lab",
          lab_verbs_down,
          { { "purge", NULL, NULL, "remove its folder too" } } },
        { "lab", "status", "", NULL, "show the programs of the lab", lab_verbs_status },
        { "lab",
          "clock",
          "",
          NULL,
          "show the lab's clock, make it run faster, or move it",
          lab_verbs_clock,
          { { "rate", "N", NULL, "N times as fast as the machine's" },
            { "step", "SPAN", NULL, "forward by 30s, 10m, 2h, 3d; back with a minus" } } },
        { "completion", NULL, "", NULL, "print a completion script for bash",
          help_verbs_completion },
        { "man", NULL, "", NULL, "print the man page upkeep(1)", help_verbs_man },
        { .noun = NULL },
};

int
main(int argc, char **argv)
{
        return cli_main(verbs, argc, argv);
}
