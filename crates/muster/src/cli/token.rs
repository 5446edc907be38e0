//! `muster token explain`: why a token would be taken or refused, step by step, without a server and without
//! a database. The token is never shown again.

use std::fmt::Write as _;
use std::io::{self, Read as _};

use clap::{Arg, ArgAction, ArgMatches, Command};
use hyper_util::client::proxy::matcher::Matcher;
use jose::{AudiencePolicy, KeySet, Policy, Reason, Step, StepReport};
use url::Url;

use super::exit::{Exit, Failure};
use super::{say, serve};
use crate::kernel::time::{Clock, Timestamp};
use crate::oauth;
use crate::outbound::fetch::{Fetcher, in_time, key_set};
use crate::outbound::guard::Allow;
use crate::tokens::explain::explain_form;
use crate::tokens::secret::{Own, is_own};
use crate::trust::explain::{Explanation, StepView};
use crate::trust::model::{Definition, KeySource};
use crate::trust::read;
use crate::web::unique::parse;
use crate::web::words;

/// Most bytes that are read of stdin.
const MOST: u64 = 64 * 1024;

/// Its part of the command line.
pub fn command(about: &'static str) -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let token = Arg::new("token")
        .value_name("TOKEN")
        .help("The token. Without it, it is read from stdin, where no list of processes shows it");
    let explain = Command::new("explain").about(about).arg(token).args([
        text("trust", "FILE", "JSON file with a trust, as /ng/api/jwt-trusts takes it"),
        text("jwks", "FILE", "File with the issuer's keys, a JWKS").conflicts_with("url"),
        text("url", "URL", "Fetch the issuer's keys from there"),
        text("at", "TIME", "Look at the token as of this time (RFC 3339) instead of now"),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print one JSON object instead of a table"),
    ]);
    Command::new("token").about("Look into tokens").subcommand_required(true).subcommand(explain)
}

/// Runs `muster token explain`.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(("explain", matches)) = matches.subcommand() else { unreachable!("the parser asks for it") };
    let given = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let token = token(given("token"))?;
    let explanation = match is_own(&token) {
        Some(Own::Oat) => Explanation::of_own(Own::Oat, oauth::explain::explain_form(&token)),
        Some(kind) => Explanation::of_own(kind, explain_form(&token)),
        None => of_jwt(&token, &given)?,
    };
    let is_own = is_own(&token).is_some();
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&explanation);
        say(&text.map_err(|error| Failure::new(Exit::Defect, error.to_string()))?)?;
    } else {
        say(table(&explanation.steps).trim_end())?;
    }
    match explanation.steps.iter().find(|step| step.outcome == "fail") {
        None if is_own && !matches.get_flag("json") => say(
            "Only its form was looked at: POST /ng/api/jwt-trusts/explain asks a server whether it holds.",
        ),
        None => Ok(()),
        Some(step) => {
            let reason = step.reason.as_deref().unwrap_or_default();
            let text = format!("the token is refused: {reason} (step {}, {})", step.number, step.step);
            Err(Failure::new(Exit::Refused, text))
        }
    }
}

fn token(given: Option<&str>) -> Result<String, Failure> {
    let mut text = String::new();
    match given {
        Some(token) if token != "-" => token.clone_into(&mut text),
        _ => {
            let read = io::stdin().lock().take(MOST).read_to_string(&mut text);
            read.map_err(|error| Failure::new(Exit::Refused, format!("stdin holds no token: {error}")))?;
        }
    }
    let text = text.trim();
    let bare = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(bare.map_or(text, |(_, rest)| rest.trim()).to_owned())
}

fn of_jwt<'m>(token: &str, given: &dyn Fn(&str) -> Option<&'m str>) -> Result<Explanation, Failure> {
    let trust = given("trust").map(trust).transpose()?;
    let now = match given("at") {
        None => Clock::System.now(),
        Some(text) => Timestamp::parse_rfc3339(text).ok_or_else(|| {
            Failure::new(Exit::Refused, format!("--at {text} is no time: write it as 2026-01-31T12:00:00Z"))
        })?,
    };
    let keys = match (given("jwks"), given("url")) {
        (Some(path), _) => Ok(key_set(&file("jwks", path)?)
            .map_err(|why| malformed("jwks", path, &format!("{why}; it is to hold a JWKS")))?),
        (None, Some(url)) => fetched(&KeySource::Url(url.to_owned()), None),
        (None, None) => of_trust(trust.as_ref()),
    };
    let policy = trust.as_ref().map_or_else(bare_policy, |trust| trust.policy.clone());
    let mut steps = jose::explain(token, keys.as_ref().ok(), &policy, now.secs()).steps;
    if let Err(why) = keys
        && let Some(report) = steps.iter_mut().find(|report| report.reason == Some(Reason::JwksUnavailable))
    {
        report.received = why;
        let source = (given("url"), trust.as_ref().map(|trust| &trust.jwks));
        report.hint = Some(keys_advice(source).into());
    }
    for step in [Step::ServiceAccount, Step::Permission] {
        steps.push(StepReport::skipped(step, "only a server with the account's database can tell"));
    }
    Ok(Explanation::of_jwt(None, steps))
}

/// What is asked of a token without a trust: form, signature, times.
fn bare_policy() -> Policy {
    Policy { audience_policy: AudiencePolicy::Off, ..Policy::default() }
}

/// What to change where the keys could not be had from where they were to come.
fn keys_advice(source: (Option<&str>, Option<&KeySource>)) -> &'static str {
    match source {
        (None, None) => "give the keys with --jwks FILE or --url URL, or a trust that names them",
        (None, Some(KeySource::Keys(_))) => "correct the keys in the trust",
        _ => "the issuer could not be reached from here: give its keys with --jwks FILE",
    }
}

/// The file that an option names.
fn file(option: &str, path: &str) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(Exit::NoInput, format!("--{option}: {why}"));
    let bytes = std::fs::read(path).map_err(|error| failed(format!("cannot read {path}: {error}")))?;
    if bytes.trim_ascii().is_empty() {
        return Err(failed(format!("{path} is empty: name a file with a JSON document")));
    }
    Ok(bytes)
}

/// What the file that an option names holds cannot be used.
fn malformed(option: &str, path: &str, why: &str) -> Failure {
    Failure::new(Exit::Refused, format!("--{option}: {path} cannot be used, correct it: {why}"))
}

fn trust(path: &str) -> Result<Definition, Failure> {
    let mut document = parse(&file("trust", path)?).map_err(|error| {
        malformed("trust", path, &format!("it is not one JSON document: {}", words::of_json(&error)))
    })?;
    // As the server shows it, too.
    if let Some(shown) = document.get_mut("jwtTrust") {
        document = shown.take();
    }
    read::definition(&document, None).map_err(|problem| malformed("trust", path, problem.message()))
}

fn of_trust(trust: Option<&Definition>) -> Result<KeySet, String> {
    match trust {
        None => Err("no keys were given".into()),
        Some(trust) => match &trust.jwks {
            KeySource::Keys(keys) => read::stored_keys(keys),
            source => fetched(source, trust.ca_pem.as_deref()),
        },
    }
}

/// Whoever stands at this machine may reach what it reaches; only the metadata addresses stay closed.
fn fetched(source: &KeySource, ca_pem: Option<&str>) -> Result<KeySet, String> {
    let mut fetcher =
        Fetcher::new(Allow::of(["0.0.0.0/0", "::/0", "localhost"])?)?.with_proxies(Matcher::from_env())?;
    if let Some(pem) = ca_pem {
        fetcher = fetcher.with_ca(pem)?;
    }
    let runtime = serve::runtime(Some(1)).map_err(|_| "the program cannot start a thread".to_owned())?;
    runtime.block_on(in_time(async {
        let url = match source {
            KeySource::Url(text) => Url::parse(text).map_err(|error| format!("{text} is no URL: {error}"))?,
            KeySource::Discovery(issuer) => {
                let at = crate::trust::model::discovery_url(issuer);
                fetcher.discover(&at.map_err(|error| format!("{issuer} is no URL: {error}"))?, issuer).await?
            }
            KeySource::Keys(keys) => return read::stored_keys(keys),
        };
        fetcher.get(&url, None).await?.key_set()
    }))
}

/// A line for each step, and below a failure what was expected, what came and what to change.
fn table(steps: &[StepView]) -> String {
    let mut out = String::new();
    for step in steps {
        let outcome = if step.outcome == "fail" { "FAIL" } else { step.outcome };
        let told = match step.outcome {
            "pass" => &step.received,
            "fail" => step.reason.as_ref().unwrap_or(&step.received),
            _ => step.hint.as_ref().unwrap_or(&step.received),
        };
        let _ = writeln!(out, "{:>2}  {:<15} {outcome:<5} {told}", step.number, step.step);
        if step.outcome == "fail" {
            let lines = [
                ("expected", Some(&step.expected)),
                ("received", Some(&step.received)),
                ("change", step.hint.as_ref()),
            ];
            for (name, text) in lines.into_iter().filter_map(|(name, text)| Some((name, text?))) {
                let _ = writeln!(out, "{:26}{name:<9} {text}", "");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_prefix_and_line_breaks_are_left_out() {
        for text in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "bearer  a.b.c "] {
            assert_eq!(token(Some(text)).unwrap_or_default(), "a.b.c", "{text:?}");
        }
    }

    #[test]
    fn without_keys_the_table_says_which_to_give() {
        let none = |_: &str| None;
        let Ok(found) = of_jwt("a.b.c", &none) else { panic!("a token that is none is explained") };
        let text = table(&found.steps);
        assert!(text.contains("FAIL") && text.contains("--jwks FILE"), "{text}");
        assert_eq!(found.steps.last().map(|step| step.number), Some(20));
    }
}
