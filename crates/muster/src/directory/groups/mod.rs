//! Groups of persons, and of groups. Members are rows, never part of a document: adding one costs the same in
//! a group of any size, and parallel changes lose nothing. Cycles are refused, so that every membership has
//! an end.

pub mod actions;
mod claims;
pub mod leaving;
pub mod members;
pub mod model;
mod page;
pub mod store;
mod work;
