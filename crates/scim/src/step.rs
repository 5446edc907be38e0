//! The typed steps between a PATCH as sent and a document: made by `plan`, carried out by `apply`.

use std::sync::Arc;

use serde_json::Value;

use crate::resolve::Expr;
use crate::schema::{AttrRef, Attribute, Schema};

/// Sub-attributes with their new values; `None` clears.
pub(crate) type SubValues = Vec<(Arc<Attribute>, Option<Value>)>;

/// One typed change.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sets an attribute (or a sub-attribute of a single complex value) as a whole; `None` removes it.
    Put { attr: AttrRef, value: Option<Value> },
    /// Merges sub-attributes into a single complex value.
    Merge { attr: AttrRef, subs: SubValues, how: How },
    /// Adds values to a list.
    Append { attr: AttrRef, values: Vec<Value> },
    /// Removes the elements that the values describe.
    RemoveValues { attr: AttrRef, values: Vec<Value> },
    /// Changes a sub-attribute of the elements that match (all without a filter).
    Sub {
        attr: AttrRef,
        filter: Option<Expr>,
        sub: Arc<Attribute>,
        value: Option<Value>,
        create: bool,
        how: How,
    },
    /// Changes the elements that match as a whole.
    Elements { attr: AttrRef, filter: Expr, change: ElementChange, create: bool },
    /// Removes an extension.
    RemoveExtension { schema: Arc<Schema> },
}

/// How a value is written to a sub-attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// In the place of what is there; no value removes it.
    Set,
    /// As `Set`, but values of a list are added to the list that is there.
    Add,
    /// The listed values go.
    Remove,
}

#[derive(Debug, Clone)]
pub(crate) enum ElementChange {
    Remove,
    /// Of the elements that match, those that the values describe.
    RemoveValues(Vec<Value>),
    Merge(Value),
    Replace(Value),
}

/// What a step is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'s> {
    Attribute(&'s AttrRef),
    Extension(&'s Arc<Schema>),
}

impl Step {
    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            Self::RemoveExtension { schema } => Target::Extension(schema),
            Self::Put { attr, .. }
            | Self::Merge { attr, .. }
            | Self::Append { attr, .. }
            | Self::RemoveValues { attr, .. }
            | Self::Sub { attr, .. }
            | Self::Elements { attr, .. } => Target::Attribute(attr),
        }
    }

    /// What picks the elements that it changes.
    pub(crate) fn filter(&self) -> Option<&Expr> {
        match self {
            Self::Sub { filter, .. } => filter.as_ref(),
            Self::Elements { filter, .. } => Some(filter),
            _ => None,
        }
    }

    /// Whether an extension, or something in one, is its target.
    pub(crate) fn is_about_extension(&self) -> bool {
        match self.target() {
            Target::Extension(_) => true,
            Target::Attribute(attr) => attr.extension.is_some(),
        }
    }
}
