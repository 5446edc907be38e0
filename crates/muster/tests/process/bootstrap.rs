//! `muster bootstrap`: before the first start, beside a server, twice.

use serde_json::Value;

use super::{Ended, Server, data_dir, mode, muster, my_name, on_postgres, on_sqlite, parse, run};

fn bootstrap(store: [&str; 2], account: &str, more: &[&str]) -> Ended {
    let email = format!("root@{account}.example");
    let mut command = muster();
    command.args(["bootstrap", "--account", account, "--email", &email]).args(store).args(more);
    Ended::of(&command.output().expect("the program starts"))
}

fn made(ended: Ended) -> Value {
    let out = ended.fine();
    assert_eq!(out.lines().count(), 1, "{out}");
    let made: Value = serde_json::from_str(&out).expect("--json prints JSON");
    let keys: Vec<_> = made.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["accountIdentifier", "userIdentifier", "token"]);
    made
}

/// The token works on that server: the account's page is there for it.
#[track_caller]
fn works(server: &Server, token: &Value) {
    let token = token.as_str().expect("a token");
    let path = "/gateway/ng/api/accounts/acme?accountIdentifier=acme";
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n\r\n");
    let (status, body) = parse(&server.raw(request.as_bytes()));
    assert_eq!(status, 200, "{body}");
}

fn before_and_beside(store: [&str; 2]) {
    let first = made(bootstrap(store, "acme", &["--json"]));
    assert_eq!(first["accountIdentifier"], "acme");
    let again = bootstrap(store, "acme", &["--json"]);
    again.refused(65, &["account acme exists", "--another-token"]);
    assert_eq!(again.out, "");

    let server = Server::start(&store);
    works(&server, &first["token"]);
    assert_eq!(my_name(&server, &first["token"]), "root", "what stands before the @");
    let second = made(bootstrap(store, "acme", &["--json", "--another-token"]));
    assert_eq!(second["userIdentifier"], first["userIdentifier"]);
    assert_ne!(second["token"], first["token"]);
    works(&server, &second["token"]);
    works(&server, &first["token"]);
    assert_eq!(made(bootstrap(store, "other", &["--json"]))["accountIdentifier"], "other");
    bootstrap(store, "third", &["--name", " "]).refused(65, &["name: cannot be empty"]);
    let both = bootstrap(store, "acme", &["--another-token", "--name", "Ada"]);
    assert_eq!(both.code, 2, "a name would change nothing: {}", both.err);
}

#[test]
fn before_the_first_start_and_beside_a_server_on_sqlite() {
    let (_folder, data) = data_dir();
    before_and_beside(["--data-dir", &data]);
    assert_eq!((mode(&data), mode(format!("{data}/muster.db"))), (0o700, 0o600));
}

#[test]
fn before_the_first_start_and_beside_a_server_on_postgres() {
    on_postgres(before_and_beside);
}

#[test]
fn text_is_for_people() {
    let (_folder, data) = data_dir();
    let out = bootstrap(["--data-dir", &data], "acme", &[]).fine();
    for part in ["Account        acme", "Token          pat.acme.", "shown only now", "x-api-key"] {
        assert!(out.contains(part), "{out}");
    }
    let words = ["bootstrap", "--data-dir", &data, "--account", "other", "--email", "a@b"];
    let output =
        muster().args(words).env("MUSTER_LISTEN", "127.0.0.1:9191").output().expect("the program starts");
    let out = Ended::of(&output).fine();
    for part in ["http://127.0.0.1:9191/ng/api/accounts/other", "the address that `muster serve` printed"] {
        assert!(out.contains(part) && !out.contains(":8080"), "{out}");
    }
    let mut command = muster();
    command.args(["bootstrap", "--data-dir", &data, "--account", "third", "--email", "a@b"]);
    let output = command.env("MUSTER_PUBLIC_URL", "https://id.example.com").output().expect("it starts");
    let out = Ended::of(&output).fine();
    assert!(out.contains("'https://id.example.com/ng/api/accounts/third'"), "{out}");
    assert!(!out.contains(":8080") && !out.contains("printed"), "{out}");
}

/// Sends a SCIM request as whoever holds the token; answers the resource's id.
fn scim(server: &Server, token: &Value, method: &str, path: &str, body: &Value) -> String {
    let (token, body) = (token.as_str().expect("a token"), body.to_string());
    let (status, made) = parse(
        &server.raw(
            format!(
                "{method} /scim/v2/acme/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/scim+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        ),
    );
    assert!(status < 300, "{status} {made}");
    made["id"].as_str().expect("an id").to_owned()
}

fn another_token_needs_an_active_user(store: [&str; 2]) {
    let first = made(bootstrap(store, "acme", &["--json"]));
    let server = Server::start(&store);
    let user = |name: &str, active: bool| {
        let body = serde_json::json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": active});
        scim(&server, &first["token"], "POST", "Users", &body)
    };
    // Neither has an e-mail address besides the user name.
    let (ada, _) = (user("Ada@acme.example", true), user("bob@acme.example", false));
    let wish = |email: &str| {
        let mut command = muster();
        command
            .args(["bootstrap", "--account", "acme", "--another-token", "--json", "--email", email])
            .args(store);
        Ended::of(&command.output().expect("the program starts"))
    };
    let token = made(wish("ada@acme.example"));
    assert_eq!(token["userIdentifier"], ada);
    let ended = wish("bob@acme.example");
    ended.refused(65, &["bob@acme.example", "inactive", "activate him first"]);
    assert_eq!(ended.out, "", "no token is shown");
}

#[test]
fn another_token_needs_an_active_user_on_sqlite() {
    on_sqlite(another_token_needs_an_active_user);
}

#[test]
fn another_token_needs_an_active_user_on_postgres() {
    on_postgres(another_token_needs_an_active_user);
}

#[test]
fn what_cannot_be_made_is_refused_in_one_line() {
    let (_folder, data) = data_dir();
    for (account, email, words) in [
        ("acme", "nobody", ["\"nobody\"", "name@domain"]),
        ("a b", "a@b", ["\"a b\"", "letters, digits"]),
        ("", "a@b", ["\"\"", "letters, digits"]),
    ] {
        run(["bootstrap", "--data-dir", &data, "--account", account, "--email", email]).refused(65, &words);
    }
    run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "a@b", "--another-token"])
        .refused(65, &["no account acme", "leave --another-token out"]);
    bootstrap(["--data-dir", &data], "acme", &[]).fine();
    run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "x@y", "--another-token"])
        .refused(65, &["no user x@y"]);
    // The parser's own mistakes.
    let ended = run(["bootstrap", "--data-dir", &data, "--account", "acme"]);
    assert!(ended.code == 2 && ended.err.contains("--email"), "{ended:?}");
}
