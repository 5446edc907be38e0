//! People of an account. Deactivating keeps the record and its bindings; deleting frees the unique values.

pub mod store;
