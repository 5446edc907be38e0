//! The database's shape, in numbered steps that only go forward. A step that has been released is never
//! edited.

use db::Migration;

macro_rules! steps {
    ($($version:literal $name:literal),+ $(,)?) => {
        /// All steps, oldest first.
        pub const STEPS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }),+];
    };
}

/// What the provisioning log needs where it has a database of its own (`db::Db::beside`). There its tables
/// of the main database stay empty.
pub const LOG_STEPS: &[Migration] = &[
    Migration { version: 1, name: "log", sql: include_str!("../migrations/0021_provisioning_log.sql") },
    Migration { version: 2, name: "packed", sql: include_str!("../migrations/0032_packed_log.sql") },
    Migration { version: 3, name: "blocks", sql: include_str!("../migrations/0033_log_blocks.sql") },
];

steps! {
    1 "0001_accounts",
    2 "0002_audit",
    3 "0003_events",
    4 "0004_access",
    5 "0005_service_accounts",
    6 "0006_tokens",
    7 "0007_settings",
    8 "0008_directory",
    10 "0010_setup",
    12 "0012_nested_groups",
    13 "0013_cursor_keys",
    20 "0020_jwt_trusts",
    21 "0021_provisioning_log",
    24 "0024_scim_schemas",
    30 "0030_growth",
    31 "0031_oauth_keys",
    32 "0032_packed_log",
    33 "0033_log_blocks",
    34 "0034_user_order",
    35 "0035_member_places",
    36 "0036_notification_configs",
    37 "0037_account_status",
    38 "0038_token_surfaces",
    39 "0039_webhooks",
    40 "0040_token_versions",
    41 "0041_webhooks_slow",
    42 "0042_trusts_of_one_account",
}
