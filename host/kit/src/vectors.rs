//! The published verdicts of `tests/vectors/verdicts.json`, as cases.

use std::net::IpAddr;

use jeton_runtime::sandbox::Sandbox;
use jeton_runtime::wit::types::IpAddress;
use jeton_runtime::wit::verification::{Moment, NetworkVerdict, Verified};
use jeton_vectors::{COMMITTED, Vectors, Verdict as Published};

use crate::case::Case;
use crate::edge::Edge;
use crate::failure::{Failure, Verdict, must};
use crate::refusal::name_of;

/// The published verdicts, one case each.
pub(crate) fn cases() -> Vec<Case> {
    // They are part of this crate: its tests read them.
    let vectors = Vectors::parse(COMMITTED).map(|vectors| vectors.cases).unwrap_or_default();
    vectors.into_iter().map(Case::of_vector).collect()
}

/// Judges the token of a case three times in a fresh instance, the second and third time from what it may remember.
pub(crate) fn give(sandbox: &Sandbox, case: &jeton_vectors::Case) -> Verdict {
    let mut edge = Edge::new(sandbox)?;
    for load in &case.loads {
        let gave = edge.load(load.document.as_bytes())?.map_or_else(name_of, |_| "loaded".to_owned());
        must(gave == load.gives, format!("loading the live document gave `{gave}` and not `{}`", load.gives))?;
    }
    let at = Moment { now: case.now, held_for: case.held_for, peer: case.peer.map(address) };
    for time in ["at first", "the second time", "the third time"] {
        let gave = match edge.verify_from(&case.token, at, case.enforce_lease)? {
            Ok(verified) => accepted(verified)?,
            Err(refusal) => Published::Refused(name_of(refusal)),
        };
        must(gave == case.verdict, format!("{time} it {} and not {}", said(&gave), said(&case.verdict)))?;
    }
    Ok(())
}

/// The parts of what is said about an accepted token.
fn accepted(verified: Verified) -> Result<Published, Failure> {
    let broken = || Failure::new("the lengths of an accepted token's answer do not fit the answer");
    let mut rest = verified.answer.as_slice();
    let mut part = |length: u32| {
        let (part, after) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))?;
        rest = after;
        String::from_utf8(part.to_vec()).ok()
    };
    Ok(Published::Accepted {
        introspection: part(verified.introspection_length).ok_or_else(broken)?,
        subject: part(verified.subject_length).ok_or_else(broken)?,
        client: part(verified.client_length).ok_or_else(broken)?,
        scope: part(verified.scope_length).ok_or_else(broken)?,
        audience: part(verified.audience_length).ok_or_else(broken)?,
        expires_at: verified.expires_at,
        network: word(verified.network).to_owned(),
    })
}

fn word(verdict: NetworkVerdict) -> &'static str {
    match verdict {
        NetworkVerdict::NotBound => "not-bound",
        NetworkVerdict::Inside => "inside",
        NetworkVerdict::Outside => "outside",
        NetworkVerdict::UnknownPeer => "unknown-peer",
    }
}

/// An address as it stands, mapped ones included: to tell those apart is the component's part.
fn address(peer: IpAddr) -> IpAddress {
    match peer {
        IpAddr::V4(peer) => IpAddress::V4(peer.to_bits()),
        IpAddr::V6(peer) => {
            let [a, b, c, d, e, f, g, h] = peer.segments().map(u64::from);
            IpAddress::V6((a << 48 | b << 32 | c << 16 | d, e << 48 | f << 32 | g << 16 | h))
        }
    }
}

fn said(verdict: &Published) -> String {
    match verdict {
        Published::Accepted { introspection, network, .. } => {
            format!("accepted the token with `{introspection}`, and its networks said `{network}`")
        }
        Published::Refused(why) => format!("refused the token as `{why}`"),
    }
}
