//! Accounts as the operator of the installation has them, over HTTP and at the console: makes, lists,
//! suspends and deletes them. He holds a token of a file of his, or the database itself, and no account's
//! rights: what is in an account he reaches only by a token that is made for one of its users, which its
//! audit trail tells.

pub mod actions;
pub mod api;
pub mod bodies;
pub mod door;
pub mod erase;
pub mod store;
