//! Users and user groups: the one directory behind the SCIM API and the platform API. Members are rows, never
//! a document; what can be searched is a column or an index row whose key is folded in Rust.

pub mod users;
