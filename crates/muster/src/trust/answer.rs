//! What the bearer of a refused JWT is told: what is wrong with the token as such he may know, as he holds
//! it; what the account trusts, and whether it trusts anybody, he may not.

use std::borrow::Cow;

use jose::{AudiencePolicy, Code, Policy, Refusal, Step, Token};

use crate::kernel::caller::Origin;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem};
use crate::kernel::sparing::Sparing;
use crate::kernel::time::Timestamp;

const NO_KEYS: &str =
    "The issuer's keys cannot be had now, so the token cannot be checked: try again shortly.";
const UNTRUSTED: &str = "The token is not trusted here: an administrator finds the reason among the refusals of the JWT trust, or in the server's log under this request's id.";

/// The answer to a refusal by a trust; `code`: the one that the bearer may know.
pub(super) fn refused(refusal: &Refusal, code: Code, retry_after_secs: Option<u32>) -> Problem {
    let problem = match retry_after_secs {
        Some(secs) => Problem::new(Kind::Unavailable, NO_KEYS).retry_after(secs),
        None => Problem::new(Kind::Unauthenticated, text(refusal, code)),
    };
    problem.code(code.as_str()).inside(refusal.reason.as_str())
}

fn text(refusal: &Refusal, code: Code) -> Cow<'static, str> {
    Cow::Borrowed(match code {
        Code::TokenMalformed => {
            let whole = "send it whole, as its issuer signed it with an asymmetric algorithm";
            let remedy = refusal.hint.as_deref().unwrap_or(whole);
            return format!("The token is not a JWT that can be used here ({}): {remedy}.", refusal.reason)
                .into();
        }
        Code::TokenExpired => "The token has expired: get a new one from its issuer.",
        Code::TokenNotYetValid => {
            "The token is not valid yet: compare the clocks of the issuer and of this server."
        }
        _ => UNTRUSTED,
    })
}

/// The answer where no trust is there to be asked: as one that trusts another issuer would give it, so that
/// nobody finds out by sending tokens which accounts there are and which of them trust anybody.
pub(super) fn without_trust(
    text: &str,
    (account, origin): (&AccountId, &Origin),
    now: Timestamp,
    why: &str,
) -> Problem {
    static REFUSED: Sparing = Sparing::unspent();
    let refusal = of_any_trust(text, now);
    let reason = refusal.as_ref().map_or(why, |refusal| refusal.reason.as_str());
    let request_id = &origin.request_id;
    REFUSED.tell(|left_out| tracing::info!(request_id, %account, reason, why, left_out, "JWT refused"));
    match refusal {
        Some(refusal) => refused(&refusal, refusal.code(), None),
        None => untrusted(why),
    }
}

/// The refusal that the token meets at whatever trust: it is no JWT, or not one with claims.
fn of_any_trust(text: &str, now: Timestamp) -> Option<Refusal> {
    let any = Policy { audience_policy: AudiencePolicy::Off, ..Policy::default() };
    let read = Token::parse(text).and_then(|token| jose::precheck(&token, &any, now.secs()));
    read.err().filter(|refusal| refusal.step <= Step::Claims)
}

/// That nobody here trusts the token; `why` is for the server's log.
pub(super) fn untrusted(why: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, UNTRUSTED).code(Code::TokenUntrusted.as_str()).inside(why)
}
