//! `muster bootstrap` and `muster setup-code`: the two ways to the first credential, for whoever holds
//! the database.

use clap::ArgMatches;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{say, serve, store};
use crate::accounts::bootstrap::{Bootstrap, Made};
use crate::config::Config;
use crate::kernel::ids::AccountId;
use crate::kernel::rng::Rng;
use crate::kernel::time::Clock;
use crate::setup;

/// Makes account, administrator and token.
pub fn run(config: &Config, matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let account = AccountId::parse(&text("account")).map_err(|text| Failure::new(Exit::Refused, text))?;
    let another_token = matches.get_flag("another-token");
    let first = Bootstrap::at_console(account, text("email")).called(matches.get_one("name").cloned());
    let wish = Bootstrap { another_token, ..first };
    let db = store::open_whole(config)?;
    let made = serve::runtime(None)?.block_on(async {
        let made = setup::actions::bootstrap(&db, &Rng::System, Clock::System.now(), wish).await;
        db.close().await;
        made
    })?;
    if let Some(path) = store::setup_file(config) {
        setup::actions::remove_file(&path);
    }
    if matches.get_flag("json") { say(&as_json(&made)) } else { say(&as_text(&made, config)) }
}

fn as_json(made: &Made) -> String {
    let (account, user, token) = (&made.account, &made.id, made.token.expose());
    json!({"accountIdentifier": account, "userIdentifier": user, "token": token}).to_string()
}

fn as_text(made: &Made, config: &Config) -> String {
    let Made { account, id: user, token, .. } = made;
    let (token, listen) = (token.expose(), &config.listen);
    let (base, or_elsewhere) = match &config.public_url {
        Some(url) => (url.clone(), String::new()),
        None => (
            format!("http://{listen}"),
            format!(
                "\n(where it does not listen on {listen}, put in the address that `muster serve` printed)"
            ),
        ),
    };
    format!(
        "Account        {account}\nAdministrator  {user}\nToken          {token}\n\
         The token is shown only now and ends in 30 days. Try it on the running server{or_elsewhere}:\n\
         curl -H 'x-api-key: {token}' '{base}/ng/api/accounts/{account}'"
    )
}

/// Makes a new set-up code and shows it.
pub fn setup_code(config: &Config) -> Result<(), Failure> {
    let db = store::open_whole(config)?;
    let file = store::setup_file(config);
    let code = serve::runtime(None)?.block_on(async {
        let code = setup::actions::renew(&db, &Rng::System, Clock::System.now(), file.as_deref()).await;
        db.close().await;
        code
    })?;
    say(code.expose())
}
