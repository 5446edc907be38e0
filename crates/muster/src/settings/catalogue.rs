//! The catalogue of settings, one table (platform API §2.2, §2.3 and Muster's own).

use crate::kernel::scope::Level;

/// What kind of text a value is. All values travel and are stored as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// true/false, yes/no, on/off, t/f, y/n in any case.
    Boolean,
    /// A decimal number.
    Number,
}

impl ValueType {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Boolean => "Boolean",
            Self::Number => "Number",
        }
    }
}

/// What a value must fulfil beyond its type and the allowed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing.
    None,
    /// Not empty, no white space at its ends.
    Clean,
    /// Clean, and the name of a claim.
    Claim,
    /// Clean, and a URL that keys may be fetched from (JWT trust §1).
    JwksUrl,
    /// Clean, and a service account of the account itself.
    ServiceAccount,
    /// A whole number of days, 1 to the given most.
    Days(u32),
    /// A whole number of hours, 0 to the given most.
    Hours(u32),
    /// A whole number, 1 to the given most.
    Whole(u32),
}

/// A row of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Unique.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// One of `CATEGORIES`.
    pub category: &'static str,
    /// Settings of a category that belong together.
    pub group: Option<&'static str>,
    /// Kind of its values.
    pub value_type: ValueType,
    /// If not empty, the only values there are.
    pub allowed: &'static [&'static str],
    /// The value where none is stored.
    pub default: Option<&'static str>,
    /// May scopes below have their own value, as long as nobody says otherwise?
    pub allow_overrides: bool,
    /// Where it can be set, highest first.
    pub scopes: &'static [Level],
    /// Its special rule.
    pub check: Check,
}

impl Setting {
    /// The highest level it can be set at.
    pub fn highest(&self) -> Level {
        self.scopes[0]
    }
}

/// The id of a setting that the server itself goes by. Only this catalogue makes one: what is read by an id
/// that does not exist would be as if it were switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(&'static str);

impl Id {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Every category of the wire, also those that have no setting here.
pub const CATEGORIES: &[&str] = &[
    "CD",
    "CI",
    "CE",
    "CV",
    "CF",
    "STO",
    "CORE",
    "PMS",
    "TEMPLATESERVICE",
    "GOVERNANCE",
    "CHAOS",
    "SCIM",
    "GIT_EXPERIENCE",
    "CONNECTORS",
    "EULA",
    "NOTIFICATIONS",
    "SUPPLY_CHAIN_ASSURANCE",
    "USER",
    "MODULES_VISIBILITY",
    "DBOPS",
    "IR",
    "AR",
];

/// Where the keys of the default trust come from.
pub const JWT_JWKS_URL: Id = Id("scim_jwt_token_jwks_keys_url");
/// The claim that the default trust looks at.
pub const JWT_KEY_FIELD: Id = Id("scim_jwt_token_key_field");
/// The value that the claim must have.
pub const JWT_VALUE_FIELD: Id = Id("scim_jwt_token_value_field");
/// The service account as which a JWT of the default trust acts.
pub const JWT_SERVICE_ACCOUNT: Id = Id("scim_jwt_token_service_account_id");
/// How many hours past their end an issuer's keys still serve while they cannot be fetched.
pub const JWT_STALE_HOURS: Id = Id("jwt_trust_stale_key_hours");
/// Whose habits the SCIM API expects: auto, strict, tolerant, entra, okta.
pub const SCIM_DIALECT: Id = Id("scim_dialect");
/// Does creating a deactivated user by SCIM bring it back?
pub const SCIM_REVIVE: Id = Id("scim_revive_on_create");
/// Does SCIM's DELETE only deactivate?
pub const SCIM_DELETE_DEACTIVATES: Id = Id("scim_delete_deactivates");
/// How many days events are kept.
pub const EVENTS_DAYS: Id = Id("events_retention_days");
/// May tokens live without an end?
pub const TOKENS_WITHOUT_EXPIRY: Id = Id("allow_tokens_without_expiry");
/// How many days a token may live at most.
pub const MAX_TOKEN_DAYS: Id = Id("max_token_lifetime_days");
/// The most that may say.
pub const MOST_TOKEN_DAYS: u32 = 365;
/// May someone grant only what he holds himself?
pub const RESTRICT_GRANTS: Id = Id("restrict_grants_to_own_permissions");

/// Does the account keep a provisioning log?
pub const LOG_ENABLED: Id = Id("provisioning_log_enabled");
/// How many days entries of the provisioning log are kept.
pub const LOG_DAYS: Id = Id("provisioning_log_retention_days");
/// How many entries of the provisioning log are kept.
pub const LOG_ENTRIES: Id = Id("provisioning_log_max_entries");
/// How many megabytes the entries of the provisioning log may take.
pub const LOG_MEGABYTES: Id = Id("provisioning_log_max_megabytes");

const ACCOUNT: &[Level] = &[Level::Account];
const ACCOUNT_AND_PROJECT: &[Level] = &[Level::Account, Level::Project];
const ALL: &[Level] = &[Level::Account, Level::Organization, Level::Project];
/// The four settings that make the default trust.
pub const JWT_GROUP: Option<&str> = Some("scim_jwt_token_configuration_g1");
const SCIM_GROUP: Option<&str> = Some("scim_provisioning");
const TOKEN_GROUP: Option<&str> = Some("api_tokens");
const PIPELINE_GROUP: Option<&str> = Some("pms_execution_settings");

/// What most rows have in common: text, set at the account only.
const BASE: Setting = Setting {
    id: "",
    name: "",
    category: "CORE",
    group: None,
    value_type: ValueType::Text,
    allowed: &[],
    default: None,
    allow_overrides: false,
    scopes: ACCOUNT,
    check: Check::None,
};
const JWT: Setting = Setting { category: "SCIM", group: JWT_GROUP, check: Check::Clean, ..BASE };
const LOG: Setting =
    Setting { category: "SCIM", group: Some("provisioning_log"), value_type: ValueType::Number, ..BASE };
const SCIM: Setting = Setting { category: "SCIM", group: SCIM_GROUP, ..BASE };
const FLAG: Setting = Setting { value_type: ValueType::Boolean, default: Some("false"), ..BASE };
const NOTIFY: Setting = Setting { category: "NOTIFICATIONS", default: Some("true"), ..FLAG };
const TIMEOUT: Setting =
    Setting { category: "PMS", group: PIPELINE_GROUP, allow_overrides: true, scopes: ALL, ..BASE };
const GIT: Setting = Setting { category: "GIT_EXPERIENCE", allow_overrides: true, scopes: ALL, ..BASE };

/// Every setting there is.
#[rustfmt::skip] // a table: one row a setting
pub const CATALOGUE: &[Setting] = &[
    Setting { id: JWT_KEY_FIELD.0, name: "SCIM JWT token Key field", check: Check::Claim, ..JWT },
    Setting { id: JWT_VALUE_FIELD.0, name: "SCIM JWT token value to be matched for Key field", ..JWT },
    Setting { id: JWT_JWKS_URL.0, name: "SCIM JWT token jwks keys public URL", check: Check::JwksUrl, ..JWT },
    Setting {
        id: JWT_SERVICE_ACCOUNT.0, name: "SCIM JWT token mapped Service Account identifier",
        check: Check::ServiceAccount, ..JWT
    },
    Setting {
        id: JWT_STALE_HOURS.0, name: "Hours that an issuer's keys serve past their end while it cannot be reached",
        value_type: ValueType::Number, default: Some("24"), check: Check::Hours(168), category: "SCIM",
        group: Some("jwt_trusts"), ..BASE
    },
    Setting {
        id: SCIM_DIALECT.0, name: "SCIM dialect", default: Some("auto"),
        allowed: &["auto", "strict", "tolerant", "entra", "okta"], ..SCIM
    },
    Setting {
        id: SCIM_REVIVE.0, name: "SCIM create brings a deactivated user back", value_type: ValueType::Boolean,
        default: Some("true"), ..SCIM
    },
    Setting {
        id: SCIM_DELETE_DEACTIVATES.0, name: "SCIM delete only deactivates", value_type: ValueType::Boolean,
        default: Some("false"), ..SCIM
    },
    Setting {
        id: LOG_ENABLED.0, name: "Keep a provisioning log", value_type: ValueType::Boolean, default: Some("true"), ..LOG
    },
    Setting {
        id: LOG_DAYS.0, name: "Days that the provisioning log goes back", default: Some("30"),
        check: Check::Days(3_650), ..LOG
    },
    Setting {
        id: LOG_ENTRIES.0, name: "Most entries of the provisioning log", default: Some("100000"),
        check: Check::Whole(10_000_000), ..LOG
    },
    Setting {
        id: LOG_MEGABYTES.0, name: "Most megabytes of the provisioning log", default: Some("256"),
        check: Check::Whole(100_000), ..LOG
    },
    Setting {
        id: EVENTS_DAYS.0, name: "Days that events are kept", value_type: ValueType::Number, default: Some("30"),
        check: Check::Days(3_650), ..SCIM
    },
    Setting {
        id: TOKENS_WITHOUT_EXPIRY.0, name: "Allow tokens without expiry", category: "USER", group: TOKEN_GROUP, ..FLAG
    },
    Setting {
        id: MAX_TOKEN_DAYS.0, name: "Longest life of a token in days", category: "USER", group: TOKEN_GROUP,
        value_type: ValueType::Number, default: Some("365"), check: Check::Days(MOST_TOKEN_DAYS), ..BASE
    },
    Setting {
        id: RESTRICT_GRANTS.0, name: "Grant only permissions that one holds oneself", category: "USER",
        default: Some("true"), ..FLAG
    },
    Setting { id: "enable_force_delete", name: "Enable Force Delete of Resources", ..FLAG },
    Setting {
        id: "disable_harness_built_in_secret_manager", name: "Disable the built-in secret manager",
        category: "CONNECTORS", ..FLAG
    },
    Setting {
        id: "mandate_webhook_secrets_for_github_triggers", name: "Mandate webhook secrets for GitHub triggers",
        category: "PMS", allow_overrides: true, scopes: ALL, ..FLAG
    },
    Setting {
        id: "default_store_type_for_entities", name: "Default store type for entities",
        allowed: &["INLINE", "REMOTE"], default: Some("INLINE"), ..GIT
    },
    Setting {
        id: "enforce_git_experience", name: "Enforce Git Experience", value_type: ValueType::Boolean,
        default: Some("false"), ..GIT
    },
    Setting {
        id: "concurrent_active_pipeline_executions", name: "Concurrent active pipeline executions",
        category: "PMS", group: PIPELINE_GROUP, value_type: ValueType::Number, default: Some("2"), ..BASE
    },
    Setting { id: "pipeline_timeout", name: "Pipeline timeout", ..TIMEOUT },
    Setting { id: "stage_timeout", name: "Stage timeout", ..TIMEOUT },
    Setting { id: "step_timeout", name: "Step timeout", ..TIMEOUT },
    Setting { id: "enable_slack_notification", name: "Enable Slack notifications", ..NOTIFY },
    Setting { id: "enable_msteams_notification", name: "Enable Microsoft Teams notifications", ..NOTIFY },
    Setting { id: "enable_pagerduty_notification", name: "Enable PagerDuty notifications", ..NOTIFY },
    Setting {
        id: "ticketing_tool", name: "Ticketing tool", category: "CE", allowed: &["Jira", "Servicenow"],
        default: Some("Jira"), ..BASE
    },
    Setting {
        id: "aida", name: "AI assistance", category: "EULA", allow_overrides: true, scopes: ACCOUNT_AND_PROJECT,
        ..FLAG
    },
    Setting {
        id: "show_aws_cost_as", name: "Show AWS cost as", category: "CE", default: Some("Unblended"),
        allowed: &["Amortised", "Net-amortised", "Blended", "Unblended", "Effective"], ..BASE
    },
];

/// The setting of that identifier.
pub fn find(id: &str) -> Option<&'static Setting> {
    CATALOGUE.iter().find(|setting| setting.id == id)
}

/// The setting of that identifier, if it can be set at that level.
pub fn find_at(id: &str, level: Level) -> Option<&'static Setting> {
    find(id).filter(|setting| setting.scopes.contains(&level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::model;

    #[test]
    fn every_row_keeps_its_own_rules() {
        for setting in CATALOGUE {
            let id = setting.id;
            assert_eq!(CATALOGUE.iter().filter(|s| s.id == id).count(), 1, "{id} is there once");
            assert!(CATEGORIES.contains(&setting.category), "{id}: category");
            assert!(setting.scopes.is_sorted() && !setting.scopes.is_empty(), "{id}: highest scope first");
            if setting.default.is_some() {
                assert_eq!(model::check_type(setting, setting.default), Ok(()), "{id}: default");
            }
            let below = setting.scopes.iter().any(|level| *level != setting.highest());
            assert!(below || !setting.allow_overrides, "{id}: nothing below can override it");
        }
    }
}
