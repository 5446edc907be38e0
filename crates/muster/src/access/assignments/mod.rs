//! Role assignments: this principal, this role, on these resources, in this scope (platform API §7).

pub mod store;
