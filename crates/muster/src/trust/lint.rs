//! What an administrator should know about a trust that may be stored all the same (contract §1): told with
//! each save, never silent. Pure.

use super::model::{Definition, KeySource, Warning};
use super::shared;
use crate::kernel::surface::Surface;
use jose::{AudiencePolicy, Rule, RuleOp};
use serde_json::Value;

/// All that can be told from the trust itself, and from the account's other trusts.
pub fn lint(trust: &Definition, others: &[&Definition]) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |code, field, message: String| found.push(Warning { code, field, message });
    names(trust, &mut warn);
    bounds(trust, &mut warn);
    shared::lint(trust, &mut warn);
    keys(trust, &mut warn);
    neighbours(trust, others, &mut warn);
    found
}

pub(super) type Warn<'w> = &'w mut dyn FnMut(&'static str, &'static str, String);

fn names(trust: &Definition, warn: Warn<'_>) {
    let policy = &trust.policy;
    match &policy.issuer {
        None => warn(
            "no_issuer",
            "issuer",
            "Every token is taken that a key of the set signed, whatever issuer it names: set issuer to the token's iss.".into(),
        ),
        Some(issuer) if issuer.contains('*') => warn(
            "star_in_issuer",
            "issuer",
            "The issuer is compared byte for byte, a star is nothing special: leave issuer out and add a glob rule on iss.".into(),
        ),
        Some(_) => {}
    }
    let text = match policy.audience_policy {
        AudiencePolicy::Required => None,
        AudiencePolicy::IfPresent => {
            Some("Tokens without an audience are taken, too: set audiencePolicy to required.")
        }
        AudiencePolicy::Off => Some(
            "A token that was made for another service is taken here as well: set audiences to what the issuer writes into aud for this server.",
        ),
    };
    if let Some(text) = text {
        warn("no_audience", "audiences", text.into());
    }
    if policy.audiences.iter().any(|audience| audience.contains('*')) {
        let text = "Audiences are compared byte for byte, a star is nothing special: write them out.";
        warn("star_in_audience", "audiences", text.into());
    }
    if policy.rules.is_empty() {
        let text = "No rule says which of the issuer's tokens are meant, so every client and user of it is let in: add a rule, for example on sub.";
        warn("no_rules", "rules", text.into());
    }
    for rule in policy.rules.iter().filter(|rule| !binds(rule)) {
        let text = format!(
            "The rule {rule} lets in whatever begins in any way: let the pattern begin with text of your own."
        );
        warn("open_glob", "rules", text);
    }
    for rule in policy.rules.iter().filter(|rule| has_rounded_number(rule)) {
        let text = format!(
            "A number of the rule {rule} is larger than can be compared exactly, so no token with that integer is taken: have the issuer write it as a string."
        );
        warn("number_not_exact", "rules", text);
    }
    if policy.rules.iter().any(|rule| rule.claim() == "email") && !has_rule(trust, &["email_verified"]) {
        let text = "An issuer may let its users choose their e-mail address: add a rule that email_verified equals true.";
        warn("email_not_verified", "rules", text.into());
    }
}

fn bounds(trust: &Definition, warn: Warn<'_>) {
    let policy = &trust.policy;
    if policy.leeway_secs > 120 {
        let text = format!(
            "Tokens are taken {} seconds past their end: mend the clocks and use 30.",
            policy.leeway_secs
        );
        warn("long_leeway", "leewaySeconds", text);
    }
    if let Some(secs) = policy.max_lifetime_secs.filter(|secs| *secs > 86_400) {
        let text = format!("A stolen token may serve for {secs} seconds: let the issuer make shorter ones.");
        warn("long_lifetime", "maxLifetimeSeconds", text);
    }
    if trust.surfaces.contains(&Surface::Platform) {
        let text = "Tokens are taken on the whole platform API, as far as the roles of the service account go: leave platform out if SCIM is all that is meant.";
        warn("platform_surface", "surfaces", text.into());
        if !trust.replay && policy.max_lifetime_secs.is_none_or(|secs| secs > 3_600) {
            let text = "Tokens for the platform API may live longer than an hour: lower maxLifetimeSeconds.";
            warn("long_lifetime_on_platform", "maxLifetimeSeconds", text.into());
        }
    }
    if !trust.enabled {
        warn(
            "disabled",
            "enabled",
            "The trust is disabled: no token is taken by it until it is enabled.".into(),
        );
    }
}

fn keys(trust: &Definition, warn: Warn<'_>) {
    match &trust.jwks {
        KeySource::Keys(_) => warn(
            "stored_keys",
            "jwks",
            "The keys are stored here and do not follow the issuer's: replace the trust whenever he changes them.".into(),
        ),
        KeySource::Url(_) | KeySource::Discovery(_) => {
            if url_of(trust).is_some_and(|text| text.starts_with("http://")) {
                let text = "The keys come over plain http, which is only good for an issuer on this machine: use https.";
                warn("plain_http", "jwks", text.into());
            }
        }
    }
    if let (KeySource::Discovery(found), Some(issuer)) = (&trust.jwks, &trust.policy.issuer)
        && found != issuer
    {
        let text = format!(
            "The keys are those of {found}, the tokens must name {issuer}: see that both are the same provider."
        );
        warn("other_issuer_discovered", "issuer", text);
    }
}

fn neighbours(trust: &Definition, others: &[&Definition], warn: Warn<'_>) {
    for &other in others.iter().filter(|other| other.identifier != trust.identifier && other.enabled) {
        let same = other.jwks == trust.jwks && other.policy.issuer == trust.policy.issuer;
        if same
            && other.policy.rules == trust.policy.rules
            && other.policy.audiences == trust.policy.audiences
        {
            let text = format!(
                "The trust {} takes the same tokens; the first of both by issuer and identifier decides: tell them apart by audience or rules.",
                other.identifier
            );
            warn("same_as_another", "rules", text);
        }
        if trust.replay != other.replay && share_tokens(trust, other) {
            let (once, often) = if trust.replay { (trust, other) } else { (other, trust) };
            let text = format!(
                "A token that the trust {} has taken once may be taken again by {}, where replay is off: turn it on there, too, or tell the trusts apart by audience or rules.",
                once.identifier, often.identifier
            );
            warn("replay_elsewhere", "replay", text);
        }
    }
}

/// May there be a token that both take, by the same keys and on the same surface? Where it is plain that none
/// passes both: no.
fn share_tokens(one: &Definition, two: &Definition) -> bool {
    let (a, b) = (&one.policy, &two.policy);
    let issuers = a.issuer.is_none() || b.issuer.is_none() || a.issuer == b.issuer;
    let surfaces = one.surfaces.iter().any(|surface| two.surfaces.contains(surface));
    let both_required = [a, b].iter().all(|policy| policy.audience_policy == AudiencePolicy::Required);
    // A token may be for several audiences, but those that are made so are rare.
    let audiences = !both_required || a.audiences.iter().any(|audience| b.audiences.contains(audience));
    one.jwks == two.jwks
        && issuers
        && surfaces
        && audiences
        && !a.rules.iter().any(|rule| excludes(rule, &b.rules))
}

/// Does one of the rules ask for another value of the same claim?
fn excludes(rule: &Rule, rules: &[Rule]) -> bool {
    let RuleOp::Equals(value) = rule.op() else { return false };
    let other = |two: &&Rule| two.claim() == rule.claim();
    rules.iter().filter(other).any(|two| matches!(two.op(), RuleOp::Equals(wanted) if wanted != value))
}

pub(super) fn url_of(trust: &Definition) -> Option<&str> {
    match &trust.jwks {
        KeySource::Url(text) | KeySource::Discovery(text) => Some(text),
        KeySource::Keys(_) => None,
    }
}

fn has_rule(trust: &Definition, claims: &[&str]) -> bool {
    trust.policy.rules.iter().any(|rule| claims.contains(&claim_of(rule)) && binds(rule))
}

/// A pointer of one step names a claim of that name.
pub(super) fn claim_of(rule: &Rule) -> &str {
    rule.claim().strip_prefix('/').unwrap_or(rule.claim())
}

/// Does the rule say how the value begins, or is it any value?
pub(super) fn binds(rule: &Rule) -> bool {
    match rule.op() {
        RuleOp::Glob(pattern) => !pattern.starts_with('*'),
        RuleOp::Equals(Value::Array(values)) => !values.is_empty(),
        _ => true,
    }
}

/// Integers of more than 64 bits were rounded when the rule was read.
fn has_rounded_number(rule: &Rule) -> bool {
    /// From here on no double has a fraction.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    let rounded =
        |value: &Value| value.is_f64() && value.as_f64().is_some_and(|number| number.abs() >= WHOLE);
    match rule.op() {
        RuleOp::Equals(Value::Array(values)) | RuleOp::OneOf(values) => values.iter().any(rounded),
        RuleOp::Equals(value) | RuleOp::Contains(value) => rounded(value),
        RuleOp::ContainsWord(_) | RuleOp::Glob(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trust::read;

    fn trust(changes: &Value) -> Definition {
        let mut document = json!({
            "name": "a", "serviceAccount": "sync", "jwks": {"url": "https://id.example.com/jwks"},
            "issuer": "https://id.example.com", "audiences": ["muster"],
            "rules": [{"claim": "sub", "op": "equals", "value": "sync"}]
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        read::definition(&document, None).unwrap()
    }

    fn codes(changes: &Value) -> Vec<&'static str> {
        lint(&trust(changes), &[]).into_iter().map(|warning| warning.code).collect()
    }

    fn rule(claim: &str, op: &str, value: &str) -> Value {
        json!([{"claim": claim, "op": op, "value": value}])
    }

    #[test]
    fn each_weakness_has_its_code() {
        assert_eq!(codes(&json!({})), [""; 0]);
        for (changes, code) in [
            (json!({"issuer": null}), "no_issuer"),
            (json!({"issuer": "https://*.example.com"}), "star_in_issuer"),
            (json!({"audiences": []}), "no_audience"),
            (json!({"audiencePolicy": "ifPresent"}), "no_audience"),
            (json!({"audiencePolicy": "off"}), "no_audience"),
            (json!({"audiences": ["https://*"]}), "star_in_audience"),
            (json!({"rules": []}), "no_rules"),
            (json!({"rules": rule("sub", "glob", "*sync")}), "open_glob"),
            (
                json!({"rules": [{"claim": "n", "op": "oneOf", "value": [1, 18_446_744_073_709_551_616_f64]}]}),
                "number_not_exact",
            ),
            (json!({"rules": rule("email", "equals", "a@b.example")}), "email_not_verified"),
            (json!({"leewaySeconds": 121}), "long_leeway"),
            (json!({"maxLifetimeSeconds": 86_401}), "long_lifetime"),
            (json!({"surfaces": ["platform"]}), "platform_surface"),
            (json!({"surfaces": ["platform"]}), "long_lifetime_on_platform"),
            (json!({"enabled": false}), "disabled"),
            (json!({"jwks": {"url": "http://127.0.0.1/jwks"}}), "plain_http"),
            (json!({"jwks": {"discovery": "https://else.example"}}), "other_issuer_discovered"),
        ] {
            assert!(codes(&changes).contains(&code), "{code}: {:?}", codes(&changes));
        }
    }

    #[test]
    fn shared_issuers_want_a_rule_of_their_own() {
        for (issuer, claim) in [
            ("https://token.actions.githubusercontent.com", "repository_owner_id"),
            ("https://gitlab.com", "project_id"),
            ("https://accounts.google.com", "hd"),
            ("https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0", "azp"),
            ("https://example.okta.com/oauth2/default", "cid"),
            ("https://example.eu.auth0.com/", "org_id"),
        ] {
            let of = |rules: Value| codes(&json!({"issuer": issuer, "rules": rules}));
            assert_eq!(of(rule("team", "equals", "x")), ["shared_issuer"], "{issuer}");
            assert_eq!(of(rule(claim, "equals", "x")), [""; 0], "{issuer}");
            assert_eq!(of(rule(&format!("/{claim}"), "glob", "x")), [""; 0], "{issuer}");
            assert_eq!(of(rule(claim, "glob", "x*")), ["shared_issuer"], "{issuer}");
            assert!(of(rule(claim, "glob", "*x")).contains(&"shared_issuer"), "{issuer}");
            let by_keys =
                json!({"issuer": null, "jwks": {"discovery": issuer}, "rules": rule("team", "equals", "x")});
            assert!(codes(&by_keys).contains(&"shared_issuer"), "{issuer}");
        }
        for own in ["https://gitlab.com.evil.example", "https://notgitlab.com", "https://okta.com.example"] {
            assert_eq!(
                codes(&json!({"issuer": own, "rules": rule("team", "equals", "x")})),
                [""; 0],
                "{own}"
            );
        }
        let common = "https://login.microsoftonline.com/common/v2.0";
        let of = |rules: Value| codes(&json!({"issuer": common, "rules": rules}));
        assert_eq!(of(rule("azp", "equals", "x")), ["shared_issuer_tenant"]);
        assert_eq!(of(rule("tid", "equals", "x")), ["shared_issuer"]);
    }

    #[test]
    fn replays_are_told_where_another_trust_takes_them() {
        let once = trust(&json!({"identifier": "once", "replay": "on"}));
        let found = |changes: &Value| {
            let mut changes = changes.clone();
            changes["identifier"] = json!("often");
            let often = trust(&changes);
            let told = |of: &Definition, other: &Definition| {
                lint(of, &[other]).iter().any(|warning| warning.code == "replay_elsewhere")
            };
            assert_eq!(told(&once, &often), told(&often, &once), "{changes}");
            told(&once, &often)
        };
        let more = json!([{"claim": "sub", "op": "equals", "value": "sync"}, {"claim": "team", "op": "equals", "value": "a"}]);
        for changes in
            [json!({}), json!({"issuer": null}), json!({"audiencePolicy": "off"}), json!({"rules": more})]
        {
            assert!(found(&changes), "{changes}");
        }
        for changes in [
            json!({"replay": "on"}),
            json!({"enabled": false, "replay": "on"}),
            json!({"issuer": "https://else.example"}),
            json!({"jwks": {"url": "https://id.example.com/others"}}),
            json!({"audiences": ["else"]}),
            json!({"surfaces": ["platform"]}),
            json!({"rules": rule("sub", "equals", "else")}),
        ] {
            assert!(!found(&changes), "{changes}");
        }
    }

    #[test]
    fn twins_are_told() {
        let (one, mut two) = (trust(&json!({})), trust(&json!({"identifier": "b"})));
        assert_eq!(lint(&one, &[&one, &two]).first().map(|warning| warning.code), Some("same_as_another"));
        two.enabled = false;
        assert_eq!(lint(&one, &[&one, &two]), []);
    }
}
