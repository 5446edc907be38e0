//! Tokens (platform API §5): making, changing, rotating, listing and checking them. What the door makes of
//! them is in `token_door`.

use http::Method;
use muster::tokens::actions::purge_expired;
use serde_json::{Value, json};

use crate::actors::{Client, START, World};
use crate::both_engines;

const AT: &str = "/ng/api/token";
const KEY: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta&apiKeyIdentifier=key";
const DAY: i64 = 86_400_000;

fn ask(id: &str) -> Value {
    json!({
        "identifier": id, "name": id, "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta",
        "apiKeyIdentifier": "key"
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

async fn okta(world: &World) -> Client {
    let admin = world.admin();
    admin.post("/ng/api/serviceaccount", json!({"identifier": "okta", "name": "Okta"})).await.data();
    let key = json!({"identifier": "key", "name": "key", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta"});
    admin.post("/ng/api/apikey", key).await.data();
    admin
}

async fn make(admin: &Client, body: Value) -> String {
    admin.post(AT, body).await.data().as_str().expect("the reply is the token text").to_owned()
}

async fn listed(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("{AT}/aggregate?{query}")).await.data();
    page["content"].as_array().expect("a page").clone()
}

async fn set(world: &World, id: &str, value: &str) {
    let change = json!([{"identifier": id, "value": value, "updateType": "UPDATE"}]);
    let reply = world.admin().put("/ng/api/settings?accountIdentifier=acme", change).await.data();
    assert_eq!(reply[0]["updateStatus"], true, "{reply}");
}

fn changes(audit: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let of = audit.iter().filter(|(_, kind, id)| kind == "TOKEN" && !id.starts_with("bootstrap"));
    of.map(|(action, _, id)| (action.as_str(), id.as_str())).collect()
}

both_engines! {
    async fn a_token_is_shown_once_and_known_again(world: World) {
        let admin = okta(&world).await;
        let wish = with(with(ask("t1"), "description", json!("first")), "tags", json!({"a": "b"}));
        let reply = admin.post("/gateway/ng/api/token?accountIdentifier=acme", wish).await.data();
        let text = reply.as_str().unwrap();
        let parts: Vec<_> = text.split('.').collect();
        assert_eq!((parts.len(), parts[0], parts[1], parts[3].len()), (4, "sat", "acme", 49));
        let now = START.millis();
        let view = json!({
            "identifier": "t1", "name": "t1", "description": "first", "tags": {"a": "b"}, "validFrom": now,
            "validTo": now + 30 * DAY, "scheduledExpireTime": null, "surfaces": ["scim", "platform"], "valid": true, "accountIdentifier": "acme",
            "orgIdentifier": null, "projectIdentifier": null, "apiKeyIdentifier": "key", "parentIdentifier": "okta",
            "apiKeyType": "SERVICE_ACCOUNT", "email": null, "username": null, "encodedPassword": null
        });
        assert_eq!(listed(&admin, KEY).await, [json!({
            "token": view, "expiryAt": now + 30 * DAY, "createdAt": now, "lastModifiedAt": now, "lastUsedAt": null,
            "lastUsedFrom": null
        })]);
        let again = with(with(ask("t1"), "description", json!("first")), "tags", json!({"a": "b"}));
        assert_eq!(admin.put(&format!("{AT}/t1"), again).await.data(), view, "only validate names the owner");
        let view = with(with(view, "email", json!("okta@service.muster.local")), "username", json!("Okta"));
        for (media, body) in [
            ("text/plain", text.to_owned()), ("application/json", text.to_owned()),
            ("application/json", format!("\"{text}\"")), ("text/plain", format!(" {text}\n")),
        ] {
            let client = admin.with("content-type", media);
            let answer = client.send(Method::POST, &format!("{AT}/validate"), Some(body)).await.data();
            assert_eq!(answer, view);
        }
        assert_eq!(changes(&world.audit().await), [("CREATE_TOKEN", "t1")], "the PUT changed nothing");
    }

    async fn the_secret_is_nowhere_in_the_database(world: World) {
        let admin = okta(&world).await;
        let text = make(&admin, ask("t1")).await;
        let secret = text.rsplit('.').next().unwrap().to_owned();
        let db = world.app.db.clone();
        let read = |sql: &'static str| {
            let db = db.clone();
            async move {
                let map = move |tx: &mut db::Tx<'_>| tx.query(sql, &[], |row| row.get::<Option<String>>(0));
                db.house().read::<_, db::Error>("test.scan", map).await.unwrap()
            }
        };
        let mut texts = read("SELECT detail FROM audit_rows").await;
        for column in ["token_id", "identifier", "name", "description", "tags", "last_used_from"] {
            let sql: &'static str = String::leak(format!("SELECT {column} FROM tokens"));
            texts.extend(read(sql).await);
        }
        assert!(texts.iter().flatten().any(|t| t.contains("t1")), "the scan reads the rows");
        assert!(!texts.iter().flatten().any(|t| t.contains(&secret)));
        let shown = admin.get(&format!("{AT}/aggregate?{KEY}")).await.text;
        assert!(!shown.contains(&secret));
    }

    async fn what_does_not_hold_is_not_valid(world: World) {
        let admin = okta(&world).await;
        let text = make(&admin, ask("t1")).await;
        let validate = |body: String| {
            let client = admin.with("content-type", "text/plain");
            async move { client.send(Method::POST, &format!("{AT}/validate"), Some(body)).await }
        };
        let reason = |answer: crate::actors::Answer| {
            let reason = answer.json["reason"].as_str().unwrap_or_default().to_owned();
            answer.refused(401, "INVALID_TOKEN");
            reason
        };
        assert_eq!(reason(validate(text[..text.len() - 1].to_owned()).await), "token_malformed");
        assert_eq!(reason(validate("hello".into()).await), "token_malformed");
        let told = validate("oat.acme.claims.code".into()).await.refused(400, "INVALID_REQUEST");
        assert!(told.contains("access token") && told.contains("/ng/api/jwt-trusts/explain"), "{told}");
        assert_eq!(reason(validate(world.other_account("globex").await).await), "token_untrusted");
        assert_eq!(reason(validate(text.replace("sat.", "pat.")).await), "token_untrusted");
        let later = with(ask("t2"), "validFrom", json!(START.millis() + DAY));
        assert_eq!(reason(validate(make(&admin, later).await).await), "token_not_yet_valid");
        validate(String::new()).await.refused(400, "INVALID_REQUEST");
        validate("\"open".into()).await.refused(400, "INVALID_REQUEST");
        let short = with(ask("t3"), "validTo", json!(START.millis() + 1_000));
        let short = make(&admin, short).await;
        world.app.clock.advance_secs(1);
        assert_eq!(reason(validate(short).await), "token_expired");
        admin.delete(&format!("{AT}/t1?{KEY}")).await.data();
        assert_eq!(reason(validate(text).await), "token_untrusted");
    }

    async fn the_end_is_bounded_by_the_account(world: World) {
        let admin = okta(&world).await;
        let (now, to) = (START.millis(), |id: &str, to: i64| with(ask(id), "validTo", json!(to)));
        let text = admin.post(AT, to("a", now)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Token's validTo cannot be set before current time"), "{text}");
        let turned = with(to("a", now + DAY), "validFrom", json!(now + 2 * DAY));
        admin.post(AT, turned).await.refused(400, "INVALID_REQUEST");
        let text = admin.post(AT, to("a", now + 366 * DAY)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("365 days"), "{text}");
        // More than these no setting allows.
        assert!(text.contains("allow_tokens_without_expiry and make the token with neverExpires"), "{text}");
        assert!(!text.contains("max_token_lifetime_days"), "{text}");
        make(&admin, to("a", now + 365 * DAY)).await;
        let never = |id: &str| with(ask(id), "neverExpires", json!(true));
        let text = admin.post(AT, never("b")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("allow_tokens_without_expiry"), "{text}");
        set(&world, "max_token_lifetime_days", "10").await;
        let text = admin.post(AT, to("b", now + 11 * DAY)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("raise the setting max_token_lifetime_days"), "{text}");
        make(&admin, ask("b")).await;
        set(&world, "allow_tokens_without_expiry", "true").await;
        make(&admin, never("c")).await;
        let rows = listed(&admin, &format!("{KEY}&sortOrders=identifier,ASC")).await;
        let ends: Vec<_> = rows.iter().map(|r| r["token"]["validTo"].as_i64()).collect();
        assert_eq!(ends, [Some(now + 365 * DAY), Some(now + 10 * DAY), None]);
        assert_eq!((&rows[2]["expiryAt"], &rows[2]["token"]["valid"]), (&Value::Null, &json!(true)));
        // A stricter rule does not keep anybody from renaming an older token.
        let renamed = with(to("a", now + 365 * DAY), "name", json!("New"));
        assert_eq!(admin.put(&format!("{AT}/a"), renamed).await.data()["name"], "New");
        admin.put(&format!("{AT}/a"), to("a", now + 20 * DAY)).await.refused(400, "INVALID_REQUEST");
        admin.put(&format!("{AT}/a"), to("a", now + 9 * DAY)).await.data();
    }

    async fn a_token_that_begins_later_ends_in_time_all_the_same(world: World) {
        let (admin, now) = (okta(&world).await, START.millis());
        let span = |from: i64, to: i64| with(with(ask("t1"), "validFrom", json!(from)), "validTo", json!(to));
        let far = 9_000_000_000_000_000;
        for (from, to) in [(far, far + 365 * DAY), (now + 116 * DAY, now + 366 * DAY)] {
            let text = admin.post(AT, span(from, to)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("counted from now"), "{text}");
        }
        make(&admin, span(now + 116 * DAY, now + 365 * DAY)).await;
        admin.put(&format!("{AT}/t1"), span(now + 300 * DAY, now + 366 * DAY)).await.refused(400, "INVALID_REQUEST");
    }

    async fn a_rotated_token_obeys_the_limits_of_today(world: World) {
        let (admin, now) = (okta(&world).await, START.millis());
        set(&world, "allow_tokens_without_expiry", "true").await;
        make(&admin, with(ask("t1"), "neverExpires", json!(true))).await;
        make(&admin, with(ask("t2"), "validTo", json!(now + 300 * DAY))).await;
        let end = async |id: &str| {
            let rotate = format!("{AT}/rotate/{id}?{KEY}&rotateTimestamp=1");
            let new = admin.post(&rotate, json!({})).await.data();
            world.holder(new.as_str().unwrap()).get("/ng/api/serviceaccount").await.data();
            listed(&admin, &format!("{KEY}&identifiers={id}")).await[0]["token"]["validTo"].clone()
        };
        assert_eq!((end("t1").await, end("t2").await), (Value::Null, json!(now + 300 * DAY)));
        set(&world, "max_token_lifetime_days", "1").await;
        assert_eq!((end("t1").await, end("t2").await), (Value::Null, json!(now + DAY)));
        set(&world, "allow_tokens_without_expiry", "false").await;
        assert_eq!(end("t1").await, json!(now + DAY));
    }

    async fn a_change_of_the_end_holds_or_is_refused(world: World) {
        let (admin, now) = (okta(&world).await, START.millis());
        set(&world, "allow_tokens_without_expiry", "true").await;
        let (never, path) = (|yes: bool| with(ask("t1"), "neverExpires", json!(yes)), format!("{AT}/t1"));
        make(&admin, never(true)).await;
        let both = with(never(true), "validTo", json!(now + DAY));
        let text = admin.put(&path, both.clone()).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("contradict"), "{text}");
        let text = admin.put(&path, never(false)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("send validTo"), "{text}");
        assert_eq!(admin.put(&path, never(true)).await.data()["validTo"], Value::Null);
        let ends = with(never(false), "validTo", json!(now + DAY));
        assert_eq!(admin.put(&path, ends).await.data()["validTo"], now + DAY);
        assert_eq!(admin.put(&path, never(false)).await.data()["validTo"], now + DAY);
        admin.put(&path, both).await.refused(400, "INVALID_REQUEST");
    }

    async fn bad_values_are_named_and_make_nothing(world: World) {
        let admin = okta(&world).await;
        let wish = with(with(with(ask("9"), "name", json!("")), "apiKeyIdentifier", json!("")), "description",
            json!("x".repeat(1025)));
        let answer = admin.post(AT, wish).await.expect(400);
        let errors = answer.json["errors"].as_array().unwrap();
        let fields: Vec<_> = errors.iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        assert_eq!(fields, ["identifier", "name", "apiKeyIdentifier", "description"]);
        admin.post(AT, with(ask("t"), "validTo", json!("soon"))).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, with(ask("t"), "tags", json!(["a"]))).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, with(ask("t"), "projectIdentifier", json!("p"))).await.refused(400, "INVALID_REQUEST");
        let missing = with(ask("t"), "parentIdentifier", json!("nobody"));
        admin.post(AT, missing).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.send(Method::POST, AT, Some("nonsense".into())).await.refused(400, "INVALID_REQUEST");
        assert_eq!(listed(&admin, KEY).await, [] as [Value; 0]);
        assert_eq!(changes(&world.audit().await), []);
    }

    async fn a_key_made_on_the_way_has_a_name_that_it_may_keep(world: World) {
        let admin = okta(&world).await;
        for (key, name) in [("a$b".to_owned(), "a_b_auto".to_owned()), ("k".repeat(128), "k".repeat(123) + "_auto")] {
            make(&admin, with(ask("t"), "apiKeyIdentifier", json!(key))).await;
            let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
            let made = admin.get(&format!("/ng/api/apikey/aggregate/{key}?{owner}")).await.data()["apiKey"].clone();
            assert_eq!(made["name"], name.as_str());
            assert_eq!(admin.put(&format!("/ng/api/apikey/{key}"), made.clone()).await.data(), made);
        }
    }

    async fn a_missing_key_is_made_on_the_way(world: World) {
        let admin = okta(&world).await;
        make(&admin, with(ask("t1"), "apiKeyIdentifier", json!("fresh"))).await;
        make(&admin, with(ask("t2"), "apiKeyIdentifier", json!("FRESH"))).await;
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
        let one = admin.get(&format!("/ng/api/apikey/aggregate/fresh?{owner}")).await.data();
        assert_eq!((&one["apiKey"]["name"], &one["tokensCount"]), (&json!("fresh_auto"), &json!(2)));
        for n in 1..=3 {
            make(&admin, with(ask("t"), "apiKeyIdentifier", json!(format!("k{n}")))).await;
        }
        let sixth = admin.post(AT, with(ask("t"), "apiKeyIdentifier", json!("k4"))).await;
        let text = sixth.refused(400, "INVALID_REQUEST");
        assert!(text.contains("5 API keys"), "{text}");
        // A refused token leaves no key behind.
        admin.delete(&format!("/ng/api/apikey/k3?{owner}")).await.data();
        let past = with(with(ask("t"), "apiKeyIdentifier", json!("k4")), "validTo", json!(1));
        admin.post(AT, past).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("/ng/api/apikey/aggregate/k4?{owner}")).await.refused(400, "INVALID_ARGUMENT");
    }

    async fn five_tokens_a_key_names_in_any_case(world: World) {
        let admin = okta(&world).await;
        let brief = with(ask("t1"), "validTo", json!(START.millis() + 60_000));
        make(&admin, brief.clone()).await;
        let text = admin.post(AT, ask("T1")).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("[T1] already exists"), "{text}");
        for n in 2..=5 {
            make(&admin, ask(&format!("t{n}"))).await;
        }
        let text = admin.post(AT, ask("t6")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Maximum limit has reached"), "{text}");
        assert_eq!(listed(&admin, KEY).await.len(), 5);
        assert_eq!(changes(&world.audit().await).len(), 5, "the refused left nothing behind");
        // Place and name of an expired one are free, before any purge.
        world.app.clock.advance_secs(60);
        make(&admin, ask("t1")).await;
    }

    async fn name_and_times_change_until_it_is_rotated(world: World) {
        let admin = okta(&world).await;
        make(&admin, ask("t1")).await;
        let now = START.millis();
        let wish = with(with(ask("T1"), "name", json!("New")), "validTo", json!(now + 3 * DAY));
        let changed = admin.put(&format!("{AT}/T1?accountIdentifier=acme"), wish).await.data();
        assert_eq!((&changed["identifier"], &changed["name"]), (&json!("t1"), &json!("New")));
        assert_eq!((&changed["validFrom"], &changed["validTo"]), (&json!(now), &json!(now + 3 * DAY)));
        let kept = admin.put(&format!("{AT}/t1"), ask("t1")).await.data();
        assert_eq!(kept["validTo"], json!(now + 3 * DAY), "what is not given stays");
        admin.put(&format!("{AT}/t1"), with(ask("t1"), "validTo", json!(now - 1))).await.refused(400, "INVALID_REQUEST");
        admin.put(&format!("{AT}/t1"), ask("t2")).await.refused(400, "INVALID_REQUEST");
        admin.put(&format!("{AT}/none"), ask("none")).await.refused(404, "ENTITY_NOT_FOUND");
        let no_key = with(ask("t1"), "apiKeyIdentifier", json!("none"));
        admin.put(&format!("{AT}/t1"), no_key).await.refused(404, "ENTITY_NOT_FOUND");
        admin.post(&format!("{AT}/rotate/t1?{KEY}&rotateTimestamp={}", now + DAY), json!(null)).await.data();
        let rows = listed(&admin, KEY).await;
        let rotated = rows.iter().map(|r| r["token"]["identifier"].as_str().unwrap()).find(|i| *i != "t1").unwrap();
        let text = admin.put(&format!("{AT}/{rotated}"), ask(rotated)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Rotated tokens cannot be updated"), "{text}");
        let names = ["CREATE_TOKEN", "CREATE_TOKEN", "UPDATE", "UPDATE"].map(|action| (action, "t1"));
        assert_eq!(changes(&world.audit().await), names);
    }

    async fn a_rotated_secret_keeps_its_time(world: World) {
        let admin = okta(&world).await;
        let old = make(&admin, ask("t1")).await;
        let (now, rotate) = (START.millis(), format!("{AT}/rotate/t1?{KEY}"));
        world.app.clock.advance_secs(10);
        let until = now + 3_600_000;
        let new = admin.post(&format!("{rotate}&rotateTimestamp={until}"), json!({})).await.data();
        let new = new.as_str().unwrap();
        assert_ne!(new, old);
        for token in [old.as_str(), new] {
            world.holder(token).get("/ng/api/serviceaccount").await.data();
        }
        let rows = listed(&admin, &format!("{KEY}&sortOrders=identifier,ASC")).await;
        let (retired, fresh) = (&rows[0]["token"], &rows[1]["token"]);
        let letters = retired["identifier"].as_str().unwrap().strip_prefix("rotated_").unwrap();
        assert!(letters.len() == 15 && letters.bytes().all(|b| b.is_ascii_alphabetic()), "{letters}");
        assert_eq!((&retired["scheduledExpireTime"], &rows[0]["expiryAt"]), (&json!(until), &json!(until)));
        assert_eq!((&fresh["identifier"], &fresh["name"]), (&json!("t1"), &json!("t1")));
        assert_eq!((&fresh["validTo"], &fresh["validFrom"]), (&json!(now + 30 * DAY), &json!(now + 10_000)));
        world.app.clock.advance_secs(3_590);
        world.holder(&old).get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        world.holder(new).get("/ng/api/serviceaccount").await.data();
        // A time that is not ahead ends the old secret at once.
        let third = admin.post(&format!("{rotate}&rotateTimestamp=1"), json!({})).await.data();
        world.holder(new).get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        world.holder(third.as_str().unwrap()).get("/ng/api/serviceaccount").await.data();
    }

    async fn a_rotation_never_outlives_the_token(world: World) {
        let admin = okta(&world).await;
        let now = START.millis();
        let old = make(&admin, with(ask("t1"), "validTo", json!(now + 60_000))).await;
        let rotate = |id: &str, more: &str| format!("{AT}/rotate/{id}?{KEY}{more}");
        let far = format!("&rotateTimestamp={}", now + DAY);
        admin.post(&rotate("t1", &far), json!({})).await.data();
        let answer = admin.post(&rotate("t1", ""), json!({})).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "rotateTimestamp");
        admin.post(&rotate("t1", "&rotateTimestamp=soon"), json!({})).await.refused(400, "INVALID_REQUEST");
        admin.post(&rotate("none", &far), json!({})).await.refused(404, "ENTITY_NOT_FOUND");
        let retired = listed(&admin, &format!("{KEY}&searchTerm=rotated_")).await;
        let retired = if retired.is_empty() { listed(&admin, KEY).await } else { retired };
        let retired = retired.iter().map(|r| &r["token"]).find(|t| !t["scheduledExpireTime"].is_null()).unwrap();
        assert_eq!(retired["scheduledExpireTime"], json!(now + 60_000), "not past the token's own end");
        let id = retired["identifier"].as_str().unwrap();
        let text = admin.post(&rotate(id, &far), json!({})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("rotated already"), "{text}");
        world.app.clock.advance_secs(60);
        world.holder(&old).get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        let text = admin.post(&rotate("t1", &far), json!({})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("has expired"), "{text}");
    }

    async fn a_rotation_brings_no_token_forward(world: World) {
        let admin = okta(&world).await;
        let from = START.millis() + 5 * DAY;
        make(&admin, with(ask("t1"), "validFrom", json!(from))).await;
        let new = admin.post(&format!("{AT}/rotate/t1?{KEY}&rotateTimestamp=1"), json!({})).await.data();
        let holder = world.holder(new.as_str().unwrap());
        holder.get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        assert_eq!(listed(&admin, KEY).await[0]["token"]["validFrom"], json!(from));
        world.app.clock.advance_secs(5 * 86_400);
        holder.get("/ng/api/serviceaccount").await.data();
    }

    async fn a_rotation_to_what_never_holds_is_refused(world: World) {
        let admin = okta(&world).await;
        let from = START.millis() + 50 * DAY;
        let text = make(&admin, with(with(ask("t1"), "validFrom", json!(from)), "validTo", json!(from + 30 * DAY))).await;
        let shorter = json!([{"identifier": "max_token_lifetime_days", "value": "30", "updateType": "UPDATE"}]);
        admin.put("/ng/api/settings?accountIdentifier=acme", shorter).await.data();
        let rotation = admin.post(&format!("{AT}/rotate/t1?{KEY}&rotateTimestamp=1"), json!({})).await;
        assert!(rotation.refused(400, "INVALID_REQUEST").contains("create a new token"));
        world.app.clock.advance_secs(51 * 86_400);
        world.holder(&text).get("/ng/api/serviceaccount").await.data();
    }

    /// Before its purge, too: whoever found the secret of a dead token does not get it back to life.
    async fn what_has_expired_stays_so(world: World) {
        let admin = okta(&world).await;
        let now = START.millis();
        let dead = make(&admin, with(ask("t1"), "validTo", json!(now + 60_000))).await;
        world.app.clock.advance_secs(60);
        for times in [json!(now + DAY), json!(null)] {
            let wish = with(ask("t1"), "validTo", times);
            let text = admin.put(&format!("{AT}/t1"), wish).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("has expired and stays so"), "{text}");
        }
        world.holder(&dead).get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        make(&admin, ask("t1")).await;
    }

    async fn rotated_secrets_that_still_hold_are_few(world: World) {
        let admin = okta(&world).await;
        make(&admin, ask("t1")).await;
        let rotate = format!("{AT}/rotate/t1?{KEY}&rotateTimestamp={}", START.millis() + DAY);
        for _ in 0..5 {
            admin.post(&rotate, json!({})).await.data();
        }
        let text = admin.post(&rotate, json!({})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("rotated tokens that still hold"), "{text}");
        assert_eq!(listed(&admin, KEY).await.len(), 6);
    }

    async fn who_may_see_and_manage_tokens(world: World) {
        let admin = okta(&world).await;
        make(&admin, ask("t1")).await;
        let (anna, text) = world.person("anna@acme.example").await;
        let own = world.holder(&text);
        let (nobody, manager) =
            (world.machine("nobody", None).await, world.machine("manager", Some("_account_admin")).await);
        for client in [&nobody, &own] {
            client.post(AT, ask("t2")).await.refused(403, "NG_ACCESS_DENIED");
            client.put(&format!("{AT}/t1"), ask("t1")).await.refused(403, "NG_ACCESS_DENIED");
            client.delete(&format!("{AT}/t1?{KEY}")).await.refused(403, "NG_ACCESS_DENIED");
            let rotate = format!("{AT}/rotate/t1?{KEY}&rotateTimestamp=1");
            client.post(&rotate, json!({})).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/aggregate?{KEY}")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/aggregate?apiKeyType=SERVICE_ACCOUNT")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/aggregate?apiKeyType=USER")).await.refused(403, "NG_ACCESS_DENIED");
        }
        let of_anna = format!("apiKeyType=USER&parentIdentifier={anna}");
        assert_eq!(listed(&own, &of_anna).await.len(), 1);
        assert_eq!(listed(&manager, &of_anna).await[0]["token"]["parentIdentifier"], anna);
        assert_eq!(listed(&manager, "apiKeyType=USER").await.len(), 2);
        let of_admin = format!("apiKeyType=USER&parentIdentifier={}", world.admin_id);
        own.get(&format!("{AT}/aggregate?{of_admin}")).await.refused(403, "NG_ACCESS_DENIED");
        let mine = json!({"identifier": "t", "name": "t", "apiKeyType": "USER", "parentIdentifier": anna,
            "apiKeyIdentifier": "laptop"});
        admin.post(AT, mine.clone()).await.refused(403, "NG_ACCESS_DENIED");
        manager.post(AT, mine.clone()).await.refused(400, "INVALID_REQUEST");
        let pat = make(&own, mine).await;
        assert!(pat.starts_with("pat.acme."), "{pat}");
        world.holder(&pat).delete(&format!("{AT}/t?{of_anna}&apiKeyIdentifier=laptop")).await.data();
        world.holder(&pat).get("/ng/api/serviceaccount").await.refused(401, "INVALID_TOKEN");
        assert_eq!(listed(&admin, KEY).await.len(), 1);
    }

    async fn lists_are_cut_by_owner_key_name_and_time(world: World) {
        let admin = okta(&world).await;
        make(&admin, ask("t1")).await;
        world.app.clock.advance_secs(1);
        make(&admin, with(ask("t2"), "validTo", json!(START.millis() + 60_000))).await;
        make(&admin, with(ask("other"), "apiKeyIdentifier", json!("second"))).await;
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
        let ids = |rows: Vec<Value>| {
            let mut ids: Vec<_> = rows.iter().map(|r| r["token"]["identifier"].as_str().unwrap().to_owned()).collect();
            ids.sort();
            ids.join(" ")
        };
        assert_eq!(ids(listed(&admin, owner).await), "other t1 t2");
        assert_eq!(ids(listed(&admin, &format!("{owner}&apiKeyIdentifier=KEY")).await), "t1 t2");
        assert_eq!(ids(listed(&admin, &format!("{owner}&apiKeyIdentifier=none")).await), "");
        assert_eq!(ids(listed(&admin, &format!("{owner}&identifiers=T2&identifiers=other")).await), "other t2");
        assert_eq!(ids(listed(&admin, &format!("{owner}&searchTerm=THE")).await), "other");
        assert_eq!(ids(listed(&admin, &format!("{owner}&orgIdentifier=default")).await), "");
        world.app.clock.advance_secs(60);
        assert_eq!(ids(listed(&admin, &format!("{owner}&includeOnlyActiveTokens=true")).await), "other t1");
        let rows = listed(&admin, &format!("{owner}&identifiers=t2")).await;
        assert_eq!(rows[0]["token"]["valid"], false, "shown until it is purged");
        let page = admin.get(&format!("{AT}/aggregate?{owner}&pageSize=2&pageIndex=1")).await.data();
        assert_eq!((&page["totalItems"], &page["pageItemCount"]), (&json!(3), &json!(1)));
        let path = format!("{AT}/aggregate?apiKeyType=SERVICE_ACCOUNT&apiKeyIdentifier=key");
        let text = admin.get(&path).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Need to pass parentIdentifier"), "{text}");
        let answer = admin.get(&format!("{AT}/aggregate")).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "apiKeyType");
        let answer = admin.delete(&format!("{AT}/t1?{owner}")).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "apiKeyIdentifier");
    }

    async fn what_has_expired_is_purged(world: World) {
        let admin = okta(&world).await;
        make(&admin, with(ask("t1"), "validTo", json!(START.millis() + 60_000))).await;
        make(&admin, ask("t2")).await;
        make(&admin, ask("t3")).await;
        let rotate = format!("{AT}/rotate/t3?{KEY}&rotateTimestamp={}", START.millis() + 60_000);
        admin.post(&rotate, json!({})).await.data();
        let purge = || purge_expired(&world.app.db, world.app.clock.now());
        assert_eq!(purge().await.unwrap(), 0);
        world.app.clock.advance_secs(60);
        assert_eq!(purge().await.unwrap(), 2, "one past its end, one past its rotation");
        assert_eq!(listed(&admin, KEY).await.len(), 2);
        assert_eq!(purge().await.unwrap(), 0);
    }
}
