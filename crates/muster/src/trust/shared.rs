//! Issuers that sign for all of their customers with the same keys: a trust must say whose tokens it means,
//! by a rule on a claim that others cannot get (contract §1). Pure.

use jose::{Rule, RuleOp};
use url::Url;

use super::lint::{Warn, binds, claim_of, url_of};
use super::model::Definition;

/// An issuer that signs for all of its customers, or for everybody inside of one.
struct Shared {
    name: &'static str,
    /// Ends of the host names of issuer or keys.
    hosts: &'static [&'static str],
    /// Claims of which one must be bound by a rule, and how much of it a pattern must write out.
    claims: &'static [(&'static str, Names)],
    /// A pattern that names somebody, where there is one.
    pattern: Option<&'static str>,
}

/// How a claim names a tenant: what a pattern must write out, so that nobody else can choose a name that
/// fits. `acme*` is also `acme-evil`.
#[derive(Clone, Copy)]
enum Names {
    /// By its whole value: numbers, client ids, names that everybody may register.
    Whole,
    /// By what comes before the first slash: `acme/directory`.
    Owner,
    /// By parts with names, as `repo:acme/directory:ref:…`: by the first, to the sign that ends its name.
    First(&'static [(&'static str, char)]),
    /// By the domain behind the `@`.
    Mail,
}

use Names::{First, Mail, Owner, Whole};

/// The claims by which tenants are told apart, or inside of one tenant its clients.
const SHARED: &[Shared] = &[
    Shared {
        name: "GitHub Actions",
        hosts: &["token.actions.githubusercontent.com"],
        claims: &[
            // An organization chooses which claims its subjects begin with.
            (
                "sub",
                First(&[
                    ("repo", '/'),
                    ("repository", '/'),
                    ("repository_id", ':'),
                    ("repository_owner", ':'),
                    ("repository_owner_id", ':'),
                    ("enterprise", ':'),
                    ("enterprise_id", ':'),
                ]),
            ),
            ("repository", Owner),
            ("repository_id", Whole),
            ("repository_owner", Whole),
            ("repository_owner_id", Whole),
            ("enterprise", Whole),
            ("enterprise_id", Whole),
        ],
        pattern: Some("repo:acme/*"),
    },
    Shared {
        name: "GitLab.com",
        hosts: &["gitlab.com"],
        claims: &[
            ("sub", First(&[("project_path", '/')])),
            ("project_id", Whole),
            ("project_path", Owner),
            ("namespace_id", Whole),
            ("namespace_path", Owner),
        ],
        pattern: Some("project_path:acme/*"),
    },
    Shared {
        name: "Google",
        hosts: &["accounts.google.com", ".googleapis.com"],
        claims: &[("sub", Whole), ("email", Mail), ("hd", Whole), ("azp", Whole)],
        pattern: Some("sync-*@acme.iam.gserviceaccount.com"),
    },
    Shared {
        name: "Entra ID",
        hosts: &["login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us"],
        claims: &[("azp", Whole), ("appid", Whole), ("oid", Whole), ("sub", Whole), ("roles", Whole)],
        pattern: None,
    },
    Shared {
        name: "Okta",
        hosts: &[".okta.com", ".oktapreview.com", ".okta-emea.com"],
        claims: &[("cid", Whole), ("sub", Whole), ("azp", Whole), ("uid", Whole), ("client_id", Whole)],
        pattern: None,
    },
    Shared {
        name: "Auth0",
        hosts: &[".auth0.com"],
        claims: &[
            ("azp", Whole),
            ("sub", Whole),
            ("org_id", Whole),
            ("client_id", Whole),
            ("permissions", Whole),
        ],
        pattern: None,
    },
];

impl Names {
    /// Does the rule name somebody?
    fn bound_by(self, rule: &Rule) -> bool {
        let RuleOp::Glob(pattern) = rule.op() else { return binds(rule) };
        let Some((begin, rest)) = pattern.split_once('*') else { return true };
        match self {
            Whole => false,
            Owner => ends_name(begin, '/'),
            First(parts) => begin.split_once(':').is_some_and(|(part, name)| {
                parts.iter().any(|(known, end)| *known == part && ends_name(name, *end))
            }),
            Mail => {
                let end = rest.rsplit('*').next().unwrap_or_default();
                end.split_once('@').is_some_and(|(_, domain)| !domain.is_empty())
            }
        }
    }
}

/// Is a name written out, with the sign that ends it?
fn ends_name(text: &str, end: char) -> bool {
    text.split_once(end).is_some_and(|(name, _)| !name.is_empty())
}

/// Warns where the trust's issuer is one of these, and no rule says whose tokens are meant.
pub(super) fn lint(trust: &Definition, warn: Warn<'_>) {
    let places = [trust.policy.issuer.as_deref(), url_of(trust)];
    let hosts: Vec<String> = places
        .into_iter()
        .flatten()
        .filter_map(|text| Some(Url::parse(text).ok()?.host_str()?.to_owned()))
        .collect();
    for issuer in SHARED {
        let is_there = |host: &String| issuer.hosts.iter().any(|end| matches_host(host, end));
        if !hosts.iter().any(is_there) {
            continue;
        }
        if !trust.policy.rules.iter().any(|rule| issuer.is_bound_by(rule)) {
            warn("shared_issuer", "rules", issuer.advice(&trust.policy.rules));
        }
        let tenant = |rule: &Rule| claim_of(rule) == "tid" && Whole.bound_by(rule);
        if issuer.name == "Entra ID" && !names_tenant(trust) && !trust.policy.rules.iter().any(tenant) {
            let text = "Entra ID signs for every tenant with the same keys: set issuer to the one with your tenant's id, or add a rule on tid.";
            warn("shared_issuer_tenant", "issuer", text.into());
        }
    }
}

impl Shared {
    fn is_bound_by(&self, rule: &Rule) -> bool {
        self.claims.iter().any(|(claim, names)| *claim == claim_of(rule) && names.bound_by(rule))
    }

    fn advice(&self, rules: &[Rule]) -> String {
        let names: Vec<_> = self.claims.iter().map(|(claim, _)| *claim).collect();
        let open = rules.iter().find(|rule| names.contains(&claim_of(rule)));
        let more = match (open, self.pattern) {
            (None, _) => String::new(),
            (Some(rule), None) => {
                format!(" The rule {rule} lets in whatever begins so: write the whole value.")
            }
            (Some(rule), Some(pattern)) => format!(
                " The rule {rule} lets in whatever begins so: write the whole value, or a pattern with the whole name of whom you mean and the sign that ends it, as in {pattern}."
            ),
        };
        format!(
            "{} signs for many with the same keys, so that an issuer and an audience alone let others in: add a rule on one of {}.{more}",
            self.name,
            names.join(", ")
        )
    }
}

/// `.okta.com` is the end of a host, `gitlab.com` is a host.
fn matches_host(host: &str, end: &str) -> bool {
    host == end || end.starts_with('.') && host.ends_with(end)
}

/// Does an Entra issuer name one tenant by its id?
fn names_tenant(trust: &Definition) -> bool {
    let Some(issuer) = trust.policy.issuer.as_deref().and_then(|text| Url::parse(text).ok()) else {
        return false;
    };
    let tenant = issuer.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
    tenant.len() == 36 && tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_somebody_only_up_to_the_sign_that_ends_the_name() {
        let bound = |issuer: &str, claim: &str, pattern: &str| {
            let rule = Rule::new(claim.to_owned(), RuleOp::Glob(pattern.to_owned())).unwrap();
            SHARED.iter().find(|shared| shared.name == issuer).unwrap().is_bound_by(&rule)
        };
        for (issuer, claim, pattern) in [
            ("GitHub Actions", "sub", "repo:acme/*"),
            ("GitHub Actions", "/sub", "repo:acme/dir*:ref:*"),
            ("GitHub Actions", "sub", "repository_owner_id:65123:*"),
            ("GitHub Actions", "sub", "repo:acme/directory:environment:production"),
            ("GitHub Actions", "repository", "acme/*"),
            ("GitHub Actions", "repository_owner", "acme"),
            ("GitLab.com", "sub", "project_path:acme/*"),
            ("GitLab.com", "namespace_path", "acme/*"),
            ("Google", "email", "sync-*@acme.iam.gserviceaccount.com"),
        ] {
            assert!(bound(issuer, claim, pattern), "{issuer} {claim} {pattern}");
        }
        for (issuer, claim, pattern) in [
            ("GitHub Actions", "sub", "repo:*"),
            ("GitHub Actions", "sub", "repo:acme*"),
            ("GitHub Actions", "sub", "repo:acme*/directory:*"),
            ("GitHub Actions", "sub", "repo:/*"),
            ("GitHub Actions", "sub", "repository_owner_id:65123*"),
            ("GitHub Actions", "sub", "environment:acme/production:*"),
            ("GitHub Actions", "sub", "*:ref:refs/heads/main"),
            ("GitHub Actions", "repository", "acme*"),
            ("GitHub Actions", "repository_owner", "a*"),
            ("GitHub Actions", "repository_owner_id", "65*"),
            ("GitLab.com", "sub", "project_path:*"),
            ("GitLab.com", "sub", "project_path:acme*"),
            ("GitLab.com", "project_path", "acme*"),
            ("GitLab.com", "namespace_path", "acme*"),
            ("GitLab.com", "project_id", "2*"),
            ("Google", "email", "sync@acme.*"),
            ("Google", "email", "sync*"),
            ("Google", "hd", "acme*"),
            ("Entra ID", "azp", "1*"),
            ("Okta", "cid", "0oa*"),
            ("Auth0", "sub", "google-oauth2|*"),
        ] {
            assert!(!bound(issuer, claim, pattern), "{issuer} {claim} {pattern}");
        }
    }
}
