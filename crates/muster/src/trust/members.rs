//! Reading the members of a JSON object that a client sends: strict, and with every complaint at once instead
//! of the first. Pure.

use serde_json::{Map, Value};

use crate::kernel::text::FieldCheck;
use crate::settings::model::MAX_URL;

/// Most characters of an issuer, an audience, a URL.
const MAX_TEXT: usize = MAX_URL;
/// Most audiences, and most rules.
pub(super) const MAX_ITEMS: usize = 50;

/// An object and what is wrong with it so far.
pub(super) struct Members<'a> {
    pub(super) object: &'a Map<String, Value>,
    pub(super) check: FieldCheck,
    /// Do the limits count that are meant for clients?
    pub(super) limits: bool,
}

impl<'a> Members<'a> {
    pub(super) fn refuse_unknown(&mut self, at: &str, members: &Map<String, Value>, known: &[&str]) {
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let shown: String = name.chars().take(80).collect();
            self.check.fail(
                &format!("{at}{shown}"),
                format!("is no member of this: there are {}", known.join(", ")),
            );
        }
    }

    /// Notes a complaint of a value that could be read.
    pub(super) fn limit(&mut self, field: &str, text: impl Into<String>) {
        if self.limits {
            self.check.fail(field, text);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A text without white space at its ends and without control characters.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => {
                self.clean(name, text);
                Some(text.clone())
            }
            other => {
                self.check.fail(name, format!("must be a string, not {}", kind(other)));
                // Something is there, so that nothing else is said about it.
                Some("invalid".into())
            }
        }
    }

    pub(super) fn clean(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            self.limit(field, "cannot be empty: write a value or leave the member out");
        } else if text.trim() != text || text.chars().any(char::is_control) {
            self.limit(field, "has white space at its ends or control characters in it: remove them");
        } else if text.chars().count() > MAX_TEXT {
            self.limit(field, format!("cannot be more than {MAX_TEXT} characters long"));
        }
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.get(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                let text = format!("must be true or false, not {}", kind(other));
                self.check.fail(name, text);
                default
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, least: u64, most: u64, default: u32) -> u32 {
        let Some(value) = self.get(name) else { return default };
        let range = if self.limits { least..=most } else { 0..=u64::MAX };
        let fitting = value.as_u64().filter(|number| range.contains(number));
        if let Some(number) = fitting.and_then(|number| u32::try_from(number).ok()) {
            return number;
        }
        let text = format!("{} is not possible: write a whole number from {least} to {most}", shown(value));
        self.check.fail(name, text);
        default
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, known: &[(&str, T)], default: T) -> T {
        let Some(value) = self.get(name) else { return default };
        if let Some((_, choice)) =
            value.as_str().and_then(|text| known.iter().find(|(word, _)| *word == text))
        {
            return *choice;
        }
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        let text = format!("{} is not known: use {}", shown(value), words.join(", "));
        self.check.fail(name, text);
        default
    }

    /// The elements of a list; nothing where the member is missing or no list.
    pub(super) fn list(&mut self, name: &str, most: usize) -> Vec<Value> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.len() <= most || !self.limits => items.clone(),
            Some(Value::Array(items)) => {
                let text = format!("has {} elements: use at most {most}", items.len());
                self.check.fail(name, text);
                Vec::new()
            }
            Some(other) => {
                let text = format!("must be a list, not {}", kind(other));
                self.check.fail(name, text);
                Vec::new()
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for (at, item) in self.list(name, MAX_ITEMS).iter().enumerate() {
            let field = format!("{name}[{at}]");
            match item {
                Value::String(text) if texts.contains(text) => {
                    self.limit(&field, "stands there twice: remove one");
                }
                Value::String(text) => {
                    self.clean(&field, text);
                    texts.push(text.clone());
                }
                other => self.check.fail(&field, format!("must be a string, not {}", kind(other))),
            }
        }
        texts
    }

    /// Each word of a list read by `parse`; `None` where the list is missing.
    pub(super) fn words<T>(
        &mut self,
        name: &str,
        parse: fn(&str) -> std::result::Result<T, String>,
    ) -> Option<Vec<T>> {
        self.get(name)?;
        let mut found = Vec::new();
        for (at, item) in self.list(name, MAX_ITEMS).iter().enumerate() {
            let field = format!("{name}[{at}]");
            match item.as_str().map(parse) {
                Some(Ok(word)) => found.push(word),
                Some(Err(text)) => self.check.fail(&field, text),
                None => self.check.fail(&field, format!("must be a string, not {}", kind(item))),
            }
        }
        Some(found)
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
