//! Who may do what. A *role* is a set of permissions; a *resource group* says on which things; a *role
//! assignment* binds a principal to both in a scope. `rights` is what a principal's assignments come to,
//! `decide` is the one pure function that answers, `Grant<P>` is the proof of its yes that every action asks
//! for.
//!
//! Never reads a clock, never caches by itself: the door keeps `Rights` by (account, version).

pub mod assignments;
pub mod decide;
pub mod grant;
pub mod managed;
pub mod permissions;
pub mod rights;

pub use decide::{Binding, Check, Rights, Selector, What};
pub use grant::{Actor, Grant};
