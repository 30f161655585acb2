/* wmi_classes.c - the table of the provider's classes; a class with methods has a file of its own.
 */
#include <string.h>

#include "provider/sms_distributionjob.h"
#include "provider/sms_distributionpoint.h"
#include "provider/sms_distributionpointgroup.h"
#include "provider/sms_distributionpointinfo.h"
#include "provider/sms_package.h"
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

/* ---- content ----------------------------------------------------------------------------------
 */

static const char *const pull_bools[] = { "IsPullDP", NULL };

static const WmiClass sms_packagestatusdistpointssummarizer = {
        .name = "SMS_PackageStatusDistPointsSummarizer",
        .list = &sql_wmiclass_packagestatusdistpoints,
        .key = "PackageID,ServerNALPath",
        .key_is_text = true,
        .by = "PackageID",
        .list_by = &sql_wmiclass_packagestatusdistpoints_by_package,
        .by_is_text = true,
};

static const WmiClass sms_packagestatusrootsummarizer = {
        .name = "SMS_PackageStatusRootSummarizer",
        .list = &sql_wmiclass_packagestatusroot,
        .key = "PackageID",
        .key_is_text = true,
        .one = &sql_wmiclass_packagestatusroot_by_id,
};

static const WmiClass sms_packagestatusdetailsummarizer = {
        .name = "SMS_PackageStatusDetailSummarizer",
        .list = &sql_wmiclass_packagestatusdetail,
        .key = "PackageSiteID",
        .key_is_text = true,
};

static const WmiClass sms_distributiondpstatus = {
        .name = "SMS_DistributionDPStatus",
        .list = &sql_wmiclass_distributiondpstatus,
        .key = "DistributionDPStatusID",
        .key_is_text = true,
        .by = "PackageID",
        .list_by = &sql_wmiclass_distributiondpstatus_by_package,
        .by_is_text = true,
        .bools = pull_bools,
        .windows = (const char *const[]){ "ClosedUntil", NULL },
};

static const WmiClass sms_dpcontentinfo = {
        .name = "SMS_DPContentInfo",
        .list = &sql_wmiclass_dpcontentinfo,
        .key = "DPContentInfoID",
        .key_is_text = true,
        .by = "NALPath",
        .list_by = &sql_wmiclass_dpcontentinfo_by_nal,
        .by_is_text = true,
};

static const WmiClass sms_dpstatusinfo = {
        .name = "SMS_DPStatusInfo",
        .list = &sql_wmiclass_dpstatusinfo,
        .key = "NALPath",
        .key_is_text = true,
        .bools = pull_bools,
};

/* Not the product's: content items of each version, sources of pull distribution points, who and
 * what is in a group. */
static const WmiClass sms_upk_packagecontent = {
        .name = "SMS_UPK_PackageContent",
        .list = &sql_wmiclass_packagecontent,
        .key = "PackageContentID",
        .key_is_text = true,
        .by = "PackageID",
        .list_by = &sql_wmiclass_packagecontent_by_package,
        .by_is_text = true,
};

static const WmiClass sms_upk_pulldpsource = {
        .name = "SMS_UPK_PullDPSource",
        .list = &sql_wmiclass_pulldpsource,
        .key = "PullDPSourceID",
        .key_is_text = true,
};

static const char *const stray_bools[] = { "IsRemoving", NULL };

/* Not the product's: packages on distribution points to which nobody has given them. */
static const WmiClass sms_upk_dpstraycontent = {
        .name = "SMS_UPK_DPStrayContent",
        .list = &sql_wmiclass_dpstraycontent,
        .key = "DPStrayContentID",
        .key_is_text = true,
        .bools = stray_bools,
};

static const WmiClass sms_dpgroupmembers = {
        .name = "SMS_DPGroupMembers",
        .list = &sql_wmiclass_dpgroupmembers,
        .key = "DPGroupMemberID",
        .key_is_text = true,
};

static const WmiClass sms_dpgrouppackages = {
        .name = "SMS_DPGroupPackages",
        .list = &sql_wmiclass_dpgrouppackages,
        .key = "DPGroupPackageID",
        .key_is_text = true,
};

/* Not the product's: who changed what, and under which trace. */
static const WmiClass sms_upk_audit = {
        .name = "SMS_UPK_Audit",
        .list = &sql_wmiclass_audit,
        .key = "AuditID",
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
        &sms_package,
        &sms_contentpackage,
        &sms_packagebaseclass,
        &sms_distributionpoint,
        &sms_distributionpointinfo,
        &sms_distributionpointgroup,
        &sms_distributionjob,
        &sms_packagestatusdistpointssummarizer,
        &sms_packagestatusrootsummarizer,
        &sms_packagestatusdetailsummarizer,
        &sms_distributiondpstatus,
        &sms_dpcontentinfo,
        &sms_dpstatusinfo,
        &sms_upk_packagecontent,
        &sms_upk_pulldpsource,
        &sms_upk_dpstraycontent,
        &sms_dpgroupmembers,
        &sms_dpgrouppackages,
        &sms_upk_audit,
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
