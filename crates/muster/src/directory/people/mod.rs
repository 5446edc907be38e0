//! Users as the platform API shows them (platform API §10). The same rows that SCIM keeps; nothing here
//! writes a SCIM document, a person only comes by SCIM or by the set-up.

pub mod actions;
pub mod api;
pub mod store;
