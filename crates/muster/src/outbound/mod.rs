//! The way out of the server: where it may connect (`guard`, `address`) and the one client that does
//! (`fetch`). Key sets are all it fetches. Never follows a redirect, never reaches an address that the
//! operator did not open.

pub mod address;
pub mod fetch;
pub mod guard;
pub mod names;
