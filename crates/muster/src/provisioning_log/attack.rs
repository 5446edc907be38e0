//! Requests with a secret at any place, in any dress: nothing of what is stored of them holds it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use scim::Catalogue;
use serde_json::{Value, json};

use super::model::{Captured, HEADERS, Heads, Sent, Stranger};
use super::record::entry;
use super::redact::Secrets;
use crate::kernel::ids::AccountId;
use crate::kernel::shape::decoded;
use crate::kernel::time::Timestamp;

const USERS: &str = "/scim/v2/acme/Users";
const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User:password";

/// A credential as clients hold it: a JWT with white space wherever its header may have some, or one of ours.
fn token() -> impl Strategy<Value = String> {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let jwt = ("[ \t\r\n]{0,5}", "[ \t\r\n]{0,5}", "[A-Za-z0-9_-]{43,86}").prop_map(
        move |(before, after, sign)| {
            let header = encode(&format!("{before}{{{after}\"alg\":\"ES256\"}}"));
            format!("{header}.{}.{sign}", encode(&format!("{{{after}\"sub\":\"ada\"}}")))
        },
    );
    let ours = ("[ps]at", "[0-9a-f]{8}-[0-9a-f]{4}", "[A-Za-z0-9]{49}")
        .prop_map(|(kind, id, secret)| format!("{kind}.acme.{id}-4000-8000-000000000001.{secret}"));
    let issued = "[A-Za-z0-9_-]{22}".prop_map(move |code| {
        format!(
            "oat.acme.{}.{code}",
            encode("{\"id\":\"x\",\"end\":1,\"scope\":[\"scim\"],\"by\":{\"sat\":\"y\"}}")
        )
    });
    prop_oneof![jwt, ours, issued]
}

/// What nobody would know for a secret but for what stands beside it.
fn password() -> impl Strategy<Value = String> {
    "Zq[A-Za-z0-9!#$ .:/_-]{6,20}Zq"
}

/// Names of a secret, as members and as paths.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("password"),
        Just("PassWord"),
        Just("pass_word"),
        Just("userPassword"),
        Just(URN),
        Just("user.password"),
        Just("access_token"),
        Just("apiKey"),
        Just("clientSecret"),
        Just("otp"),
        Just("userPIN"),
        Just("pinCode"),
        Just("pass"),
    ]
    .prop_map(str::to_owned)
}

fn naming() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("path"),
        Just("target"),
        Just("attribute"),
        Just("attributeName"),
        Just("attributePath"),
        Just("field"),
        Just("fieldName"),
        Just("property"),
        Just("Property_Name"),
        Just("name"),
        Just("key"),
        Just("type"),
        Just("paths"),
        Just("attr"),
        Just("json-path"),
    ]
    .prop_map(str::to_owned)
}

fn other() -> impl Strategy<Value = String> {
    let names = ["value", "values", "old", "new", "from", "to", "data", "x-y", "content", "oldValue"];
    prop::sample::select(names.map(str::to_owned).to_vec())
}

/// A password beside its name.
fn named(secret: String) -> impl Strategy<Value = Value> {
    let dress = prop_oneof![Just(0), Just(1), Just(2), Just(3)];
    (name(), naming(), other(), dress, 0..9_u8).prop_map(move |(name, naming, other, dress, shape)| {
        let value = match dress {
            0 => json!(secret),
            1 => json!([secret, "x"]),
            2 => json!({"value": [{"deep": secret}]}),
            _ => json!({(secret.as_str()): 1}),
        };
        match shape {
            0 => json!({(name): value, "title": "t"}),
            1 => json!({"op": "replace", (naming): name, (other): value}),
            2 => json!({"op": "add", (naming): [name], (other): value}),
            3 => json!({"op": "add", (naming): {"name": name}, (other): value}),
            4 => json!({"op": "add", "value": {(name): value}}),
            5 => json!({"op": "remove", "path": format!("{name}[value eq \"{secret}\"]"), (other): value}),
            6 => json!({"filter": format!("title pr and {name} eq \"{secret}\"")}),
            7 => json!({"note": json!({(name): value}).to_string()}),
            _ => json!([name, value]),
        }
    })
}

/// A document with something in it at some depth.
fn around(core: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    core.prop_recursive(4, 16, 2, |inner| {
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"});
        prop_oneof![
            inner.clone().prop_map(
                |inner| json!({"Operations": [{"op": "add", "path": "title", "value": "t"}, inner]})
            ),
            inner.clone().prop_map(|inner| json!([1, {"name": {"familyName": "x"}}, inner])),
            inner.clone().prop_map(|inner| json!({"Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": inner}]})),
            inner.prop_map(move |inner| {
                let mut user = user.clone();
                user["urn:x:y"] = inner;
                user
            }),
        ]
    })
}

/// A document that holds a token as a text, in a text, or as a name.
fn holding(token: String) -> impl Strategy<Value = Value> {
    let keys = ["userName", "externalId", "title", "schemas", "id", "op", "path", "method", "bulkId", "x"];
    (prop::sample::select(keys.to_vec()), 0..8_u8, "[ ,;(é:/]", "[a-z-]{0,3}").prop_map(
        move |(key, shape, sign, letters)| match shape {
            0 => json!({(key): token}),
            1 => json!({(key): format!("see{sign}{letters}{token}{sign}x")}),
            2 => json!({(token.as_str()): key}),
            3 => json!({(key): [key, token]}),
            4 => json!({(key): json!({(key): token}).to_string()}),
            5 => json!({(key): STANDARD.encode(format!("{letters}:{token}"))}),
            6 => json!({(key): in_lines(&STANDARD.encode(format!("{letters}:{token}")))}),
            _ => json!({(key): percent(&format!("{letters} {token}"))}),
        },
    )
}

/// As MIME has base64 (RFC 2045 §6.8).
fn in_lines(text: &str) -> String {
    let lines = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\r\n")
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// JSON in which some letters of the texts, those that the pattern picks, are written as escapes.
fn escaped(value: &Value, pattern: u64) -> String {
    let (mut out, mut inside, mut after_slash) = (String::new(), false, false);
    for (at, letter) in value.to_string().chars().enumerate() {
        inside ^= letter == '"' && !after_slash;
        let picked = pattern >> (at % 64) & 1 == 1;
        if inside && picked && !after_slash && (letter.is_ascii_alphanumeric() || letter == '.') {
            out.extend(format!("\\u{:04x}", u32::from(letter)).chars());
        } else {
            out.push(letter);
        }
        after_slash = letter == '\\' && !after_slash;
    }
    out
}

/// Where in the head of a request a secret is put.
#[derive(Clone, Debug)]
enum Head {
    Nowhere,
    Path(String),
    Query(String),
    Header(usize),
    Method,
    Stranger,
    Told,
}

fn head_of_token() -> impl Strategy<Value = Head> {
    prop_oneof![
        Just(Head::Nowhere),
        prop::sample::select(vec!["/%", "//x-%/", "/a:%", "?%=1"]).prop_map(|form| Head::Path(form.into())),
        prop::sample::select(vec![
            "%",
            "x=%",
            "filter=id eq \"%\"",
            "cursor=%",
            "attributes=a,%",
            "count=1&%=2"
        ])
        .prop_map(|form| Head::Query(form.into())),
        (0..HEADERS.len()).prop_map(Head::Header),
        Just(Head::Method),
        Just(Head::Stranger),
        Just(Head::Told),
    ]
}

fn head_of_password() -> impl Strategy<Value = Head> {
    let path = ["/password=%", "/password:%", "/x/pin:%"];
    let query = [
        "filter=password eq \"%\"",
        "filter=pin sw \"%",
        "password=%",
        "x=%",
        "sortBy=password %",
        "attributes=title,password %",
    ];
    prop_oneof![
        Just(Head::Nowhere),
        prop::sample::select(path.to_vec()).prop_map(|form| Head::Path(form.into())),
        prop::sample::select(query.to_vec()).prop_map(|form| Head::Query(form.into())),
    ]
}

/// A request as it was seen, with the secret where the head says and in the body.
fn seen(secret: &str, head: &Head, body: String, status: u16) -> Captured {
    let put = |form: &str| form.replace('%', &percent(secret)).replace(' ', "%20").replace('"', "%22");
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("curl/8"));
    let mut stranger = Stranger { credential: "JWT".into(), ..Stranger::default() };
    let (mut uri, mut method, mut told) = (USERS.to_owned(), Method::POST, String::from("title"));
    match head {
        Head::Nowhere => {}
        Head::Path(form) => uri += &put(form),
        Head::Query(form) => uri = format!("{USERS}?{}", put(form)),
        Head::Header(at) => {
            headers.insert(
                &HEADERS[*at],
                format!("{} {secret}", "q".repeat(*at * 30)).parse().expect("a header"),
            );
        }
        Head::Method => method = Method::from_bytes(secret.as_bytes()).expect("a method"),
        Head::Stranger => {
            (stranger.issuer, stranger.key_id) = (Some(secret.into()), Some(format!("k {secret}")));
        }
        Head::Told => told = format!("emails[value eq \"{secret}\"]"),
    }
    let quoted = json!({"detail": format!("\"{secret}\" is not known"), "status": status.to_string()});
    let answer = if status < 400 { "{\"id\":\"7\"}".into() } else { quoted.to_string() };
    Captured {
        account: AccountId::new("acme"),
        at: Timestamp::from_micros(7),
        micros: 9,
        request_id: "r".into(),
        method,
        uri,
        below: "/scim/v2/acme".len(),
        headers: Heads::of(&headers),
        status,
        request: Sent::of(&Bytes::from(body)),
        response: Sent::of(&Bytes::from(answer)),
        location: None,
        caller: None,
        stranger: Some(stranger),
        problem: None,
        mended: vec![("string-boolean", told.clone())],
        unknown_members: vec![told],
        dry_run: false,
        failed_operations: 0,
    }
}

/// The secret as it might be stored: as it is, and in base64, whatever stands before it.
fn forms(secret: &str) -> Vec<String> {
    let wrapped = (0..3).flat_map(|before| {
        let text = format!("{}{secret}", "x".repeat(before));
        // Letters at the ends depend on what stands beside it.
        let inner =
            |text: String| text.trim_end_matches('=')[4..text.trim_end_matches('=').len() - 4].to_owned();
        [inner(STANDARD.encode(&text)), inner(URL_SAFE_NO_PAD.encode(&text))]
    });
    wrapped.chain([secret.to_owned()]).collect()
}

fn holds_nothing_of(secret: &str, seen: &Captured) -> Result<(), TestCaseError> {
    let secrets = Secrets::of(&Catalogue::standard());
    let entry = entry(seen, &secrets, "i");
    let optional = |text: &Option<std::borrow::Cow<'_, str>>| text.clone().unwrap_or_default().into_owned();
    let texts = [
        entry.method.to_owned(),
        entry.path.to_string(),
        entry.client.to_owned(),
        entry.resource_id.unwrap_or_default().to_owned(),
        entry.detail.to_string(),
        optional(&entry.request),
        optional(&entry.response),
    ];
    let unescaped = |text: &String| text.replace("\\\"", "\"").replace("\\/", "/").replace("\\\\", "\\");
    for text in &texts {
        let in_one_line = text.replace("\\r\\n", "");
        for read in [text.clone(), unescaped(text), decoded(text).unwrap_or_default(), in_one_line] {
            for form in forms(secret) {
                prop_assert!(!read.contains(&form), "{form} is in {text}\n{seen:?}");
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_token_is_stored(
        (token, body) in token().prop_flat_map(|token| (Just(token.clone()), around(holding(token).boxed()))),
        head in head_of_token(),
        pattern in prop_oneof![Just(0), any::<u64>()],
        status in prop_oneof![Just(201), Just(400)],
    ) {
        holds_nothing_of(&token, &seen(&token, &head, escaped(&body, pattern), status))?;
    }

    #[test]
    fn no_password_is_stored(
        (secret, body) in password().prop_flat_map(|word| (Just(word.clone()), around(named(word).boxed()))),
        head in head_of_password(),
        pattern in prop_oneof![Just(0), any::<u64>()],
        status in prop_oneof![Just(201), Just(400)],
    ) {
        holds_nothing_of(&secret, &seen(&secret, &head, escaped(&body, pattern), status))?;
    }
}
