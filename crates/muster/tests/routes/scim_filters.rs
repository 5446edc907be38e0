//! One filter, two back ends: what SQL lets through and what the evaluator says are the same on made-up
//! resources and filters (SCIM contract §9).

use muster::directory::schemas::Kinds;
use muster::kernel::rng::Rng;
use scim::{Catalogue, Dialect, Filter, Mender, ResourceType};
use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_groups::{GROUPS, group};
use super::scim_users::{self, USERS, made, scim, total};
use crate::actors::{Client, World};
use crate::both_engines;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const WORDS: [&str; 10] = ["Ada", "ada", "ADAM", "bob", "Bo_b", "b%b", "Straße", "STRASSE", "É", "zed"];
const ATTRS: [&str; 15] = [
    "userName",
    "externalId",
    "displayName",
    "title",
    "nickName",
    "name.familyName",
    "emails",
    "emails.value",
    "emails.type",
    "phoneNumbers.value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "groups.display",
    "id",
    "nothing",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
];

struct Dice(Rng);

impl Dice {
    fn below(&self, end: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0.bytes())) % end
    }
    fn pick<'a>(&self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
    fn chance(&self, in_ten: usize) -> bool {
        self.below(10) < in_ten
    }
}

fn user(dice: &Dice, number: usize) -> Value {
    let word = || dice.pick(&WORDS);
    let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{}{number}", word())});
    user["active"] = json!(dice.chance(5));
    for attr in ["externalId", "displayName", "title", "nickName"] {
        if dice.chance(5) {
            user[attr] = json!(word());
        }
    }
    if dice.chance(5) {
        user["name"] = json!({"familyName": word()});
    }
    for attr in ["emails", "phoneNumbers"] {
        let one = |kind: &str| {
            if dice.chance(8) { json!({"value": word(), "type": kind}) } else { json!({"value": word()}) }
        };
        let list: Vec<Value> = ["work", "Home"].into_iter().filter(|_| dice.chance(5)).map(one).collect();
        user[attr] = json!(list);
    }
    if dice.chance(4) {
        user[ENTERPRISE] = json!({"department": word(), "manager": {"value": word()}});
    }
    user
}

fn term(dice: &Dice, attrs: &[&str]) -> String {
    let attr = dice.pick(attrs);
    let op = dice.pick(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let word = dice.pick(&WORDS);
    let word = if dice.chance(3) {
        &word[..word.char_indices().nth(1).map_or(word.len(), |(at, _)| at)]
    } else {
        word
    };
    match dice.below(9) {
        0 => format!("{attr} pr"),
        1 => format!("active {} {}", dice.pick(&["eq", "ne"]), dice.chance(5)),
        2 => format!("emails[type eq \"{}\" and value {op} \"{word}\"]", dice.pick(&["work", "work", ""])),
        3 => format!("emails[value {op} \"{word}\" or type eq \"home\"]"),
        4 => format!("not ({attr} {op} \"{word}\")"),
        _ => format!("{attr} {op} \"{word}\""),
    }
}

fn filter(dice: &Dice, attrs: &[&str], depth: usize) -> String {
    match dice.below(4) {
        0 if depth > 0 => {
            format!("({} and {})", filter(dice, attrs, depth - 1), filter(dice, attrs, depth - 1))
        }
        1 if depth > 0 => {
            format!("({} or {})", filter(dice, attrs, depth - 1), filter(dice, attrs, depth - 1))
        }
        2 if depth > 0 => format!("not ({})", filter(dice, attrs, depth - 1)),
        _ => term(dice, attrs),
    }
}

/// A made-up attribute.
struct Made {
    name: String,
    kind: &'static str,
    list: bool,
    indexed: bool,
    exact: bool,
    /// The `type` beside a value.
    beside: Value,
}

impl Made {
    fn roll(dice: &Dice, name: String) -> Self {
        let kind =
            ["string", "string", "reference", "complex", "integer", "boolean", "dateTime"][dice.below(7)];
        let (list, indexed, exact) = (dice.chance(4), dice.chance(6), dice.chance(4));
        let (exact_type, many) = (dice.chance(3), dice.chance(3));
        let beside = json!({"name": "type", "type": "string", "caseExact": exact_type, "multiValued": many});
        Self { name, kind, list, indexed, exact, beside }
    }
    fn definition(&self) -> Value {
        let mut value = json!({"name": self.name, "type": self.kind, "multiValued": self.list});
        match self.kind {
            "complex" => {
                let inner = json!({"name": "value", "type": "string", "indexed": self.indexed, "caseExact": self.exact});
                value["subAttributes"] = json!([inner, self.beside]);
            }
            "string" => (value["indexed"], value["caseExact"]) = (json!(self.indexed), json!(self.exact)),
            "reference" => {
                (value["indexed"], value["referenceTypes"]) = (json!(self.indexed), json!(["external"]));
            }
            _ => {}
        }
        value
    }
    fn value(&self, dice: &Dice) -> Value {
        match self.kind {
            "integer" => json!(dice.below(4)),
            "boolean" => json!(dice.chance(5)),
            "dateTime" => json!(format!("202{}-01-01T00:00:00Z", dice.below(4))),
            "reference" => json!(format!("x:{}", dice.pick(&["Ada", "ada", "zed"]))),
            "complex" if dice.chance(2) => json!({"type": self.kind_of(dice)}),
            "complex" if dice.chance(2) => json!({"value": dice.pick(&WORDS)}),
            "complex" => json!({"value": dice.pick(&WORDS), "type": self.kind_of(dice)}),
            _ => json!(dice.pick(&WORDS)),
        }
    }
    fn kind_of(&self, dice: &Dice) -> Value {
        let one = |_| json!(dice.pick(&["work", "Work", "Home"]));
        if self.beside["multiValued"] == true { (0..=dice.below(2)).map(one).collect() } else { one(0) }
    }
    fn put(&self, dice: &Dice, into: &mut Value) {
        if dice.chance(6) {
            let list = || (0..=dice.below(2)).map(|_| self.value(dice)).collect();
            into[&self.name] = if self.list { list() } else { self.value(dice) };
        }
    }
    fn term(&self, dice: &Dice, prefix: &str) -> String {
        let path = format!("{prefix}{}", self.name);
        let path = if self.kind == "complex" && dice.chance(7) { format!("{path}.value") } else { path };
        let order = dice.pick(&["eq", "ne", "gt", "ge", "lt", "le"]);
        match (self.kind, dice.below(6)) {
            (_, 0) => format!("{path} pr"),
            ("complex", at @ 1..=3) => {
                let (list, kind) =
                    (format!("{prefix}{}", self.name), dice.pick(&["work", "Work", "Home", ""]));
                match at {
                    1 => format!("{list}[type eq \"{kind}\"].value {order} \"{}\"", dice.pick(&WORDS)),
                    2 => format!("{list}[value pr and type eq \"{kind}\"]"),
                    _ => format!("{list}[type eq \"{kind}\" and value {order} \"{}\"]", dice.pick(&WORDS)),
                }
            }
            ("integer", _) => format!("{path} {order} {}", dice.below(4)),
            ("boolean", _) => format!("{path} {} {}", dice.pick(&["eq", "ne"]), dice.chance(5)),
            ("dateTime", _) => format!("{path} {order} \"202{}-01-01T00:00:00Z\"", dice.below(4)),
            _ => {
                let op = dice.pick(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
                format!("{path} {op} \"{}\"", dice.pick(&WORDS))
            }
        }
    }
}

fn made_filter(dice: &Dice, attributes: &[Made], more: (&str, &[Made]), depth: usize) -> String {
    let inner = || made_filter(dice, attributes, more, depth - 1);
    match dice.below(4) {
        0 if depth > 0 => format!("({} and {})", inner(), inner()),
        1 if depth > 0 => format!("({} or {})", inner(), inner()),
        2 if depth > 0 => format!("not ({})", inner()),
        _ if dice.chance(4) => more.1[dice.below(more.1.len())].term(dice, &format!("{}:", more.0)),
        _ => attributes[dice.below(attributes.len())].term(dice, ""),
    }
}

async fn all(client: &Client, base: &str, filter: &str) -> Vec<Value> {
    let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let answer = client.get(&format!("{base}&count=200&filter={query}")).await.expect(200);
    let list = answer.json["Resources"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer.json["totalResults"], list.len(), "{filter}");
    list
}

async fn agree(client: &Client, base: &str, kind: &ResourceType, filters: Vec<String>) {
    // What is shown on request only can be filtered by all the same.
    let shown = "id,schemas,displayName,externalId,meta,members,members.display";
    let of_group = kind.name == "Group";
    let base_of_all = if of_group { format!("{base}?attributes={shown}") } else { format!("{base}?") };
    let everything = all(client, &base_of_all, "id pr").await;
    for text in filters {
        let expr = Filter::compile(&text, kind, &mut Mender::new(Dialect::Auto)).unwrap();
        let expected: Vec<&Value> = everything.iter().filter(|r| expr.matches(r)).map(|r| &r["id"]).collect();
        let found = all(client, &format!("{base}?"), &text).await;
        assert_eq!(found.iter().map(|r| &r["id"]).collect::<Vec<_>>(), expected, "{text}");
    }
}

both_engines! {
    async fn f_11_entra_looks_for_a_manager_without_his_urn(world: World) {
        let scim = scim(&world);
        let boss = made(&scim, "boss").await;
        let mut ada = scim_users::user("ada");
        ada["schemas"] = json!([ada["schemas"][0], ENTERPRISE]);
        ada[ENTERPRISE] = json!({"manager": {"value": boss}, "department": "Sales"});
        let answer = scim.post(USERS, ada).await.expect(201);
        let id = answer.json["id"].as_str().unwrap();
        for (filter, count) in [
            (format!("id eq \"{id}\" and manager eq \"{boss}\""), 1), (format!("id eq \"{id}\" and manager eq \"{id}\""), 0),
            ("department eq \"sales\"".into(), 1), ("not (department pr)".into(), 2), ("Department eq \"x\"".into(), 0),
        ] {
            assert_eq!(total(&scim, USERS, &filter).await, count, "{filter}");
        }
        // What only users have has no value in groups, by whichever name.
        scim.post(GROUPS, group("Crew", &[])).await.expect(201);
        let root = USERS.trim_end_matches("/Users");
        for what in ["manager ne \"x\"", "department eq null", "not (department eq \"Sales\")"] {
            let full = what.replace("manager", &format!("{ENTERPRISE}:manager"));
            let full = full.replace("department", &format!("{ENTERPRISE}:department"));
            assert_eq!(total(&scim, root, what).await, total(&scim, root, &full).await, "{what}");
        }
        let filter: String = url::form_urlencoded::byte_serialize(format!("id eq \"{id}\" and manager eq \"{boss}\"").as_bytes()).collect();
        let found = scim.get(&format!("{USERS}?filter={filter}&attributes=id")).await.expect(200).json;
        assert_eq!(found["Resources"][0]["id"], id);
        assert!(newest(&world).await["quirks"].to_string().contains("unqualified-name"));
    }

    async fn sql_and_the_evaluator_agree_on_users(world: World) {
        let (scim, dice) = (scim(&world), Dice(Rng::seeded(7)));
        let mut ids = Vec::new();
        for number in 0..40 {
            let made = scim.post(USERS, user(&dice, number)).await.expect(201);
            ids.push(made.json["id"].as_str().unwrap().to_owned());
        }
        for name in ["Ada", "zed"] {
            let members: Vec<&str> = ids.iter().filter(|_| dice.chance(3)).map(String::as_str).collect();
            scim.post(GROUPS, group(name, &members)).await.expect(201);
        }
        let filters = (0..400).map(|_| filter(&dice, &ATTRS, 3)).collect();
        let catalogue = Catalogue::standard();
        agree(&scim, USERS, catalogue.resource_type("User").unwrap(), filters).await;
    }

    async fn sql_and_the_evaluator_agree_on_groups(world: World) {
        let (scim, dice) = (scim(&world), Dice(Rng::seeded(8)));
        let mut ids = Vec::new();
        for number in 0..4 {
            let made = scim.post(USERS, user(&dice, number)).await.expect(201);
            ids.push(made.json["id"].as_str().unwrap().to_owned());
        }
        for name in WORDS {
            let members: Vec<&str> = ids.iter().filter(|_| dice.chance(3)).map(String::as_str).collect();
            let made = scim.post(GROUPS, group(name, &members)).await.expect(201);
            ids.push(made.json["id"].as_str().unwrap().to_owned());
        }
        let texts: Vec<&str> = ids.iter().map(String::as_str).collect();
        let member = |dice: &Dice| {
            let (op, id) = (dice.pick(&["eq", "ne", "gt", "lt", "sw", "co"]), dice.pick(&texts));
            match dice.below(5) {
                0 => format!("members[type eq \"group\" and value {op} \"{id}\"]"),
                1 => format!("members.type {} \"User\"", dice.pick(&["eq", "ne", "sw"])),
                2 => format!("members[not (value {op} \"{id}\")]"),
                3 => format!("members.display {op} \"{}\"", dice.pick(&WORDS)),
                _ => format!("members {op} \"{id}\""),
            }
        };
        let plain = ["displayName", "externalId", "id"];
        let mut filters = Vec::new();
        for _ in 0..200 {
            let (left, right) = (member(&dice), filter(&dice, &plain, 1).replace("active", "nothing").replace("emails", "members"));
            filters.push(match dice.below(4) {
                0 => left,
                1 => format!("not ({left})"),
                2 => format!("{left} and {right}"),
                _ => format!("{left} or {right}"),
            });
        }
        let catalogue = Catalogue::standard();
        agree(&scim, GROUPS, catalogue.resource_type("Group").unwrap(), filters).await;
    }

    async fn f_9_a_query_that_cannot_be_read_is_refused(world: World) {
        let client = scim(&world);
        for (query, code) in [
            ("filter=userName%20eq%20%22%ff%22", "invalidFilter"), ("FILTER=%C3%28%20pr", "invalidFilter"),
            ("count=1&sortBy=%ff", "invalidValue"), ("count=1&count=2", "invalidValue"),
            ("filter=id%20pr&Filter=id%20pr", "invalidValue"),
        ] {
            let answer = client.get(&format!("{USERS}?{query}")).await;
            assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!(code)), "{query}: {}", answer.text);
        }
        world.admin().get("/ng/api/organizations?searchTerm=%ff").await.refused(400, "INVALID_REQUEST");
        client.get(&format!("{USERS}?filter=userName%20eq%20%22%C3%A9+%22")).await.expect(200);
    }

    async fn a_compressed_body_is_not_read(world: World) {
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"});
        let coded = scim(&world).with("content-encoding", "gzip").post(USERS, user.clone()).await;
        assert!(coded.status == 415 && coded.text.contains("gzip"), "{}", coded.text);
        scim(&world).with("content-encoding", "identity").post(USERS, user).await.expect(201);
        let org = json!({"organization": {"identifier": "o", "name": "O"}});
        world.admin().with("content-encoding", "br").post("/ng/api/organizations", org).await.refused(415, "MEDIA_NOT_SUPPORTED");
    }

    async fn f_7_times_compare_finer_than_a_column_holds(world: World) {
        let scim = scim(&world);
        let made = scim.post(GROUPS, group("Crew", &[])).await.expect(201).json["meta"]["created"].clone();
        let (exact, finer) = (made.as_str().unwrap(), made.as_str().unwrap().replace('Z', "000001Z"));
        assert!(exact.len() == "2026-01-01T00:00:00.000Z".len(), "{exact}: so that six more digits are nanoseconds");
        for attr in ["meta.created", "meta.lastModified"] {
            for (op, at, at_finer) in
                [("eq", 1, 0), ("ne", 0, 1), ("gt", 0, 0), ("ge", 1, 0), ("lt", 0, 1), ("le", 1, 1)]
            {
                for (time, found) in [(exact, at), (&*finer, at_finer)] {
                    assert_eq!(total(&scim, GROUPS, &format!("{attr} {op} \"{time}\"")).await, found, "{op} {time}");
                    assert_eq!(total(&scim, GROUPS, &format!("not ({attr} {op} \"{time}\")")).await, 1 - found);
                }
            }
        }
    }

    async fn sql_and_the_evaluator_agree_on_what_an_account_defines(world: World) {
        for seed in 21..27 {
            let dice = Dice(Rng::seeded(seed));
            let (base, extension) = (format!("urn:example:thing{seed}"), format!("urn:example:thing{seed}:more"));
            let attributes: Vec<Made> = (0..6).map(|n| Made::roll(&dice, format!("a{n}"))).collect();
            let more: Vec<Made> = (0..4).map(|n| Made::roll(&dice, format!("b{n}"))).collect();
            let schema = |id: &str, list: &[Made]| json!({"id": id, "name": "x", "attributes": list.iter().map(Made::definition).collect::<Value>()});
            let (name, endpoint) = (format!("Thing{seed}"), format!("/scim/v2/acme/Things{seed}"));
            let body = json!({"name": name, "endpoint": format!("Things{seed}"), "schema": schema(&base, &attributes), "schemaExtensions": [schema(&extension, &more)]});
            world.admin().post("/ng/api/scim-resource-types?accountIdentifier=acme", body).await.data();
            let scim = scim(&world);
            for _ in 0..30 {
                let mut thing = json!({"schemas": [base, extension]});
                for made in &attributes {
                    made.put(&dice, &mut thing);
                }
                let mut inner = json!({});
                for made in &more {
                    made.put(&dice, &mut inner);
                }
                thing[&extension] = inner;
                scim.post(&endpoint, thing).await.expect(201);
            }
            let filters = (0..250).map(|_| made_filter(&dice, &attributes, (&extension, &more), 3)).collect();
            let account = world.account.clone();
            let kinds = world.app.db.house().read("test.kinds", move |tx| Kinds::load(tx, &account)).await.unwrap();
            agree(&scim, &endpoint, kinds.shown.resource_type(&name).unwrap(), filters).await;
        }
    }
}
