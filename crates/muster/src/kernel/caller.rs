//! Who asks: the principal behind a request, by which credential, from where.

use std::net::IpAddr;
use std::sync::Arc;

use super::ids::AccountId;
use super::scope::Scope;
use super::surface::Surface;
use super::time::Timestamp;

/// The kinds of principal that may act or be bound to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// A person of the directory.
    User,
    /// A group of persons: can be bound, never acts.
    UserGroup,
    /// A machine identity.
    ServiceAccount,
    /// The operator, or the server itself.
    System,
}

impl PrincipalKind {
    /// The wire's spelling (platform API §7).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::UserGroup => "USER_GROUP",
            Self::ServiceAccount => "SERVICE_ACCOUNT",
            Self::System => "SYSTEM",
        }
    }
    /// Reads the wire's spelling of a kind that can be bound.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::UserGroup, Self::ServiceAccount].into_iter().find(|k| k.as_str() == text)
    }
}

/// One who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Person, machine or system.
    pub kind: PrincipalKind,
    /// User id, or service account identifier.
    pub id: String,
    /// Where the principal lives (users: the account).
    pub scope: Scope,
    /// What an audit row shows: e-mail of a user, identifier of a service account.
    pub label: String,
    /// Display name.
    pub name: String,
}

/// What proved the principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A PAT or SAT of ours, by its record id.
    Token { id: String },
    /// A JWT of a trusted issuer (contract of JWT trust).
    Jwt { trust: String, key_id: Option<String>, subject: Option<String>, token_sha256: String },
    /// An access token of the token endpoint, and what was shown for it.
    Issued { id: String, by: Box<Credential> },
    /// The operator at the console.
    Console,
    /// None: the server acts by itself.
    Server,
    /// A token of the operator's, by the beginning of its SHA-256 in hexadecimal digits.
    Operator { token: String },
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Id of the request, in every answer and log line.
    pub request_id: String,
    /// HTTP method; empty at the console.
    pub method: String,
    /// Peer address, if the request came over the network.
    pub client: Option<IpAddr>,
}

/// The principal of one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account acted in.
    pub account: AccountId,
    /// The account's version when the credential was checked: what is read from the account may be kept by
    /// it.
    pub version: i64,
    /// Who.
    pub principal: Arc<Principal>,
    /// By which proof.
    pub credential: Arc<Credential>,
    /// When that ends, as it says itself; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// For so long after its end it is still taken.
    pub leeway_secs: i64,
    /// Where the proof may be presented.
    pub surfaces: Arc<[Surface]>,
    /// From where.
    pub origin: Arc<Origin>,
}

impl Caller {
    /// From when on the credential is no longer taken; `None`: never.
    pub fn ends(&self) -> Option<Timestamp> {
        self.expires_at.map(|end| end.plus_secs(self.leeway_secs))
    }
    /// Has the credential ended by now?
    pub fn ended(&self, now: Timestamp) -> bool {
        self.ends().is_some_and(|end| now >= end)
    }
    /// The operator at the machine's console: holds the database file, so nothing can be kept from him.
    pub fn console(account: AccountId) -> Self {
        Self::system(account, "console", "Operator at the console", Credential::Console, Origin::default())
    }
    /// The operator, over HTTP.
    pub fn operator(account: AccountId, token: String, origin: Origin) -> Self {
        Self::system(account, "operator", "Operator", Credential::Operator { token }, origin)
    }
    /// The server itself, which nobody has asked.
    pub fn server(account: AccountId) -> Self {
        Self::system(account, "muster", "Muster", Credential::Server, Origin::default())
    }
    fn system(account: AccountId, id: &str, name: &str, credential: Credential, origin: Origin) -> Self {
        let principal = Principal {
            kind: PrincipalKind::System,
            id: id.into(),
            scope: Scope::account(account.clone()),
            label: id.into(),
            name: name.into(),
        };
        Self {
            account,
            version: 0,
            principal: Arc::new(principal),
            credential: Arc::new(credential),
            expires_at: None,
            leeway_secs: 0,
            surfaces: Surface::ALL.into(),
            origin: Arc::new(origin),
        }
    }
}
