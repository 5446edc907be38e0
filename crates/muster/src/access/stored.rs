//! JSON columns of the access tables: written and read by this server only.

use serde::{Serialize, de::DeserializeOwned};

use crate::kernel::problem::Problem;

/// Reads a column.
///
/// # Errors
/// `Internal`: the stored document is damaged.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text)
        .map_err(|error| Problem::internal(format!("a stored access document is damaged: {error}")))
}

/// The text of a column.
///
/// # Errors
/// `Internal`: the value cannot be JSON.
pub fn write<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value)
        .map_err(|error| Problem::internal(format!("cannot write a document: {error}")))
}
