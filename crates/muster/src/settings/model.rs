//! Values of settings: their types, which one holds in a scope, and who may override whom. Pure.

use super::catalogue::{self, Id, Setting, ValueType};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

/// Longest value, bytes.
pub const MAX_VALUE: usize = 4_096;
/// Longest URL, characters: as much as a JWT trust takes.
pub const MAX_URL: usize = 2_048;

/// What a slice says to a new value of a setting that is a part of its own object: what whoever stored it
/// should know, or why it cannot be so.
pub type Followed = Result<Option<String>, String>;

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is set.
    pub scope: Scope,
    /// Of which setting.
    pub id: String,
    /// The text; text settings may hold none.
    pub value: Option<String>,
    /// May scopes below have their own?
    pub allow_overrides: bool,
    /// When it was stored.
    pub updated_at: Timestamp,
}

/// The stored values on the way from a scope up to its account.
#[derive(Clone, Debug)]
pub struct Held {
    scope: Scope,
    rows: Vec<Row>,
}

/// A setting as a scope sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The row of the catalogue.
    pub setting: &'static Setting,
    /// Who looks.
    pub scope: Scope,
    /// What holds here.
    pub value: Option<String>,
    /// What would hold here without a value of its own.
    pub default: Option<String>,
    /// Where the value comes from; `None`: the catalogue.
    pub source: Option<Level>,
    /// May scopes below have their own value?
    pub allow_overrides: bool,
    /// May this scope set it?
    pub editable: bool,
    /// When the value was stored; `None` for the catalogue's.
    pub updated_at: Option<Timestamp>,
}

impl Held {
    /// `rows`: of the scope and the scopes above, in any order.
    pub fn new(scope: Scope, rows: Vec<Row>) -> Self {
        Self { scope, rows }
    }

    fn at(&self, id: &str, scope: &Scope) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id && row.scope == *scope)
    }

    fn nearest(&self, id: &str, from: Option<&Scope>) -> Option<&Row> {
        from?.upward().find_map(|scope| self.at(id, &scope))
    }

    /// The value stored in this very scope.
    pub fn own(&self, id: &str) -> Option<&Row> {
        self.at(id, &self.scope)
    }

    /// The value that holds: the nearest stored one, else the catalogue's default.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.nearest(id.as_str(), Some(&self.scope)) {
            Some(row) => row.value.as_deref(),
            None => catalogue::find(id.as_str())?.default,
        }
    }

    /// As `text`, for a Boolean setting.
    pub fn flag(&self, id: Id) -> bool {
        self.text(id).and_then(boolean).unwrap_or(false)
    }

    /// As `text`, for a Number setting; a fraction is cut off.
    pub fn number(&self, id: Id) -> Option<i64> {
        let number: f64 = self.text(id)?.parse().ok()?;
        format!("{:.0}", number.trunc()).parse().ok()
    }

    /// May this scope have its own value (platform API §2.1, override check)?
    ///
    /// # Errors
    /// The text for the client.
    pub fn may_override(&self, id: &str) -> Result<(), String> {
        let Some(parent) = self.scope.parent() else { return Ok(()) };
        let refused = |who: &str| {
            Err(format!(
                "Setting- {id} cannot be overridden at the current scope: set it {who}, or allow overrides there"
            ))
        };
        match (self.nearest(id, Some(&parent)), catalogue::find(id)) {
            (Some(row), _) if row.allow_overrides => Ok(()),
            (Some(row), _) => refused(&format!("in scope {}", row.scope.level().upper())),
            (None, None) => {
                Err(format!("Setting- {id} does not exist: the list of settings names those there are"))
            }
            (None, Some(setting)) if setting.allow_overrides || setting.highest() == self.scope.level() => {
                Ok(())
            }
            (None, Some(setting)) => refused(&format!("in scope {}", setting.highest().upper())),
        }
    }

    /// The setting as the scope sees it.
    pub fn see(&self, setting: &'static Setting) -> Seen {
        let nearest = self.nearest(setting.id, Some(&self.scope));
        let above = self.nearest(setting.id, self.scope.parent().as_ref());
        let default = setting.default.map(str::to_owned);
        Seen {
            setting,
            scope: self.scope.clone(),
            value: nearest.map_or_else(|| default.clone(), |row| row.value.clone()),
            default: above.map_or(default, |row| row.value.clone()),
            source: nearest.map(|row| row.scope.level()),
            allow_overrides: nearest.map_or(setting.allow_overrides, |row| row.allow_overrides),
            editable: setting.scopes.contains(&self.scope.level()) && self.may_override(setting.id).is_ok(),
            updated_at: nearest.map(|row| row.updated_at),
        }
    }
}

/// What a Boolean setting's text means.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// Checks a value against the setting's type, then against its allowed values.
///
/// # Errors
/// The text for the client.
pub fn check_type(setting: &Setting, value: Option<&str>) -> Result<(), String> {
    let shown = value.unwrap_or("null");
    if value.is_some_and(|v| v.len() > MAX_VALUE || v.contains('\0')) {
        return Err(format!(
            "The value is not usable: send at most {MAX_VALUE} bytes of text without NUL characters."
        ));
    }
    match setting.value_type {
        ValueType::Boolean if value.and_then(boolean).is_none() => {
            return Err(format!(
                "Only boolean values are allowed. Received input [{shown}]. Send true or false."
            ));
        }
        ValueType::Number if !value.is_some_and(is_number) => {
            return Err(format!(
                "Only numbers are allowed. Received input [{shown}]. Send a decimal number."
            ));
        }
        _ => {}
    }
    if !setting.allowed.is_empty() && !value.is_some_and(|v| setting.allowed.contains(&v)) {
        let known = setting.allowed.join(", ");
        return Err(format!("The value [{shown}] is not allowed. Use one of: {known}."));
    }
    Ok(())
}

/// As JSON writes one, since it is shown as it was sent; and no zero below zero.
fn is_number(text: &str) -> bool {
    let plain = text.parse::<f64>().is_ok_and(|n| n.is_finite() && (n != 0.0 || n.is_sign_positive()));
    plain && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::AccountId;

    const LOCKED: &str = "scim_dialect";
    const OPEN: &str = "default_store_type_for_entities";

    fn scope(org: Option<&str>, project: Option<&str>) -> Scope {
        Scope::of(AccountId::new("a"), org, project).unwrap()
    }

    fn row(scope: Scope, id: &str, value: &str, allow_overrides: bool) -> Row {
        let updated_at = Timestamp::from_millis(1);
        Row { scope, id: id.into(), value: Some(value.into()), allow_overrides, updated_at }
    }

    #[test]
    fn the_nearest_value_holds() {
        let (account, org, project) =
            (scope(None, None), scope(Some("o"), None), scope(Some("o"), Some("p")));
        let rows = vec![row(account, OPEN, "REMOTE", true), row(org, OPEN, "INLINE", true)];
        let held = Held::new(project.clone(), rows);
        let seen = held.see(catalogue::find(OPEN).unwrap());
        assert_eq!((seen.value.as_deref(), seen.source), (Some("INLINE"), Some(Level::Organization)));
        assert!(seen.editable && held.own(OPEN).is_none());
        let seen = Held::new(project.clone(), Vec::new()).see(catalogue::find(OPEN).unwrap());
        assert_eq!(seen.value.as_deref(), Some("INLINE"), "the catalogue's");
        assert_eq!(Held::new(project, Vec::new()).text(catalogue::SCIM_DIALECT), Some("auto"));
    }

    #[test]
    fn overrides_ask_the_nearest_parent_then_the_catalogue() {
        let project = scope(Some("o"), Some("p"));
        let held = |rows| Held::new(project.clone(), rows);
        assert!(held(vec![]).may_override(OPEN).is_ok());
        assert!(held(vec![]).may_override(LOCKED).unwrap_err().contains("cannot be overridden"));
        assert!(held(vec![]).may_override("nope").unwrap_err().contains("does not exist"));
        let (account, org) = (scope(None, None), scope(Some("o"), None));
        let both = vec![row(account.clone(), OPEN, "INLINE", false), row(org, OPEN, "INLINE", true)];
        assert!(held(both).may_override(OPEN).is_ok(), "the nearest stored parent decides");
        assert!(held(vec![row(account, OPEN, "INLINE", false)]).may_override(OPEN).is_err());
        assert!(
            Held::new(scope(None, None), vec![]).may_override("nope").is_ok(),
            "nothing above the account"
        );
    }

    #[test]
    fn types() {
        let (flag, number) = ("enable_force_delete", "concurrent_active_pipeline_executions");
        let check = |id: &str, value: Option<&str>| check_type(catalogue::find(id).unwrap(), value).is_ok();
        for good in ["true", "NO", "On", "f", "Y"] {
            assert!(check(flag, Some(good)), "{good}");
        }
        for bad in [None, Some(""), Some("1"), Some("truee"), Some(" true")] {
            assert!(!check(flag, bad), "{bad:?}");
        }
        for good in ["3", "-1.5", "1e3"] {
            assert!(check(number, Some(good)), "{good}");
        }
        for bad in [None, Some(""), Some("NaN"), Some("inf"), Some("1,5"), Some("x")] {
            assert!(!check(number, bad), "{bad:?}");
        }
        for bad in [Some("+5"), Some("007"), Some("-0"), Some("-0.0"), Some(".5"), Some("5."), Some(" 5")] {
            assert!(!check(number, bad), "{bad:?}");
        }
        assert!(check(OPEN, Some("REMOTE")) && !check(OPEN, Some("remote")) && !check(OPEN, None));
        assert!(check("pipeline_timeout", None) && check("pipeline_timeout", Some("")));
        assert!(
            !check("pipeline_timeout", Some(&"x".repeat(MAX_VALUE + 1)))
                && !check("pipeline_timeout", Some("\0"))
        );
    }
}
