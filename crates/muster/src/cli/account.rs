//! `muster account`: what `/v1/accounts` does, for whoever holds the database; before the first start or
//! beside a running server.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::{say, serve, store};
use crate::accounts::api::MadeView;
use crate::accounts::bootstrap::Made;
use crate::accounts::model::Account;
use crate::app::{App, Switches};
use crate::config::Config;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result as Outcome};
use crate::kernel::rng::Rng;
use crate::kernel::time::Clock;
use crate::operator::actions;
use crate::operator::bodies::{ChangeBody, Holder, NewAccount, View};
use crate::operator::door::Operator;

/// (name, what it does) of each.
const VERBS: &[(&str, &str)] = &[
    ("list", "List the accounts by identifier"),
    ("create", "Make an account, its first administrator and a token for him, which ends in 30 days"),
    ("token", "Make one more token, which ends in 30 days, for a user or a service account of an account"),
    ("rename", "Give an account another name"),
    ("suspend", "Refuse every credential of an account from the next request on; all that is in it stays"),
    ("resume", "Let an account's credentials in again; of a deleted one, too"),
    (
        "delete",
        "Delete a suspended account: it can be had back for 24 hours, then a running server erases it",
    ),
    ("restore", "Have a deleted account back, suspended as it was"),
];

/// So many are read at once.
const AT_ONCE: i64 = 1_000;

/// Its part of the command line. `flags`: the options of each of its commands.
pub fn command(about: &'static str, flags: &[Arg]) -> Command {
    let verbs = VERBS.iter().map(|(name, about)| {
        let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
        let verb = Command::new(*name).about(*about).args(flags);
        let verb = match *name {
            "create" | "token" => verb.group(ArgGroup::new("holder").required(true)),
            "rename" => verb.group(ArgGroup::new("called").required(true)),
            _ => verb,
        };
        verb.args(arguments(name)).arg(json.help("Print one JSON object, as /v1/accounts answers it"))
    });
    Command::new("account").about(about).subcommand_required(true).subcommands(verbs)
}

fn arguments(verb: &str) -> Vec<Arg> {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let account = Arg::new("account").value_name("ACCOUNT").required(true).help("Identifier of the account");
    let surface =
        option("surface", "NAME", "What the token opens: scim or platform; may be repeated, both without it")
            .action(ArgAction::Append);
    match verb {
        "list" => vec![],
        "create" => vec![
            account,
            option("name", "NAME", "The account's name for people; without it the identifier"),
            option("email", "ADDRESS", "The first administrator is a user with this address").group("holder"),
            option("service-account", "ID", "The first administrator is a service account").group("holder"),
            surface,
        ],
        "token" => vec![
            account,
            option("email", "ADDRESS", "The token is of the active user with this address").group("holder"),
            option("service-account", "ID", "The token is of this service account").group("holder"),
            surface,
        ],
        "rename" => {
            let name = Arg::new("new-name").value_name("NAME").help("Its name for people").group("called");
            vec![account, name, option("name", "NAME", "The same, as `create` takes it").group("called")]
        }
        _ => vec![account],
    }
}

/// What a command found or made.
enum Answer {
    All(Vec<Account>),
    One(Account),
    Made(Made),
    Token(Made),
}

/// Runs `muster account VERB`.
pub fn run(config: &Config, verb: &str, matches: &ArgMatches) -> Result<(), Failure> {
    if verb != "create" {
        store::is_there(config)?;
    }
    let db = store::open_whole(config)?;
    let switches = Switches { setup_file: store::setup_file(config), ..Switches::default() };
    let answer = serve::runtime(None)?.block_on(async {
        let app = App::of_command(db, Clock::System, Rng::System, switches);
        let app = app.map_err(|text| Failure::new(Exit::Failed, text))?;
        let answer = act(&app, verb, matches).await;
        app.db.close().await;
        Ok::<_, Failure>(answer?)
    })?;
    let text = if matches.get_flag("json") { answer.json().to_string() } else { answer.text() };
    say(text.trim_end())
}

async fn act(app: &App, verb: &str, matches: &ArgMatches) -> Outcome<Answer> {
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let (identifier, name) = (text("account").unwrap_or_default(), text("name").or_else(|| text("new-name")));
    let surfaces = || Some(matches.get_many::<String>("surface")?.cloned().collect());
    let status = |word: &str| ChangeBody { name: None, status: Some(word.to_owned()) };
    let change = match verb {
        "list" => return all(app).await.map(Answer::All),
        "create" => {
            let (email, service_account) = (text("email"), text("service-account"));
            let new = NewAccount { identifier, name, email, service_account, surfaces: surfaces() };
            let wish = new.read(Caller::console)?;
            return actions::create(app, &Operator::Console, wish).await.map(Answer::Made);
        }
        "rename" => ChangeBody { name, status: None },
        "suspend" => status("SUSPENDED"),
        "resume" => status("ACTIVE"),
        _ => ChangeBody::default(),
    };
    let account = AccountId::parse(&identifier).map_err(Problem::invalid)?;
    if verb == "token" {
        let (email, service_account) = (text("email"), text("service-account"));
        let holder = Holder { email, service_account, surfaces: surfaces() };
        let wish = holder.read(Caller::console(account))?;
        return actions::another_token(app, &Operator::Console, wish).await.map(Answer::Token);
    }
    let changed = match verb {
        "delete" => actions::delete(app, Operator::Console, account).await,
        "restore" => actions::restore(app, Operator::Console, account).await,
        _ => actions::change(app, Operator::Console, account, change.read()?).await,
    };
    changed.map(Answer::One)
}

async fn all(app: &App) -> Outcome<Vec<Account>> {
    let mut found: Vec<Account> = Vec::new();
    loop {
        let after = found.last().map(|last| last.identifier.to_string()).unwrap_or_default();
        let page = actions::list(app, after, AT_ONCE).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

impl Answer {
    fn json(self) -> Value {
        match self {
            Self::All(accounts) => {
                json!({"accounts": accounts.into_iter().map(View::from).collect::<Vec<_>>()})
            }
            Self::One(account) => json!(View::from(account)),
            Self::Made(made) | Self::Token(made) => json!(MadeView::from(made)),
        }
    }

    fn text(self) -> String {
        match self {
            Self::All(accounts) => table(&accounts),
            Self::One(account) => table(&[account]),
            Self::Made(made) => once("Administrator", &made),
            Self::Token(made) => once("Holder", &made),
        }
    }
}

/// What is shown once. `holder`: what whose token it is is called.
fn once(holder: &str, made: &Made) -> String {
    let Made { account, id, token, .. } = made;
    let token = token.expose();
    format!(
        "{:<15}{account}\n{holder:<15}{id}\n{:<15}{token}\n\
         The token is shown only now and ends in 30 days.",
        "Account", "Token"
    )
}

/// A line for each account.
fn table(accounts: &[Account]) -> String {
    let width = accounts.iter().map(|account| account.identifier.as_str().len()).max().unwrap_or(0).max(7);
    let mut out = format!("{:<width$}  {:<9}  {:>7}  NAME\n", "ACCOUNT", "STATUS", "USERS");
    for account in accounts {
        let users = account.users.map_or_else(|| "-".to_owned(), |users| users.to_string());
        let Account { identifier, status, name, .. } = account;
        let (identifier, status) = (identifier.as_str(), status.as_str());
        let _ = writeln!(out, "{identifier:<width$}  {status:<9}  {users:>7}  {name}");
    }
    out
}
