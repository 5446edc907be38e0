//! Which client it seems to be, by its user agent and, where that says little, by the shape of its requests.
//! A guess for people: nothing is decided by it.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// (part of the user agent in lower case, name). Products come before the libraries that they are built on.
const AGENTS: &[(&str, &str)] = &[
    ("okta", "Okta"),
    ("onelogin", "OneLogin"),
    ("jumpcloud", "JumpCloud"),
    ("authentik", "authentik"),
    ("rauthy", "Rauthy"),
    ("keycloak", "Keycloak"),
    ("pingfederate", "Ping"),
    ("pingone", "Ping"),
    ("pingidentity", "Ping"),
    ("sailpoint", "SailPoint"),
    ("aad-", "Entra"),
    ("azure", "Entra"),
    ("entra", "Entra"),
    ("microsoft", "Entra"),
    ("google", "Google"),
    ("scim2", "scim2-tester"),
    ("terraform", "Terraform"),
    ("postman", "Postman"),
    ("insomnia", "Insomnia"),
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("httpie/", "HTTPie"),
];

/// (part of the request, name): what only one of them sends.
const SHAPES: &[(&str, &str)] = &[
    ("aadoptscim062020", "Entra"),
    ("schemas.microsoft.com/2006/11/resourcemanagement/adscim", "Entra"),
    ("urn:scim:schemas:extension:okta", "Okta"),
    ("urn:okta:", "Okta"),
    ("urn:scim:schemas:extension:onelogin", "OneLogin"),
];

static AGENT: LazyLock<AhoCorasick> = LazyLock::new(|| finder(AGENTS));
static SHAPE: LazyLock<AhoCorasick> = LazyLock::new(|| finder(SHAPES));

fn finder(names: &[(&str, &str)]) -> AhoCorasick {
    let parts = names.iter().map(|(part, _)| part);
    AhoCorasick::builder().ascii_case_insensitive(true).build(parts).expect("a few short texts")
}

/// What the web console calls itself by: a page does not choose its user agent.
pub const HEADER: &str = "muster-client";
/// How it is named where it does.
pub const CONSOLE: &str = "Muster console";

/// Longest name that is made of a user agent.
const NAME_CHARS: usize = 40;
/// As much of a body is looked at.
const LOOKED_AT: usize = 4_096;

/// The client's name: one of ours, else the product of its user agent, else `unknown`. `own` is the text of
/// `HEADER`.
pub fn guess<'a>(
    own: Option<&str>,
    agent: Option<&'a str>,
    query: Option<&str>,
    body: Option<&[u8]>,
) -> &'a str {
    if own == Some("console") {
        return CONSOLE;
    }
    let agent = agent.unwrap_or("").trim();
    // The one that stands first in the table, wherever in the text it is.
    let first = AGENT.find_overlapping_iter(agent).map(|found| found.pattern().as_usize()).min();
    let named = first.map(|first| AGENTS[first].1).or_else(|| shaped(query, body));
    named.unwrap_or_else(|| product(agent))
}

fn shaped(query: Option<&str>, body: Option<&[u8]>) -> Option<&'static str> {
    let found = |bytes: &[u8]| SHAPE.find(&bytes[..bytes.len().min(LOOKED_AT)]);
    let found = query.and_then(|text| found(text.as_bytes())).or_else(|| body.and_then(found));
    found.map(|found| SHAPES[found.pattern().as_usize()].1)
}

/// The first word of a user agent without its version.
fn product(agent: &str) -> &str {
    let word = agent.split([' ', '/', '(', ';']).next().unwrap_or("");
    let clean = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if word.is_empty() || !word.chars().all(clean) || word.len() > NAME_CHARS {
        return "unknown";
    }
    // So all of them begin.
    if word == "Mozilla" { "browser" } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_user_agent_then_by_shape_then_by_product() {
        for (agent, query, body, name) in [
            (Some("Okta SCIM Client 1.0.0"), None, None, "Okta"),
            (Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"), None, None, "browser"),
            (Some("Mozilla/5.0 (compatible; OneLogin)"), None, None, "OneLogin"),
            (Some("okta-app/2 (Java)"), Some("aadOptscim062020"), None, "Okta"),
            (Some("Azure AD Provisioning"), None, None, "Entra"),
            (None, Some("aadOptscim062020=true"), None, "Entra"),
            (
                Some("Apache-HttpClient/4.5"),
                None,
                Some(
                    r#"{"schemas":["http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}"#,
                ),
                "Entra",
            ),
            (Some("OneLogin SCIM"), None, None, "OneLogin"),
            (Some("JumpCloud"), None, None, "JumpCloud"),
            (Some("Google-Cloud-Identity"), None, None, "Google"),
            (Some("goauthentik.io/2025.2"), None, None, "authentik"),
            (Some("Rauthy OIDC Client v0.27"), None, None, "Rauthy"),
            (Some("curl/8.5.0"), None, None, "curl"),
            (Some("python-httpx/0.28 scim2-client"), None, None, "scim2-tester"),
            (Some("MyTool/1.2 (linux)"), None, None, "MyTool"),
            (Some("<script>"), None, None, "unknown"),
            (Some(""), None, Some("{}"), "unknown"),
            (None, None, None, "unknown"),
        ] {
            let body = body.map(str::as_bytes);
            assert_eq!(guess(None, agent, query, body), name, "{agent:?} {query:?}");
            assert_eq!(guess(Some("other"), agent, query, body), name, "{agent:?} {query:?}");
            assert_eq!(guess(Some("console"), agent, query, body), CONSOLE, "{agent:?} {query:?}");
        }
    }
}
