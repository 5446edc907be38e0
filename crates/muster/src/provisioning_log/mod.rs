//! The provisioning log: what each SCIM request of an account was, who sent it, what it was answered, and
//! what to change where it failed. Told by the SCIM surface after the answer, written behind the requests.
//!
//! Never makes a request wait or fail, never holds a credential or a password, never decides anything. What
//! does not fit is dropped and counted.

pub mod actions;
pub mod api;
#[cfg(test)]
mod attack;
pub mod block;
pub mod client;
pub mod differ;
pub mod hint;
mod letters;
pub mod model;
pub mod purge;
pub mod queue;
pub mod record;
pub mod redact;
pub mod replay;
pub mod store;
pub mod walk;

pub use queue::Log;
