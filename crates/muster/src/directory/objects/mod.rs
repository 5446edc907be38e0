//! Resources of the types that an account defines: documents with their index rows. They have no members, no
//! names on the platform API and no rights.

pub mod actions;
mod store;
