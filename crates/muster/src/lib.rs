//! Muster, the server: an identity-provisioning directory that identity providers push users and groups into
//! by SCIM 2.0, proving themselves with a JWT that they issue.
//!
//! Data flows one way: bytes → wire type → parsed model and `Caller` → `Grant` → transaction → event → wire
//! type.

pub mod access;
pub mod accounts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod config;
pub mod directory;
pub mod events;
pub mod jobs;
pub mod kernel;
pub mod migrations;
pub mod oauth;
pub mod operator;
pub mod outbound;
#[cfg(test)]
mod plans;
pub mod provisioning_log;
pub mod router;
pub mod scim_api;
pub mod service_accounts;
pub mod settings;
pub mod setup;
pub mod tokens;
pub mod trust;
pub mod web;
pub mod webhooks;
