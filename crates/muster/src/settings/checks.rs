//! The special rules of some settings.

use db::Tx;
use jose::{Rule, RuleOp};
use url::Url;

use super::catalogue::{Check, Setting};
use super::model::MAX_URL;
use crate::app::App;
use crate::kernel::number;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::outbound::place::read_url;
use crate::service_accounts::actions::find as find_service_account;

/// Why a change is not made: the client's fault in one item, or something that ends the whole request.
#[derive(Debug)]
pub enum Refusal {
    /// The item's `errorMessage`.
    Item(String),
    /// Nothing of the request can go on.
    Whole(Problem),
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self::Item(text)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem)
    }
}

impl From<db::Error> for Refusal {
    fn from(error: db::Error) -> Self {
        Self::Whole(error.into())
    }
}

/// Checks the setting's special rule; its type has been checked.
///
/// # Errors
/// `Item` with what is wrong and what to change.
pub fn special(
    tx: &mut Tx<'_>,
    app: &App,
    scope: &Scope,
    setting: &Setting,
    value: Option<&str>,
) -> Result<(), Refusal> {
    match setting.check {
        Check::None => Ok(()),
        Check::Clean => clean(value).map(drop).map_err(Refusal::Item),
        Check::Claim => {
            let claim = clean(value)?;
            let any = RuleOp::Equals("any".into());
            Rule::new(claim, any)
                .map(drop)
                .map_err(|error| Refusal::Item(format!("The value [{claim}] names no claim: {error}.")))
        }
        Check::JwksUrl => Ok(jwks_url(app, &url(clean(value)?)?)?),
        Check::Days(most) => Ok(whole(value.unwrap_or_default(), "number of days", most)?),
        Check::Hours(most) => Ok(hours(value.unwrap_or_default(), most)?),
        Check::Whole(most) => Ok(whole(value.unwrap_or_default(), "number", most)?),
        Check::ServiceAccount => {
            let id = clean(value)?;
            if find_service_account(tx, &Scope::account(scope.account.clone()), id)?.is_some() {
                return Ok(());
            }
            Err(Refusal::Item(format!(
                "There is no service account [{id}] in account [{}]: create it at the account first, or correct \
                 the identifier.",
                scope.account
            )))
        }
    }
}

fn clean(value: Option<&str>) -> Result<&str, String> {
    match value {
        None | Some("") => Err("The value is empty: send one, or updateType RESTORE to unset it.".into()),
        Some(text) if text.trim() != text => {
            Err(format!("The value [{text}] has white space at its ends: remove it."))
        }
        Some(text) => Ok(text),
    }
}

fn whole(text: &str, what: &str, most: u32) -> Result<(), String> {
    match number::whole::<u32>(text) {
        Some(number) if (1..=most).contains(&number) => Ok(()),
        _ => Err(format!("The value [{text}] is not allowed. Send a whole {what} from 1 to {most}.")),
    }
}

fn hours(text: &str, most: u32) -> Result<(), String> {
    match number::whole::<u32>(text) {
        Some(hours) if hours <= most => Ok(()),
        _ => {
            Err(format!("The value [{text}] is not allowed. Send a whole number of hours from 0 to {most}."))
        }
    }
}

fn url(text: &str) -> Result<Url, String> {
    let example = "write it as https://idp.example.com/keys";
    let length = text.chars().count();
    if length > MAX_URL {
        return Err(format!("The value is a URL of {length} characters: send one of at most {MAX_URL}."));
    }
    read_url(text).map_err(|why| format!("The value [{text}] {why}: {example}."))
}

/// May the server fetch keys from this URL? Looks at the text only; what the name resolves to is looked at
/// with each fetch.
///
/// # Errors
/// The text for the client.
pub fn jwks_url(app: &App, url: &Url) -> Result<(), String> {
    app.fetcher.allow().check_url(url).map_err(|why| format!("The value [{url}] cannot be used: {why}."))
}
