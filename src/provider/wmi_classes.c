/* wmi_classes.c - the table of the provider's classes; a class with methods has a file of its own.
 */
#include <string.h>

#include "provider/sms_r_system.h"
#include "provider/sms_softwareupdate.h"
#include "provider/sms_updatecategoryinstance.h"
#include "provider/wmi.h"
#include "sitedb/wmiclass.sql.h"

static const WmiClass sms_supsyncstatus = {
        .name = "SMS_SUPSyncStatus",
        .list = &sql_wmiclass_supsyncstatus,
        .key = "WSUSServerName",
        .key_is_text = true,
        .one = &sql_wmiclass_supsyncstatus_by_server,
};

static const WmiClass sms_statusmessage = {
        .name = "SMS_StatusMessage",
        .list = &sql_wmiclass_statusmessage,
        .key = "RecordID",
        .one = &sql_wmiclass_statusmessage_by_id,
};

static const WmiClass sms_alert = {
        .name = "SMS_Alert",
        .list = &sql_wmiclass_alert,
        .key = "ID",
        .one = &sql_wmiclass_alert_by_id,
};

static const WmiClass sms_site = {
        .name = "SMS_Site",
        .list = &sql_wmiclass_site,
        .key = "SiteCode",
        .key_is_text = true,
        .one = &sql_wmiclass_site_by_code,
};

static const WmiClass sms_componentsummarizer = {
        .name = "SMS_ComponentSummarizer",
        .list = &sql_wmiclass_componentsummarizer,
        .key = "ComponentName",
        .key_is_text = true,
};

static const char *const missingpackage_bools[] = { "IsHeld", NULL };

/* Not the product's: it knows which update a machine lacks, and not which package makes it so. */
static const WmiClass sms_upk_missingpackage = {
        .name = "SMS_UPK_MissingPackage",
        .list = &sql_wmiclass_missingpackage,
        .key = "MissingPackageID",
        .key_is_text = true,
        .bools = missingpackage_bools,
};

/* Not the product's: how many clients were heard of when, a row for a site. */
static const WmiClass sms_upk_clientcontacts = {
        .name = "SMS_UPK_ClientContacts",
        .list = &sql_wmiclass_clientcontacts,
        .key = "SiteCode",
        .key_is_text = true,
        .ages = true,
};

/* The names of the states that state messages speak of (SR_StateNames, COMP-070). */
static const WmiClass sms_upk_statename = {
        .name = "SMS_UPK_StateName",
        .list = &sql_wmiclass_statename,
        .key = "StateNameID",
        .key_is_text = true,
};

const WmiClass *const wmi_classes[] = {
        &sms_softwareupdate,
        &sms_supsyncstatus,
        &sms_updatecategoryinstance,
        &sms_statusmessage,
        &sms_alert,
        &sms_site,
        &sms_componentsummarizer,
        &sms_upk_missingpackage,
        &sms_upk_clientcontacts,
        &sms_upk_statename,
        &sms_r_system,
        NULL,
};

const WmiClass *
wmi_find(const char *name)
{
        for (const WmiClass *const *class = wmi_classes; *class != NULL; class ++) {
                if (g_str_equal((*class)->name, name))
                        return *class;
        }
        return NULL;
}
