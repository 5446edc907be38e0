//! Who may do what. A *role* is a set of permissions; a *resource group* says on which things; a *role
//! assignment* binds a principal to both in a scope. `rights` is what a principal's assignments come to,
//! `decide` is the one pure function that answers, `Grant<P>` is the proof of its yes that every action asks
//! for.
//!
//! Never reads a clock, never caches by itself: the door keeps `Rights` by (account, version).

pub mod acl;
pub mod administrators;
pub mod api;
pub mod assignments;
pub mod decide;
pub mod delegation;
pub mod grant;
pub mod managed;
pub mod permissions;
pub mod resource_groups;
pub mod rights;
pub mod roles;
pub mod standing;
mod stored;

pub use decide::{Binding, Check, Rights, Selector, What};
pub use grant::{Actor, Grant};
