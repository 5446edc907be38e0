//! What can happen to the directory, and one happening.

use serde::Serialize;

use crate::kernel::caller::Principal;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident $word:literal $of:ident $uri:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])+ $kind,)+ }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$kind),+];
            /// The word of the wire, for example `user.created`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word,)+ }
            }
            /// To what it happens.
            pub const fn of(self) -> Of {
                match self { $(Self::$kind => Of::$of,)+ }
            }
            /// URI of the event type that says the same in RFC 9967 §2.4: a notice, without the data.
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$kind => concat!("urn:ietf:params:scim:event:prov:", $uri),)+ }
            }
        }
    };
}

/// To what something happens: decides who may read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A user, or a resource of a type of the account.
    Users,
    /// A group or its members.
    Groups,
}

kinds! {
    /// A user is there.
    UserCreated "user.created" Users "create:notice",
    /// Attributes of a user changed.
    UserUpdated "user.updated" Users "patch:notice",
    /// A user may act again.
    UserActivated "user.activated" Users "activate",
    /// A user may not act any more.
    UserDeactivated "user.deactivated" Users "deactivate",
    /// A user is gone.
    UserDeleted "user.deleted" Users "delete",
    /// A group is there.
    GroupCreated "group.created" Groups "create:notice",
    /// Attributes of a group changed; not its members.
    GroupUpdated "group.updated" Groups "patch:notice",
    /// A group is gone, and all its memberships with it.
    GroupDeleted "group.deleted" Groups "delete",
    /// A user or group came into a group.
    MemberAdded "group.member_added" Groups "patch:notice",
    /// A user or group left a group.
    MemberRemoved "group.member_removed" Groups "patch:notice",
    /// A resource of a type of the account is there.
    ObjectCreated "resource.created" Users "create:notice",
    /// Attributes of such a resource changed.
    ObjectUpdated "resource.updated" Users "patch:notice",
    /// Such a resource is gone.
    ObjectDeleted "resource.deleted" Users "delete",
}

impl Kind {
    /// Reads the word of the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Reads several of them.
    ///
    /// # Errors
    /// Names one that is none, and those that there are.
    pub fn read_all(words: &[String]) -> Result<Vec<Self>, String> {
        let read = |word: &String| {
            Self::parse(word).ok_or_else(|| {
                let all: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
                format!("types names {word:.40}: send some of {}.", all.join(", "))
            })
        };
        words.iter().map(read).collect()
    }
}

/// One happening, to be written.
#[derive(Clone, Debug)]
pub struct Event<'a, D> {
    /// What.
    pub kind: Kind,
    /// SCIM's name of the resource type.
    pub resource_type: &'a str,
    /// SCIM id of the resource.
    pub resource_id: &'a str,
    /// What a consumer needs to know of the change, an object; no secrets.
    pub data: D,
}

/// The data of an event as stored: it also says who did it.
#[derive(Serialize)]
pub struct Signed<'a, D> {
    #[serde(flatten)]
    data: &'a D,
    actor: Actor<'a>,
}

#[derive(Serialize)]
struct Actor<'a> {
    r#type: &'static str,
    id: &'a str,
    name: &'a str,
}

impl<'a, D> Signed<'a, D> {
    /// What this principal did.
    pub fn by(principal: &'a Principal, data: &'a D) -> Self {
        let actor = Actor { r#type: principal.kind.as_str(), id: &principal.id, name: &principal.name };
        Self { data, actor }
    }
}

/// One happening, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the account.
    pub number: i64,
    /// When, microseconds.
    pub at: i64,
    /// What.
    pub kind: String,
    /// SCIM's name of the resource type.
    pub resource_type: String,
    /// SCIM id of the resource.
    pub resource_id: String,
    /// JSON text of its data.
    pub data: String,
}

/// A stretch of an account's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The events that were asked for, by number.
    pub rows: Vec<Row>,
    /// Where to go on: nothing up to here is missing.
    pub next: i64,
    /// The last number given in the account.
    pub latest: i64,
    /// The first number still kept; one more than `latest` where none is.
    pub oldest: i64,
    /// The account's version while they were read.
    pub version: i64,
}
